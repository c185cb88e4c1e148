"""The state table: as the house draws it, and its theorem over all ways through it."""

import re

import pytest

from worker.domain.delivery import (
    FINAL,
    SAFE_BEFORE_ANOTHER_SEND,
    TRANSITIONS,
    Event,
    IllegalTransition,
    State,
    advance,
    may_be_replaced,
    sources,
)

DRAWN = """
| from \\ event | claimed | accepted | refused | not taken / not sent | no answer | gave up | withheld | found | mismatched | absent | unprovable | released | settled | replaced |
| planned  | sending |          |      |         |         | held | held | confirmed | held |         |      |         |         | superseded |
| sending  |         | accepted | held | planned | unknown | held |      | confirmed | held |         |      |         |         |            |
| accepted |         |          |      |         |         |      |      | confirmed | held |         | held |         |         |            |
| unknown  |         |          |      |         |         |      |      | confirmed | held | planned | held |         |         |            |
| held     |         |          |      |         |         |      |      | confirmed |      |         |      | planned | settled | superseded |
"""
COLUMNS = {
    "not taken / not sent": (Event.NOT_TAKEN, Event.NOT_SENT),
    "no answer": (Event.UNANSWERED,),
    "gave up": (Event.GAVE_UP,),
}


def drawn():
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in DRAWN.strip().splitlines()]
    events = [COLUMNS[name] if name in COLUMNS else (Event(re.sub(" ", "-", name)),) for name in lines[0][1:]]
    return {
        State(state): {
            event: State(to) for each, to in zip(events, cells, strict=True) if to for event in each
        }
        for state, *cells in lines[1:]
    }  # fmt: skip


def ways_to_send_again():
    """Every set of events on a way from sending to the next sending, each state visited once on the way."""
    found = []
    open_ = [(State.SENDING, (), frozenset({State.SENDING}))]
    while open_:
        state, events, seen = open_.pop()
        for event, to in TRANSITIONS[state].items():
            if to is State.SENDING:
                found.append((*events, event))
            elif to not in seen:
                open_.append((to, (*events, event), seen | {to}))
    return found


def test_the_table_is_the_one_that_is_drawn():
    """Every entry of the drawing is in the table, and no other."""
    assert drawn() | {state: {} for state in (State.CONFIRMED, State.SETTLED, State.SUPERSEDED)} == TRANSITIONS


def test_nothing_is_sent_again_unless_it_is_safe():
    """No way leads from sending to a second sending without not taken, not sent, absent or released."""
    ways = ways_to_send_again()
    unsafe = [way for way in ways if not SAFE_BEFORE_ANOTHER_SEND & set(way)]
    assert (unsafe, len(ways) > 5) == ([], True)


def test_without_the_safe_events_sending_is_never_reached_again():
    """With the four safe events taken out of the table, no walk of any length comes from sending to sending."""
    reached, open_ = set(), [State.SENDING]
    while open_:
        for event, to in TRANSITIONS[open_.pop()].items():
            if event not in SAFE_BEFORE_ANOTHER_SEND and to not in reached:
                reached.add(to)
                open_.append(to)
    assert State.SENDING not in reached


def test_the_safe_events_are_these_four():
    """Only these four make another send safe."""
    assert {each.value for each in SAFE_BEFORE_ANOTHER_SEND} == {"not-taken", "not-sent", "absent", "released"}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("event", list(Event))
def test_what_the_table_does_not_name_is_an_error(state, event):
    """A missing entry raises and names state and event; a given one leads where the table says."""
    if event in TRANSITIONS[state]:
        assert advance(state, event) is TRANSITIONS[state][event]
        return
    with pytest.raises(IllegalTransition, match=f"a {state} delivery cannot be {event}"):
        advance(state, event)


def test_final_states_end_everything():
    """Confirmed, settled and superseded have no way out."""
    assert {State.CONFIRMED, State.SETTLED, State.SUPERSEDED} == FINAL


def test_a_person_acts_on_what_is_held_only():
    """Released and settled start from held, and from nowhere else."""
    assert [sources(Event.RELEASED), sources(Event.SETTLED)] == [{State.HELD}, {State.HELD}]


@pytest.mark.parametrize("state", list(State))
def test_only_a_delivery_without_effect_gives_way(state):
    """Planned and held deliveries may be replaced while no attempt can have taken effect; nothing else ever."""
    expected = state in {State.PLANNED, State.HELD}
    assert [may_be_replaced(state, taken=taken) for taken in (0, 1)] == [expected, False]

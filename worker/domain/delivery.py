"""Everything that changes the state of a delivery is on this page; a missing entry in the table is the error.

A delivery is the intention to make one POST. What the table must make impossible is a second document, so it is built
around one theorem, which a test proves over all ways through it:

    No way leads from `sending` to another `sending` without *not taken*, *not sent*, *absent* or *released*.

The first two say that the call had no effect, *absent* that enough empty looks over enough time proved so, and
*released* that a person took it upon themselves. Nothing else may send again; in particular no exception, no restart
and no lost answer may. The events `claimed` to `gave-up` come from sending, `withheld` from a brake, a stop or a
connection that is gone, `found` to `unprovable` from looking at the remote's orders, the last three from a person or a
new decision.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a delivery stands. The last three are final."""

    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    HELD = "held"
    CONFIRMED = "confirmed"
    SETTLED = "settled"
    SUPERSEDED = "superseded"


class Event(StrEnum):
    """What can happen to a delivery."""

    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_TAKEN = "not-taken"
    NOT_SENT = "not-sent"
    UNANSWERED = "unanswered"
    GAVE_UP = "gave-up"
    WITHHELD = "withheld"
    FOUND = "found"
    MISMATCHED = "mismatched"
    ABSENT = "absent"
    UNPROVABLE = "unprovable"
    RELEASED = "released"
    SETTLED = "settled"
    REPLACED = "replaced"


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.PLANNED: {
        Event.CLAIMED: State.SENDING,
        Event.GAVE_UP: State.HELD,
        Event.WITHHELD: State.HELD,
        Event.FOUND: State.CONFIRMED,
        Event.MISMATCHED: State.HELD,
        Event.REPLACED: State.SUPERSEDED,
    },
    State.SENDING: {
        Event.ACCEPTED: State.ACCEPTED,
        Event.REFUSED: State.HELD,
        Event.NOT_TAKEN: State.PLANNED,
        Event.NOT_SENT: State.PLANNED,
        Event.UNANSWERED: State.UNKNOWN,
        Event.GAVE_UP: State.HELD,
        Event.FOUND: State.CONFIRMED,
        Event.MISMATCHED: State.HELD,
    },
    State.ACCEPTED: {
        Event.FOUND: State.CONFIRMED,
        Event.MISMATCHED: State.HELD,
        Event.UNPROVABLE: State.HELD,
    },
    State.UNKNOWN: {
        Event.FOUND: State.CONFIRMED,
        Event.MISMATCHED: State.HELD,
        Event.ABSENT: State.PLANNED,
        Event.UNPROVABLE: State.HELD,
    },
    State.HELD: {
        Event.FOUND: State.CONFIRMED,
        Event.RELEASED: State.PLANNED,
        Event.SETTLED: State.SETTLED,
        Event.REPLACED: State.SUPERSEDED,  # only while may_be_replaced() says so
    },
    State.CONFIRMED: {},
    State.SETTLED: {},
    State.SUPERSEDED: {},
}

SAFE_BEFORE_ANOTHER_SEND = frozenset({Event.NOT_TAKEN, Event.NOT_SENT, Event.ABSENT, Event.RELEASED})
IN_FLIGHT = frozenset({State.PLANNED, State.SENDING, State.ACCEPTED, State.UNKNOWN})
FINAL = frozenset(state for state, ways in TRANSITIONS.items() if not ways)
TOLD = frozenset({State.ACCEPTED, State.CONFIRMED, State.SETTLED})
"""States in which the remote, or a person, has answered for the document."""


class IllegalTransition(Exception):
    """The table has no such entry; nothing was changed."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"a {state} delivery cannot be {event}")
        self.state = state
        self.event = event


def advance(state: State, event: Event) -> State:
    """The state that the event leads to; IllegalTransition where the table has no entry."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalTransition(state, event) from None


def sources(event: Event) -> frozenset[State]:
    """The states from which the event may happen: the `where state in` of every conditional update."""
    return frozenset(state for state, ways in TRANSITIONS.items() if event in ways)


def may_be_replaced(state: State, *, taken: int) -> bool:
    """A delivery gives way to a new decision only while none of its attempts can have taken effect."""
    return taken == 0 and Event.REPLACED in TRANSITIONS[state]

"""How a booking stood at a time: what was decided by then, and each delivery with what had happened to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from worker.domain.delivery import Event, IllegalTransition, State, advance
from worker.domain.outcome import EVENT, Outcome

_SAW = {"found": Event.FOUND, "mismatched": Event.MISMATCHED}
_BY_PERSON = {event.value: event for event in (Event.RELEASED, Event.SETTLED)}


def state_at(row: Any, at: datetime, *, attempts: Iterable[Any], looks: Iterable[Any], verdicts: Iterable[Any]) -> str:
    """The delivery's state at that time, from the ledger: its events played up to then.

    What leaves no row of its own (a brake, a lost worker, a new decision) shows by the time at which the delivery
    ended, if nothing happened to it later.
    """
    if row.ended_at is not None and row.ended_at <= at:
        return str(row.state)
    events = [(each.begun_at, Event.CLAIMED) for each in attempts]
    events += [(each.ended_at, EVENT[Outcome(each.outcome)]) for each in attempts if each.ended_at and each.outcome]
    events += [(each.at, event) for each in looks if (event := _seen(each)) is not None]
    events += [(each.at, _BY_PERSON[each.event]) for each in verdicts if each.event in _BY_PERSON]
    return _played([event for when, event in sorted(events, key=lambda each: each[0]) if when <= at]).value


def _seen(look: Any) -> Event | None:
    if look.saw == "absent" and (look.reason or "").startswith("proven absent"):
        return Event.ABSENT
    return _SAW.get(look.saw)


def _played(events: Sequence[Event]) -> State:
    state = State.PLANNED
    for event in events:
        try:
            state = advance(state, event)
        except IllegalTransition:
            # Somebody released or withheld it without a row that we know: what happened then still happened.
            state = _led_to(event) or state
    return state


def _led_to(event: Event) -> State | None:
    return {Event.CLAIMED: State.SENDING, Event.FOUND: State.CONFIRMED, Event.SETTLED: State.SETTLED,
            Event.RELEASED: State.PLANNED}.get(event)  # fmt: skip

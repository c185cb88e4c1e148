"""The story of a booking: facts, flags, the rule, each attempt and look, and what happens next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy.engine import Row

from worker.calls import json
from worker.flow.brakes import limits
from worker.flow.overview import booking_record, delivery_record
from worker.flow.services import Services
from worker.flow.stop import GO
from worker.store import bookings, connections, deliveries, looks, notices, outbox, stopping
from worker.store.connections import Stored


@dataclass(frozen=True, slots=True)
class Story:
    """A booking in the view of one connection; `record` is ready for JSON, `next` is for people."""

    record: dict[str, Any]
    next: tuple[str, ...]


def explain(services: Services, word: str) -> list[Story]:
    """The stories of a booking id or confirmation code, one per connection; nothing for an unknown one."""
    with services.database.reading() as open_:
        return [_story(services, open_, row) for row in bookings.find(open_, word)]


def _story(services: Services, open_: Open, row: Row[Any]) -> Story:
    connection = connections.get(open_, row.connection_id)
    every = outbox.of_sale(open_, (row.organization, row.booking_id))
    notice = notices.of(open_, row.connection_id, row.booking_id)
    live = [each for each in every if each.state != "superseded"]
    ids = [each.id for each in every]
    record = booking_record(row, live)
    record["read_at"] = row.read_at.isoformat()
    record["facts"] = _plain(row.facts)
    record["flags"] = _plain(row.flags)
    record["deliveries"] = _deliveries(open_, every, ids)
    record["history"] = [_decision(each) for each in bookings.history(open_, (row.connection_id, row.booking_id))]
    record["brakes"] = None if connection is None else _brakes(services, connection)
    stop = stopping.get(open_)
    record["next"] = [] if stop is None else [f"everything is stopped ({stop.because}), nothing is sent: {GO}"]
    record["next"] += _next(row, live, connection, notice, services.clock())
    return Story(record, tuple(record["next"]))


def _brakes(services: Services, connection: Stored) -> dict[str, Any]:
    """The brakes in force for the connection; None is off."""
    set_ = limits(services, connection)
    amount = None if set_.amount is None else str(set_.amount)
    return {"per_hour": set_.per_hour, "amount": amount, "age_days": set_.age_days}


def _deliveries(open_: Open, every: Any, ids: list[int]) -> list[dict[str, Any]]:
    attempts, looked = deliveries.attempts(open_, ids), looks.looks(open_, ids)
    verdicts = deliveries.verdicts(open_, ids)
    return [
        {
            **delivery_record(each),
            "attempts_made": [_attempt(a) for a in attempts if a.delivery_id == each.id],
            "looks_made": [_look(a) for a in looked if a.delivery_id == each.id],
            "by_person": [
                {"at": a.at.isoformat(), "event": a.event, "because": a.because}
                for a in verdicts
                if a.delivery_id == each.id
            ],
        }
        for each in every
    ]


def _attempt(row: Row[Any]) -> dict[str, Any]:
    return {
        "begun_at": row.begun_at.isoformat(),
        "ended_at": None if row.ended_at is None else row.ended_at.isoformat(),
        "outcome": row.outcome,
        "status": row.status,
        "reason": row.reason,
    }


def _look(row: Row[Any]) -> dict[str, Any]:
    return {"at": row.at.isoformat(), "saw": row.saw, "reason": row.reason}


def _decision(row: Row[Any]) -> dict[str, Any]:
    return {
        "at": row.decided_at.isoformat(),
        "decision": row.decision,
        "document": row.document,
        "moment": row.moment,
        "rule": row.rule,
        "because": row.because,
        "flags": _plain(row.flags),
        "facts": _plain(row.facts),
        "told": _plain(row.told),
        "policy": _plain(row.policy),
        "revision": row.revision,
    }


def _plain(text: str) -> Any:
    return json.loads(text)


def _next(
    row: Row[Any], live: list[Row[Any]], connection: Stored | None, notice: Row[Any] | None, now: datetime
) -> list[str]:
    """What happens next and when; for everything that stands still, the command that moves it."""
    said = []
    if notice is not None:
        why = f", because the last time {notice.reason}" if notice.reason else ""
        said.append(f"it is read again from Bokun {_when(notice.due_at, now)}{why}; nothing is sent before that")
    if connection is not None and not connection.works:
        said.append(_stopped(connection))
    said += [sentence for each in live if (sentence := _of_delivery(each, now))]
    if said:
        return said
    return [_of_decision(row, now)]


def _stopped(connection: Stored) -> str:
    if connection.gone_at is not None:
        return "the connection is gone from Space Invoices; nothing is sent"
    if connection.paused_at is not None:
        return f"the connection is paused: bokun-sync connections resume {connection.id}"
    return f"the connection is blocked ({connection.blocked_because}); it goes on when the credentials work again"


def _of_delivery(row: Row[Any], now: datetime) -> str:
    what = f"{row.document} ({row.moment})"
    match row.state:
        case "planned":
            return f"the {what} is sent {_when(row.due_at, now)}"
        case "sending":
            return f"the {what} is being sent"
        case "accepted":
            return f"the {what} was accepted; its order is looked for {_when(row.look_at, now)}"
        case "unknown":
            return f"whether the {what} arrived is looked up {_when(row.look_at, now)}; it is not sent again before"
        case "held":
            return (
                f"the {what} is held: {row.reason}. Send it after all with `bokun-sync deliveries release {row.id}"
                f" --because ...`, or mark it as dealt with by `bokun-sync deliveries settle {row.id} --because ...`"
            )
        case _:
            return ""


def _of_decision(row: Row[Any], now: datetime) -> str:
    match row.decision:
        case "wait" if row.wakes_at is not None:
            return f"nothing is issued yet because {row.because}; it is decided again {_when(row.wakes_at, now)}"
        case "wait":
            return f"nothing is issued yet because {row.because}; it is decided again when the booking changes"
        case "skip":
            return f"nothing more is issued because {row.because}"
        case "ask":
            return f"a person must look: {row.because}"
        case _:
            return "done: what the flags call for was issued and seen in Space Invoices"


def _when(at: datetime, now: datetime) -> str:
    if at <= now:
        return "as soon as a bell rings"
    return f"at {at:%Y-%m-%d %H:%M:%S} UTC"

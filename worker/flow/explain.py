"""The story of a booking: facts, flags, the rule, each attempt and look, and what happens next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy.engine import Row

from worker.calls import json
from worker.domain.decision import ISSUING
from worker.domain.delivery import TOLD
from worker.flow.brakes import limits
from worker.flow.overview import booking_record, delivery_record
from worker.flow.past import state_at
from worker.flow.repeat import is_same
from worker.flow.services import Services
from worker.flow.standing import standing
from worker.flow.stop import GO
from worker.store import asks, bookings, connections, deliveries, looks, notices, outbox, stopping
from worker.store.connections import ORDERS, Stored


@dataclass(frozen=True, slots=True)
class Story:
    """A booking in the view of one connection; `record` is ready for JSON, `next` is for people."""

    record: dict[str, Any]
    next: tuple[str, ...]


def explain(services: Services, word: str, *, at: datetime | None = None) -> list[Story]:
    """The stories of a booking id or confirmation code, one per connection; nothing for an unknown one.

    With `at`, as it stood then: the last decision made by then, and what had happened to its deliveries.
    """
    with services.database.reading() as open_:
        found = bookings.find(open_, word)
        if at is None:
            return [_story(services, open_, row) for row in found]
        return [story for row in found if (story := _story_then(open_, row, at)) is not None]


def _story_then(open_: Open, row: Row[Any], at: datetime) -> Story | None:
    """The story up to a time; None where nothing was known of the booking yet."""
    made = [each for each in bookings.history(open_, (row.connection_id, row.booking_id)) if each.decided_at <= at]
    if not made:
        return None
    every = [each for each in outbox.of_sale(open_, (row.organization, row.booking_id)) if each.planned_at <= at]
    deliveries_then = _deliveries(open_, every, [each.id for each in every], at=at)
    last = made[-1]
    issued = [each for each in deliveries_then if each["state"] in TOLD and each["moment"] in ISSUING]
    record = {
        "booking_id": row.booking_id,
        "confirmation_code": row.confirmation_code,
        "connection": row.connection_id,
        "organization": row.organization,
        "at": at.isoformat(),
        **_decision(last),
        "status": _plain(last.facts)["status"],
        "read_at": last.decided_at.isoformat(),
        "deliveries": deliveries_then,
        "history": [_decision(each) for each in made],
        "nothing_issued_because": None if issued else _nothing_then(last, deliveries_then),
        "next": [],
    }
    return Story(record, ())


def _nothing_then(decision: Row[Any], every: list[dict[str, Any]]) -> str:
    for each in every:
        if each["state"] not in ("superseded", *TOLD):
            return f"the {each['document']} ({each['moment']}) was {each['state']}"
    return f"it was decided to {decision.decision}, rule {decision.rule}: {decision.because}"


def _story(services: Services, open_: Open, row: Row[Any]) -> Story:
    connection = connections.get(open_, row.connection_id)
    every = outbox.of_sale(open_, (row.organization, row.booking_id))
    notice = notices.of(open_, row.connection_id, row.booking_id)
    live = [each for each in every if each.state != "superseded"]
    ids = [each.id for each in every]
    record = booking_record(row, live, bank_payment_types=services.terms.bank_payment_types)
    record["read_at"] = row.read_at.isoformat()
    record["facts"] = _facts(row.facts)
    record["flags"] = _plain(row.flags)
    record["deliveries"] = _deliveries(open_, every, ids)
    record["history"] = [_decision(each) for each in bookings.history(open_, (row.connection_id, row.booking_id))]
    record["brakes"] = None if connection is None else _brakes(services, connection)
    answer = asks.answers(open_).get(asks.key(row)) if row.decision == "ask" else None
    record["answered"] = None if answer is None else {"at": answer.at.isoformat(), "because": answer.because}
    stop = stopping.get(open_)
    record["next"] = [] if stop is None else [f"everything is stopped ({stop.because}), nothing is sent: {GO}"]
    now = services.clock()
    otherwise = _of_decision(row, now) if answer is None else _answered(answer)
    record["next"] += _next(live, connection, notice, now, otherwise)
    record["nothing_issued_because"] = _nothing(row, live, connection, notice)
    return Story(record, tuple(record["next"]))


def _brakes(services: Services, connection: Stored) -> dict[str, Any]:
    """The brakes in force for the connection; None is off."""
    set_ = limits(services, connection)
    amount = None if set_.amount is None else str(set_.amount)
    return {"per_hour": set_.per_hour, "amount": amount, "age_days": set_.age_days}


def _nothing(row: Row[Any], live: list[Row[Any]], connection: Stored | None, notice: Row[Any] | None) -> str | None:
    """Why no document was issued; None where one was, or somebody answered for it."""
    if standing(live) is not None and not any(each.state in ("sending", "unknown") for each in live):
        return None
    for each in live:
        if each.state != "confirmed":
            return _unfinished(each, connection)
    if notice is not None:
        return "a notice of the booking has not been read yet, and nothing is sent before that"
    if row.decision == "tell":
        return f"the {row.document} is due ({row.rule}), but another decision of the same sale stands before it"
    return str(row.because)


def _unfinished(row: Row[Any], connection: Stored | None) -> str:
    what = f"the {row.document} ({row.moment})"
    if row.state == "planned" and connection is not None and not connection.works:
        return _stopped(connection)
    said = {
        "planned": f"{what} is planned and not sent yet",
        "sending": f"{what} is being sent",
        "unknown": f"{what} was sent, but no trustworthy answer came: it is being looked for",
        "held": f"{what} is held: {row.reason}",
    }
    return said.get(row.state, f"{what} is {row.state}")


def _deliveries(open_: Open, every: Any, ids: list[int], at: datetime | None = None) -> list[dict[str, Any]]:
    """Each delivery with its ledger; with `at`, only what had happened by then and the state that it led to."""
    attempts, looked = deliveries.attempts(open_, ids), looks.looks(open_, ids)
    verdicts = deliveries.verdicts(open_, ids)
    found = []
    for each in every:
        tried, seen, said = ([a for a in rows if a.delivery_id == each.id] for rows in (attempts, looked, verdicts))
        record = delivery_record(each)
        if at is not None:
            record |= _then(each, at, state_at(each, at, attempts=tried, looks=seen, verdicts=said))
        record["attempts_made"] = [_attempt(a, at) for a in tried if at is None or a.begun_at <= at]
        record["looks_made"] = [_look(a) for a in seen if at is None or a.at <= at]
        record["by_person"] = [
            {"at": a.at.isoformat(), "event": a.event, "because": a.because} for a in said if at is None or a.at <= at
        ]
        record["attempts"] = len(record["attempts_made"])
        found.append(record)
    return found


def _then(row: Row[Any], at: datetime, state: str) -> dict[str, Any]:
    """What a delivery's record showed at a time: nothing that was learnt later."""
    ended = row.ended_at is not None and row.ended_at <= at
    later = {} if ended else {"reason": None, "order_id": None, "document_id": None, "ended_at": None}
    return {"state": state, "due": None, **later}


def _attempt(row: Row[Any], at: datetime | None) -> dict[str, Any]:
    ended = row.ended_at is not None and (at is None or row.ended_at <= at)
    return {
        "begun_at": row.begun_at.isoformat(),
        "ended_at": row.ended_at.isoformat() if ended else None,
        "outcome": row.outcome if ended else None,
        "status": row.status if ended else None,
        "reason": row.reason if ended else None,
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
        "facts": _facts(row.facts),
        "told": _plain(row.told),
        "policy": _plain(row.policy),
        "revision": row.revision,
        "repeated": is_same(row),
    }


def _plain(text: str) -> Any:
    return json.loads(text)


def _facts(text: str) -> Any:
    """What the decision looked at. Who receives the document is on the document: a name explains no decision, and what
    a command prints is copied into tickets and mails."""
    seen = json.loads(text)
    if "sale" in seen:
        seen["sale"].pop("recipient", None)
    return seen


def _next(
    live: list[Row[Any]], connection: Stored | None, notice: Row[Any] | None, now: datetime, otherwise: str
) -> list[str]:
    """What happens next and when; for everything that stands still, the command that moves it."""
    said = []
    if notice is not None:
        why = f", because the last time {notice.reason}" if notice.reason else ""
        said.append(f"it is read again from Bokun {_when(notice.due_at, now)}{why}; nothing is sent before that")
    if connection is not None and not connection.works:
        said.append(_stopped(connection))
    said += [sentence for each in live if (sentence := _of_delivery(each, now))]
    return said or [otherwise]


def _answered(answer: Row[Any]) -> str:
    return f"a person dealt with it on {answer.at:%Y-%m-%d}: {answer.because}. Once anything changes it asks again"


def _stopped(connection: Stored) -> str:
    if connection.gone_at is not None:
        return "the connection is gone from Space Invoices; nothing is sent"
    if connection.paused_at is not None:
        return f"the connection is paused: bokun-sync connections resume {connection.id}"
    if connection.blocked_by == ORDERS:
        return (f"the connection is blocked ({connection.blocked_because}); one order is tried within the hour, or now:"
                f" bokun-sync connections resume {connection.id}")  # fmt: skip
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
            return (f"nothing is issued yet because {row.because}; it is decided again when the booking or the"
                    " connection's flags change")  # fmt: skip
        case "skip":
            return f"nothing more is issued because {row.because}"
        case "ask":
            return (f"a person must look: {row.because}. Once it is dealt with: `bokun-sync bookings settle"
                    f" {row.booking_id} --because ...`")  # fmt: skip
        case _:
            return "done: what the flags call for was issued and seen in Space Invoices"


def _when(at: datetime, now: datetime) -> str:
    if at <= now:
        return "as soon as a bell rings"
    return f"at {at:%Y-%m-%d %H:%M:%S} UTC"

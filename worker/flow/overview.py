"""How things stand, in the shapes that other programs may rely on (behaviour 10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection as Open
from sqlalchemy.engine import Row

from worker.flow.standing import since_document, standing_record
from worker.store import asks, bookings, connections, deliveries, notices, outbox, runs, stopping
from worker.store.connections import Stored
from worker.store.database import Database

if TYPE_CHECKING:  # `status` is asked for often, and would wait for all that talks to the remotes to be loaded
    from worker.flow.services import Services


def status(database: Database, now: datetime) -> dict[str, Any]:
    """Counts by state, lag per connection, what is due longest, and when the bells were heard."""
    with database.reading() as open_:
        due = deliveries.oldest_due(open_, now)
        stop = stopping.get(open_)
        return {
            "stopped": None if stop is None else {"since": stop.since.isoformat(), "because": stop.because},
            "deliveries": deliveries.counts(open_),
            "notices": notices.unread(open_),
            "bookings": bookings.counts(open_),
            "connections": [connection_record(each, now) for each in connections.load(open_)],
            "oldest_due_seconds": None if due is None else _seconds(now, due),
            "bells": {
                row.bell: {"rung_seconds_ago": _seconds(now, row.rung_at), "done_seconds_ago": _ago(now, row.done_at)}
                for row in runs.heartbeats(open_)
            },
        }


def connection_record(each: Stored, now: datetime) -> dict[str, Any]:
    """A connection with its flags and how far behind it is."""
    return {
        "id": each.id,
        "organization": each.organization,
        "name": each.name,
        "active": each.flags.active,
        "gone": each.gone_at is not None,
        "blocked": each.blocked_at is not None,
        "blocked_because": each.blocked_because,
        "paused": each.paused_at is not None,
        "lag_seconds": _ago(now, each.watermark),
        "polled_at": _iso(each.polled_at),
        "refreshed_at": _iso(each.refreshed_at),
        "own_keys": each.access_key is not None,
        "flags": {name: getattr(each.flags, name) for name in each.flags.__dataclass_fields__},
    }


def booking_records(services: Services, *, state: str | None = None, word: str | None = None) -> list[dict[str, Any]]:
    """One record per booking and connection; `state` is a decision or a delivery's state."""
    with services.database.reading() as open_:
        rows = bookings.find(open_, word) if word else bookings.listed(open_)
        if state == "ask":  # what a person has dealt with asks no more
            rows = asks.unanswered(open_)
        live = _live(open_, rows)
    types = services.terms.bank_payment_types
    records = [booking_record(row, live[row.organization, row.booking_id], bank_payment_types=types) for row in rows]
    return [each for each in records if state is None or _stands(each, state)]


def booking_record(
    row: Row[Any], of_sale: Sequence[Row[Any]], *, bank_payment_types: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """A booking as `bookings list --json` shows it."""
    return {
        "booking_id": row.booking_id,
        "confirmation_code": row.confirmation_code,
        "connection": row.connection_id,
        "organization": row.organization,
        "status": row.status,
        "decision": row.decision,
        "document": row.document,
        "rule": row.rule,
        "because": row.because,
        "wakes_at": _iso(row.wakes_at),
        "standing": standing_record(of_sale),
        "since_document": since_document(row, of_sale, bank_payment_types=bank_payment_types),
        "deliveries": [delivery_record(each) for each in of_sale],
    }


def delivery_record(row: Row[Any]) -> dict[str, Any]:
    """A delivery as `deliveries list --json` shows it."""
    return {
        "id": row.id,
        "booking_id": row.booking_id,
        "connection": row.connection_id,
        "organization": row.organization,
        "moment": row.moment,
        "document": row.document,
        "state": row.state,
        "attempts": row.attempts,
        "due": _iso(row.due_at) if row.state == "planned" else None,
        "reason": row.reason,
        "rule": row.rule,
        "amount": row.amount,
        "currency": row.currency,
        "order_id": row.order_id,
        "document_id": row.document_id,
        "planned_at": _iso(row.planned_at),
        "ended_at": _iso(row.ended_at),
    }


def _live(open_: Open, rows: Sequence[Row[Any]]) -> dict[tuple[str, int], list[Row[Any]]]:
    found: dict[tuple[str, int], list[Row[Any]]] = {}
    sales = sorted({(row.organization, row.booking_id) for row in rows})
    for start in range(0, len(sales), 400):  # SQLite takes no endless lists of parameters
        found |= outbox.live(open_, sales[start : start + 400], marks=True)
    return found


def _stands(record: dict[str, Any], state: str) -> bool:
    return record["decision"] == state or any(each["state"] == state for each in record["deliveries"])


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _seconds(now: datetime, at: datetime) -> float:
    return round((now - at).total_seconds(), 1)


def _ago(now: datetime, at: datetime | None) -> float | None:
    return None if at is None else _seconds(now, at)

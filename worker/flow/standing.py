"""Which document stands for a booking, and what happened to the booking since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy.engine import Row

from worker.bokun.mapping import to_booking
from worker.calls import json
from worker.calls.call import UnexpectedShape
from worker.domain import changes
from worker.domain.booking import Booking, Sale, Status
from worker.domain.changes import Item, Shown
from worker.domain.decision import ISSUING, Document, Moment
from worker.domain.money import Money, amount
from worker.store import facts, outbox


def standing(live: Sequence[Row[Any]]) -> Row[Any] | None:
    """The delivery whose document stands: the told invoice, else the told estimate."""
    issued = [row for row in live if row.moment in ISSUING and outbox.counts_as_told(row)]
    return next((row for row in issued if row.document == Document.INVOICE), issued[-1] if issued else None)


def standing_record(live: Sequence[Row[Any]]) -> dict[str, Any] | None:
    """The standing document as records show it."""
    row = standing(live)
    if row is None:
        return None
    return {
        "document": row.document,
        "document_id": row.document_id,
        "order_id": row.order_id,
        "amount": row.amount,
        "currency": row.currency,
        "delivery": row.id,
    }


def since_document(row: Row[Any], live: Sequence[Row[Any]], *, bank_payment_types: frozenset[str]) -> list[str]:
    """What happened after the standing document: cancelled, changed (with the money), paid back; empty for nothing."""
    stands = standing(live)
    if stands is None:
        return []
    return list(_since(row, stands, live, bank_payment_types))


def _since(row: Row[Any], stands: Row[Any], live: Sequence[Row[Any]], types: frozenset[str]) -> Iterator[str]:
    now = facts.load_booking(row.facts)
    document = f"the {stands.document}{f' {stands.document_id}' if stands.document_id else ''}"
    told = [each for each in live if each.moment == Moment.CHANGED and outbox.counts_as_told(each)]
    last = told[-1] if told else stands
    if now.status is Status.CANCELLED:
        yield f"the booking was cancelled after {document} of {stands.amount} {stands.currency}{_answered(live)}"
    elif last.revision not in ("", now.revision):
        old, new = _told(last), _now(row, now, types)
        yield "; ".join((changes.money(old.total, new.total if new else None, document),
                         *(changes.details(old, new) if new else ())))  # fmt: skip
    if now.refunded is not None:
        yield f"Bokun shows {now.refunded} paid back; {document} is not changed by that"


def _answered(live: Sequence[Row[Any]]) -> str:
    told = [each for each in live if each.moment == Moment.CANCELLED and outbox.counts_as_told(each)]
    return ", and Space Invoices was told" if told else ""


def _told(row: Row[Any]) -> Shown:
    """The document as it was told: the delivery's mark."""
    order = json.loads(row.mark).get("order") or {}
    recipient = order.get("recipient") or {}
    lines = order.get("lines")
    return Shown(
        total=Money(amount(row.amount), row.currency),
        tax=amount(order.get("totalTax", "0")),
        recipient=_recipient(recipient.get("role"), recipient.get("name")),
        items=None if lines is None else tuple(
            Item(each["title"], each.get("date"), amount(each["quantity"]), amount(each["total"])) for each in lines
        ),
    )  # fmt: skip


def _now(row: Row[Any], read: Booking, types: frozenset[str]) -> Shown | None:
    """The document as the booking would get it now; its lines only while the booking's content is kept."""
    if not isinstance(read.sale, Sale):
        return None
    whole = _with_lines(row, types) or read.sale
    return Shown(
        total=read.sale.total,
        tax=read.sale.tax,
        recipient=_recipient(read.sale.recipient.role, read.sale.recipient.name),
        items=tuple(Item(each.title, each.date, each.quantity, each.total) for each in whole.lines) or None,
    )


def _recipient(role: str | None, name: str | None) -> str | None:
    return f"{role} {name}" if name else None


def _with_lines(row: Row[Any], types: frozenset[str]) -> Sale | None:
    try:
        sale = to_booking(json.loads(row.content or "null"), bank_payment_types=types).sale
    except (UnexpectedShape, json.NotJson):
        return None
    return sale if isinstance(sale, Sale) else None

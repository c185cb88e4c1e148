"""The documents of an organization, as far as an audit compares them (space-invoices.md 3)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from worker.calls.call import Call
from worker.domain.books import Paper, Placed
from worker.domain.money import Money, NotMoney, amount, currency
from worker.spaceinvoices.loopback import Page, Record, Where, find, stamp, text

_WITH_TAX = ("totalWithTax", "total")
_CURRENCY = ("currencyId", "currency")
FIELDS = ("id", "type", "number", "orderId", *_WITH_TAX, "totalTax", *_CURRENCY, "canceled", "cancelled", "_isDeleted")
ORDER_FIELDS = ("id", "bokunId", "orderId", "number", "invoiceId", "estimateId", "_isDeleted")


def find_documents(organization: str, *, where: Where | None = None, skip: int = 0) -> Call[Page]:
    """GET /Organizations/:id/documents, deleted ones too: what was deleted there is a difference, not a gap."""
    segments = ("Organizations", organization, "documents")
    return find("documents.find", *segments, where=where, skip=skip, deleted=True, fields=FIELDS)


def find_placed(organization: str, *, connections: list[str], since: datetime, skip: int = 0) -> Call[Page]:
    """GET /Organizations/:id/orders of these connections that came since then, deleted ones too."""
    where = {"bokunId": {"inq": connections}, "createdAt": {"gte": stamp(since)}}
    segments = ("Organizations", organization, "orders")
    return find("orders.find", *segments, where=where, skip=skip, deleted=True, fields=ORDER_FIELDS)


def read_placed(record: Record, organization: str) -> Placed | None:
    """An order as an audit needs it; None without id or connection."""
    id_, connection = text(record, "id"), text(record, "bokunId")
    if id_ is None or connection is None:
        return None
    return Placed(
        id=id_,
        connection=connection,
        organization=organization,
        names=frozenset(name for key in ("orderId", "number") if (name := text(record, key))),
        papers=frozenset(paper for key in ("invoiceId", "estimateId") if (paper := text(record, key))),
        deleted=record.get("_isDeleted") is True,
    )


def read_paper(record: Record) -> Paper | None:
    """A document as an audit needs it; None without id. Its total is unknown where it does not say one with tax."""
    id_ = text(record, "id")
    if id_ is None:
        return None
    return Paper(
        id=id_,
        kind=text(record, "type") or "document",
        order=text(record, "orderId"),
        number=text(record, "number") or id_,
        total=_total(record),
        tax=_amount(record.get("totalTax")),
        cancelled=record.get("cancelled") is True or record.get("canceled") is True,
        deleted=record.get("_isDeleted") is True,
    )


def _total(record: Record) -> Money | None:
    """`totalWithTax`; `total` alone may be net in v1, so it counts only where the other is not shown at all."""
    said = next((record[name] for name in _WITH_TAX if record.get(name) is not None), None)
    code = next((record[name] for name in _CURRENCY if record.get(name) is not None), None)
    number = _amount(said)
    try:
        return None if number is None else Money(number, currency(code))
    except NotMoney:
        return None


def _amount(value: Any) -> Decimal | None:
    try:
        return None if value is None else amount(value)
    except NotMoney:
        return None

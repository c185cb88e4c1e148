"""The orders of an organization: what arrived, and which document it became (space-invoices.md 1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from worker.calls.call import Call
from worker.domain.proof import Order
from worker.spaceinvoices.loopback import Page, Record, find, text

LONGEST_FILTER = 6000
"""Letters of an encoded request target that every proxy takes (common limits begin at 8 KiB)."""
MOST_CONNECTIONS = 40
"""Past so many (those that are gone count too) they are not named: the request would be too long for a proxy, and
every order that comes back is checked against them anyway."""
FIELDS = ("id", "bokunId", "orderId", "number", "invoiceId", "estimateId", "cancelled", "_isDeleted")
"""What a proof needs of an order: a hundred orders with their payloads are megabytes."""


def find_orders(
    organization: str,
    *,
    connections: Sequence[str],
    names: Sequence[str],
    payloads: bool = False,
    deleted: bool = False,
    skip: int = 0,
) -> Call[Page]:
    """GET /Organizations/:id/orders for the orders of these connections under any of these names.

    Which Bokun id lands in `orderId` and which in `number` is not documented, so both are asked for both. The
    payloads are wanted only where nothing but our own mark in them can prove a delivery. `deleted` shows those that a
    person deleted as well.
    """
    wanted = {"inq": list(names)}
    where: dict[str, Any] = {"or": [{"orderId": wanted}, {"number": wanted}]}
    if len(connections) <= MOST_CONNECTIONS:
        where = {"bokunId": {"inq": list(connections)}, **where}
    fields = (*FIELDS, "payloads") if payloads else FIELDS
    return find(
        "orders.find", "Organizations", organization, "orders", where=where, skip=skip, fields=fields, deleted=deleted
    )


def groups(names: Iterable[Sequence[str]], *, most: int = 100) -> list[list[int]]:
    """The positions of bookings (each with its names) in groups that one request target can ask for."""
    found: list[list[int]] = [[]]
    letters = 0
    for position, each in enumerate(names):
        cost = sum(2 * (len(name) + 9) for name in each)  # twice, with quotes and comma percent-encoded
        if found[-1] and (len(found[-1]) >= most or letters + cost > LONGEST_FILTER):
            found.append([])
            letters = 0
        found[-1].append(position)
        letters += cost
    return [group for group in found if group]


def read_order(record: Record) -> Order | None:
    """An order as a proof needs it; None for a record without id."""
    id_ = text(record, "id")
    if id_ is None:
        return None
    names = (text(record, "orderId"), text(record, "number"))
    return Order(
        id=id_,
        connection=text(record, "bokunId"),
        names=frozenset(name for name in names if name),
        invoice=text(record, "invoiceId"),
        estimate=text(record, "estimateId"),
        cancelled=record.get("cancelled") is True,
        keys=frozenset(_keys(record.get("payloads"))),
        deleted=record.get("_isDeleted") is True,
    )


def _keys(payloads: Any) -> Iterable[str]:
    """Our marks in the payloads that the order kept."""
    for payload in payloads if isinstance(payloads, list) else ():
        custom = payload.get("custom") if isinstance(payload, dict) else None
        mark = custom.get("bokunSync") if isinstance(custom, dict) else None
        key = mark.get("key") if isinstance(mark, dict) else None
        if isinstance(key, str):
            yield key

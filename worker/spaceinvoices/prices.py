"""The five endpoints of the prices in a price list (seeds/price-list.txt, "Endpoints"); there is no GET of one price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from worker.calls import json
from worker.calls.call import Call, UnexpectedShape, target
from worker.domain.money import NotMoney, amount
from worker.spaceinvoices.loopback import Page, Record, Where, count, find, read_count, read_record, text

REQUIRED = ("amount",)
OPTIONAL = ("priceListId", "itemId", "custom")
READ_ONLY = ("id", "organizationId", "deletedAt", "_isDeleted", "deletedId", "createdAt", "updatedAt")


@dataclass(frozen=True, slots=True)
class ShownPrice:
    """A price as Space Invoices shows it; `record` has everything, known or not."""

    id: str
    price_list: str | None
    item: str | None
    amount: Decimal | None
    custom: Mapping[str, Any]
    deleted: bool
    record: Record


def create_price(price_list: str, properties: Mapping[str, Any]) -> Call[ShownPrice]:
    """POST /PriceLists/:id/prices. A second request makes a second price."""
    path = target("PriceLists", price_list, "prices")
    return Call("prices.create", "POST", path, _read, json.dumps(properties), repeatable=False)


def find_prices(
    price_list: str,
    *,
    where: Where | None = None,
    skip: int = 0,
    deleted: bool = False,
    more: Mapping[str, Any] | None = None,
) -> Call[Page]:
    """GET /PriceLists/:id/prices."""
    return find("prices.find", "PriceLists", price_list, "prices", where=where, skip=skip, deleted=deleted, more=more)


def count_prices(price_list: str, *, where: Where | None = None) -> Call[int]:
    """GET /PriceLists/:id/prices/count."""
    return count("prices.count", "PriceLists", price_list, "prices", "count", where=where)


def patch_price(price: str, properties: Mapping[str, Any]) -> Call[ShownPrice]:
    """PATCH /Prices/:id; only what is given changes, `custom` as a whole."""
    return Call("prices.patch", "PATCH", target("Prices", price), _read, json.dumps(properties))


def delete_price(price: str) -> Call[int]:
    """DELETE /Prices/:id; soft, answers how many there were."""
    return Call("prices.delete", "DELETE", target("Prices", price), read_count)


def shown_price(record: Record) -> ShownPrice:
    """The typed view of a record; an amount that is none is None."""
    id_ = text(record, "id")
    if id_ is None:
        raise UnexpectedShape("a price without id")
    custom = record.get("custom")
    return ShownPrice(
        id=id_,
        price_list=text(record, "priceListId"),
        item=text(record, "itemId"),
        amount=_amount(record.get("amount")),
        custom=custom if isinstance(custom, dict) else {},
        deleted=record.get("_isDeleted") is True,
        record=record,
    )


def _amount(value: Any) -> Decimal | None:
    try:
        return amount(value)
    except NotMoney:
        return None


def _read(body: Any, headers: Mapping[str, str]) -> ShownPrice:
    return shown_price(read_record(body, headers))

"""The six endpoints of price lists (seeds/price-list.txt, "Endpoints")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from worker.calls import json
from worker.calls.call import Call, UnexpectedShape, target
from worker.spaceinvoices.loopback import Page, Record, Where, count, date, find, read_count, read_record, stamp, text

REQUIRED = ("name",)
OPTIONAL = ("active", "activeFrom", "activeTo", "type", "clientId", "custom")
READ_ONLY = ("id", "organizationId", "deletedAt", "_isDeleted", "deletedId", "createdAt", "updatedAt")


@dataclass(frozen=True, slots=True)
class ShownList:
    """A price list as Space Invoices shows it; `record` has everything, known or not."""

    id: str
    organization: str | None
    name: str
    active: bool
    active_from: datetime | None
    active_to: datetime | None
    type: str | None
    client: str | None
    custom: Mapping[str, Any]
    deleted: bool
    record: Record


def create_price_list(organization: str, properties: Mapping[str, Any]) -> Call[ShownList]:
    """POST /Organizations/:id/priceLists. A second request makes a second list."""
    path = target("Organizations", organization, "priceLists")
    return Call("pricelists.create", "POST", path, _read, _body(properties), repeatable=False)


def get_price_list(price_list: str, *, more: Mapping[str, Any] | None = None) -> Call[ShownList]:
    """GET /PriceLists/:id; `more` is its filter: fields and include."""
    query = {"filter": json.dumps(more)} if more else None
    return Call("pricelists.get", "GET", target("PriceLists", price_list, query=query), _read)


def find_price_lists(
    organization: str,
    *,
    where: Where | None = None,
    skip: int = 0,
    deleted: bool = False,
    more: Mapping[str, Any] | None = None,
) -> Call[Page]:
    """GET /Organizations/:id/priceLists."""
    segments = ("Organizations", organization, "priceLists")
    return find("pricelists.find", *segments, where=where, skip=skip, deleted=deleted, more=more)


def count_price_lists(organization: str, *, where: Where | None = None) -> Call[int]:
    """GET /Organizations/:id/priceLists/count."""
    return count("pricelists.count", "Organizations", organization, "priceLists", "count", where=where)


def patch_price_list(price_list: str, properties: Mapping[str, Any]) -> Call[ShownList]:
    """PATCH /PriceLists/:id; only what is given changes, `custom` as a whole."""
    return Call("pricelists.patch", "PATCH", target("PriceLists", price_list), _read, _body(properties))


def delete_price_list(price_list: str) -> Call[int]:
    """DELETE /PriceLists/:id; soft, answers how many there were."""
    return Call("pricelists.delete", "DELETE", target("PriceLists", price_list), read_count)


def shown_list(record: Record) -> ShownList:
    """The typed view of a record; what is not there has the seed's default, or is None."""
    id_ = text(record, "id")
    if id_ is None:
        raise UnexpectedShape("a price list without id")
    custom = record.get("custom")
    return ShownList(
        id=id_,
        organization=text(record, "organizationId"),
        name=text(record, "name") or id_,
        active=record.get("active") is not False,
        active_from=date(record.get("activeFrom")),
        active_to=date(record.get("activeTo")),
        type=text(record, "type"),
        client=text(record, "clientId"),
        custom=custom if isinstance(custom, dict) else {},
        deleted=record.get("_isDeleted") is True,
        record=record,
    )


def _body(properties: Mapping[str, Any]) -> str:
    written = {name: stamp(each) if isinstance(each, datetime) else each for name, each in properties.items()}
    return json.dumps(written)


def _read(body: Any, headers: Mapping[str, str]) -> ShownList:
    return shown_list(read_record(body, headers))

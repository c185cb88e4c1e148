"""The seven endpoints of the Bokun resource (seeds/bokun.txt, "Endpoints")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.calls import json
from worker.calls.call import Call, UnexpectedShape, target
from worker.domain.connection import ConnectionId, Flags, OrganizationId
from worker.spaceinvoices.loopback import Page, Record, Where, count, find, read_count, read_record, text

REQUIRED = ("name", "active", "sendInvoiceAutomatically", "sendEstimateAutomatically")
OPTIONAL = (
    "locale",
    "issueInvoiceForBankPayment",
    "issueInvoiceOnComplete",
    "businessPremiseId",
    "electronicDeviceId",
    "organizationId",
    "unitId",
    "warehouseId",
    "accountId",
)
READ_ONLY = ("id", "deletedAt", "_isDeleted", "deletedId", "createdAt", "updatedAt")


@dataclass(frozen=True, slots=True)
class Shown:
    """A Bokun object as Space Invoices shows it; `record` has everything, known or not."""

    id: ConnectionId
    organization: OrganizationId | None
    name: str
    flags: Flags
    record: Record


def find_connections(
    organization: str,
    *,
    where: Where | None = None,
    skip: int = 0,
    deleted: bool = False,
    more: Mapping[str, Any] | None = None,
) -> Call[Page]:
    """GET /Organizations/:id/bokun."""
    segments = ("Organizations", organization, "bokun")
    return find("bokun.find", *segments, where=where, skip=skip, deleted=deleted, more=more)


def count_connections(organization: str, *, where: Where | None = None) -> Call[int]:
    """GET /Organizations/:id/bokun/count."""
    return count("bokun.count", "Organizations", organization, "bokun", "count", where=where)


def create_connection(organization: str, properties: Mapping[str, Any]) -> Call[Shown]:
    """POST /Organizations/:id/bokun. A second request makes a second connection."""
    path = target("Organizations", organization, "bokun")
    return Call("bokun.create", "POST", path, _read, json.dumps(properties), repeatable=False)


def patch_connection(connection: str, properties: Mapping[str, Any]) -> Call[Shown]:
    """PATCH /Bokun/:id; only what is given changes (space-invoices.md 2.3)."""
    return Call("bokun.patch", "PATCH", target("Bokun", connection), _read, json.dumps(properties))


def delete_connection(connection: str) -> Call[int]:
    """DELETE /Bokun/:id; soft, answers how many there were."""
    return Call("bokun.delete", "DELETE", target("Bokun", connection), read_count)


def order(connection: str, body: str, *, delivery: int) -> Call[None]:
    """POST /Bokun/:id/order: may issue a document, so it is never repeated by itself."""
    path = target("Bokun", connection, "order")
    about = {"connection": connection, "delivery": delivery}
    return Call("bokun.order", "POST", path, _nothing, body, repeatable=False, about=about)


def import_(connection: str, type_: str, options: str | None = None) -> Call[None]:
    """POST /Bokun/:id/import; `importOptions` is a string and goes through unchanged."""
    body = {"type": type_} if options is None else {"type": type_, "importOptions": options}
    return Call("bokun.import", "POST", target("Bokun", connection, "import"), _nothing, json.dumps(body), False)


def shown(record: Record) -> Shown:
    """The typed view of a record; flags that are no booleans are refused, missing ones have the seed's default."""
    id_ = text(record, "id")
    if id_ is None:
        raise UnexpectedShape("a Bokun object without id")
    organization = text(record, "organizationId")
    return Shown(
        ConnectionId(id_),
        None if organization is None else OrganizationId(organization),
        text(record, "name") or id_,
        _flags(record),
        record,
    )


def _flags(record: Record) -> Flags:
    names = Flags.__dataclass_fields__
    given = {name: record[name] for name in names if record.get(name) is not None}
    for name, value in given.items():
        if not isinstance(value, bool):
            raise UnexpectedShape(f"the flag {name} is no boolean")
    return Flags(**given)


def _read(body: Any, headers: Mapping[str, str]) -> Shown:
    return shown(read_record(body, headers))


def _nothing(_body: Any, _headers: Mapping[str, str]) -> None:
    """The documented answer of /order and /import is an empty object: it proves nothing."""

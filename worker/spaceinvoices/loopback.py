"""What all LoopBack resources have in common: JSON filters, pages of 100, counts, lenient dates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from worker.calls import json
from worker.calls.call import Call, UnexpectedShape, target

T = TypeVar("T")
PAGE = 100
"""At most so many results per find (docs/Pagination)."""
Record = Mapping[str, Any]
Where = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: the records as the remote shows them, and how many there are in all, if it says so."""

    records: tuple[Record, ...]
    total: int | None


def find(
    name: str,
    *segments: str,
    where: Where | None = None,
    skip: int = 0,
    deleted: bool = False,
    fields: Sequence[str] = (),
    more: Mapping[str, Any] | None = None,
) -> Call[Page]:
    """A page of a list, in a stable order; `filter` as JSON text, so that types survive (space-invoices.md 5.3).

    `more` are members of the filter that a person names (order, include ...); they win.
    """
    filter_: dict[str, Any] = {"limit": PAGE, "skip": skip, "order": "id ASC"}
    if where:
        filter_["where"] = where
    if deleted:
        filter_["deleted"] = True
    if fields:
        filter_["fields"] = list(fields)
    return Call(name, "GET", target(*segments, query={"filter": json.dumps(filter_ | dict(more or {}))}), read_page)


def count(name: str, *segments: str, where: Where | None = None) -> Call[int]:
    """How many fit; `where` stands alone here, not inside a filter."""
    query = {"where": json.dumps(where)} if where else None
    return Call(name, "GET", target(*segments, query=query), read_count)


def pages(first: Callable[[int], Call[Page]], fetch: Callable[[Call[Page]], Page]) -> Iterator[Record]:
    """Every record of a list, page by page until a short one."""
    skip = 0
    while True:
        page = fetch(first(skip))
        yield from page.records
        if len(page.records) < PAGE:
            return
        skip += PAGE


def read_page(body: Any, headers: Mapping[str, str]) -> Page:
    if not isinstance(body, list) or not all(isinstance(each, dict) for each in body):
        raise UnexpectedShape("a list of records was expected")
    total = headers.get("x-total-count", "")
    return Page(tuple(body), int(total) if total.isascii() and total.isdigit() else None)


def read_record(body: Any, _headers: Mapping[str, str]) -> Record:
    if not isinstance(body, dict):
        raise UnexpectedShape("a record was expected")
    return body


def read_count(body: Any, _headers: Mapping[str, str]) -> int:
    if not isinstance(body, dict) or isinstance(body.get("count"), bool) or not isinstance(body.get("count"), int):
        raise UnexpectedShape("a count was expected")
    return int(body["count"])


def text(record: Record, name: str) -> str | None:
    """A text member; None where it is missing, empty or of another type (numbers are taken as text)."""
    value = record.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def stamp(at: datetime) -> str:
    """A time as this API takes it: UTC with milliseconds and Z (space-invoices.md 5.5)."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def date(value: Any) -> datetime | None:
    """A date as this API writes it, also in the documentation's form with offset and Z; None for anything else."""
    if not isinstance(value, str):
        return None
    shown = value.removesuffix("Z") if "+" in value[10:] else value
    try:
        read = datetime.fromisoformat(shown)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)

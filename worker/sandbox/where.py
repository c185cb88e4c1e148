"""LoopBack 3's where clause and filter, as far as its documentation goes."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from worker.sandbox.exact import Json, parse

PAGE = 100  # "at most 100 results per find": https://spaceinvoices.com/docs/Pagination

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}[\d:.]*(Z|[+-]\d{2}:?\d{2})")


class BadFilterError(ValueError):
    """A filter that cannot be read; the remote answers 400."""


@dataclass(frozen=True)
class Filter:
    """One parsed `filter` parameter."""

    where: Json
    order: tuple[tuple[str, bool], ...] = ()
    limit: int = PAGE
    skip: int = 0
    fields: Json | None = None
    deleted: bool = False

    @classmethod
    def read(cls, text: str | None) -> "Filter":
        """Reads the JSON text of a `filter`; `include` is let through without a meaning."""
        raw = _object(text)
        return cls(
            where=_as_object(raw.get("where", {})),
            order=_order(raw.get("order") or []),
            limit=min(_whole(raw.get("limit")) or PAGE, PAGE),
            skip=_whole(raw.get("skip", raw.get("offset"))),
            fields=_fields(raw.get("fields")),
            deleted=raw.get("deleted") is True,
        )

    def page(self, rows: Iterable[Json]) -> tuple[list[Json], int]:
        """Gives the page that the filter asks for and how many rows it matches in all; deleted ones on demand."""
        found = [row for row in rows if (self.deleted or not row.get("_isDeleted")) and matches(row, self.where)]
        for path, descending in reversed(self.order):
            found.sort(key=lambda row: _rank(reach(row, path)), reverse=descending)
        page = found[self.skip : self.skip + self.limit]
        return [self._shown(row) for row in page], len(found)

    def _shown(self, row: Json) -> Json:
        if not self.fields:
            return row
        if any(self.fields.values()):
            return {key: value for key, value in row.items() if self.fields.get(key)}
        return {key: value for key, value in row.items() if key not in self.fields}


def where(text: str | None) -> Json:
    """Reads the JSON text of a `where` parameter."""
    return _object(text)


def matches(row: Json, clause: Json) -> bool:
    """Tells whether a record fulfils every part of a where clause."""
    return all(_part(row, key, wanted) for key, wanted in clause.items())


def reach(row: Json, path: str) -> object:
    """Follows a dotted path into nested objects; a missing step is null."""
    value: object = row
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _part(row: Json, key: str, wanted: Any) -> bool:  # noqa: ANN401 - whatever stands in the JSON
    if key in {"and", "or", "nor"}:
        results = [matches(row, _as_object(part)) for part in _as_list(wanted)]
        return {"and": all(results), "or": any(results), "nor": not any(results)}[key]
    value = reach(row, key)
    if not isinstance(wanted, dict):
        return _same(value, wanted)
    options = wanted.get("options", "")
    return all(_test(name)(value, operand, options) for name, operand in wanted.items() if name != "options")


def _test(name: str) -> Callable[[object, Any, str], bool]:
    if name not in _TESTS:
        raise BadFilterError(f"unknown operator {name}")
    return _TESTS[name]


def _regexp(value: object, operand: object, options: str) -> bool:
    text = str(operand)
    if slashed := re.fullmatch(r"/(.*)/([a-z]*)", text):
        text, options = slashed[1], slashed[2]
    return isinstance(value, str) and bool(re.search(text, value, re.IGNORECASE if "i" in options else 0))


def _between(value: object, operand: object, _: str) -> bool:
    low, high = _as_list(operand)
    return _compare(value, low, lambda a, b: a >= b) and _compare(value, high, lambda a, b: a <= b)


_TESTS: dict[str, Callable[[object, Any, str], bool]] = {
    "eq": lambda value, operand, _: _same(value, operand),
    "neq": lambda value, operand, _: not _same(value, operand),
    "gt": lambda value, operand, _: _compare(value, operand, lambda a, b: a > b),
    "gte": lambda value, operand, _: _compare(value, operand, lambda a, b: a >= b),
    "lt": lambda value, operand, _: _compare(value, operand, lambda a, b: a < b),
    "lte": lambda value, operand, _: _compare(value, operand, lambda a, b: a <= b),
    "between": _between,
    "inq": lambda value, operand, _: any(_same(value, one) for one in _as_list(operand)),
    "nin": lambda value, operand, _: not any(_same(value, one) for one in _as_list(operand)),
    "like": _regexp,
    "nlike": lambda value, operand, options: not _regexp(value, operand, options),
    "regexp": _regexp,
}


def _rank(value: object) -> tuple[int, Any]:
    """Puts a value in its type's bracket, as MongoDB orders them: null, numbers, text, booleans, dates."""
    if value is None:
        return 0, 0
    if isinstance(value, bool):
        return 3, value
    if isinstance(value, int | Decimal):
        return 1, value
    if isinstance(value, str) and _DATE.fullmatch(value):
        return 4, datetime.fromisoformat(value)
    return 2, str(value)


def _same(value: object, wanted: object) -> bool:
    if isinstance(value, dict | list) or isinstance(wanted, dict | list):
        return value == wanted
    return _rank(value) == _rank(wanted)


def _compare(value: object, operand: object, test: Callable[[Any, Any], bool]) -> bool:
    (kind, left), (other, right) = _rank(value), _rank(operand)
    return kind == other and kind != 0 and test(left, right)


def _object(text: str | None) -> Json:
    try:
        return parse(text) if text else {}
    except ValueError as error:
        raise BadFilterError("Cannot parse JSON-encoded object value") from error


def _as_object(value: object) -> Json:
    if not isinstance(value, dict):
        raise BadFilterError("Value is not an object.")
    return value


def _as_list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise BadFilterError("Value is not an array.")
    return value


def _whole(value: object) -> int:
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadFilterError("Value is not a positive number.")
    return value


def _order(value: object) -> tuple[tuple[str, bool], ...]:
    parts = value if isinstance(value, list) else [value]
    words = [str(part).split() for part in parts if part]
    return tuple((word[0], word[-1].upper() == "DESC") for word in words)


def _fields(value: object) -> Json | None:
    if isinstance(value, list):
        return {str(name): True for name in value}
    return None if value is None else _as_object(value)

"""LoopBack 3's where clause and filter, as far as its documentation goes."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from operator import ge, gt, le, lt
from typing import Any

from worker.sandbox.exact import Json, parse

PAGE = 100  # "at most 100 results per find": https://spaceinvoices.com/docs/Pagination

Predicate = Callable[[Json], bool]

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
        fits = predicate(self.where)
        found = [row for row in rows if (self.deleted or not row.get("_isDeleted")) and fits(row)]
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


def predicate(clause: Json) -> Predicate:
    """Makes a where clause into a test of records, read once for all of them."""
    parts = [_part(key, wanted) for key, wanted in clause.items()]
    return lambda row: all(part(row) for part in parts)


def reach(row: Json, path: str) -> object:
    """Follows a dotted path into nested objects; a missing step is null."""
    value: object = row
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _part(key: str, wanted: Any) -> Predicate:
    if key in _JOINED:
        tests = [predicate(_as_object(part)) for part in _as_list(wanted)]
        return partial(_JOINED[key], tests)
    if not isinstance(wanted, dict):
        wanted = {"eq": wanted}
    options = str(wanted.get("options", ""))
    asked = [_operator(name)(operand, options) for name, operand in wanted.items() if name != "options"]
    return lambda row: all(test(reach(row, key)) for test in asked)


_JOINED: dict[str, Callable[[list[Predicate], Json], bool]] = {
    "and": lambda tests, row: all(test(row) for test in tests),
    "or": lambda tests, row: any(test(row) for test in tests),
    "nor": lambda tests, row: not any(test(row) for test in tests),
}


def _operator(name: str) -> "Operator":
    if name not in _OPERATORS:
        raise BadFilterError(f"unknown operator {name}")
    return _OPERATORS[name]


def _equal(operand: object, _: str) -> "Test":
    if isinstance(operand, dict | list):
        return lambda value: value == operand
    wanted = _rank(operand)
    return lambda value: not isinstance(value, dict | list) and _rank(value) == wanted


def _among(operand: object, _: str) -> "Test":
    wanted = frozenset(_rank(one) for one in _as_list(operand))
    return lambda value: _rank(value) in wanted


def _compared(test: Callable[[Any, Any], bool]) -> "Operator":
    def operator(operand: object, _: str) -> Test:
        kind, right = _rank(operand)

        def compare(value: object) -> bool:
            other, left = _rank(value)
            return kind == other and kind != 0 and test(left, right)

        return compare

    return operator


def _between(operand: object, options: str) -> "Test":
    bounds = _as_list(operand)
    if len(bounds) != 2:
        raise BadFilterError("The between property has to have 2 values.")
    low, high = bounds
    above, below = _compared(ge)(low, options), _compared(le)(high, options)
    return lambda value: above(value) and below(value)


def _regexp(operand: object, options: str) -> "Test":
    text = str(operand)
    if slashed := re.fullmatch(r"/(.*)/([a-z]*)", text):
        text, options = slashed[1], slashed[2]
    try:
        pattern = re.compile(text, re.IGNORECASE if "i" in options else 0)
    except re.error as error:
        raise BadFilterError(f"Invalid regular expression: {text}") from error
    return lambda value: isinstance(value, str) and pattern.search(value) is not None


def _not(operator: "Operator") -> "Operator":
    def negated(operand: object, options: str) -> Test:
        test = operator(operand, options)
        return lambda value: not test(value)

    return negated


Test = Callable[[object], bool]
Operator = Callable[[object, str], Test]

_OPERATORS: dict[str, Operator] = {
    "eq": _equal,
    "neq": _not(_equal),
    "gt": _compared(gt),
    "gte": _compared(ge),
    "lt": _compared(lt),
    "lte": _compared(le),
    "between": _between,
    "inq": _among,
    "nin": _not(_among),
    "like": _regexp,
    "nlike": _not(_regexp),
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

"""JSON whose numbers never pass through a float."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from typing import Any

Each = Callable[[Any, str], Any]
"""Makes something of an element and the text that it was."""


class NotJson(ValueError):
    """Text that is no JSON as we take it: malformed, too deep, or with NaN or Infinity in it."""


def loads(text: str | bytes) -> Any:
    """The value in the text (UTF-8 only), fractions as Decimal; NotJson for anything we would not send back."""
    with _readable():
        return _DECODER.decode(text.decode("utf-8") if isinstance(text, bytes) else text)


def loads_each(text: bytes, each: Each) -> Any:
    """The same, but each element of a list that is the value or a member of it becomes what `each` makes of it, as soon
    as it is read: so a long list is never there as a whole."""

    def element(text: str, at: int) -> tuple[Any, int]:
        value, end = _DECODER.raw_decode(text, at)
        return each(value, text[at:end]), end

    def member(text: str, at: int) -> tuple[tuple[str, Any], int]:
        name, at = _DECODER.raw_decode(text, at)
        mark, _, at = _mark(text, at)
        if not isinstance(name, str) or mark != ":":
            raise ValueError("no member")
        value, at = _until("]", element, text, at) if text[at : at + 1] == "[" else _DECODER.raw_decode(text, at)
        return (name, value), at

    with _readable():
        whole = text.decode("utf-8")
        begin = _after_space(whole, 0)
        value: Any
        match whole[begin : begin + 1]:
            case "{":
                members, end = _until("}", member, whole, begin)
                value = dict(members)
            case "[":
                value, end = _until("]", element, whole, begin)
            case _:
                value, end = _DECODER.raw_decode(whole, begin)
        if _after_space(whole, end) != len(whole):
            raise ValueError("more than one value")
        return value


def dumps(value: Any) -> str:
    """Compact JSON text; a Decimal is written with the digits it was read with."""
    return _text(value, str)


def canonical(value: Any) -> str:
    """The same text for equal values: keys in order, numbers without trailing zeros; for fingerprints only."""
    return _text(value, lambda number: str(number.normalize()), in_order=True)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (ValueError, ArithmeticError, RecursionError) as wrong:  # arithmetic: an exponent past Decimal's own
        raise NotJson("not JSON") from wrong


def _refuse(constant: str) -> None:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)
"""Made once: json.loads makes one for each text."""
_SPACE = re.compile(r"[ \t\n\r]*")
_MARK = re.compile(r"[ \t\n\r]*([],:}])[ \t\n\r]*")
_Read = Callable[[str, int], tuple[Any, int]]
"""Reads a value that begins there, and says where it ends."""


def _after_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it always does


def _until(close: str, read: _Read, text: str, at: int) -> tuple[list[Any], int]:
    """What stands between commas inside the bracket that opens here."""
    found: list[Any] = []
    at = _after_space(text, at + 1)
    if text[at : at + 1] == close:
        return found, at + 1
    mark = ","
    while mark == ",":
        each, at = read(text, at)
        found.append(each)
        mark, end, at = _mark(text, at)
    if mark != close:
        raise ValueError("neither a comma nor an end")
    return found, end


def _mark(text: str, at: int) -> tuple[str, int, int]:
    """What stands after a value, where it ends, and where the next one begins."""
    if (found := _MARK.match(text, at)) is None:
        raise ValueError("nothing after a value")
    return found[1], found.end(1), found.end()


def _text(value: Any, digits: Callable[[Decimal], str], *, in_order: bool = False) -> str:
    """Json's C encoder knows no Decimal and takes no digits, but it costs a tenth of any encoder in Python: it writes each
    Decimal as a marked text, and the marks are taken off. Where a text from outside bears the mark, there are more of
    them than Decimals, and another mark is tried.
    """
    try:
        return next(text for turn in count() if (text := _marked(value, turn, digits, in_order=in_order)) is not None)
    except (ValueError, RecursionError) as wrong:
        raise NotJson("not JSON") from wrong


def _marked(value: Any, turn: int, digits: Callable[[Decimal], str], *, in_order: bool) -> str | None:
    """The text with this turn's mark, or None where somebody else used it."""
    decimals = 0

    def marked(each: object) -> str:
        nonlocal decimals
        if not isinstance(each, Decimal):
            raise TypeError(f"{type(each).__name__} is not JSON")
        decimals += 1
        return f"\0{turn}:{digits(each)}"

    text = json.dumps(value, allow_nan=False, check_circular=False, separators=(",", ":"), default=marked,
                      sort_keys=in_order)  # fmt: skip
    if not decimals:
        return text
    clean, found = re.subn(rf'"\\u0000{turn}:([^"]*)"', r"\1", text)
    return clean if found == decimals else None

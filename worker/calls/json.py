"""JSON whose numbers never pass through a float."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from itertools import count
from typing import Any


class NotJson(ValueError):
    """Text that is no JSON as we take it: malformed, too deep, or with NaN or Infinity in it."""


def loads(
    text: str | bytes,
    *,
    fraction: Callable[[str], Any] = Decimal,
    shape: Callable[[dict[str, Any]], Any] | None = None,
) -> Any:
    """The value in the text (UTF-8 only), fractions as Decimal; NotJson for anything we would not send back.

    `fraction` gets the digits of each fraction and `shape` each object, inner ones first; what they return is used.
    """
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        return _decoder(fraction, shape).decode(decoded)
    except (ValueError, ArithmeticError, RecursionError) as wrong:  # arithmetic: an exponent past Decimal's own
        raise NotJson("not JSON") from wrong


def dumps(value: Any) -> str:
    """Compact JSON text; a Decimal is written with the digits it was read with.

    Json's C encoder knows no Decimal and takes no digits, but it costs a tenth of any encoder in Python: it writes each
    Decimal as a marked text, and the marks are taken off. Where a text from outside bears the mark, there are more of
    them than Decimals, and another mark is tried.
    """
    try:
        return next(text for turn in count() if (text := _written(value, turn)) is not None)
    except (ValueError, RecursionError) as wrong:
        raise NotJson("not JSON") from wrong


def canonical(value: Any) -> str:
    """The same text for equal values: keys in order, numbers without trailing zeros; for fingerprints only."""
    return dumps(_sorted(value))


@lru_cache(maxsize=16)
def _decoder(fraction: Callable[[str], Any], shape: Callable[[dict[str, Any]], Any] | None) -> json.JSONDecoder:
    """Made once: json.loads makes one for each text."""
    return json.JSONDecoder(parse_float=fraction, parse_constant=_refuse, object_hook=shape)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _written(value: Any, turn: int) -> str | None:
    """The text with this turn's mark, or None where somebody else used it."""
    decimals = 0

    def marked(each: object) -> str:
        nonlocal decimals
        if not isinstance(each, Decimal):
            raise TypeError(f"{type(each).__name__} is not JSON")
        decimals += 1
        return f"\0{turn}:{each}"

    text = json.dumps(value, allow_nan=False, check_circular=False, separators=(",", ":"), default=marked)
    if not decimals:
        return text
    clean, found = re.subn(rf'"\\u0000{turn}:([^"]*)"', r"\1", text)
    return clean if found == decimals else None


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(each) for each in value]
    if isinstance(value, Decimal):
        return value.normalize()
    return value

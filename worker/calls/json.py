"""JSON whose numbers never pass through a float."""

from __future__ import annotations

import json
import re
import secrets
from decimal import Decimal
from typing import Any


class NotJson(ValueError):
    """Text that is no JSON as we take it: malformed, too deep, or with NaN or Infinity in it."""


def loads(text: str | bytes) -> Any:
    """The value in the text (UTF-8 only), fractions as Decimal; NotJson for anything we would not send back."""
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        return json.loads(decoded, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as wrong:
        raise NotJson("not JSON") from wrong


def dumps(value: Any) -> str:
    """Compact JSON text; a Decimal is written with the digits it was read with.

    Json's C encoder knows no Decimal and takes no digits, but it is a tenth of the cost of any encoder in Python: it
    writes each Decimal as a marked text, and the marks are taken off. They are made anew with each process, so that no
    text from outside can bear one.
    """
    try:
        return _MARKED.sub(r"\1", _ENCODER.encode(value))
    except (ValueError, RecursionError) as wrong:
        raise NotJson("not JSON") from wrong


def canonical(value: Any) -> str:
    """The same text for equal values: keys in order, numbers without trailing zeros; for fingerprints only."""
    return dumps(_sorted(value))


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _marked(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{_MARK}{value}"
    raise TypeError(f"{type(value).__name__} is not JSON")


_MARK = secrets.token_hex(16)
_MARKED = re.compile(f'"{_MARK}([^"]*)"')
_ENCODER = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":"), default=_marked)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(each) for each in value]
    if isinstance(value, Decimal):
        return value.normalize()
    return value

"""JSON whose numbers never pass through a float."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

_DEEPEST = 100


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
    """Compact JSON text; a Decimal is written with the digits it was read with."""
    pieces: list[str] = []
    _write(value, pieces.append, _DEEPEST)
    return "".join(pieces)


def canonical(value: Any) -> str:
    """The same text for equal values: keys in order, numbers without trailing zeros; for fingerprints only."""
    return dumps(_sorted(value))


def _refuse(constant: str) -> None:
    raise ValueError(constant)


_text = json.encoder.encode_basestring_ascii


def _write(value: Any, put: Any, depth: int) -> None:
    """Json's C encoder knows no Decimal; this one knows nothing else that it does not."""
    if depth == 0:
        raise NotJson("nested too deep")
    if isinstance(value, str):
        put(_text(value))
    elif isinstance(value, dict):
        separator = "{"
        for key, each in value.items():
            put(separator + _text(key) + ":")
            _write(each, put, depth - 1)
            separator = ","
        put("}" if value else "{}")
    elif isinstance(value, list | tuple):
        separator = "["
        for each in value:
            put(separator)
            _write(each, put, depth - 1)
            separator = ","
        put("]" if value else "[]")
    elif isinstance(value, Decimal):
        put(str(value))
    else:
        put(json.dumps(value, allow_nan=False))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(each) for each in value]
    if isinstance(value, Decimal):
        return value.normalize()
    return value

"""JSON whose numbers keep the very digits they were written with."""

import json
import re
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

Json = dict[str, Any]

_MARKED = re.compile(r'"\\u0000(-?[0-9.]+)\\u0000"')


def loads(text: str | bytes) -> object:
    """Reads JSON; a fraction becomes a Decimal, never a float."""
    value: object = json.loads(text, parse_float=Decimal)
    return value


def parse(text: str | bytes) -> Json:
    """Reads a JSON object; anything else is a ValueError."""
    value = loads(text)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of error for one kind of wrong text
    return value


def dumps(value: object) -> str:
    """Writes JSON; a Decimal is written as the number it shows, digit by digit."""
    return _MARKED.sub(r"\1", json.dumps(value, default=_mark, ensure_ascii=False, separators=(",", ":")))


def copy(value: Json) -> Json:
    """Gives a deep copy that shares nothing with its original."""
    return parse(dumps(value))


def sample(name: str) -> Json:
    """Gives a fresh copy of one of the real payloads shipped beside this module."""
    return parse(_text(name))


@cache
def _text(name: str) -> str:
    return files(__package__).joinpath("samples", f"{name}.json").read_text("utf-8")


def _mark(value: object) -> str:
    if isinstance(value, Decimal):
        return f"\0{value:f}\0"
    raise TypeError(f"{type(value).__name__} has no JSON form")

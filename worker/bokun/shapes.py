"""Search answers, whose objects lose the order of their members while they are parsed.

A poll fingerprints thousands of items and reads next to nothing of them. To parse them first and to write them again
with their members in order costs twice what parsing does. But Bokun's objects have few shapes, and how one shape is
brought in order can be kept: each object becomes bytes as soon as it was read, its values in the order of their names.
The garbage collector, which walks through all that lives on, has nothing to do with bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import lru_cache
from hashlib import sha256
from marshal import dumps
from marshal import loads as read_back
from operator import itemgetter
from typing import Any

from worker.calls.json import loads

Ordered = Callable[[dict[str, Any]], tuple[Any, ...]]
_FORMAT = 2
"""Marshal's last format in which equal values always are equal bytes; later ones refer to what came before."""
_OBJECT = b"("
"""How an object's bytes begin; a fraction's are its digits."""
_MARK = "2:"
"""How a fingerprint begins; those of release 0.1.0 are digits alone."""
_MOST = 1000
"""So many shapes are kept: more are a sign of ids where names should be."""
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


class Shapes(dict[tuple[str, ...], tuple[bytes, Ordered]]):
    """By the names of an object's members, as they came: a digest of them, and what takes the values in order."""

    def __init__(self) -> None:
        self.names: dict[bytes, tuple[str, ...]] = {}
        """By the digest, in order."""

    def __missing__(self, came: tuple[str, ...]) -> tuple[bytes, Ordered]:
        names = tuple(sorted(came))
        digest = sha256(dumps(names, _FORMAT)).digest()[:16]
        self.names[digest] = names
        self[came] = digest, itemgetter(*names) if len(names) > 1 else _as_they_are
        return self[came]

    def bring(self, found: dict[str, Any]) -> bytes:
        """The object's bytes."""
        digest, ordered = self[tuple(found)]
        return dumps((digest, ordered(found)), _FORMAT)


@dataclass(frozen=True, slots=True)
class Shaped:
    """A value whose objects are bytes."""

    value: Any = field(repr=False)
    _shapes: Shapes = field(repr=False)

    def members(self, value: object) -> dict[str, Any]:
        """The members of an object in it; none for any other value."""
        if not isinstance(value, bytes) or not value.startswith(_OBJECT):
            return {}
        digest, values = read_back(value)  # noqa: S302 - bytes of our own making, never read from anywhere
        return dict(zip(self._shapes.names[digest], values, strict=True))

    def had(self, value: bytes, print_: str) -> bool:
        """Whether 0.1.0 had this fingerprint of an object in it: it was taken of JSON with the members in order."""
        if print_.startswith(_MARK):
            return False
        try:
            text = json.dumps(self._plain(value), sort_keys=True, separators=(",", ":"))
        except RecursionError:
            return False
        return sha256(text.encode("ascii")).hexdigest() == print_

    def _plain(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._plain(each) for each in value]
        if not isinstance(value, bytes):
            return value
        if not value.startswith(_OBJECT):
            return value.decode()
        return {name: self._plain(each) for name, each in self.members(value).items()}


def fingerprint(value: bytes) -> str:
    """An object's: the same for the same object, whatever the order of its members."""
    return _MARK + sha256(value).hexdigest()


def parse(text: bytes) -> Shaped:
    """The value in the text; NotJson as `loads` has it."""
    if len(_shapes()) > _MOST:
        _shapes.cache_clear()
    shapes = _shapes()
    return Shaped(loads(text, fraction=_fraction, shape=shapes.bring), shapes)


@lru_cache(maxsize=1)
def _shapes() -> Shapes:
    """Those met so far; whoever holds the ones before goes on with them."""
    return Shapes()


@lru_cache(maxsize=10_000)
def _fraction(digits: str) -> bytes:
    """`1.50` and `1.5` are one number."""
    return str(_EXACT.normalize(Decimal(digits))).encode()


def _as_they_are(found: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(found.values())

"""Search answers, whose objects lose the order of their members while they are parsed.

A poll fingerprints thousands of items and reads next to nothing of them. To parse them first and to write them again
with their members in order costs twice what parsing does. But Bokun's objects have few shapes, and how one shape is
brought in order can be kept: each object becomes a tuple as soon as it was read, a digest of its names and then its
values in their order. An array stays a list, and a fraction becomes bytes, so none is taken for another.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import lru_cache
from hashlib import sha256
from marshal import dumps
from operator import itemgetter
from typing import Any

from worker.calls.json import loads

Object = tuple[Any, ...]
Ordered = Callable[[dict[str, Any]], Object]
_FORMAT = 2
"""Marshal's last format in which equal values always are equal bytes; later ones refer to what came before."""
_MARK = "2:"
"""How a fingerprint begins; those of release 0.1.0 are digits alone."""
_MOST = 1000
"""So many shapes are kept: more are a sign of ids where names should be."""
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


class Shapes(dict[tuple[str, ...], tuple[str, bytes, Ordered]]):
    """By the names of an object's members, as they came: a name that is none of them, under which the object gets the
    digest of its names, and what takes that and the values in order."""

    def __init__(self) -> None:
        self.places: dict[object, dict[str, int]] = {}
        """By the digest, the place of each member in the tuple, in order."""

    def __missing__(self, came: tuple[str, ...]) -> tuple[str, bytes, Ordered]:
        names = sorted(came)
        digest = sha256(dumps(tuple(names), _FORMAT)).digest()[:16]
        self.places[digest] = {name: place for place, name in enumerate(names, 1)}
        free = "." * (1 + max(map(len, names), default=0))  # a name: with any other key a dict is made over
        self[came] = free, digest, itemgetter(free, *names) if names else _values
        return self[came]

    def bring(self, found: dict[str, Any]) -> Object:
        """The object as a tuple."""
        free, digest, ordered = self[tuple(found)]
        found[free] = digest
        return ordered(found)


@dataclass(frozen=True, slots=True)
class Shaped:
    """A value whose objects are tuples."""

    value: Any = field(repr=False)
    _shapes: Shapes = field(repr=False)

    def member(self, value: object, name: str) -> Any:
        """A member of an object in it; None where there is none, or for any other value."""
        place = self._places(value).get(name)
        return None if place is None else value[place]  # type: ignore[index]

    def members(self, value: object) -> dict[str, Any]:
        """The members of an object in it; none for any other value."""
        return {name: value[place] for name, place in self._places(value).items()}  # type: ignore[index]

    def _places(self, value: object) -> dict[str, int]:
        return self._shapes.places[value[0]] if isinstance(value, tuple) else {}

    def had(self, value: Object, print_: str) -> bool:
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
        if isinstance(value, tuple):
            return {name: self._plain(each) for name, each in self.members(value).items()}
        return value.decode() if isinstance(value, bytes) else value


def fingerprint(value: Object) -> str:
    """An object's: the same for the same object, whatever the order of its members."""
    return _MARK + sha256(dumps(value, _FORMAT)).hexdigest()


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


def _values(found: dict[str, Any]) -> Object:
    return tuple(found.values())

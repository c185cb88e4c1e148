"""What a call is before it is sent: a value that knows no socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote, urlencode

from worker.calls.json import loads

T = TypeVar("T")
Method = Literal["GET", "POST", "PATCH", "DELETE"]


class UnexpectedShape(ValueError):
    """A 2xx answer that is JSON but not of the documented shape; says where, never what it held."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request: where, with what, whether it may be repeated, and how to read a 2xx answer's JSON.

    `path` is the encoded request target below the remote's base address, query included: Bokun signs it as sent.
    """

    name: str
    method: Method
    path: str
    read: Callable[[Any, Mapping[str, str]], T]
    """Gets the parsed body and the lower-case response headers; raises UnexpectedShape."""
    body: str | None = None
    """JSON text, ready to send."""
    repeatable: bool = True
    """False where a second request may cause a second effect: /order and /import (peers.md 0)."""
    about: Mapping[str, object] = field(default_factory=dict)
    """Ids for the log; never names, amounts or secrets."""
    parse: Callable[[bytes], Any] = loads
    """Makes of an answer's bytes what `read` gets; NotJson where they are none."""


def target(*segments: str | int, query: Mapping[str, str | int] | None = None) -> str:
    """An encoded path with query: each segment is quoted whole, so that no id can leave its place."""
    path = "/" + "/".join(_quoted(str(segment)) for segment in segments)
    return f"{path}?{urlencode(query)}" if query else path


def _quoted(segment: str) -> str:
    """`.` and `..` too: httpx would take them for a way out."""
    return segment.replace(".", "%2E") if segment in {".", ".."} else quote(segment, safe="")

"""The booking that is measured with: a real payload, cut to a size, with another id each time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.bokun.mapping import to_booking
from worker.calls.json import loads
from worker.sandbox import bookings
from worker.sandbox.exact import dumps
from worker.sandbox.search import item

FIRST = 10_000_000
SIZE = 6000
"""Bytes of a detail and of a search item: what the goals were set with. The shipped samples are 17 to 36 KB."""
_PATTERN = 77_777_777
_MADE = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Template:
    """Details and items as bytes, of about so many bytes each."""

    def __init__(self, size: int = SIZE) -> None:
        booking = bookings.deposit(_PATTERN, _MADE, code=f"BNCH-{_PATTERN}", starts_in=timedelta(days=400))
        shown = item(booking)
        self._detail = _cut(booking, size)
        self._item = _cut(shown, size)

    def detail(self, id_: bytes) -> bytes:
        return id_.join(self._detail)

    def item(self, id_: bytes) -> bytes:
        return id_.join(self._item)


def _cut(payload: dict[str, Any], size: int) -> list[bytes]:
    """The payload without its largest members, as long as it reads the same, until it fits; split where the id goes."""
    read = _read(payload)
    tried: set[int] = set()
    while len(text := dumps(payload)) > size:
        found = max((each for each in _members(payload) if id(each[2]) not in tried), key=lambda each: each[0])
        _, holder, member, name = found
        tried.add(id(member))
        kept = holder.pop(name)
        if _read(payload) != read:
            holder[name] = kept
    return text.encode().split(str(_PATTERN).encode())


def _read(payload: dict[str, Any]) -> object:
    return to_booking(loads(dumps(payload)), bank_payment_types=frozenset()) if "bookingId" in payload else None


def _members(value: Any) -> Iterator[tuple[int, dict[str, Any], Any, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name not in ("id", "bookingId", "confirmationCode"):
                yield len(dumps(each)), value, each, name
            yield from _members(each)
    elif isinstance(value, list):
        for each in value:
            yield from _members(each)

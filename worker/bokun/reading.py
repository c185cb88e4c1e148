"""Defensive readers of Bokun's JSON: each gives the value or None, whatever it meets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from worker.domain.connection import BookingId
from worker.domain.money import NotMoney, amount

Json = Mapping[str, Any]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - Bokun's wall clocks have no zone of their own
_LATEST_EPOCH_MS = 10**14
_YEARS = range(2000, 2200)  # outside of it a time is noise (0, seconds read as milliseconds) and would end a tour early
_LARGEST_ID = 2**63 - 1


def record(value: object) -> Json:
    """The object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> tuple[Json, ...]:
    """The objects of a list; what is no object or no list becomes an empty object that no reader takes for good."""
    if value is None:
        return ()
    return tuple(record(each) for each in value) if isinstance(value, list) else ({},)


def text(value: object) -> str | None:
    """Text that says something, safe to store: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str):
        return None
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode("utf-8")
    return value.replace("\x00", "").strip() or None


def key(value: object) -> str | None:
    """An id as text, whether Bokun wrote it as a number or as text; 0 is Bokun's word for none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value > 0 else None
    return text(value)


def first(source: Json, *names: str) -> str | None:
    """The first of these members that is text."""
    for name in names:
        if (found := text(source.get(name))) is not None:
            return found
    return None


def number(value: object) -> Decimal | None:
    """The exact number, or None."""
    try:
        return amount(value)
    except NotMoney:
        return None


def booking_id(value: object) -> BookingId | None:
    """A booking's id from a positive number or its decimal digits."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return BookingId(value) if 0 < value <= _LARGEST_ID else None


def instant(value: object) -> datetime | None:
    """A true point in time (creation, transaction): UTC unless the text says otherwise (bokun.md 0.5)."""
    found = _moment(value)
    if found is None:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def wall_clock(value: object) -> datetime | None:
    """A tour's local time: Bokun packs the wall clock as if it were UTC, so any zone on it means nothing (bokun.md 3.3)."""
    found = _moment(value)
    return None if found is None else found.replace(tzinfo=None)


def _moment(value: object) -> datetime | None:
    """Epoch milliseconds, `[y, m, d, h, m, s, ns]`, ISO text or Java's Date text (bokun.md 3)."""
    try:
        found = _parsed(value)
    except (ValueError, OverflowError):
        return None
    return found if found is not None and found.year in _YEARS else None


def _parsed(value: object) -> datetime | None:
    if isinstance(value, list):
        return _from_array(value)
    if isinstance(value, str):
        return _from_text(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return _from_epoch(value)


def _from_epoch(milliseconds: int | Decimal) -> datetime | None:
    if not 0 < milliseconds < _LATEST_EPOCH_MS:
        return None
    return _EPOCH + timedelta(milliseconds=int(milliseconds))


def _from_array(parts: list[Any]) -> datetime | None:
    if not 5 <= len(parts) <= 7 or any(isinstance(part, bool) or not isinstance(part, int) for part in parts):
        return None
    return datetime(*parts[:6])  # noqa: DTZ001


def _from_text(value: str) -> datetime | None:
    if re.fullmatch(r"[0-9]{1,15}", value):
        return _from_epoch(int(value))
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:", value):
        return datetime.fromisoformat(value)
    return datetime.strptime(value.replace(" GMT ", " UTC "), "%a %b %d %H:%M:%S UTC %Y").replace(tzinfo=UTC)

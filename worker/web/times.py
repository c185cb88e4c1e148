"""Times and durations as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

from worker.web.html import Markup, tag

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def span(seconds: float) -> str:
    """A duration in its two largest units: `2 h 5 min`."""
    left = max(0, round(seconds))
    said = []
    for length, name in _UNITS:
        if left >= length:
            said.append(f"{left // length} {name}")
            left %= length
    return " ".join(said[:2]) or "0 s"


def ago(seconds: float | None) -> str:
    """How long something is past."""
    return "never" if seconds is None else f"{span(seconds)} ago"


def at(moment: datetime | str | None) -> Markup:
    """A point in time, in UTC, readable for machines too."""
    if moment is None:
        return tag("span", "–")
    known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    utc = known.astimezone(UTC)
    return tag("time", f"{utc:%Y-%m-%d %H:%M:%S} UTC", datetime=utc.isoformat(timespec="seconds"))

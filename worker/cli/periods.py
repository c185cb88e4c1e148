"""Periods as people say them: a date is its whole day, in UTC unless a zone is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from worker.cli.console import WrongUse

Since = Annotated[str, typer.Option("--since", help="First day (2025-07-01), or a time with zone.")]
Until = Annotated[str, typer.Option("--until", help="Last day, which belongs to it, or a time with zone.")]


def period(since: str, until: str | None, now: datetime) -> tuple[datetime, datetime]:
    """Both ends, the second one exclusive; without `until` it is now."""
    first = _read(since, "--since")
    last = now if until is None else _read(until, "--until", whole_day=True)
    if last <= first:
        raise WrongUse("--until must be after --since")
    return first, last


def moment(text: str, option: str) -> datetime:
    """One time; a date is its first moment."""
    return _read(text, option)


def _read(text: str, option: str, *, whole_day: bool = False) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise WrongUse(
            f"{option} must be a date such as 2025-07-01, or a time such as 2025-07-01T10:00+02:00"
        ) from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at + timedelta(days=1) if whole_day and len(text.strip()) == len("2025-07-01") else at

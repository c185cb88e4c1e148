"""A plan as a file: a header that says what it was made from, and one line per booking and connection (JSON Lines)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from worker.calls import json
from worker.flow.finding import Unread
from worker.flow.preview import Line, record, totals

VERSION = 1
NOTE = (
    "A backfill is about history: START_FROM does not skip here. Flags, policies and what was told are those of made_at;"
    " `apply` reads and decides every booking again, and skips what is another one by then."
)


class WrongPlan(Exception):
    """The file is no plan, or not the one that was written."""


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan as it was written."""

    id: str
    header: Mapping[str, Any]
    lines: tuple[Mapping[str, Any], ...]

    @property
    def issuing(self) -> list[Mapping[str, Any]]:
        return [each for each in self.lines if each["issues"]]


def write(
    file: Path, lines: Sequence[Line], unread: Iterable[Unread], *, since: datetime, until: datetime, now: datetime
) -> PlanFile:
    """Writes the plan beside its place and moves it there whole."""
    texts = [json.dumps(record(each)) for each in lines]
    header = {
        "plan": VERSION,
        "note": NOTE,
        "made_at": now.isoformat(),
        "since": since.isoformat(),
        "until": until.isoformat(),
        "connections": {each.connection.id: _made_from(each) for each in lines},
        "unread": [asdict(each) for each in unread],
        "totals": totals(lines),
        "lines": len(texts),
        "sha256": _digest(texts),
    }
    beside = file.with_name(f"{file.name}.part")
    beside.write_text("".join(f"{text}\n" for text in (json.dumps(header), *texts)), encoding="utf-8")
    beside.replace(file)
    return read(file)


def _made_from(line: Line) -> dict[str, Any]:
    verdict = line.verdict
    return {
        "name": line.connection.name,
        "organization": verdict.organization,
        "flags": asdict(verdict.flags),
        "on_change": verdict.policy.on_change,
        "on_cancel": verdict.policy.on_cancel,
    }


def read(file: Path) -> PlanFile:
    """The plan; WrongPlan where the file was cut or changed since it was written."""
    try:
        head, *texts = file.read_text(encoding="utf-8").rstrip("\n").split("\n")
        header = json.loads(head)
        lines = tuple(json.loads(text) for text in texts)
    except (json.NotJson, UnicodeDecodeError):
        raise WrongPlan(f"{file} is no plan: write one with `bokun-sync backfill`") from None
    if not isinstance(header, dict) or header.get("plan") != VERSION:
        raise WrongPlan(f"{file} is no plan of this version: write one with `bokun-sync backfill`")
    if len(texts) != header["lines"] or _digest(texts) != header["sha256"]:
        raise WrongPlan(f"{file} was changed or cut since it was written: write it anew with `bokun-sync backfill`")
    return PlanFile(header["sha256"][:16], header, lines)


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()

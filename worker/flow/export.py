"""What an accountant takes away: documents and decisions of a period, chained so that a later change shows.

Every line ends with `previous`, the SHA-256 of the line before it as text, and `sha256`, that of its own members; the
last line is the seal. Whoever keeps the seal's hash elsewhere can prove that not even the whole chain was made anew.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Row

from worker.calls import json
from worker.flow.services import Services
from worker.store import exporting
from worker.store.outbox import counts_as_told

COLUMNS = ("line", "kind", "at", "organization", "connection", "booking_id", "confirmation_code", "decision",
           "document", "moment", "amount", "currency", "state", "document_id", "order_id", "rule", "because",
           "revision", "delivery")  # fmt: skip
CHAIN = ("previous", "sha256")
FIRST = "0" * 64
Record = Mapping[str, Any]


def records(services: Services, since: datetime, until: datetime) -> list[Record]:
    """Documents that were told and decisions that were made in the period, in the order of time."""
    with services.database.reading() as open_:
        documents = [_document(row) for row in exporting.told(open_, since, until) if counts_as_told(row)]
        decisions = [_decision(row) for row in exporting.decided(open_, since, until)]
    found = sorted([*documents, *decisions], key=lambda each: (each["at"], each["kind"], each["booking_id"]))
    return [{"line": number, **each} for number, each in enumerate(found, 1)]


def _document(row: Row[Any]) -> Record:
    return {
        "kind": "document",
        "at": (row.ended_at or row.called_at).isoformat(),
        "organization": row.organization,
        "connection": row.connection_id,
        "booking_id": row.booking_id,
        "confirmation_code": row.confirmation_code,
        "document": row.document,
        "moment": row.moment,
        "amount": row.amount,
        "currency": row.currency,
        "state": row.state,
        "document_id": row.document_id,
        "order_id": row.order_id,
        "rule": row.rule,
        "because": row.reason,
        "revision": row.revision,
        "delivery": row.id,
    }


def _decision(row: Row[Any]) -> Record:
    return {
        "kind": "decision",
        "at": row.decided_at.isoformat(),
        "organization": row.organization,
        "connection": row.connection_id,
        "booking_id": row.booking_id,
        "confirmation_code": row.confirmation_code,
        "decision": row.decision,
        "document": row.document,
        "moment": row.moment,
        "rule": row.rule,
        "because": row.because,
        "revision": row.revision,
    }


def sealed(found: Sequence[Record], since: datetime, until: datetime, *, format_: str) -> list[str]:
    """The lines of the file; the last one seals how many there are."""
    said = f"{since.isoformat()} to {until.isoformat()}"
    seal = {"line": len(found) + 1, "kind": "seal", "because": f"{len(found)} lines, {said}"}
    texts, previous = ([] if format_ == "jsonl" else [_row([*COLUMNS, *CHAIN])]), FIRST
    for each in [*found, seal]:
        cells = [_cell(each.get(name)) for name in COLUMNS]
        own = _own(cells, previous)
        if format_ == "jsonl":
            text = json.dumps({**{name: each.get(name) for name in COLUMNS}, "previous": previous, "sha256": own})
        else:
            text = _row([*cells, previous, own])
        texts.append(text)
        previous = _sha(text)
    return texts


@dataclass(frozen=True, slots=True)
class Broken:
    """A line of the file that is not as it was written."""

    line: int
    because: str


def verify(texts: Sequence[str]) -> list[Broken]:
    """Every place at which the chain was changed; none for a file as it was written."""
    jsonl = bool(texts) and texts[0].startswith("{")
    found: list[Broken] = []
    previous, kind = FIRST, ""
    heading = 0 if jsonl else 1
    for number, text in enumerate(texts[heading:], 1):
        at = number + heading
        try:
            cells, said_previous, said_own = _read(text, jsonl=jsonl)
        except (ValueError, LookupError, json.NotJson):
            found.append(Broken(at, "it cannot be read"))
        else:
            kind = cells[COLUMNS.index("kind")]
            found += [Broken(at, because) for because in _wrong(cells, number, said_previous, said_own, previous)]
        previous = _sha(text)
    if kind != "seal":
        found.append(Broken(len(texts) + 1, "the seal is missing: lines were cut off at the end"))
    return found


def _wrong(cells: list[str], number: int, said_previous: str, said_own: str, previous: str) -> Iterator[str]:
    if _own(cells, said_previous) != said_own:
        yield "its members are not those that were written"
    if said_previous != previous:
        yield "the line before it was changed, taken out or put in"
    elif cells[0] != str(number):
        yield f"it says that it is line {cells[0]}"


def _read(text: str, *, jsonl: bool) -> tuple[list[str], str, str]:
    if jsonl:
        value = json.loads(text)
        return [_cell(value[name]) for name in COLUMNS], value["previous"], value["sha256"]
    [cells] = csv.reader([text])
    *own, previous, sha = cells
    if len(own) != len(COLUMNS):
        raise ValueError("a line of another width")
    return own, previous, sha


def _row(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()


def _cell(value: object) -> str:
    """One line each: a cell with a line break would be two lines of the file."""
    return "" if value is None else " ".join(str(value).split())


def _own(cells: Sequence[str], previous: str) -> str:
    return _sha("\x1f".join([*cells, previous]))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def seal_of(texts: Sequence[str]) -> str:
    """The hash of the last line: to be kept elsewhere."""
    return _sha(texts[-1]) if texts else FIRST

"""What would be issued, decided by the very code that issues; nothing is written and nothing is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import Row

from worker.domain.decision import ISSUING, Document, Tell, kind
from worker.flow.finding import Seen
from worker.flow.judge import amount_of, key_of, verdict_on
from worker.flow.services import Services
from worker.store import bookings, outbox
from worker.store.bookings import History, Judged
from worker.store.connections import Stored

CHUNK = 400
"""So many bookings are looked up in one statement: SQLite takes no endless lists of parameters."""


@dataclass(frozen=True, slots=True)
class Line:
    """A booking in the view of one connection, decided."""

    connection: Stored
    verdict: Judged
    instead: str | None = None
    """Why nothing would be issued although the decision says tell."""

    @property
    def tell(self) -> Tell | None:
        return self.verdict.decision if isinstance(self.verdict.decision, Tell) else None

    @property
    def issues(self) -> bool:
        return self.tell is not None and self.instead is None

    @property
    def mails(self) -> bool:
        """Whether Space Invoices would mail the document by itself."""
        if self.tell is None or not self.issues or self.tell.moment not in ISSUING:
            return False
        flags = self.verdict.flags
        invoice = self.tell.document is Document.INVOICE
        return flags.sendInvoiceAutomatically if invoice else flags.sendEstimateAutomatically


def preview(
    services: Services,
    seen: Sequence[Seen],
    *,
    flags: Mapping[str, bool] | None = None,
    history: History | None = None,
) -> list[Line]:
    """One line per booking and connection; `flags` are other ones than today's, `history` takes START_FROM away."""
    found: list[Line] = []
    for start in range(0, len(seen), CHUNK):
        found += _chunk(services, seen[start : start + CHUNK], flags or {}, history)
    return _after_each_other(found)


def _chunk(services: Services, seen: Sequence[Seen], flags: Mapping[str, bool], history: History | None) -> list[Line]:
    with services.database.reading() as open_:
        live = outbox.live(open_, {(each.connection.organization, each.booking.id) for each in seen})
        stored = bookings.at(open_, [(each.connection.id, each.booking.id) for each in seen])
    now = services.clock()
    lines = []
    for each in seen:
        connection = replace(each.connection, flags=replace(each.connection.flags, **flags))
        rows = live[connection.organization, each.booking.id]
        before = history or bookings.taken_up(stored.get((connection.id, each.booking.id)))
        verdict = verdict_on(services, connection, each.booking, content=None, rows=rows, history=before, now=now)
        lines.append(Line(connection, verdict, obstacle(verdict, rows)))
    return lines


def obstacle(verdict: Judged, rows: Iterable[Row[Any]]) -> str | None:
    """What keeps the delivery that the decision calls for from being sent: one that stands, by the unique indexes."""
    tell = verdict.decision
    if not isinstance(tell, Tell):
        return None
    for row in rows:
        own, same = row.connection_id == verdict.connection, outbox.same_delivery(row, tell, verdict.booking.revision)
        if own and row.taken == 0 and (row.state == "planned" or (row.state == "held" and not same)):
            continue  # it is this delivery, or gives way to it
        if own and same and row.state == "held" and row.revision != verdict.booking.revision:
            continue  # held for what the booking no longer is
        if same or (row.expects_invoice and _expects_invoice(tell)):
            held = f" ({row.reason})" if row.state == "held" else ""
            return f"delivery {row.id} of connection {row.connection_id} stands for it: {row.state}{held}"
    return None


def _expects_invoice(tell: Tell) -> bool:
    return tell.document is Document.INVOICE and tell.moment in ISSUING


def _after_each_other(lines: Iterable[Line]) -> list[Line]:
    """Two connections of one organization must not both tell of a sale: the first one does."""
    found: list[Line] = []
    taken: dict[tuple[str, str], str] = {}
    for each in lines:
        if each.tell is None or each.instead is not None:
            found.append(each)
            continue
        document = "invoice" if _expects_invoice(each.tell) else key_of(each.verdict, each.tell)
        sale = f"{each.verdict.organization}/{each.verdict.booking.id}", document
        first = taken.setdefault(sale, each.connection.id)
        stands = None if first == each.connection.id else f"connection {first} of the same organization tells of it"
        found.append(replace(each, instead=stands))
    return found


def totals(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Counts and sums by connection, document and currency of what would be issued."""
    sums: dict[tuple[str, str, str], list[Line]] = {}
    for each in lines:
        if each.tell is not None and each.issues:
            key = (each.connection.id, _what(each.tell), amount_of(each.verdict.booking)[1])
            sums.setdefault(key, []).append(each)
    return [
        {
            "connection": connection,
            "name": of[0].connection.name,
            "document": document,
            "currency": currency,
            "count": len(of),
            "amount": str(sum((Decimal(amount_of(each.verdict.booking)[0]) for each in of), Decimal(0))),
            "mails": sum(each.mails for each in of),
        }
        for (connection, document, currency), of in sorted(sums.items())
    ]


def _what(tell: Tell) -> str:
    return tell.document.value if tell.moment in ISSUING else f"{tell.document.value} {tell.moment.value}"


def record(line: Line) -> dict[str, Any]:
    """A line as JSON and CSV show it."""
    verdict, tell = line.verdict, line.tell
    amount, currency = amount_of(verdict.booking)
    return {
        "booking_id": verdict.booking.id,
        "confirmation_code": verdict.booking.confirmation_code,
        "connection": verdict.connection,
        "organization": verdict.organization,
        "decision": kind(verdict.decision),
        "document": tell.document.value if tell else None,
        "moment": tell.moment.value if tell else None,
        "rule": verdict.decision.rule,
        "because": verdict.decision.because,
        "told": verdict.told.document.value if verdict.told.document else None,
        "revision": verdict.booking.revision,
        "amount": amount,
        "currency": currency,
        "key": key_of(verdict, tell) if tell else None,
        "issues": line.issues,
        "instead": line.instead,
        "mails": line.mails,
    }


def difference(as_is: Sequence[Line], then: Sequence[Line]) -> list[dict[str, Any]]:
    """The bookings that other flags would decide differently, both ways side by side."""
    found = []
    for before, after in zip(as_is, then, strict=True):
        one, other = record(before), record(after)
        changed = {name for name in _OUTCOME if one[name] != other[name]}
        if changed:
            same = {name: one[name] for name in ("booking_id", "confirmation_code", "connection", "amount", "currency")}
            found.append({**same, "today": _outcome(one), "then": _outcome(other)})
    return found


_OUTCOME = ("decision", "document", "moment", "rule", "issues", "mails")


def _outcome(of: Mapping[str, Any]) -> dict[str, Any]:
    return {name: of[name] for name in _OUTCOME}

"""Carries out a plan file: each booking is read and decided again, and only what is as planned is delivered.

Every step is committed by itself: a booking that was taken up carries the plan's id, so the same command goes on where
it was stopped, however it was stopped, and the next poll decides the booking as the plan did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy.engine import Row

from worker.calls.sending import CallFailed
from worker.domain.booking import Booking
from worker.domain.decision import kind
from worker.flow.deliver import deliver
from worker.flow.judge import amount_of, read_bookings, verdict_on
from worker.flow.plan import make_way, to_outbox
from worker.flow.plan import plan as read_again
from worker.flow.planfile import PlanFile
from worker.flow.preview import obstacle
from worker.flow.reconcile import reconcile
from worker.flow.services import Services, Until
from worker.store import bookings, claims, connections, deliveries, outbox, stopping
from worker.store.bookings import History, Judged, Place
from worker.store.connections import Stored

BATCH = 50
WAIT = 1.0
"""Seconds between looks at whether what is live has had its turn."""
PlanLine = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that was not carried out, and what changed since the plan."""

    line: PlanLine
    because: str


@dataclass
class Applied:
    """How far a plan has come."""

    total: int
    before: int = 0
    """Taken up by an earlier run."""
    taken_up: int = 0
    planned: int = 0
    """Of these, deliveries that were planned."""
    skipped: list[Skipped] = field(default_factory=list)
    stopped: str | None = None
    """Why it ended before the end of the file."""

    @property
    def seen(self) -> int:
        return self.before + self.taken_up + len(self.skipped)


def mailing(services: Services, plan: PlanFile) -> list[str]:
    """The connections that would issue by this plan and let Space Invoices mail by itself."""
    with services.database.reading() as open_:
        stored = connections.load(open_)
    issuing = {each["connection"] for each in plan.issuing}
    return [
        each.id
        for each in stored
        if each.id in issuing and (each.flags.sendInvoiceAutomatically or each.flags.sendEstimateAutomatically)
    ]


def apply(
    services: Services,
    plan: PlanFile,
    until: Until,
    *,
    mail: bool | None = None,
    show: Callable[[Applied], None] = lambda _: None,
    sleep: Callable[[float], None],
) -> Applied:
    """Carries the plan out, a batch at a time; what is left when it is stopped is done by the next run."""
    done = Applied(len(plan.lines))
    history = History(plan.id, False if mail is False else None)
    for batch in _batches(plan.lines):
        if (stop := _stopped(services)) or until.over:
            done.stopped = stop or "it was asked to stop"
            break
        _take_up(services, history, batch, done)
        _drain(services, plan.id, until, sleep)
        show(done)
    _drain(services, plan.id, until, sleep)  # what an earlier run planned and did not send
    reconcile(services, until)
    return done


def states(services: Services, plan: PlanFile) -> dict[str, int]:
    """How many deliveries of this plan stand in each state."""
    with services.database.reading() as open_:
        rows = deliveries.listed(open_, claims.of_backfill(plan.id))
    found: dict[str, int] = {}
    for row in rows:
        found[row.state] = found.get(row.state, 0) + 1
    return found


def _stopped(services: Services) -> str | None:
    with services.database.reading() as open_:
        stop = stopping.get(open_)
    return None if stop is None else f"everything is stopped ({stop.because}): bokun-sync go"


def _batches(lines: Sequence[PlanLine]) -> Iterator[list[PlanLine]]:
    """About fifty lines each; the lines of one booking stay together, because they are decided together."""
    batch: list[PlanLine] = []
    for _, of_booking in groupby(lines, key=lambda each: each["booking_id"]):
        batch += of_booking
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _drain(services: Services, plan: str, until: Until, sleep: Callable[[float], None]) -> None:
    """Sends what the plan called for; while something live is waiting, that goes first."""
    while True:
        read_again(services, until, backfill=plan)  # nothing is sent while a notice of its booking is unread
        deliver(services, until, backfill=plan)
        with services.database.reading() as open_:
            now = services.clock()
            waits = claims.live_waits(open_, now) and claims.lanes(open_, now, which=claims.of_backfill(plan))
            stopped = stopping.get(open_) is not None
        if not waits or stopped or until.over:
            return
        sleep(WAIT)


def _take_up(services: Services, history: History, batch: Sequence[PlanLine], done: Applied) -> None:
    with services.database.reading() as open_:
        stored = bookings.at(open_, [_place(line) for line in batch])
        known = {each.id: each for each in connections.load(open_) if each.gone_at is None}
    mine = {place for place, row in stored.items() if row.backfill == history.backfill}
    done.before += sum(_place(line) in mine for line in batch)
    fresh = [line for line in batch if _place(line) not in mine]
    done.skipped += [Skipped(line, "its connection is gone") for line in fresh if line["connection"] not in known]
    began = services.clock()
    answers = _read(services, known, [line for line in fresh if line["connection"] in known])
    done.skipped += [
        Skipped(line, f"it cannot be read now: {failure.sentence}") for line, _, _, failure in answers if failure
    ]
    read = [(line, booking, content) for line, booking, content, _ in answers if booking is not None]
    if read:
        services.database.run(lambda open_: _decide(services, open_, history, read, began)).add_to(done)


Answer = tuple[PlanLine, Booking | None, str | None, CallFailed | None]


def _read(services: Services, known: Mapping[Any, Stored], lines: Sequence[PlanLine]) -> list[Answer]:
    """Every booking once per account, side by side."""
    asked = {(services.account(known[line["connection"]]), line["booking_id"]): line for line in lines}
    answers = read_bookings(services, [(known[line["connection"]], line["booking_id"]) for line in asked.values()])
    by_sale = dict(zip(asked, answers, strict=True))
    return [(line, *by_sale[services.account(known[line["connection"]]), line["booking_id"]]) for line in lines]


@dataclass
class _Batch:
    """What one transaction did; added up only after its commit."""

    taken_up: int = 0
    planned: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    def add_to(self, done: Applied) -> None:
        done.taken_up, done.planned = done.taken_up + self.taken_up, done.planned + self.planned
        done.skipped += self.skipped


def _decide(
    services: Services,
    open_: Open,
    history: History,
    read: Sequence[tuple[PlanLine, Booking, str | None]],
    began: datetime,
) -> _Batch:
    """One transaction for the batch, as planning does it: decisions, deliveries, and whose history they are."""
    now = services.clock()
    locked = connections.lock(open_, {line["connection"] for line, _, _ in read})
    before = bookings.at(open_, [_place(line) for line, _, _ in read])
    live = outbox.live(open_, {(line["organization"], line["booking_id"]) for line, _, _ in read})
    done, judged, acting = _Batch(), [], []
    for line, booking, content in read:
        rows = live[line["organization"], line["booking_id"]]
        verdict = verdict_on(
            services, locked[line["connection"]], booking, content=content, rows=rows, history=history, now=now
        )
        stored = before.get(_place(line))
        because = changed(line, verdict, rows)
        if because is None and stored is not None and stored.read_at > began:
            because = "it is worked on by somebody else just now: say the same again"
        acts = line["issues"] or line["decision"] != "tell"  # where another one stands for it, nothing is done
        if because is None and acts and not make_way(open_, verdict, live, now):
            because = "its delivery is being sent just now"
        if because is not None:
            done.skipped.append(Skipped(line, because))
            continue
        judged.append(verdict)
        acting += [verdict] if acts else []
        done.planned += bool(line["issues"])
    to_outbox(open_, acting, now)
    bookings.store(open_, judged, before)
    done.taken_up = len(judged)
    return done


def changed(line: PlanLine, verdict: Judged, rows: Sequence[Row[Any]]) -> str | None:
    """What is another one than the plan says; None where everything is as it was."""
    amount, currency = amount_of(verdict.booking)
    told = verdict.told.document.value if verdict.told.document else None
    now = (kind(verdict.decision), getattr(verdict.decision, "document", None), verdict.decision.rule)
    if told != line["told"]:
        return f"changed since the plan: {told or 'nothing'} was told of it, then {line['told'] or 'nothing'}"
    if now != (line["decision"], line["document"], line["rule"]):
        return f"changed since the plan: it is {_words(*now)} now, then {_words(*(line[each] for each in _DECIDED))}"
    if (amount, currency) != (line["amount"], line["currency"]):
        return f"changed since the plan: {amount} {currency} now, then {line['amount']} {line['currency']}"
    if verdict.booking.revision != line["revision"]:
        return "changed since the plan: what the document would show is another one now"
    stands = obstacle(verdict, rows) if line["issues"] else None
    return None if stands is None else f"changed since the plan: {stands}"


_DECIDED = ("decision", "document", "rule")


def _words(decision: str, document: str | None, rule: str) -> str:
    return f"{decision} {document or ''} ({rule})".replace("  ", " ")


def _place(line: PlanLine) -> Place:
    return line["connection"], line["booking_id"]

"""Reads noticed bookings again, decides each, and plans or replaces the delivery that the decision calls for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection as Open
from sqlalchemy.engine import Row

from worker.calls.sending import CallFailed, Failure
from worker.domain.booking import Booking
from worker.domain.decision import Tell, kind
from worker.domain.retry import again_at
from worker.flow.blocks import block
from worker.flow.hear import foreign, guesses, look_again
from worker.flow.judge import in_words, read_bookings, unreadable, verdict_on
from worker.flow.services import Services, Until
from worker.store import bookings, connections, hearings, notices, outbox
from worker.store.bookings import Judged, Place
from worker.store.connections import Stored

log = structlog.get_logger()
FIRST_BATCH, LARGEST_BATCH = 4, 100
"""A batch doubles with each success: a dead Bokun gets a probe now and then, not the backlog."""
LOOKS_FOR_MISSING = 6
"""So often a booking that Bokun does not show (404) is asked for again: its own index may be late (bokun.md 2.4)."""


@dataclass(frozen=True, slots=True)
class Planned:
    """How many notices were read and decided, and how many were put off."""

    read: int = 0
    put_off: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """A notice with what Bokun answered to it: the booking, or why it could not be read."""

    notice: Row[Any]
    connection: Stored
    booking: Booking | None
    content: str | None
    failure: CallFailed | None

    @property
    def place(self) -> Place:
        return self.notice.connection_id, self.notice.booking_id

    @property
    def known(self) -> Booking:
        if self.booking is None:
            raise AssertionError("a booking that was not read cannot be decided")
        return self.booking


def plan(services: Services, until: Until, *, connection: str | None = None, backfill: str | None = None) -> Planned:
    """Drains the inbox, or what concerns one backfill, until nothing is due, Bokun stops answering, or time is up."""
    read = put_off = 0
    size = FIRST_BATCH
    services.database.run(lambda open_: notices.wake(open_, services.clock(), most=1000), durable=False)
    services.database.run(lambda open_: notices.overtaken(open_, services.clock()), durable=False)
    services.database.run(lambda open_: hearings.wake(open_, services.clock(), most=1000), durable=False)
    ahead: Future[list[Read]] | None = None
    while ahead is not None or not until.over:
        batch = _batch(services, size, connection, backfill) if ahead is None else ahead.result()
        if not batch:
            break
        done = [each for each in batch if each.failure is None]
        later = [each for each in batch if each.failure is not None]
        full, size = len(batch) == size, min(size * 2, LARGEST_BATCH)
        ahead = None
        if done and full and not until.over:  # the next ones are read while these are decided
            ahead = services.aside.submit(copy_context().run, _batch, services, size, connection, backfill)
        _decide(services, done)
        dropped = _put_off(services, later)
        read, put_off = read + len(done), put_off + len(later) - dropped
        if not done and not dropped:
            break
    if read:
        services.ring("tasks.deliver.due")
    return Planned(read, put_off)


def plan_booking(services: Services, connection: str, booking: int, until: Until) -> str:
    """Reads and decides one booking that a person named; returns the rule that decided."""
    with services.database.reading() as open_:
        known = connections.get(open_, connection) is not None
    if not known:
        return "no such connection"
    services.database.run(lambda open_: notices.note(open_, "person", [(connection, booking)], services.clock()))
    plan(services, until, connection=connection)
    with services.database.reading() as open_:
        row = bookings.at(open_, [(connection, booking)]).get((connection, booking))
        notice = notices.of(open_, connection, booking)
    if row is None:
        return f"not read yet: {notice.reason}" if notice is not None and notice.reason else "not read yet"
    return f"{row.decision} {row.document or ''} {row.rule}".replace("  ", " ")


def _batch(services: Services, size: int, connection: str | None, backfill: str | None) -> list[Read]:
    """Claims notices and reads their bookings; one read serves all connections of the same account."""
    now = services.clock()
    claimed = services.database.run(
        lambda open_: notices.claim(open_, now, most=size, connection=connection, backfill=backfill), durable=False
    )
    if not claimed:
        return []
    with services.database.reading() as open_:
        stored = {each.id: each for each in connections.load(open_)}
    known = [row for row in claimed if row.connection_id in stored]
    if strange := [row for row in claimed if row.connection_id not in stored]:
        services.database.run(lambda open_: notices.done(open_, _ids(strange)), durable=False)
    groups: dict[tuple[str, int], list[Row[Any]]] = {}
    for row in known:
        groups.setdefault((services.account(stored[row.connection_id]), row.booking_id), []).append(row)
    firsts = [stored[rows[0].connection_id] for rows in groups.values()]
    asked = [(connection, booking) for connection, (_, booking) in zip(firsts, groups, strict=True)]
    answers = read_bookings(services, asked)
    return [
        Read(row, stored[row.connection_id], *answer)
        for rows, answer in zip(groups.values(), answers, strict=True)
        for row in rows
    ]


def _ids(rows: Any) -> list[tuple[int, int]]:
    return [(row.id, row.version) for row in rows]


def _decide(services: Services, read: Sequence[Read]) -> None:
    """One transaction for the batch: decisions, deliveries, and the notices out of the inbox."""
    if not read:
        return

    def step(open_: Open) -> list[Judged]:
        now = services.clock()
        locked = connections.lock(open_, {each.connection.id for each in read})
        before = bookings.at(open_, (each.place for each in read))
        live = outbox.live(open_, {(each.connection.organization, each.notice.booking_id) for each in read})
        judged, answered = [], []
        for each in read:
            stored = before.get(each.place)
            verdict = verdict_on(
                services,
                locked[each.connection.id],
                each.known,
                content=each.content,
                rows=live[each.connection.organization, each.known.id],
                history=bookings.taken_up(stored),
                now=now,
            )
            if _is_late(stored, each.notice):
                continue  # somebody read it after us: our notice stays, and is read again
            if not make_way(open_, verdict, live, now):
                continue  # it was claimed while we decided: the next reading sees what became of it
            judged.append(verdict)
            answered.append(each)
        to_outbox(open_, judged, now)
        bookings.store(open_, judged, before)
        notices.done(open_, _ids(each.notice for each in answered))
        look_again(open_, answered, before, now)
        return judged

    for each in services.database.run(step, durable=False):
        with services.trace("booking.decided", each.organization, each.booking.id, connection=each.connection,
                            decision=kind(each.decision), rule=each.decision.rule):  # fmt: skip
            pass


def _is_late(before: Row[Any] | None, notice: Row[Any]) -> bool:
    """Whether the stored booking was read after this notice's reading began (its claim pushed due_at a lease on)."""
    return before is not None and bool(before.read_at > notice.due_at - notices.LEASE)


def make_way(open_: Open, verdict: Judged, live: Mapping[tuple[str, int], Sequence[Row[Any]]], now: datetime) -> bool:
    """What stands in the outbox follows the decision or gives way to it; False where it was claimed meanwhile."""
    rows = live[verdict.organization, verdict.booking.id]
    own = [row for row in rows if row.connection_id == verdict.connection]
    tell = verdict.decision if isinstance(verdict.decision, Tell) else None
    for row in own:
        if tell is not None and outbox.same_delivery(row, tell, verdict.booking.revision):
            if not _keep(open_, row, verdict, tell, now):
                return False
        elif _gives_way(row):
            if not outbox.supersede(open_, row, because=verdict.decision.because, now=now):
                return False
            # Another connection of the organization may have stood back for this one: it decides again.
            sale = verdict.organization, verdict.booking.id
            notices.decided_again(open_, *sale, now, but=verdict.connection)
    return True


def to_outbox(open_: Open, judged: Sequence[Judged], now: datetime) -> None:
    """Plans the deliveries that these decisions call for and that are not there."""
    rows = [
        outbox.planned(
            each.decision,
            organization=each.organization,
            booking=each.booking.id,
            connection=each.connection,
            now=now,
            **in_words(each, each.decision),
        )
        for each in judged
        if isinstance(each.decision, Tell)
    ]
    outbox.plan(open_, rows)


def _gives_way(row: Row[Any]) -> bool:
    """Planned, or held without effect: only these can be replaced by a new decision."""
    return row.state in ("planned", "held") and row.taken == 0


def _keep(open_: Open, row: Row[Any], verdict: Judged, tell: Tell, now: datetime) -> bool:
    """The delivery is there already: it learns what is new, and what the remote refused gives way to a changed booking.

    What a brake or a look withheld before any attempt stays held: only a person takes it past that.
    """
    if row.taken:
        return True
    if row.state == "planned" or (row.state == "held" and row.attempts == 0):
        return outbox.renew(open_, row.id, rule=tell.rule, **in_words(verdict, tell))
    if row.state == "held" and row.revision != verdict.booking.revision:
        return outbox.supersede(open_, row, because="the booking changed since", now=now)
    return True


def _put_off(services: Services, read: Sequence[Read]) -> int:
    """Bookings that could not be read: later, or, where Bokun knows nothing of them, a person is asked.

    Returns how many notices were dropped, because the booking is another account's.
    """
    if not read:
        return 0
    now = services.clock()
    guessed = guesses(services, read)
    dropped = foreign(services, [each for each in read if each.place in guessed], enough=LOOKS_FOR_MISSING)
    services.database.run(lambda open_: notices.done(open_, _ids(each.notice for each in dropped)), durable=False)
    read = [each for each in read if each not in dropped]
    missing = [each for each in read if _is_missing(each)]
    refused = [each for each in read if _kind(each) == Failure.CREDENTIALS and each.place not in guessed]
    if refused:
        because = str(refused[0].failure)
        block(services, sorted({each.connection.id for each in refused}), by="bokun", because=because)
    _decide(services, [_without_booking(each) for each in missing])
    later = [
        (each.notice.id, each.notice.version, _next(services, each, now), str(each.failure))
        for each in read
        if each not in missing
    ]
    services.database.run(lambda open_: notices.put_off(open_, later), durable=False)
    if later:
        log.warning("booking.unanswered", count=len(later), outcome=sorted({_kind(each) for each in read}))
    return len(dropped)


def _kind(each: Read) -> str:
    return each.failure.failure.value if each.failure else ""


def _is_missing(each: Read) -> bool:
    """Whether asking again is hopeless, so that a person must be asked."""
    if each.failure is None:
        return False
    kind, enough = each.failure.failure, each.notice.tries >= LOOKS_FOR_MISSING
    return kind is Failure.STRANGE or (kind in (Failure.GONE, Failure.REFUSED) and enough)


def _without_booking(each: Read) -> Read:
    booking = unreadable(each.notice.booking_id, str(each.failure))
    return Read(each.notice, each.connection, booking, None, None)


def _next(services: Services, each: Read, now: datetime) -> datetime:
    asked: timedelta | None = each.failure.asked if each.failure else None
    return again_at(now, each.notice.tries + 1, chance=services.chance(), asked=asked)

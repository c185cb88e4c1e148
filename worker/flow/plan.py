"""Reads noticed bookings again, decides each, and plans or replaces the delivery that the decision calls for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection as Open
from sqlalchemy.engine import Row

from worker.bokun.bookings import get_booking
from worker.bokun.mapping import to_booking
from worker.bokun.reduce import reduce_booking
from worker.calls import json
from worker.calls.call import UnexpectedShape
from worker.calls.sending import CallFailed, Failure
from worker.domain.booking import Booking, Completion, Sale, Status, Trouble, Unclear
from worker.domain.connection import BookingId
from worker.domain.decision import Decision, Policy, Tell, Told, decide_read, facts_of
from worker.domain.money import plain
from worker.domain.retry import again_at
from worker.flow.blocks import block
from worker.flow.hear import foreign, guesses, look_again
from worker.flow.services import Services, Until
from worker.spaceinvoices.order_body import mark
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


def plan(services: Services, until: Until, *, connection: str | None = None) -> Planned:
    """Drains the inbox until nothing is due, Bokun stops answering, or the time is up."""
    read = put_off = 0
    size = FIRST_BATCH
    services.database.run(lambda open_: notices.wake(open_, services.clock(), most=1000))
    services.database.run(lambda open_: hearings.wake(open_, services.clock(), most=1000))
    while not until.over:
        batch = _batch(services, size, connection)
        if not batch:
            break
        done = [each for each in batch if each.failure is None]
        later = [each for each in batch if each.failure is not None]
        _decide(services, done)
        dropped = _put_off(services, later)
        read, put_off = read + len(done), put_off + len(later) - dropped
        if not done and not dropped:
            break
        size = min(size * 2, LARGEST_BATCH)
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
    return "not read yet" if row is None else f"{row.decision} {row.document or ''} {row.rule}".replace("  ", " ")


def _batch(services: Services, size: int, connection: str | None) -> list[Read]:
    """Claims notices and reads their bookings; one read serves all connections of the same account."""
    now = services.clock()
    claimed = services.database.run(lambda open_: notices.claim(open_, now, most=size, connection=connection))
    if not claimed:
        return []
    with services.database.reading() as open_:
        stored = {each.id: each for each in connections.load(open_)}
    known = [row for row in claimed if row.connection_id in stored]
    services.database.run(lambda open_: notices.done(open_, _ids(row for row in claimed if row not in known)))
    groups: dict[tuple[str, int], list[Row[Any]]] = {}
    for row in known:
        groups.setdefault((services.account(stored[row.connection_id]), row.booking_id), []).append(row)
    firsts = [stored[rows[0].connection_id] for rows in groups.values()]
    asked = [(connection, booking) for connection, (_, booking) in zip(firsts, groups, strict=True)]
    answers = services.each(lambda each: _read(services, *each), asked)
    return [
        Read(row, stored[row.connection_id], *answer)
        for rows, answer in zip(groups.values(), answers, strict=True)
        for row in rows
    ]


def _ids(rows: Any) -> list[tuple[int, int]]:
    return [(row.id, row.version) for row in rows]


def _read(services: Services, connection: Stored, booking: int) -> tuple[Booking | None, str | None, CallFailed | None]:
    """The booking as Bokun shows it now; what cannot be understood is a booking that asks, not a failure."""
    try:
        payload = services.bokun(connection).fetch(get_booking(booking))
    except CallFailed as failure:
        return None, None, failure
    try:
        read = to_booking(payload, bank_payment_types=services.terms.bank_payment_types)
        content = json.dumps(reduce_booking(payload))
    except UnexpectedShape as wrong:
        return _unreadable(booking, str(wrong)), None, None
    if read.id != booking:
        return _unreadable(booking, "Bokun answered with another booking"), None, None
    return read, content, None


def _unreadable(booking: int, because: str) -> Booking:
    return Booking(
        id=BookingId(booking),
        confirmation_code=str(booking),
        created_at=None,
        status=Status.UNKNOWN,
        bank_payment=False,
        paid=False,
        completion=Completion(False, None),
        sale=Unclear(Trouble.UNREADABLE, because),
        revision="",
    )


def policy_for(services: Services, connection: Stored) -> Policy:
    """The settings' policy with what the connection has of its own."""
    general = services.terms.policy
    on_change = "tell" if connection.on_change == "tell" else "ask" if connection.on_change else general.on_change
    on_cancel = "tell" if connection.on_cancel == "tell" else "ask" if connection.on_cancel else general.on_cancel
    return Policy(general.start_from, on_change, on_cancel)


def _decide(services: Services, read: Sequence[Read]) -> None:
    """One transaction for the batch: decisions, deliveries, and the notices out of the inbox."""
    if not read:
        return

    def step(open_: Open) -> None:
        now = services.clock()
        locked = connections.lock(open_, {each.connection.id for each in read})
        before = bookings.at(open_, (each.place for each in read))
        live = outbox.live(open_, {(each.connection.organization, each.notice.booking_id) for each in read})
        judged, answered = [], []
        for each in read:
            verdict = _judge(services, locked[each.connection.id], each, live, now)
            if _is_late(before.get(each.place), each.notice):
                continue  # somebody read it after us: our notice stays, and is read again
            if not _to_outbox(open_, verdict, live, now):
                continue  # it was claimed while we decided: the next reading sees what became of it
            judged.append(verdict)
            answered.append(each)
        bookings.store(open_, judged, before)
        notices.done(open_, _ids(each.notice for each in answered))
        look_again(open_, answered, before, now)

    services.database.run(step)


def _is_late(before: Row[Any] | None, notice: Row[Any]) -> bool:
    """Whether the stored booking was read after this notice's reading began (its claim pushed due_at a lease on)."""
    return before is not None and bool(before.read_at > notice.due_at - notices.LEASE)


def _judge(
    services: Services,
    connection: Stored,
    each: Read,
    live: Mapping[tuple[str, int], Sequence[Row[Any]]],
    now: datetime,
) -> Judged:
    booking = each.booking
    if booking is None:
        raise AssertionError("a booking that was not read cannot be decided")
    policy = policy_for(services, connection)
    told = outbox.told(live[connection.organization, booking.id])
    decision = judge(connection, booking, told, policy, now)
    content = each.content
    return Judged(
        connection.id, connection.organization, booking, content, connection.flags, told, policy, decision, now
    )


def judge(connection: Stored, booking: Booking, told: Told, policy: Policy, now: datetime) -> Decision:
    """What this booking calls for now by the connection's flags."""
    return decide_read(connection.flags, booking, told, policy=policy, now=now)


def _to_outbox(open_: Open, verdict: Judged, live: Mapping[tuple[str, int], Sequence[Row[Any]]], now: datetime) -> bool:
    """Makes the outbox what the decision calls for; False where a delivery was claimed meanwhile."""
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
            others = bookings.siblings(open_, verdict.organization, verdict.booking.id, but=verdict.connection)
            notices.note(open_, "sibling", others, now)
    if tell is not None:
        outbox.plan(
            open_,
            tell,
            organization=verdict.organization,
            booking=verdict.booking.id,
            connection=verdict.connection,
            now=now,
            **_told(verdict, tell),
        )
    return True


def _gives_way(row: Row[Any]) -> bool:
    """Planned, or held without effect: only these can be replaced by a new decision."""
    return row.state in ("planned", "held") and row.taken == 0


def _keep(open_: Open, row: Row[Any], verdict: Judged, tell: Tell, now: datetime) -> bool:
    """The delivery is there already: a planned one learns what is new, a held one gives way to a changed booking."""
    if row.state == "planned" and row.taken == 0:
        return outbox.renew(open_, row.id, rule=tell.rule, **_told(verdict, tell))
    if row.state == "held" and row.taken == 0 and row.revision != verdict.booking.revision:
        return outbox.supersede(open_, row, because="the booking changed since", now=now)
    return True


def _told(verdict: Judged, tell: Tell) -> dict[str, Any]:
    """What the delivery carries: its mark, and the amount for people."""
    booking, sale = verdict.booking, verdict.booking.sale
    change = outbox.change_of(tell, booking.revision)
    key = outbox.key_of(verdict.organization, booking.id, tell, change)
    complete = facts_of(booking, verdict.at).complete
    return {
        "revision": booking.revision,
        "mark": mark(key, tell, booking, complete=complete),
        "amount": plain(sale.total.amount) if isinstance(sale, Sale) else "0.00",
        "currency": sale.total.currency if isinstance(sale, Sale) else "",
    }


def _put_off(services: Services, read: Sequence[Read]) -> int:
    """Bookings that could not be read: later, or, where Bokun knows nothing of them, a person is asked.

    Returns how many notices were dropped, because the booking is another account's.
    """
    if not read:
        return 0
    now = services.clock()
    guessed = guesses(services, read)
    dropped = foreign(services, [each for each in read if each.place in guessed], enough=LOOKS_FOR_MISSING)
    services.database.run(lambda open_: notices.done(open_, _ids(each.notice for each in dropped)))
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
    services.database.run(lambda open_: notices.put_off(open_, later))
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
    booking = _unreadable(each.notice.booking_id, str(each.failure))
    return Read(each.notice, each.connection, booking, None, None)


def _next(services: Services, each: Read, now: datetime) -> datetime:
    asked: timedelta | None = each.failure.asked if each.failure else None
    return again_at(now, each.notice.tries + 1, chance=services.chance(), asked=asked)

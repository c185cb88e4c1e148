"""Looks, claims, sends, records: the only step that causes documents.

Claiming, sending and recording are three things with nothing open between them. A claim is committed, with its
attempt in the ledger, before the wire is used; the outcome is recorded only by the one who still holds the claim; and
what was not recorded is, once its lease ends, unknown and looked up. Nothing is ever sent again because it failed.
"""

from __future__ import annotations

import queue
from collections.abc import Sequence
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import zip_longest
from typing import Any

import structlog
from sqlalchemy import Connection as Open
from sqlalchemy.exc import IntegrityError

from worker.calls.sending import asked
from worker.calls.wire import Reply, Silence
from worker.domain.delivery import Event, State, advance
from worker.domain.outcome import EVENT, MAY_HAVE_TAKEN_EFFECT, Outcome, outcome
from worker.domain.retry import again_at, gives_up
from worker.flow.ahead import Ahead
from worker.flow.answers import met, why
from worker.flow.blocks import block, unblock
from worker.flow.brakes import brake
from worker.flow.look import look_first
from worker.flow.services import Services, Until
from worker.spaceinvoices.connections import order
from worker.spaceinvoices.order_body import body
from worker.store import claims, connections, stopping
from worker.store.claims import Claimed, Ended
from worker.store.connections import Stored

log = structlog.get_logger()
BELL = "tasks.deliver.due"
GROUP_WAIT = 0.1
FIRST_CLAIM = 4
OUR_OWN = frozenset({"NotInTime", "RateLimit"})
"""What kept a call back was ours, the guard or the rate limit: it costs no attempt."""
FAILURES_IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class Sent:
    """A claimed delivery with what its call met, and the monotonic time before it was claimed."""

    claimed: Claimed
    answer: Reply | Silence
    claimed_at: float
    probe: bool = False
    """Its connection's orders were refused before: what it meets says whether they still are."""


Answers = queue.SimpleQueue[Sent | None]
"""What came back; None says that a look is over."""


@dataclass
class Delivered:
    """How the deliveries of one drain ended, by outcome, and how many looks ended one before it was sent."""

    outcomes: dict[str, int] = field(default_factory=dict)
    found: int = 0
    expired: int = 0

    @property
    def sent(self) -> int:
        return sum(self.outcomes.values())


def deliver(
    services: Services, until: Until, *, connection: str | None = None, backfill: str | None = None
) -> Delivered:
    """Drains what is due: keeps the wire filled, records in groups, stops when the remote stops taking.

    `backfill` is the id of a plan file: then nothing but its own deliveries is sent.
    """
    done = Delivered()
    answered: Answers = queue.SimpleQueue()
    look = partial(look_first, services, connection=connection, backfill=backfill)
    ahead = Ahead(services, look, over=partial(answered.put, None))
    first = min(FIRST_CLAIM, services.terms.in_flight)
    load = max(first, services.pace.goes_on(services.monotonic()))  # so many may be claimed and not recorded
    under_way = failed = 0
    helped = False
    while True:
        stop = until.over or failed >= FAILURES_IN_A_ROW
        room = 0 if stop else load - under_way
        ahead.count()
        # A claim costs by the statement, not by the row: half a load at a time.
        if room * 2 >= load and ahead.ready(load, alone=under_way == 0):
            # From before the claim's own clock is read: lease and proof count from there, so the guard must too.
            claimed_at = services.monotonic()
            claimed = _claim(services, room, connection, backfill=backfill, looked_for=list(ahead.live))
            alone = under_way == 0 and len(claimed) == 1
            for each, stored in claimed:
                _submit(services, each, stored, answered, claimed_at=claimed_at, here=alone)
            under_way += len(claimed)
            ahead.claimed([each.connection for each, _ in claimed], room)
        if under_way == 0 and not ahead.under_way:
            if stop or ahead.dry:
                break
            continue  # a look ended all that it found
        if group := _group(services, answered, min(under_way, max(1, load // 2))):
            under_way -= len(group)
            ahead.dry = False
            # A remote that takes calls gets more of them; a dead one gets a few probes a bell, not the backlog.
            took = _record(services, group, done)
            load = min(load * 4, _most(services, group)) if took else max(1, load // 4)
            failed = 0 if took else failed + 1
            if took and not helped and ahead.stock + under_way > services.terms.in_flight:
                services.ring(BELL)  # there is more than one process can send: whoever is free helps
                helped = True
    services.pace.leave(load if done.sent and not failed else 0, services.monotonic())
    done.found = ahead.found
    done.expired = services.database.run(lambda open_: claims.expire(open_, services.clock()), durable=False)
    if done.expired:
        log.warning("attempt.expired", count=done.expired)
    return done


def _most(services: Services, group: list[Sent]) -> int:
    """What the threads can send at once, and while answers come fast three times as much that waits for a free thread.

    Then no thread waits for a claim or for a record, and nothing waits long enough to meet the guard.
    """
    slowest = services.monotonic() - min(sent.claimed_at for sent in group)
    return services.terms.in_flight * (4 if slowest < services.terms.send_guard / 8 else 1)


def _claim(
    services: Services, room: int, connection: str | None, *, backfill: str | None, looked_for: list[str]
) -> list[tuple[Claimed, Stored]]:
    """What is live first; backfills take half of the room that is left, and none while something live waits.

    `looked_for` are connections of which something live was just looked for: then nobody else is asked for.
    """
    now = services.clock()
    gives_way = claims.kinds(backfill)[-1]

    def asked(open_: Open, which: Any) -> list[str]:
        return claims.lanes(open_, now, connection=connection, which=which)

    def lanes(open_: Open) -> tuple[list[str], list[str]]:
        if looked_for:
            return looked_for, []
        live = asked(open_, claims.LIVE) if backfill is None else []
        return live, [] if claims.live_waits(open_, now) else asked(open_, gives_way)

    def step(open_: Open) -> list[tuple[Claimed, Stored]]:
        live, old = (services.turned(each)[:room] for each in lanes(open_))
        if not (live or old):
            return []
        stored = connections.lock(open_, {*live, *old})
        if stopping.get(open_) is not None:
            return []
        claim = partial(_claim_some, services, open_, now)
        found = claim([stored[lane] for lane in live], room=room, which=claims.LIVE)
        left = (room - len(found) + 1) // 2
        if old and left > 0:
            found += claim([stored[lane] for lane in old], room=left, which=gives_way)
        return found

    try:
        return services.database.run(step)
    except IntegrityError:
        log.info("claim.lost")  # another worker was first; the next bell looks again
        return []


def _claim_some(
    services: Services, open_: Open, now: datetime, lanes: Sequence[Stored], *, room: int, which: Any
) -> list[tuple[Claimed, Stored]]:
    """Claims fairly: every connection that has something due gets its share of the room, and the first of each come first."""
    found: list[list[tuple[Claimed, Stored]]] = []
    share = max(1, room // max(1, len(lanes)))
    for lane in lanes[:room]:
        if not lane.works and not connections.probes(open_, lane, now):
            continue
        most = min(share, room - sum(map(len, found))) if lane.works else 1
        most, past = brake(services, open_, lane, most, now)
        these, token, lease = claims.released(which) if past else which, services.token(), services.terms.lease
        claimed = claims.claim(open_, lane.id, now, most=most, lease=lease, token=token, which=these)
        found.append([(each, lane) for each in claimed])
    return [each for turn in zip_longest(*found) for each in turn if each is not None]


def _submit(
    services: Services, claimed: Claimed, stored: Stored, answered: Answers, *, claimed_at: float, here: bool
) -> None:
    """Sends it on a thread, or here where nothing else is to be done meanwhile: handing it over and back costs more."""
    guard = services.terms.send_guard

    def send() -> None:
        answer: Reply | Silence = Silence(began=False, why="Crash")
        try:
            told = body(stored.record, claimed.content, claimed.mark, mail=claimed.mail)
            call = order(claimed.connection, told, delivery=claimed.id)
            answer = Silence(began=True, why="Crash")
            facts: dict[str, str | int] = {"connection": stored.id, "delivery": claimed.id, "attempt": claimed.attempts}
            with services.trace("delivery.attempted", stored.organization, claimed.booking, **facts):
                answer = services.space_invoices.send(
                    call, send_until=claimed_at + guard, key=claimed.key, patience=guard
                )
        finally:
            answered.put(Sent(claimed, answer, claimed_at, probe=not stored.works))

    if here:
        with suppress(Exception):  # what became of it is among the answers
            copy_context().run(send)
    else:
        services.pool.submit(copy_context().run, send)


def _group(services: Services, answered: Answers, most: int) -> list[Sent]:
    """An answer and those that come within a moment, for one commit; or fewer, or none, because a look is over."""
    group: list[Sent] = []
    until = services.monotonic() + GROUP_WAIT
    while (each := _next(answered, until - services.monotonic() if group else None)) is not None:
        group.append(each)
        if len(group) == most:
            break
    return group


def _next(answered: Answers, wait: float | None) -> Sent | None:
    try:
        return answered.get(timeout=None if wait is None else max(0.0, wait))
    except queue.Empty:
        return None


def _record(services: Services, group: list[Sent], done: Delivered) -> bool:
    """Writes the outcomes down; says whether the remote took any of them."""
    now = services.clock()
    outcomes = [(sent, outcome(met(sent.answer))) for sent in group]
    ended = [_ended(services, sent, which, now) for sent, which in outcomes]
    services.database.run(lambda open_: claims.record(open_, ended, now))
    for sent, which in outcomes:
        done.outcomes[which.value] = done.outcomes.get(which.value, 0) + 1
        _after(services, sent, which)
    _log_accepted([sent.claimed for sent, which in outcomes if which is Outcome.ACCEPTED])
    return any(which in (Outcome.ACCEPTED, Outcome.REFUSED) for _, which in outcomes)


def _ended(services: Services, sent: Sent, which: Outcome, now: datetime) -> Ended:
    guard = isinstance(sent.answer, Silence) and sent.answer.why in OUR_OWN and not sent.answer.began
    counted = which in (Outcome.NOT_TAKEN, Outcome.NOT_SENT) and not guard
    wait = asked(sent.answer, now) if isinstance(sent.answer, Reply) else None
    event, reason = EVENT[which], why(sent.answer, which)
    if counted and gives_up(sent.claimed.failures + 1, most=services.terms.max_attempts):
        event, reason = Event.GAVE_UP, f"gave up after {sent.claimed.failures + 1} attempts: {reason}"
    again = advance(State.SENDING, event) is State.PLANNED
    return Ended(
        id=sent.claimed.id,
        token=sent.claimed.token,
        event=event,
        outcome=which.value,
        status=sent.answer.status if isinstance(sent.answer, Reply) else None,
        reason=reason,
        due_at=again_at(now, sent.claimed.attempts, chance=services.chance(), asked=wait) if again else now,
        look_at=(now + wait) if wait is not None and event is Event.UNANSWERED else now,
        counted=counted,
        cost=not guard and which is not Outcome.CREDENTIALS,
        effect=which in MAY_HAVE_TAKEN_EFFECT,
    )


def _after(services: Services, sent: Sent, which: Outcome) -> None:
    """What an outcome means beyond its delivery, and its line in the log where it was not accepted."""
    if sent.probe and which in (Outcome.ACCEPTED, Outcome.REFUSED):
        unblock(services, [sent.claimed.connection], by=connections.ORDERS)
    if which is Outcome.ACCEPTED:
        return
    log.warning(
        "attempt.unanswered" if which is Outcome.UNKNOWN else "attempt.failed",
        delivery=sent.claimed.id,
        booking=sent.claimed.booking,
        connection=sent.claimed.connection,
        outcome=which.value,
        status=sent.answer.status if isinstance(sent.answer, Reply) else None,
    )
    if which is Outcome.CREDENTIALS:
        because = why(sent.answer, which) or ""
        block(services, [sent.claimed.connection], by=connections.ORDERS, because=because)
    if which is Outcome.GONE:
        services.ring("tasks.refresh.connections")


def _log_accepted(accepted: Sequence[Claimed]) -> None:
    """A line for each connection: with each line the thread that claims and records waits for its turn among the senders."""
    by_connection: dict[str, list[Claimed]] = {}
    for each in accepted:
        by_connection.setdefault(each.connection, []).append(each)
    for connection, those in by_connection.items():
        ids, booked = [each.id for each in those], [each.booking for each in those]
        log.info("delivery.accepted", connection=connection, delivery=ids, booking=booked)

"""Looks for deliveries among the remote's orders: before the first send, and afterwards as proof."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

import structlog
from sqlalchemy import Connection as Open
from sqlalchemy.engine import Row

from worker.calls.call import Call
from worker.calls.sending import CallFailed, Failure
from worker.domain.decision import ISSUING, Document, Moment
from worker.domain.delivery import Event, State
from worker.domain.proof import Absent, Expected, Found, Mismatched, Order, Pending, Sight, sight
from worker.domain.retry import LONGEST, MOST_EFFECTS, again_at
from worker.flow.blocks import block
from worker.flow.services import Services
from worker.spaceinvoices.loopback import Page, pages
from worker.spaceinvoices.orders import find_orders, groups, read_order
from worker.store import claims, connections, looks, notices, outbox
from worker.store.claims import LOOK_LASTS
from worker.store.looks import Looked

log = structlog.get_logger()
MOST = 300
"""Looked for in one round: a few full requests side by side."""
FIRST_WAIT = timedelta(seconds=4)
LONGEST_FAILED = timedelta(minutes=2)
"""A look that was not answered is made again soon: it says nothing, and what was sent waits for it."""
MOST_PENDING_LOOKS = 14
"""An order without its document is looked at so often, over about two hours; then a person must."""


@dataclass(frozen=True, slots=True)
class View:
    """A delivery with what is needed to recognise its order."""

    row: Row[Any]
    expected: Expected


@dataclass(frozen=True, slots=True)
class Round:
    """One round of looks before sending: how many were looked for, how many ended by it, and of which connections those
    are that are live."""

    looked: int
    ended: int
    live: Counter[str]


def look_first(services: Services, *, connection: str | None = None, backfill: str | None = None) -> Round:
    """One round of looks at what is due to be sent.

    What is live comes first: the rest is looked for in a round that finds nothing live.
    """
    now = services.clock()  # a look proves what was so when it was asked for, however late its answer is read

    def step(open_: Open) -> tuple[list[View], bool]:
        for which in claims.kinds(backfill):
            lanes = services.turned(claims.lanes(open_, now, connection=connection, which=which))
            if found := looks.to_look_for_first(open_, now, lanes, most=MOST, which=which):
                return _views(open_, found), which is claims.LIVE
        return [], False

    views, live = services.database.run(step, durable=False)
    looked, ended = _look(services, views, now)
    return Round(looked, ended, Counter(view.row.connection_id for view in views if live))


def prove(services: Services) -> tuple[int, int]:
    """One round of looks at what was sent: how many were looked for, how many ended by it."""
    now = services.clock()

    def step(open_: Open) -> list[View]:
        return _views(open_, looks.to_prove(open_, now, most=MOST))

    return _look(services, services.database.run(step, durable=False), now)


def _look(services: Services, views: Sequence[View], now: datetime) -> tuple[int, int]:
    by_organization: dict[str, list[View]] = {}
    for view in views:
        by_organization.setdefault(view.row.organization, []).append(view)
    batches = [
        (organization, [views[position] for position in group])
        for organization, views in by_organization.items()
        for group in groups([sorted(view.expected.names) for view in views])
    ]
    answers = list(services.each(lambda batch: _orders(services, *batch), batches))
    ended = 0
    for (organization, batch), answer in zip(batches, answers, strict=True):
        ended += _record(services, organization, batch, answer, now)
    return len(views), ended


def _views(open_: Open, rows: Sequence[Row[Any]]) -> list[View]:
    if not rows:
        return []
    of = connections.organizations(open_, {row.organization for row in rows})
    sales = outbox.sales(open_, [row.id for row in rows])
    views = []
    for row in rows:
        code, beside = sales[row.id]
        names = {str(row.booking_id), code or str(row.booking_id)}
        views.append(View(row, _expected(row, names, of[row.organization], beside)))
    return views


def _expected(row: Row[Any], names: set[str], of: Sequence[str], beside: Sequence[Row[Any]]) -> Expected:
    others = {
        (Document(each.document), each.order_id)
        for each in beside
        if each.moment in ISSUING and outbox.counts_as_told(each)
    }
    return Expected(
        moment=Moment(row.moment),
        document=Document(row.document),
        key=row.key,
        names=frozenset(names),
        connections=frozenset(of),
        explained=frozenset(others),
        sent=row.taken > 0 and not _to_be_sent_again(row),
        released=row.released,
    )


def _to_be_sent_again(row: Row[Any]) -> bool:
    """A person released it and it has not gone out since: this look asks what it looked like before a first send."""
    return bool(row.released) and row.state == State.PLANNED


def _orders(services: Services, organization: str, views: Sequence[View]) -> list[Order] | CallFailed:
    """What stands there, and what a person deleted there of those that it does not explain (ADR 10)."""
    first = all(view.row.state == State.PLANNED for view in views)  # nothing is expected to be there: one call for both
    try:
        shown = _find(services, organization, views, deleted=first)
        found = [each for each in shown if not each.deleted]
        missing = [view for view in views if isinstance(sight(view.expected, found), Absent | Pending)]
        gone = _find(services, organization, missing, deleted=True) if missing and not first else shown
    except CallFailed as failure:
        return failure
    names = {name for view in missing for name in view.expected.names}
    return [*found, *(each for each in gone if each.deleted and not each.names.isdisjoint(names))]


def _find(services: Services, organization: str, views: Sequence[View], *, deleted: bool = False) -> list[Order]:
    names = sorted({name for view in views for name in view.expected.names})
    of = sorted({id_ for view in views for id_ in view.expected.connections})
    marked = any(view.expected.moment not in ISSUING for view in views)

    def page(skip: int) -> Call[Page]:
        return find_orders(organization, connections=of, names=names, payloads=marked, deleted=deleted, skip=skip)

    records = pages(page, services.space_invoices.fetch)
    return [order for record in records if (order := read_order(record)) is not None]


def _record(
    services: Services, organization: str, views: Sequence[View], answer: list[Order] | CallFailed, now: datetime
) -> int:
    if isinstance(answer, CallFailed):
        _failed(services, organization, views, answer, services.clock())
        return 0
    by_name: dict[str, list[Order]] = {}
    for order in answer:
        for name in order.names:
            by_name.setdefault(name, []).append(order)

    def seen(view: View) -> Sight:
        near = {order.id: order for name in view.expected.names for order in by_name.get(name, ())}
        return sight(view.expected, near.values())

    sights = [(view, seen(view)) for view in views]
    with services.database.transaction(durable=False) as open_:
        late = looks.answered_late(open_, [view.row.id for view in views if view.row.state == State.UNKNOWN])
        looked = [_looked(services, view.row, what, now, late=view.row.id in late) for view, what in sights]
        ended = looks.record_looks(open_, looked, now)
        absent = {each.id for each in looked if each.event is Event.ABSENT} & set(ended)
        again = [(view.row.connection_id, view.row.booking_id) for view in views if view.row.id in absent]
        notices.note(open_, "absence", again, now)  # it is decided anew before it is sent anew
    _log(looked, views, set(ended))
    return len(ended)


def _looked(services: Services, row: Row[Any], what: Sight, now: datetime, *, late: bool) -> Looked:
    state = State(row.state)
    match what:
        case Found(order, document):
            reason = "it was there already" if state is State.PLANNED else None
            return Looked(row, "found", Event.FOUND, reason, now, None, False, order, document)
        case Mismatched(because) if _to_be_sent_again(row):
            reason = (
                f"{because}: it is not sent beside that, released or not; once it is put right there,"
                f" bokun-sync deliveries settle {row.id}"
            )
            return Looked(row, "mismatched", Event.MISMATCHED, reason, now, None, False)
        case Mismatched(because):
            return Looked(row, "mismatched", Event.MISMATCHED, because, now, None, False)
        case Pending() if state is State.PLANNED and row.released and row.looks + 1 >= MOST_PENDING_LOOKS:
            return _absent(services, row, state, now, late=late)  # a person said so, and long enough nothing came
        case Pending(order):
            return _pending(row, state, order, now)
        case Absent():
            return _absent(services, row, state, now, late=late)
        case _:
            assert_never(what)


def _pending(row: Row[Any], state: State, order: str, now: datetime) -> Looked:
    """An order without its document: it may be in work, so nothing is sent and we look again."""
    again = now + _wait(row.looks)
    if row.looks + 1 < MOST_PENDING_LOOKS:
        return Looked(row, "pending", None, None, again, None, False)
    event = Event.WITHHELD if state is State.PLANNED else Event.UNPROVABLE
    reason = f"order {order} is there, but has no document after {row.looks + 1} looks"
    return Looked(row, "pending", event, reason, again, None, False)


def _absent(services: Services, row: Row[Any], state: State, now: datetime, *, late: bool) -> Looked:
    if state is State.PLANNED:
        return Looked(row, "absent", None, None, now + LOOK_LASTS, now, False)
    again = now + _wait(row.empty_looks)
    called: datetime = row.called_at
    rule = services.terms.absence
    if not (rule.proves(row.empty_looks + 1, called_at=called, now=now) and services.steady(rule.after)):
        return Looked(row, "absent", None, None, again, None, True)
    looks = f"{row.empty_looks + 1} looks found no trace of it"
    if state is State.ACCEPTED or late:
        reason = f"Space Invoices accepted it, but {looks}"
    elif row.risks >= MOST_EFFECTS:
        reason = f"it went unanswered {row.risks} times, and {looks}"
    elif row.moment not in ISSUING:
        reason = f"whether the {row.moment} arrived cannot be seen: {looks}"
    else:
        return Looked(row, "absent", Event.ABSENT, f"proven absent: {looks}", again, None, True)
    return Looked(row, "absent", Event.UNPROVABLE, reason, again, None, True)


def _wait(looks: int) -> timedelta:
    return min(LONGEST, FIRST_WAIT * (1 << min(looks, 10)))


_HOPELESS = frozenset({Failure.GONE, Failure.REFUSED, Failure.STRANGE})
"""The remote answers, and what it says is that it shows no orders: in vain after so many looks."""


def _failed(services: Services, organization: str, views: Sequence[View], failure: CallFailed, now: datetime) -> None:
    """A look that was not answered says nothing: later again; one that cannot be made at all is a person's matter."""
    tries = max(view.row.looks for view in views) + 1
    until = again_at(now, min(tries + 2, 6), chance=services.chance(), asked=failure.asked)
    if failure.asked is None:
        until = min(until, now + LONGEST_FAILED)
    hopeless = failure.failure in _HOPELESS
    given_up = [view for view in views if hopeless and view.row.looks + 1 >= MOST_PENDING_LOOKS]
    ids = [view.row.id for view in views if view not in given_up]
    with services.database.transaction(durable=False) as open_:
        looks.put_off_looks(open_, ids, until, looked=hopeless)
        looks.record_looks(open_, [_given_up(view.row, failure, now) for view in given_up], now)
    log.warning("look.failed", organization=organization, outcome=failure.failure.value, status=failure.status)
    if failure.failure is Failure.CREDENTIALS:
        of = sorted({id_ for view in views for id_ in view.expected.connections})
        block(services, of, by=connections.ORDERS, because=failure.sentence)


def _given_up(row: Row[Any], failure: CallFailed, now: datetime) -> Looked:
    state = State(row.state)
    event = Event.WITHHELD if state is State.PLANNED else Event.UNPROVABLE
    reason = f"the orders of the organization cannot be looked at: {failure.sentence}"
    return Looked(row, "unanswered", event, reason, now, None, False)


def _log(looked: Sequence[Looked], views: Sequence[View], ended: set[int]) -> None:
    rows: Mapping[int, Row[Any]] = {view.row.id: view.row for view in views}
    for each in looked:
        if each.id in ended and each.event is not Event.FOUND:
            row = rows[each.id]
            log.warning(
                "delivery.absent" if each.event is Event.ABSENT else "delivery.held",
                delivery=each.id,
                booking=row.booking_id,
                connection=row.connection_id,
                outcome=each.saw,
            )
    if confirmed := [each.id for each in looked if each.id in ended and each.event is Event.FOUND]:
        log.info("delivery.confirmed", delivery=confirmed)

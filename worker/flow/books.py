"""Opens the three books of an organization for a period: Bokun's search, our ledger, Space Invoices' lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy.engine import Row

from worker.bokun.bookings import SearchPage, Sighting, get_booking, search_created
from worker.bokun.mapping import to_booking
from worker.bokun.reading import instant
from worker.calls import json
from worker.calls.call import UnexpectedShape
from worker.calls.sending import CallFailed, Failure
from worker.domain.booking import Booking, Sale
from worker.domain.books import Books, Entry, Paper, Placed, Reading, Sold
from worker.domain.decision import Document, Moment, Tell, kind
from worker.domain.delivery import IN_FLIGHT, State
from worker.domain.money import Money, amount
from worker.domain.sighting import unchanged
from worker.flow.judge import judge, policy_for
from worker.flow.services import Services
from worker.spaceinvoices.documents import find_documents, find_placed, read_paper, read_placed
from worker.spaceinvoices.loopback import pages, stamp
from worker.store import audits, facts, outbox
from worker.store.connections import Stored

ROLES: tuple[Literal["SELLER", "SUPPLIER"], ...] = ("SELLER", "SUPPLIER")
SIZE = 200
UNDER_WAY = timedelta(hours=1)
"""Work that began so recently is not compared; what is older should have come to an end."""
MOST_READ = 300
"""So many bookings are read from Bokun, to see whether what its search shows otherwise matters."""
NO_BOOKS = Books((), (), (), ())


@dataclass(frozen=True, slots=True)
class Period:
    """The bookings made from `since` to before `until`, compared at `now`.

    `start` is START_FROM: of what was booked before it only what a back-fill took up is compared.
    """

    since: datetime
    until: datetime
    now: datetime
    start: datetime | None = None

    @property
    def live(self) -> Period:
        """The part from START_FROM on."""
        return self if self.start is None else replace(self, since=max(self.since, self.start), start=None)

    @property
    def history(self) -> Period | None:
        """The part before START_FROM, if there is one."""
        if self.start is None or self.since >= self.start:
            return None
        return replace(self, until=min(self.until, self.start), start=None)

    def holds(self, at: datetime | None) -> bool:
        return at is not None and self.since <= at < self.until


@dataclass(frozen=True, slots=True)
class Seen:
    """An item of the search: its confirmation code, and whether the last poll that saw it saw the same."""

    confirmation_code: str | None
    polled: bool


@dataclass(frozen=True, slots=True)
class View:
    """What one connection knows: the search's items, the stored bookings, what is unread."""

    connection: Stored
    seen: Mapping[int, Seen]
    rows: Mapping[int, Row[Any]]
    noticed: frozenset[int]


def open_books(services: Services, of: Sequence[Stored], period: Period) -> Books:
    """One organization's books, all of them: half of them would look like damage. CallFailed where one stays closed."""
    working = [each for each in of if each.gone_at is None]
    if not working:
        return NO_BOOKS
    shown = {
        each.id: (_search(services, each, period.live), _search(services, each, period.history)) for each in working
    }
    organization = of[0].organization
    placed = _placed(services, organization, [each.id for each in of], period)
    papers = _papers(services, organization, period)
    views = [_view(services, each, *shown[each.id], period) for each in working]
    ids = {booking for view in views for booking in (*view.seen, *view.rows)}
    with services.database.reading() as open_:
        live: dict[int, list[Row[Any]]] = {}
        for row in audits.deliveries(open_, organization, ids):
            live.setdefault(row.booking_id, []).append(row)
    names = {str(booking) for booking in ids} | {
        code for view in views for each in view.seen.values() if (code := each.confirmation_code)
    }
    return Books(
        sold=tuple(
            _sold(services, view, booking, live.get(booking, []), reading=reading, now=period.now)
            for view in views
            for booking, reading in _readings(services, view)
        ),
        ledger=tuple(_entry(row, period.now) for rows in live.values() for row in rows),
        placed=tuple(_of_period(services, working, placed, names, period)),
        papers=tuple(papers),
    )


def _search(services: Services, connection: Stored, period: Period | None) -> dict[int, Seen]:
    """Both roles, each to a page that brings nothing new; the upper end is outside, as in the rest of the period."""
    found: dict[int, Seen] = {}
    if period is None or period.since >= period.until:
        return found
    with services.database.reading() as open_:
        polled = audits.fingerprints(open_, connection.id)
    until = period.until - timedelta(milliseconds=1)
    remote = services.bokun(connection)
    for role in ROLES:
        number, of_role = 1, set[int]()
        while True:
            call = search_created(since=period.since, until=until, role=role, page=number, size=SIZE)
            page = remote.fetch(call)
            ids = {int(each.booking_id) for each in page.items}
            found |= {each.booking_id: _seen(page, each, polled.get(each.booking_id)) for each in page.items}
            fresh, of_role, number = ids - of_role, of_role | ids, number + 1
            if not fresh or (not page.full and len(of_role) + page.unreadable >= (page.total or 0)):
                break
    return found


def _seen(page: SearchPage, item: Sighting, polled: str | None) -> Seen:
    same = polled is not None and unchanged(polled, item.fingerprint, lambda: page.ordered(item.booking_id))
    return Seen(item.confirmation_code, same)


def _placed(services: Services, organization: str, of: list[str], period: Period) -> list[Placed]:
    def page(skip: int) -> Any:
        return find_placed(organization, connections=of, since=period.since - timedelta(days=1), skip=skip)

    records = pages(page, services.space_invoices.fetch)
    return [order for record in records if (order := read_placed(record, organization)) is not None]


def _papers(services: Services, organization: str, period: Period) -> list[Paper]:
    made = {"createdAt": {"gte": stamp(period.since - timedelta(days=1))}}

    def page(skip: int) -> Any:
        return find_documents(organization, where=made, skip=skip)

    return [paper for record in pages(page, services.space_invoices.fetch) if (paper := read_paper(record)) is not None]


def _view(services: Services, connection: Stored, seen: dict[int, Seen], old: dict[int, Seen], period: Period) -> View:
    """The stored bookings that were made in the period, or that the search shows; history only where it was taken up."""
    with services.database.reading() as open_:
        rows = {row.booking_id: row for row in audits.bookings(open_, connection.id, read_since=period.since)}
        noticed = audits.noticed(open_, connection.id, since=period.now - UNDER_WAY)
    mine = {id_: row for id_, row in rows.items() if id_ in seen or period.live.holds(_made(row))}
    if period.history is not None:
        taken_up = {id_: row for id_, row in rows.items() if row.backfill is not None}
        mine |= {id_: row for id_, row in taken_up.items() if id_ in old or period.history.holds(_made(row))}
    return View(connection, seen | {id_: old[id_] for id_ in mine if id_ in old}, mine, frozenset(noticed))


def _made(row: Row[Any]) -> datetime | None:
    return facts.load_booking(row.facts).created_at


def _readings(services: Services, view: View) -> Iterator[tuple[int, tuple[Reading, str]]]:
    """How current each reading is; where the search shows another item than the last poll saw, Bokun is asked."""
    left = MOST_READ
    for booking in sorted({*view.seen, *view.rows}):
        shown, row = view.seen.get(booking), view.rows.get(booking)
        if row is None:
            yield booking, (Reading.NEVER, "")
        elif shown is None:
            yield booking, (Reading.VANISHED, "")
        elif shown.polled or booking in view.noticed:
            yield booking, (Reading.CURRENT, "")
        elif left == 0:
            yield booking, (Reading.CHANGED, "too many are, so it was not looked at")
        else:
            left -= 1
            yield booking, _again(services, view.connection, booking, row)


def _again(services: Services, connection: Stored, booking: int, row: Row[Any]) -> tuple[Reading, str]:
    """What Bokun shows now against what was read: not every change of an item matters."""
    before = facts.load_booking(row.facts)
    try:
        payload = services.bokun(connection).fetch(get_booking(booking))
        now = to_booking(payload, bank_payment_types=services.terms.bank_payment_types)
    except CallFailed as failure:
        if failure.failure is not Failure.GONE:
            raise
        return Reading.VANISHED, ""
    except UnexpectedShape as wrong:
        return Reading.CHANGED, str(wrong)
    news = [f"{name} {old}, now {new}" for name, old, new in _points(before, now) if old != new]
    if news or before.revision == now.revision:
        return (Reading.CHANGED, "; ".join(news)) if news else (Reading.CURRENT, "")
    return Reading.CHANGED, "products, dates, quantities or the recipient are others"


def _points(old: Booking, new: Booking) -> Iterator[tuple[str, str, str]]:
    yield "status", old.status, new.status
    yield "total", _total(old), _total(new)
    yield "paid", _yes(old.paid), _yes(new.paid)
    yield "by bank", _yes(old.bank_payment), _yes(new.bank_payment)
    yield "paid back", str(old.refunded or "nothing"), str(new.refunded or "nothing")


def _total(booking: Booking) -> str:
    return str(booking.sale.total) if isinstance(booking.sale, Sale) else "unreadable"


def _yes(said: bool) -> str:
    return "yes" if said else "no"


def _sold(
    services: Services, view: View, booking: int, live: list[Row[Any]], *, reading: tuple[Reading, str], now: datetime
) -> Sold:
    connection, row, shown = view.connection, view.rows.get(booking), view.seen.get(booking)
    code = (row.confirmation_code if row else shown.confirmation_code if shown else None) or str(booking)
    way = booking in view.noticed
    if row is None:
        return Sold(connection.id, connection.organization, booking, code, Reading.NEVER, under_way=way)
    read = facts.load_booking(row.facts)
    made = judge(connection, read, outbox.told(live), policy_for(services, connection), now)
    sale = read.sale if isinstance(read.sale, Sale) else None
    return Sold(
        connection=connection.id,
        organization=connection.organization,
        booking=booking,
        code=code,
        reading=reading[0],
        status=read.status,
        total=sale.total if sale else None,
        tax=sale.tax if sale else amount(0),
        decision=kind(made),
        document=made.document if isinstance(made, Tell) else None,
        rule=made.rule,
        because=made.because,
        revision=read.revision,
        refunded=read.refunded,
        under_way=way,
        news=reading[1],
    )


def _entry(row: Row[Any], now: datetime) -> Entry:
    state = State(row.state)
    began = max(at for at in (row.planned_at, row.called_at) if at is not None)
    order = json.loads(row.mark).get("order") or {}
    return Entry(
        id=row.id,
        connection=row.connection_id,
        organization=row.organization,
        booking=row.booking_id,
        moment=Moment(row.moment),
        document=Document(row.document),
        state=row.state,
        told=outbox.counts_as_told(row),
        under_way=state in IN_FLIGHT and now - began < UNDER_WAY,
        total=Money(amount(row.amount), row.currency),
        tax=amount(order["totalTax"]) if "totalTax" in order else None,
        revision=row.revision,
        reason=row.reason or "",
        by_hand=state is State.SETTLED,
    )


def _of_period(
    services: Services, of: Sequence[Stored], placed: list[Placed], names: set[str], period: Period
) -> Iterator[Placed]:
    """The orders of the period's bookings, and those of bookings that Bokun does not know at all.

    An order of a booking made at another time is not compared; of one that we never read, Bokun is asked when.
    """
    strangers = [each for each in placed if not each.names & names]
    with services.database.reading() as open_:
        known = audits.known(open_, of[0].organization, {name for each in strangers for name in each.names})
    remotes: dict[str, Stored] = {each.id: each for each in of}
    left = MOST_READ
    for each in placed:
        if each.names & names:
            yield each
        elif not each.names & known and left > 0 and (connection := remotes.get(each.connection)) is not None:
            left -= 1
            if not _made_elsewhen(services, connection, each, period):
                yield each


def _made_elsewhen(services: Services, connection: Stored, order: Placed, period: Period) -> bool:
    """Whether Bokun has the order's booking, made outside the period."""
    for name in sorted(order.names):
        asked: int | str = int(name) if name.isascii() and name.isdigit() and len(name) < 19 else name
        try:
            payload = services.bokun(connection).fetch(get_booking(asked))
        except CallFailed as failure:
            if failure.failure not in (Failure.GONE, Failure.REFUSED, Failure.STRANGE):
                raise
            continue
        return not period.live.holds(instant(payload.get("creationDate")))
    return False

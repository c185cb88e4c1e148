"""What the tables themselves forbid, whatever the code asks for."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError

from tests.builders import NOW, add, add_connection, add_delivery
from worker.calls.wire import Request, Wire
from worker.domain.delivery import State
from worker.store import tables
from worker.store.database import TransactionOpen, must_be_closed

LIVE = [state for state in State if state is not State.SUPERSEDED]


def forbidden(database, **said):
    """Whether a second delivery is refused beside the one that is there."""
    try:
        add_delivery(database, **said)
    except IntegrityError:
        return True
    return False


@pytest.mark.parametrize("state", LIVE)
def test_a_second_invoice_for_a_sale_is_forbidden(database, state):
    """One delivery that expects an invoice per organization and booking, in every state but superseded, whoever asks."""
    add_delivery(database, state=state)
    found = [forbidden(database, moment=moment, connection_id="c2", key="other") for moment in ("completed", "paid")]
    assert found == [True, True]


def test_a_superseded_invoice_makes_way(database):
    """After it gave way another one may be planned; another organization or booking is no matter."""
    add_delivery(database, state="superseded")
    others = [{}, {"organization": "org-2"}, {"booking_id": 8}]
    assert [forbidden(database, **other) for other in others] == [False, False, False]


@pytest.mark.parametrize("moment", ["changed", "cancelled"])
def test_a_change_beside_the_invoice_is_allowed(database, moment):
    """Changes and cancellations carry the invoice that stands and expect no other."""
    add_delivery(database, state="confirmed")
    assert not forbidden(database, moment=moment, expects_invoice=False, change="r2" if moment == "changed" else "")


def test_the_same_delivery_twice_is_forbidden(database):
    """One per organization, booking, moment and document, through whichever connection; changes one per revision."""
    estimate = {"document": "estimate", "expects_invoice": False}
    change = {"moment": "changed", "expects_invoice": False, "change": "r2"}
    add_delivery(database, **estimate)
    add_delivery(database, **change)
    found = [forbidden(database, **(each | {"connection_id": "c2"})) for each in (estimate, change)]
    assert (found, forbidden(database, **(change | {"change": "r3"}))) == ([True, True], False)


@pytest.mark.parametrize("state", ["sending", "unknown"])
@pytest.mark.parametrize("other", ["sending", "unknown"])
def test_two_on_the_wire_for_one_sale_are_forbidden(database, state, other):
    """Only one delivery of a booking may be sending or unanswered in an organization."""
    add_delivery(database, state=state)
    estimate = {"document": "estimate", "expects_invoice": False, "connection_id": "c2"}
    assert forbidden(database, **estimate, state=other)
    assert not forbidden(database, **estimate, state="planned")


def test_a_planned_delivery_cannot_be_moved_onto_the_wire_beside_another(database):
    """The index holds for updates too."""
    add_delivery(database, state="unknown")
    second = add_delivery(database, document="estimate", expects_invoice=False)
    with pytest.raises(IntegrityError), database.transaction() as open_:
        open_.execute(text("update delivery set state = 'sending' where id = :id"), {"id": second})


@pytest.mark.parametrize("state", ["planned", "sending", "unknown", "held"])
def test_a_second_open_import_is_forbidden(database, state):
    """One per connection, until it is accepted or settled."""
    add(database, tables.Import, connection_id="c1", type="x", state=state, asked_at=NOW)
    with pytest.raises(IntegrityError):
        add(database, tables.Import, connection_id="c1", type="x", state="planned", asked_at=NOW)


@pytest.mark.parametrize("state", ["accepted", "settled"])
def test_a_closed_import_makes_way(database, state):
    """Accepted and settled imports do not block the next."""
    add(database, tables.Import, connection_id="c1", type="x", state=state, asked_at=NOW)
    assert add(database, tables.Import, connection_id="c1", type="x", state="planned", asked_at=NOW)


def test_a_token_opens_one_attempt(database):
    """The ledger never has two attempts under one token."""
    add(database, tables.Attempt, delivery_id=1, token="t", begun_at=NOW)
    with pytest.raises(IntegrityError):
        add(database, tables.Attempt, delivery_id=2, token="t", begun_at=NOW)


@pytest.mark.parametrize("hours", [-12, 0, 5.5, 14])
def test_times_come_back_aware_and_in_utc(database, hours):
    """Whatever zone a time was stored with, the same moment comes back in UTC."""
    at = NOW.astimezone(timezone(timedelta(hours=hours)))
    add_connection(database, watermark=at)
    with database.reading() as open_:
        [found] = open_.execute(select(tables.Connection.__table__.c.watermark)).scalars()
    assert (found, found.tzinfo) == (NOW, UTC)


def test_a_time_without_zone_is_refused(database):
    """Nothing naive reaches a table."""
    with pytest.raises(StatementError, match="without zone"):
        add_connection(database, watermark=datetime(2025, 1, 1))  # noqa: DTZ001


def test_times_are_compared_as_moments(database):
    """A statement with a time of another zone finds by the moment."""
    add_connection(database, watermark=NOW)
    c = tables.Connection.__table__.c
    with database.reading() as open_:
        same = open_.execute(select(c.id).where(c.watermark == NOW.astimezone(timezone(timedelta(hours=9))))).all()
        later = open_.execute(select(c.id).where(c.watermark > NOW)).all()
    assert (len(same), later) == (1, [])


@pytest.mark.parametrize("amount", ["0.10", "123456789012.345", "-0.005", "100.00"])
def test_money_is_kept_as_text(database, amount):
    """No database turns an amount into a float: the same digits come back."""
    add_delivery(database, amount=amount)
    with database.reading() as open_:
        found = open_.execute(text("select amount, typeof(amount) from delivery")).one()
    assert (tuple(found), Decimal(found[0])) == ((amount, "text"), Decimal(amount))


@pytest.mark.parametrize("way", ["transaction", "reading"])
def test_no_wire_is_used_while_a_transaction_is_open(database, way):
    """The guard refuses before anything is opened, and lets pass again after the transaction."""
    wire = Wire(timeout=0.2, may_send=must_be_closed)
    request = Request("GET", "http://127.0.0.1:1/", {})
    with getattr(database, way)(), pytest.raises(TransactionOpen):
        wire.send(request)
    assert wire.send(request).began is False
    wire.close()


def test_no_wire_is_used_inside_a_step(database):
    """The same holds inside run(), and after a step that failed the guard is off again."""
    with pytest.raises(TransactionOpen):
        database.run(lambda _: must_be_closed())
    must_be_closed()


def test_a_step_that_fails_changes_nothing(database):
    """What a transaction wrote before it failed is not there."""

    def step(open_):
        open_.execute(tables.Heartbeat.__table__.insert().values(bell="b", rung_at=NOW))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.run(step)
    with database.reading() as open_:
        assert open_.execute(select(tables.Heartbeat.__table__)).all() == []

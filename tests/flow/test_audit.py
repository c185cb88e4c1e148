"""Three books through the sandbox: what was planted is found under its name, and nothing else is (docs/adr/0011)."""

import json
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256

import pytest

from tests.builders import NOW
from worker.calls.json import loads
from worker.domain.books import Kind
from worker.flow import alerts, backfill, finding, planfile
from worker.flow import audit as auditing
from worker.flow.preview import preview
from worker.sandbox import bookings
from worker.store import tables
from worker.store.bookings import History

FIRST = 9_000_001
MANY = 150


def audited(house, **said):
    now = house.clock()
    since, until = said.get("since", now - timedelta(days=30)), said.get("until", now + timedelta(days=1))
    return auditing.audit(house.services, since=since, until=until)


def kinds(done):
    """What was found: kind and booking of each difference."""
    return sorted((each.kind.value, each.booking) for each in done.differences)


def fill(house, count=MANY):
    """So many bookings of the vendor's own tours over two connections, invoiced and proven."""
    sandbox, now = house.sandbox, house.clock()
    sandbox.add_account("second", "secret")
    sandbox.connect("Store")
    second = sandbox.connect("Second", account="second", issueInvoiceForBankPayment=True)
    builders = (bookings.own_sale, bookings.deposit, bookings.resold, bookings.agent_sale, bookings.ota)
    for index in range(count):
        own = index % 3
        builder = bookings.own_sale if own and index % 5 == 3 else builders[index % 5]
        made = builder(FIRST + index, now, created=now - timedelta(hours=index), total=f"{50 + index}.10")
        sandbox.book(made, account="second" if index % 3 == 0 else None)
    house.mirror()
    link(house, second["id"])
    house.drain(3)


def link(house, connection):
    from worker.store import connections

    with house.services.database.transaction() as open_:
        connections.change(open_, connection, access_key="second", secret_key="secret")


def order_of(house, booking):
    return next(row for row in house.sandbox.world.orders.rows.values() if row["orderId"] == str(booking))


def paper_of(house, booking):
    return next(row for row in house.sandbox.world.documents.rows.values() if row["bookingId"] == booking)


def issue_again(house, booking, **other):
    """A second document on the booking's order, as an import makes it."""
    paper = paper_of(house, booking)
    return house.sandbox.world.documents.create({**paper, "number": "2025-900000", **other})


def never_read(house, booking):
    """A booking that no poll and no webhook brought."""
    made = bookings.own_sale(booking, house.clock(), created=house.clock() - timedelta(days=2))
    house.sandbox.book(made)


def lost(house, booking):
    """Order and document are gone without a trace."""
    world, order = house.sandbox.world, order_of(house, booking)
    del world.documents.rows[order["invoiceId"]]
    del world.orders.rows[order["id"]]


def deleted(house, booking):
    house.sandbox.world.documents.delete(order_of(house, booking)["invoiceId"])


def cancelled_there(house, booking):
    paper_of(house, booking)["cancelled"] = True


def doubled(house, booking):
    issue_again(house, booking)


def wrong_document(house, booking):
    paper_of(house, booking)["type"] = "estimate"


def wrong_amount(house, booking):
    paper_of(house, booking)["total"] += Decimal("0.01")


def wrong_tax(house, booking):
    paper_of(house, booking)["totalTax"] += Decimal("0.01")


def wrong_currency(house, booking):
    paper_of(house, booking)["currency"] = "ISK"


def foreign(house, booking):
    """Our ledger knows nothing of the document, as after an import or a lost backup."""
    forget_deliveries(house, booking)


def forget_deliveries(house, booking):
    delivery = tables.Delivery.__table__
    with house.services.database.transaction() as open_:
        open_.execute(delivery.delete().where(delivery.c.booking_id == booking))


def still_standing(house, booking):
    house.sandbox.change(booking, cancel=True)
    house.drain()


def changed(house, booking):
    house.sandbox.change(booking, reprice="777.00")
    house.drain()


def unread_change(house, booking):
    house.sandbox.change(booking, reprice="888.00")


def vanished(house, booking):
    world = house.sandbox.world
    del world.bookings[next(key for key in world.bookings if key[1] == booking)]


def missing(house, booking):
    """It is due, and nothing is planned and nothing stands."""
    lost(house, booking)
    forget_deliveries(house, booking)


def refunded(house, booking):
    [payment, *_] = house.sandbox.booking(booking)["customerPayments"]
    payment["totalRefundedAmount"] = Decimal("20.00")
    house.sandbox.change(booking, fields={"customerPayments": [payment]})
    house.drain()


DAMAGE = {
    Kind.MISSING: lost,
    Kind.DELETED: deleted,
    Kind.CANCELLED_THERE: cancelled_there,
    Kind.DOUBLED: doubled,
    Kind.WRONG_DOCUMENT: wrong_document,
    Kind.WRONG_AMOUNT: wrong_amount,
    Kind.WRONG_TAX: wrong_tax,
    Kind.WRONG_CURRENCY: wrong_currency,
    Kind.FOREIGN: foreign,
    Kind.STILL_STANDING: still_standing,
    Kind.CHANGED: changed,
    Kind.NOT_IN_BOKUN: vanished,
    Kind.REFUNDED: refunded,
    Kind.UNREAD_CHANGE: unread_change,  # the last: nothing polls after it
}


def test_all_planted_damage_is_found_and_nothing_else_is(house):
    """Among 150 bookings of every kind each planted damage is named once, and no clean booking is."""
    fill(house)
    house.clock.pass_by(hours=2)
    house.drain()
    assert kinds(audited(house)) == []
    own_sales = [FIRST + index for index in range(MANY) if index % 3 and index % 5 in (0, 3)]
    planted = [*zip(DAMAGE.items(), own_sales, strict=False), ((Kind.NEVER_READ, never_read), FIRST + MANY)]
    for (_, plant), booking in planted:
        plant(house, booking)
    house.clock.pass_by(hours=2)
    assert kinds(audited(house)) == sorted((kind.value, booking) for (kind, _), booking in planted)


@pytest.fixture
def sold(house):
    """One sale, invoiced and proven, two hours ago."""
    house.sandbox.connect()
    house.sandbox.book(bookings.own_sale(FIRST, house.clock(), total="100.10"))
    house.drain(2)
    house.clock.pass_by(hours=2)
    house.drain()
    return house


def said(done):
    return [(each.kind.value, each.because) for each in done.differences]


def test_the_figures_of_a_clean_period_agree(sold):
    """Count, sum and tax of each book stand side by side, by connection and currency."""
    done = audited(sold)
    figures = [(each.book, each.count, each.total) for each in done.audit.lines]
    assert figures == [
        ("bokun confirmed", 1, Decimal("100.10")),
        ("ledger invoice", 1, Decimal("100.10")),
        ("space-invoices invoice", 1, Decimal("100.10")),
    ]
    assert (done.clean, {each.currency for each in done.audit.lines}) == (True, {"EUR"})
    assert len({each.tax for each in done.audit.lines}) == 1


def test_a_change_is_named_with_its_money(sold):
    """A booking that changed after its invoice is named with old total, new total and difference."""
    sold.sandbox.change(FIRST, reprice="80.00")
    sold.drain()
    [paper] = sold.sandbox.documents
    because = (
        f"the booking changed after invoice {paper['number']}: from 100.10 EUR to 80.00 EUR, a difference of -20.10"
    )
    assert said(audited(sold)) == [("changed", because)]


def test_a_refund_is_named_with_its_amount(sold):
    """Money that went back while the invoice stands in full is named."""
    refunded(sold, FIRST)
    [(kind, because)] = said(audited(sold))
    assert (kind, because.split(",")[0]) == ("refunded", "Bokun shows 20.00 EUR paid back")


def test_what_a_release_before_saw_is_not_read_again(sold):
    """The fingerprint that 0.1.0 had of an item is known for the same: Bokun is asked for no booking."""
    [shown] = sold.sandbox.world.index(sold.sandbox.access_key)
    text = json.dumps(
        loads(shown.text), sort_keys=True, separators=(",", ":"), default=lambda each: str(each.normalize())
    )
    before = {"fingerprint": sha256(text.encode()).hexdigest()}
    sold.services.database.run(lambda open_: open_.execute(tables.Sighting.__table__.update().values(before)))
    asked = len(sold.sandbox.requests)
    assert audited(sold).clean
    assert not [each["path"] for each in sold.sandbox.requests[asked:] if "/booking.json/booking/" in each["path"]]


def test_what_is_under_way_is_not_damage(house):
    """A booking whose order shows late, and one whose notice is unread, are counted and not compared."""
    house.sandbox.connect()
    house.sandbox.knobs.order_lag = 3000
    house.sandbox.book(bookings.own_sale(FIRST, house.clock()))
    house.drain()
    house.sandbox.book(bookings.own_sale(FIRST + 1, house.clock()))
    house.poll()
    done = audited(house)
    assert (done.audit.under_way, done.differences) == (2, ())


def test_what_has_been_under_way_for_long_is_stuck(house):
    """After an hour without an end work is a difference."""
    house.sandbox.connect()
    house.sandbox.faults.add(remote="space-invoices", path="/order", kind="status", code=503, times=None)
    house.sandbox.book(bookings.own_sale(FIRST, house.clock()))
    house.drain()
    house.clock.pass_by(hours=2)
    house.sandbox.faults.clear()
    assert [kind for kind, _ in said(audited(house))] == ["stuck"]


def test_an_accepted_difference_is_named_again_once_it_changes(sold):
    """What a person lets stand is quiet as long as it is the same, and a difference again as soon as it is not."""
    wrong_amount(sold, FIRST)
    [found] = audited(sold).differences
    auditing.accept(sold.services, found.key, because="rounded by hand")
    assert (audited(sold).differences, len(audited(sold).accepted)) == ((), 1)
    wrong_amount(sold, FIRST)
    assert [each.kind for each in audited(sold).differences] == [Kind.WRONG_AMOUNT]


def test_books_that_stay_closed_are_no_differences(sold):
    """Where a remote does not answer, nothing is compared and the audit is not clean."""
    sold.sandbox.faults.add(remote="space-invoices", path="/documents", kind="status", code=503, times=None)
    done = audited(sold)
    assert (done.clean, done.differences, len(done.failed)) == (False, (), 1)


def test_an_order_of_another_period_is_not_compared(sold):
    """The order of a booking made before the period, never read here, is not damage of this period."""
    sold.sandbox.book(bookings.own_sale(FIRST + 5, sold.clock(), created=sold.clock() - timedelta(days=90)))
    world, order = sold.sandbox.world, order_of(sold, FIRST)
    other = world.orders.create({**order, "orderId": str(FIRST + 5), "number": "X"})
    world.documents.create({**paper_of(sold, FIRST), "orderId": other["id"]})
    assert said(audited(sold)) == []
    world.orders.patch(other["id"], {"orderId": "12345"})
    assert [kind for kind, _ in said(audited(sold))] == ["foreign"]


def test_the_daily_audit_runs_once_a_day_and_tells_what_is_new(sold):
    """The task audits when it is due; one alert tells of differences, one of their end."""
    told = []
    services = (
        sold.with_terms(audit_every=86400).with_services(tell=lambda message: told.append(message) or True).services
    )
    wrong_amount(sold, FIRST)
    assert auditing.daily(services) == "1 differences in 1 sales"
    assert auditing.daily(services) == "not due"
    sold.clock.pass_by(days=1, seconds=1)
    auditing.daily(services)
    alerts.tell(services)
    paper_of(sold, FIRST)["total"] -= Decimal("0.01")
    sold.clock.pass_by(days=1, seconds=1)
    auditing.daily(services)
    alerts.tell(services)
    assert [[each["state"] for each in message["alerts"]] for message in told] == [["wrong"], ["over"]]


def test_what_was_booked_before_start_from_is_compared_where_a_back_fill_took_it_up(house, tmp_path):
    """Of two sales before START_FROM one was taken up by a plan: its loss is named, the other is nobody's damage."""
    there = house.with_terms(start_from=NOW - timedelta(days=1))
    there.sandbox.connect()
    for booking in (FIRST, FIRST + 1):
        there.sandbox.book(bookings.own_sale(booking, NOW, created=NOW - timedelta(days=60 + booking - FIRST)))
    there.mirror()
    since = NOW - timedelta(days=60, hours=1)
    lines = preview(there.services, finding.of_period(there.services, since, NOW).seen, history=History(""))
    made = planfile.write(tmp_path / "plan.jsonl", lines, [], since=since, until=NOW, now=NOW)
    backfill.apply(there.services, made, there.until, sleep=there.clock.sleep)
    there.later(hours=2)
    whole = {"since": NOW - timedelta(days=90)}
    assert (audited(there, **whole).differences, audited(there, **whole).audit.sales) == ((), 1)
    lost(there, FIRST)
    assert kinds(audited(there, **whole)) == [("missing", FIRST)]
    assert kinds(audited(there, **whole, until=NOW - timedelta(days=30))) == [("missing", FIRST)]

"""What an attempt meets and what follows: never a second document, and in the end exactly one (behaviour 7)."""

import socket
import time
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from worker.sandbox import bookings
from worker.store import connections, notices, tables

A, B = 9_000_001, 9_000_002
ORDER = {"remote": "space-invoices", "method": "POST", "path": "/order$"}
UNTRUSTED = {
    "reset": {"kind": "reset"},
    "close": {"kind": "close"},
    "html": {"kind": "html"},
    "garbage": {"kind": "garbage"},
    "500": {"kind": "status", "code": 500},
    "502 in html": {"kind": "status", "code": 502, "body": "<html>Bad gateway</html>"},
    "408": {"kind": "status", "code": 408},
    "409": {"kind": "status", "code": 409},
    "302": {"kind": "redirect", "code": 302},
    "307": {"kind": "redirect", "code": 307},
    "error in 200": {"kind": "status", "code": 200, "body": {"error": {"statusCode": 500}}},
    "204": {"kind": "status", "code": 204},
    "list": {"kind": "status", "code": 200, "body": "[]"},
    "huge": {"kind": "huge", "size": 1_500_000},
}
untrusted = pytest.mark.parametrize("fault", UNTRUSTED.values(), ids=UNTRUSTED)


@dataclass(frozen=True)
class Detour:
    """A wire that sends orders to a port where nobody listens."""

    wire: object
    port: int

    def send(self, request):
        if request.url.endswith("/order"):
            request = replace(request, url=f"http://127.0.0.1:{self.port}/")
        return self.wire.send(request)


@dataclass(frozen=True)
class Defect:
    """A wire with a defect of ours in it: it raises where it should send an order."""

    wire: object

    def send(self, request):
        if request.url.endswith("/order"):
            raise RuntimeError
        return self.wire.send(request)


@pytest.fixture
def closed_port():
    """A port that refuses."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def booked(house):
    """A connection and one sale that is due."""
    house.sandbox.connect()
    house.sandbox.book(bookings.own_sale(A, house.clock()))
    return house


def blocks(house):
    return house.rows(tables.Connection, "blocked_by")


def pause(house, connection, at):
    with house.services.database.transaction() as open_:
        connections.change(open_, connection, paused_at=at)


@untrusted
def test_what_arrived_without_a_trustworthy_answer_is_found(booked, fault):
    """An order that took effect and whose answer cannot be believed is looked up, confirmed and never sent again."""
    booked.sandbox.faults.add(**ORDER, **fault, after_effect=True)
    booked.drain()
    assert (booked.deliveries, booked.outcomes) == ([("received", "invoice", "confirmed")], ["unknown"])
    booked.later(hours=1)
    assert (booked.documents, booked.posts) == ([("invoice", A)], 1)


@untrusted
def test_what_did_not_arrive_is_sent_again_once_its_absence_is_proven(booked, fault):
    """An order without effect and without trustworthy answer is sent again only after the proof, once."""
    booked.sandbox.faults.add(**ORDER, **fault)
    for minutes in (0, 5, 8):
        booked.later(minutes=minutes)
    assert (booked.deliveries, booked.posts) == ([("received", "invoice", "unknown")], 1)
    booked.later(minutes=3)
    booked.drain()
    assert (booked.documents, booked.posts) == ([("invoice", A)], 2)
    assert (booked.deliveries, booked.outcomes) == ([("received", "invoice", "confirmed")], ["unknown", "accepted"])


def test_an_answer_that_breaks_off_is_looked_up(booked):
    """Half an answer to an order that took effect is no answer."""
    booked.sandbox.faults.add(**ORDER, kind="truncate")
    booked.drain()
    assert (booked.deliveries, booked.outcomes) == ([("received", "invoice", "confirmed")], ["unknown"])


@pytest.mark.parametrize(
    "fault", [{"kind": "delay", "seconds": 0.3}, {"kind": "drip", "every": 0.25}], ids=["late", "drip"]
)
def test_an_answer_that_takes_too_long_is_looked_up(hasty, fault):
    """A call ends at its deadline; the order that took effect meanwhile is found and not sent again."""
    hasty.sandbox.connect()
    hasty.sandbox.book(bookings.own_sale(A, hasty.clock()))
    hasty.sandbox.faults.add(**ORDER, **fault, after_effect=True)
    hasty.settle_down()
    assert (hasty.documents, hasty.posts, hasty.outcomes) == ([("invoice", A)], 1, ["unknown"])


def test_an_order_whose_effect_comes_after_the_deadline_is_found(hasty):
    """The remote commits only after we gave up: later looks find it."""
    hasty.sandbox.connect()
    hasty.sandbox.book(bookings.own_sale(A, hasty.clock()))
    hasty.sandbox.faults.add(**ORDER, kind="delay", seconds=0.4)
    hasty.drain()
    time.sleep(0.25)
    hasty.settle_down()
    assert (hasty.documents, hasty.posts) == ([("invoice", A)], 1)


def test_an_order_that_shows_late_is_waited_for(booked):
    """While the list lags behind, an accepted order is looked for again and again, and confirmed in the end."""
    booked.sandbox.knobs.order_lag = 300
    booked.drain()
    before = booked.deliveries
    booked.settle_down()
    assert before == [("received", "invoice", "accepted")]
    assert (booked.deliveries, booked.posts) == ([("received", "invoice", "confirmed")], 1)


def test_an_unanswered_order_that_shows_late_is_not_sent_again(booked):
    """A list that lags for less than the proof takes makes no second order."""
    booked.sandbox.knobs.order_lag = 600
    booked.sandbox.faults.add(**ORDER, kind="reset", after_effect=True)
    booked.settle_down()
    assert (booked.deliveries, booked.posts) == ([("received", "invoice", "confirmed")], 1)


def test_an_order_without_its_document_is_looked_at_again(booked):
    """An order that has no document yet is neither confirmed nor sent again; the document confirms it."""
    booked.sandbox.knobs.document_lag = 1200
    booked.drain()
    before = booked.deliveries
    booked.later(minutes=16)
    assert before == booked.deliveries == [("received", "invoice", "accepted")]
    booked.later(minutes=10)
    assert (booked.deliveries, booked.posts) == ([("received", "invoice", "confirmed")], 1)


def test_an_unanswered_order_without_its_document_is_not_sent_again(booked):
    """An order in work is no absence, however long it takes within the proof's time and past it."""
    booked.sandbox.knobs.document_lag = 3000
    booked.sandbox.faults.add(**ORDER, kind="close", after_effect=True)
    for _ in range(10):
        booked.later(minutes=8)
    assert (booked.deliveries, booked.posts) == ([("received", "invoice", "confirmed")], 1)


def test_an_order_that_never_gets_its_document_is_held(booked):
    """After two hours of looks a person is told which order stands without document."""
    booked.sandbox.knobs.document_lag = 10**7
    for _ in range(20):
        booked.later(minutes=16)
    [order] = booked.sandbox.orders
    assert (booked.deliveries, booked.posts) == ([("received", "invoice", "held")], 1)
    assert booked.reasons == [f"order {order['id']} is there, but has no document after 14 looks"]


def test_an_accepted_order_that_never_shows_is_held(booked):
    """A 2xx whose order cannot be found is a contradiction for a person, never a second send."""
    booked.sandbox.faults.add(**ORDER, kind="status", code=200, body={})
    booked.settle_down()
    assert (booked.deliveries, booked.posts) == ([("received", "invoice", "held")], 1)
    assert booked.reasons[0].startswith("Space Invoices accepted it, but")


def test_an_order_that_goes_unanswered_three_times_is_held(booked):
    """At most three automatic sends may go unanswered; past that only a person sends again."""
    booked.sandbox.faults.add(**ORDER, kind="reset", times=None)
    for _ in range(5):
        booked.later(minutes=1)
        booked.later(minutes=5)
        booked.later(minutes=16)
    assert (booked.deliveries, booked.posts) == ([("received", "invoice", "held")], 3)
    assert booked.reasons[0].startswith("it went unanswered 3 times, and")


def test_another_document_than_the_expected_one_is_held_with_both_sides(booked):
    """The remote read the flags in another way: the delivery is held and the sentence names both documents."""
    [connection] = booked.sandbox.connections
    booked.mirror()
    booked.sandbox.change(A, pay=False, payment_type="BANK_TRANSFER")
    booked.sandbox.flags(connection["id"], issueInvoiceForBankPayment=True)
    booked.poll()
    booked.plan()
    booked.deliver()
    booked.reconcile()
    [document] = booked.sandbox.documents
    assert booked.deliveries == [("received", "estimate", "held")]
    assert booked.reasons == [f"an estimate was expected, but an invoice ({document['id']}) was issued"]


def test_a_second_invoice_of_somebody_elses_is_held(booked):
    """Two invoices for one sale are shown to a person."""
    [connection] = booked.sandbox.connections
    booked.sandbox.faults.add(**ORDER, kind="reset", after_effect=True)
    booked.mirror()
    booked.poll()
    booked.plan()
    booked.deliver()
    theirs = booked.sandbox.connect("theirs", active=False)["id"]
    extra = {**booked.sandbox.documents[0]}
    world = booked.sandbox.world
    second = world.documents.create(extra)
    world.orders.create({**booked.sandbox.orders[0], "bokunId": theirs, "invoiceId": second["id"]})
    booked.settle_down()
    assert connection["id"] != theirs
    assert (booked.deliveries, booked.posts) == ([("received", "invoice", "held")], 1)
    assert booked.reasons[0].startswith("2 invoices stand for this booking: ")


@pytest.mark.parametrize("status", [400, 413, 415, 422, 418])
def test_a_refusal_is_held_with_the_remotes_words(booked, status):
    """A 4xx that names no other meaning holds the delivery and keeps what the remote said."""
    body = {"error": {"statusCode": status, "message": "The currency is not enabled."}}
    booked.sandbox.faults.add(**ORDER, kind="status", code=status, body=body)
    booked.settle_down()
    assert (booked.deliveries, booked.posts) == ([("received", "invoice", "held")], 1)
    assert booked.reasons == [f"Space Invoices refused it ({status}: The currency is not enabled.)"]


def test_errors_inside_a_2xx_are_a_refusal(booked):
    """A 2xx with errors inside holds the delivery."""
    booked.sandbox.faults.add(**ORDER, kind="status", code=200, body={"errors": ["No such tax."]})
    booked.settle_down()
    assert (booked.deliveries, booked.outcomes) == ([("received", "invoice", "held")], ["refused"])


def test_a_refused_booking_is_told_again_when_it_changes(booked):
    """Only another revision takes a refused delivery out of the way, and then it is sent once."""
    booked.sandbox.faults.add(**ORDER, kind="status", code=422)
    booked.drain()
    booked.sandbox.change(A, pay=True)
    booked.later(minutes=5)
    before = booked.posts
    booked.sandbox.change(A, reprice="31.00")
    booked.later(minutes=5)
    booked.later(minutes=5)
    assert (before, booked.posts, booked.documents) == (1, 2, [("invoice", A)])
    assert booked.deliveries == [("received", "invoice", "superseded"), ("received", "invoice", "confirmed")]


def test_a_429_is_sent_again_not_before_the_time_asked_for(booked):
    """Not taken costs no document; the delivery is due after Retry-After and goes out by itself."""
    booked.sandbox.faults.add(**ORDER, kind="status", code=429, headers={"retry-after": "120"})
    booked.drain()
    [(due,)] = booked.rows(tables.Delivery, "due_at")
    assert booked.deliveries == [("received", "invoice", "planned")]
    assert timedelta(seconds=120) <= due - booked.clock() <= timedelta(seconds=125)
    booked.later(seconds=119)
    before = booked.posts
    booked.later(seconds=10)
    assert (before, booked.posts, booked.documents) == (1, 2, [("invoice", A)])


@pytest.mark.parametrize("asked", ["999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "10000000000000000000"])
def test_an_absurd_wait_is_cut_to_an_hour(booked, asked):
    """A remote that asks for years is asked again after an hour, by every kind of call."""
    booked.sandbox.faults.add(**ORDER, kind="status", code=429, headers={"retry-after": asked})
    booked.drain()
    booked.later(hours=1, minutes=1)
    assert booked.documents == [("invoice", A)]


def test_a_503_is_looked_for_not_before_the_time_asked_for(booked):
    """An unknown with Retry-After is left alone until then, and then found."""
    booked.sandbox.faults.add(**ORDER, kind="status", code=503, headers={"retry-after": "120"}, after_effect=True)
    booked.drain()
    booked.later(seconds=110)
    before = booked.deliveries
    booked.later(seconds=20)
    assert before == [("received", "invoice", "unknown")]
    assert (booked.deliveries, booked.posts) == ([("received", "invoice", "confirmed")], 1)


def test_an_absurd_wait_does_not_hide_an_unknown_for_ever(booked):
    """A 503 that asks for years is looked up within the hour."""
    booked.sandbox.faults.add(**ORDER, kind="status", code=503, headers={"retry-after": "999999999"}, after_effect=True)
    booked.drain()
    booked.later(hours=1, minutes=1)
    assert booked.deliveries == [("received", "invoice", "confirmed")]


def test_what_never_left_is_sent_again_with_backoff(booked, closed_port):
    """A refused connection is not sent: planned again for later, and no look is needed."""
    real = booked.services.space_invoices
    away = booked.with_services(space_invoices=replace(real, wire=Detour(real.wire, closed_port)))
    away.drain()
    assert (away.deliveries, away.outcomes, away.posts) == ([("received", "invoice", "planned")], ["not-sent"], 0)
    booked.later(seconds=10)
    assert (booked.documents, booked.outcomes) == ([("invoice", A)], ["not-sent", "accepted"])


@pytest.mark.parametrize("more", [0, 2], ids=["alone", "three at once"])
def test_a_defect_while_sending_is_an_attempt_of_which_nobody_knows(booked, more):
    """The drain goes on to its end, and what may have left is looked for; it is sent once its absence is proven."""
    for id_ in range(B, B + more):
        booked.sandbox.book(bookings.own_sale(id_, booked.clock()))
    real = booked.services.space_invoices
    booked.with_services(space_invoices=replace(real, wire=Defect(real.wire))).drain()
    assert booked.rows(tables.Delivery, "state") == [("unknown",)] * (1 + more)
    booked.settle_down()
    assert (len(booked.documents), booked.most_documents()) == (1 + more, 1)


def test_attempts_that_never_left_end_at_their_number(booked, closed_port):
    """After MAX_ATTEMPTS a person is asked."""
    real = booked.services.space_invoices
    away = booked.with_terms(max_attempts=3).with_services(
        space_invoices=replace(real, wire=Detour(real.wire, closed_port))
    )
    for _ in range(5):
        away.later(minutes=16)
    assert (away.deliveries, away.outcomes) == ([("received", "invoice", "held")], ["not-sent"] * 3)
    assert away.reasons == ["gave up after 3 attempts: it never left (ConnectError)"]


def test_a_claim_that_is_too_old_is_not_sent_and_costs_no_attempt(booked):
    """The guard refuses to begin; the delivery stays planned with no attempt counted, and goes out next time."""
    late = booked.with_services(monotonic=lambda: time.monotonic() - 60)
    late.drain()
    assert (late.posts, late.outcomes) == (0, ["not-sent"])
    assert late.rows(tables.Delivery, "state", "attempts", "failures", "taken") == [("planned", 0, 0, 0)]
    booked.later(minutes=1)
    assert booked.documents == [("invoice", A)]


def test_refused_credentials_block_the_connection_and_nothing_else_is_tried(booked):
    """A 401 blocks; while the token is refused no booking is told; when it works again all goes on by itself."""
    booked.sandbox.book(bookings.own_sale(B, booked.clock()))
    booked.mirror()
    booked.poll()
    booked.plan()
    right, booked.sandbox.world.token = booked.sandbox.world.token, "another"
    stale = booked.with_services(
        space_invoices=replace(booked.services.space_invoices, sign=lambda *_: {"authorization": right})
    )
    stale.settle_down()
    assert (blocks(stale), stale.posts) == ([("space-invoices",)], 0)
    booked.sandbox.world.token = right
    stale.later(minutes=5)
    assert (blocks(stale), sorted(stale.documents)) == ([(None,)], [("invoice", A), ("invoice", B)])


def test_a_401_to_an_order_plans_it_again_without_cost(booked):
    """The delivery that met it is planned again, costs no attempt and goes on when the token works."""
    booked.sandbox.faults.add(**ORDER, kind="status", code=401)
    booked.drain()
    assert blocks(booked) == [("space-invoices: orders",)]
    assert booked.rows(tables.Delivery, "state", "attempts", "failures") == [("planned", 0, 0)]
    booked.later(minutes=5)
    assert (blocks(booked), booked.documents) == ([(None,)], [("invoice", A)])


def test_a_connection_that_is_gone_holds_its_deliveries(booked):
    """A 404 holds the delivery, the refresh sees that the connection is gone, and what else was planned is held."""
    booked.sandbox.book(bookings.own_sale(B, booked.clock()))
    booked.mirror()
    booked.poll()
    booked.plan()
    [connection] = booked.sandbox.connections
    booked.sandbox.world.connections.delete(connection["id"])
    booked.later(minutes=5)
    booked.later(minutes=5)
    assert (booked.posts, [state for _, _, state in booked.deliveries]) == (0, ["held", "held"])


def test_a_404_to_an_order_is_held(booked):
    """The delivery that met it is held with the reason."""
    booked.mirror()
    booked.poll()
    booked.plan()
    [connection] = booked.sandbox.connections
    booked.sandbox.world.connections.delete(connection["id"])
    booked.deliver()
    assert (booked.deliveries, booked.outcomes) == ([("received", "invoice", "held")], ["gone"])
    assert booked.reasons[0].startswith("Space Invoices no longer knows this connection (404")


def test_a_paused_connection_loses_nothing(booked):
    """While it is paused nothing is sent; resumed, what was planned goes out."""
    booked.mirror()
    booked.poll()
    booked.plan()
    [connection] = booked.sandbox.connections
    pause(booked, connection["id"], booked.clock())
    booked.later(minutes=5)
    before = booked.posts
    pause(booked, connection["id"], None)
    booked.later(minutes=5)
    assert (before, booked.documents) == (0, [("invoice", A)])


def test_a_look_that_fails_keeps_everything_from_being_sent(booked):
    """Without an answered look nothing is sent for the first time."""
    booked.sandbox.faults.add(remote="space-invoices", path="/orders", kind="status", code=500, times=2)
    booked.drain()
    before = booked.posts, booked.deliveries
    booked.later(minutes=1)
    booked.later(minutes=2)
    assert before == (0, [("received", "invoice", "planned")])
    assert booked.documents == [("invoice", A)]


def test_a_failed_look_is_made_again_within_two_minutes(booked):
    """However often the list of orders fails and however unlucky the jitter, the next look is at most two minutes off."""
    booked.sandbox.faults.add(**ORDER, kind="reset")
    for _ in range(6):
        booked.later(seconds=60)
    booked.sandbox.faults.add(remote="space-invoices", path="/orders", kind="status", code=500, times=None)
    unlucky, waits = booked.with_services(chance=lambda: 0.999), []
    for _ in range(12):
        unlucky.later(minutes=3)
        [(due,)] = booked.rows(tables.Delivery, "look_at")
        waits.append(due - booked.clock())
    assert (max(waits), booked.outcomes) == (timedelta(minutes=2), ["unknown"])


def test_a_list_that_ignores_the_filter_proves_nothing(booked):
    """Orders of other bookings, returned unasked, neither confirm nor block ours."""
    stranger = {"id": "x", "bokunId": booked.sandbox.connections[0]["id"], "orderId": "1", "invoiceId": "inv-1"}
    booked.sandbox.faults.add(
        remote="space-invoices", path="/orders", kind="status", code=200, body=[stranger], times=1
    )
    booked.drain()
    assert (booked.documents, booked.deliveries) == ([("invoice", A)], [("received", "invoice", "confirmed")])


def test_one_booking_that_fails_does_not_hold_up_the_other(booked):
    """A refusal of one booking leaves its neighbour's invoice alone."""
    booked.sandbox.book(bookings.own_sale(B, booked.clock()))
    booked.sandbox.faults.add(**ORDER, kind="status", code=422, booking=A)
    booked.drain()
    assert (booked.documents, sorted(booked.outcomes)) == ([("invoice", B)], ["accepted", "refused"])


def test_the_next_document_waits_for_the_proof_of_the_last(house):
    """An estimate that the remote made an invoice of is seen before the invoice that the new flags call for is sent."""
    house.sandbox.knobs.order_lag = 90
    connection = house.sandbox.connect()["id"]
    house.sandbox.book(bookings.own_sale(A, house.clock(), paid=False, payment_type="BANK_TRANSFER"))
    house.mirror()
    house.poll()
    house.plan()
    house.sandbox.flags(connection, issueInvoiceForBankPayment=True)
    house.deliver()
    house.mirror()
    house.services.database.run(lambda open_: notices.note(open_, "webhook", [(connection, A)], house.clock()))
    house.settle_down()
    assert house.documents == [("invoice", A)]

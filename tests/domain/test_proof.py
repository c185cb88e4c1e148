"""What the remote's orders prove about a delivery, and when absence is proven (behaviour 4.5, 4.6 and 7)."""

from datetime import timedelta

import pytest

from tests.builders import NOW
from worker.domain.decision import Document, Moment
from worker.domain.proof import AbsenceRule, Absent, Expected, Found, Mismatched, Order, Pending, sight

INVOICE, ESTIMATE = Document.INVOICE, Document.ESTIMATE


def order(id_="o1", invoice=None, estimate=None, **said):
    usual = {"connection": "c1", "names": frozenset({"7"})}
    return Order(id=id_, invoice=invoice, estimate=estimate, **(usual | said))


def expected(document=INVOICE, moment=Moment.RECEIVED, **said):
    usual = {"key": "k", "names": frozenset({"7", "TEST-7"}), "connections": frozenset({"c1", "c2"})}
    return Expected(moment, document, **(usual | said))


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize(("document", "there"), [(INVOICE, {"invoice": "d1"}), (ESTIMATE, {"estimate": "d1"})])
def test_the_expected_document_is_proof(document, there, sent):
    """An order of the booking that carries the expected document is found, sent before or not."""
    assert sight(expected(document, sent=sent), [order(**there)]) == Found("o1", "d1")


@pytest.mark.parametrize("names", [{"7"}, {"TEST-7"}, {"TEST-7", "7"}, {"7", "other"}])
def test_either_name_of_the_booking_recognises_it(names):
    """The booking's id or its confirmation code counts, in orderId or in number."""
    assert sight(expected(), [order(invoice="d1", names=frozenset(names))]) == Found("o1", "d1")


@pytest.mark.parametrize(
    "stranger",
    [{"names": frozenset({"77"})}, {"names": frozenset()}, {"connection": "c3"}, {"connection": None}],
    ids=["other booking", "no name", "other organization", "no connection"],
)
def test_what_the_filter_should_have_kept_out_proves_nothing(stranger):
    """An order of another booking, or of a connection that is not ours, is no order of this delivery."""
    assert sight(expected(), [order(invoice="d1", **stranger)]) == Absent()


def test_another_connection_of_the_organization_counts():
    """An order through any connection of the organization is the same sale."""
    assert sight(expected(), [order(invoice="d1", connection="c2")]) == Found("o1", "d1")


def test_an_unfiltered_list_is_searched_for_ours():
    """Strangers around it neither hide nor double the order that counts."""
    strangers = [order(f"x{n}", invoice=f"y{n}", names=frozenset({f"8{n}"})) for n in range(3)]
    assert sight(expected(), [*strangers, order(invoice="d1"), *strangers]) == Found("o1", "d1")


def test_two_documents_are_an_alarm():
    """Two different documents of the expected kind are shown with both numbers, never taken for found."""
    found = sight(expected(), [order(invoice="d1"), order("o2", invoice="d2", connection="c2")])
    assert found == Mismatched("2 invoices stand for this booking: d1, d2")


def test_the_same_document_on_two_orders_is_one():
    """Two orders that carry one and the same document are no double."""
    found = sight(expected(), [order(invoice="d1"), order("o2", invoice="d1")])
    assert isinstance(found, Found)
    assert found.document == "d1"


def test_an_estimate_before_the_invoice_is_explained():
    """An order that only carries the estimate told before is not found and no mismatch: the invoice is absent."""
    explained = frozenset({(ESTIMATE, "o1")})
    found = [sight(expected(explained=explained, sent=sent), [order(estimate="e1")]) for sent in (True, False)]
    assert found == [Absent(), Absent()]


def test_another_orders_estimate_is_not_explained_by_the_first():
    """An estimate stood before on one order; one on another order came of this delivery's own call."""
    orders = [order(estimate="e1"), order("o2", estimate="e2", connection="c2")]
    found = sight(expected(explained=frozenset({(ESTIMATE, "o1")})), orders)
    assert found == Mismatched("an invoice was expected, but an estimate (e2) was issued")


def test_an_estimate_that_nothing_explains_is_a_mismatch_once_sent():
    """An invoice was expected, an estimate came: both sides are said."""
    found = sight(expected(), [order(estimate="e1")])
    assert found == Mismatched("an invoice was expected, but an estimate (e1) was issued")


def test_a_strange_estimate_does_not_stop_a_first_invoice():
    """Before the first send an estimate of somebody else's is no reason to hold the invoice back."""
    assert sight(expected(sent=False), [order(estimate="e1")]) == Absent()


@pytest.mark.parametrize("sent", [True, False])
def test_an_invoice_where_an_estimate_was_expected_is_a_mismatch(sent):
    """An invoice that nothing explains stands already: the estimate is held, sent or not."""
    found = sight(expected(ESTIMATE, sent=sent), [order(invoice="d1")])
    assert found == Mismatched("an estimate was expected, but an invoice (d1) was issued")


def test_both_documents_on_one_order_are_what_each_expects():
    """Estimate and invoice on one order prove either delivery."""
    both = [order(invoice="d1", estimate="e1")]
    assert [sight(expected(each), both) for each in (INVOICE, ESTIMATE)] == [Found("o1", "d1"), Found("o1", "e1")]


@pytest.mark.parametrize("sent", [True, False])
def test_an_order_without_document_is_looked_at_again(sent):
    """An order that carries nothing yet is neither found nor absent."""
    assert sight(expected(sent=sent), [order()]) == Pending("o1")


def test_a_bare_order_beside_an_explained_one_is_waited_for():
    """One order with the earlier estimate and one without document: the latter may become the invoice."""
    orders = [order(estimate="e1"), order("o2")]
    assert sight(expected(explained=frozenset({(ESTIMATE, "o1")})), orders) == Pending("o2")


def test_no_order_is_absent():
    """An empty list says nothing of this delivery is there."""
    assert sight(expected(), []) == Absent()


def test_an_order_with_another_document_is_not_bare():
    """An order that carries the invoice told before is no order that may yet get the estimate."""
    assert sight(expected(ESTIMATE, explained=frozenset({(INVOICE, None)})), [order(invoice="d1")]) == Absent()


DELETED = "order o1 was deleted in Space Invoices: it is not made again without release"


@pytest.mark.parametrize("there", [{"invoice": "d1"}, {"estimate": "e1"}, {}], ids=str)
@pytest.mark.parametrize("sent", [True, False])
def test_what_a_person_deleted_is_not_made_again(there, sent):
    """A deleted order proves nothing and is no absence either, whatever it carried; the first one is named."""
    gone = [order("o2", deleted=True, **there), order(deleted=True, **there)]
    assert sight(expected(sent=sent), gone) == Mismatched(DELETED)


def test_what_a_person_deleted_and_released_is_absent():
    """After a release the deleted order stands in nobody's way."""
    assert sight(expected(released=True), [order(invoice="d1", deleted=True)]) == Absent()


@pytest.mark.parametrize("moment", [Moment.RECEIVED, Moment.CANCELLED])
def test_a_deleted_order_beside_the_one_that_counts_says_nothing(moment):
    """What stands is found, whatever was deleted beside it."""
    orders = [order("o2", invoice="d2", deleted=True), order(invoice="d1", cancelled=True)]
    assert sight(expected(moment=moment), orders) == Found("o1", "d1")


def test_a_bare_order_beside_a_deleted_one_is_a_persons_matter():
    """An order without its document is not waited for where another one was deleted."""
    assert sight(expected(), [order("o2"), order(deleted=True)]) == Mismatched(DELETED)


@pytest.mark.parametrize("moment", [Moment.CHANGED, Moment.CANCELLED])
def test_a_change_waits_for_what_it_changes(moment):
    """Before its first send a change needs the document that it is about; once sent, only its own trace counts."""
    bare = [order("o2"), order()]
    found = [
        sight(expected(moment=moment, sent=sent), orders)
        for sent, orders in [(False, bare), (False, [*bare, order("o3", invoice="d1")]), (False, []), (True, bare)]
    ]
    assert found == [Pending("o2"), Absent(), Absent(), Absent()]


def test_a_change_is_proven_by_its_own_mark_only():
    """The invoice that stands proves no change; the mark of ours in the order's payloads does."""
    changed = expected(moment=Moment.CHANGED)
    found = [sight(changed, [order(invoice="d1", keys=frozenset(keys))]) for keys in ((), ("x",), ("x", "k"))]
    assert found == [Absent(), Absent(), Found("o1", "d1")]


def test_a_cancellation_is_proven_by_its_mark_or_by_the_cancelled_order():
    """Either trace proves that the cancellation arrived."""
    told = expected(moment=Moment.CANCELLED)
    orders = [order(invoice="d1"), order(invoice="d1", cancelled=True), order(invoice="d1", keys=frozenset({"k"}))]
    assert [sight(told, [each]) for each in orders] == [Absent(), Found("o1", "d1"), Found("o1", "d1")]


def test_a_cancelled_order_proves_no_change():
    """Only a cancellation is proven by a cancelled order."""
    assert sight(expected(moment=Moment.CHANGED), [order(invoice="d1", cancelled=True)]) == Absent()


@pytest.mark.parametrize(
    ("looks", "seconds", "proven"),
    [(2, 900, False), (3, 899, False), (3, 900, True), (0, 10**6, False), (9, 10**6, True), (9, 0, False)],
)
def test_absence_takes_both_looks_and_time(looks, seconds, proven):
    """So many empty looks and so much time since the call, and never one without the other."""
    rule = AbsenceRule(3, timedelta(seconds=900))
    assert rule.proves(looks, called_at=NOW, now=NOW + timedelta(seconds=seconds)) is proven

"""What the comparison of the three books says of each damage, whose view speaks, and whose document is whose."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.domain.test_books import DAMAGE, GONE, UNTOLD, books, eur, sale, with_
from worker.domain.audit import compare
from worker.domain.booking import Status
from worker.domain.books import Books, Kind, Line, Placed, Reading
from worker.domain.decision import Document, Moment
from worker.domain.money import Money

AGAIN = "bokun-sync enqueue booking c1 1 --now"
NONE = "the ledger says that the invoice was told, but Space Invoices shows none"
TAKEN = "the invoice was deleted in Space Invoices; it is not made again: if it is wanted, write it by hand there"
FOREIGN = "an invoice (2025-1) stands that was not told from here"
ELSE = ": an import, a person or another program"
SAYS = {
    "never read": ("Bokun has this booking, and it was never read here", AGAIN, None, None),
    "read long ago": ("Bokun shows it otherwise than when it was read last: total 1, now 2", AGAIN, None, None),
    "not in Bokun": ("it was read here, but Bokun's search does not show it in this period any more", AGAIN, None, None),
    "due and not planned": (
        "an invoice is due (already-invoiced: the invoice was told before), and nothing is planned", AGAIN, "1.10 EUR", None),
    "told and not there": (NONE, None, "1.10 EUR", None),
    "order without document": (NONE, None, "1.10 EUR", None),
    "document deleted": (TAKEN, None, "1.10 EUR", None),
    "order deleted": (TAKEN, None, "1.10 EUR", None),
    "cancelled there": ("the invoice (2025-1) was cancelled in Space Invoices, but the booking stands", None, "1.10 EUR", "1.10 EUR"),
    "another document": ("an invoice was told, but an estimate (2025-1) stands", None, "1.10 EUR", "1.10 EUR"),
    "a cent off": ("an invoice (2025-1) of 1.11 EUR stands, 1.10 EUR was told: 0.01 off", None, "1.10 EUR", "1.11 EUR"),
    "tax a cent off": ("tax of 9.11 on invoice 2025-1, 9.10 was told", None, "1.10 EUR", "1.10 EUR"),
    "another currency": ("an invoice (2025-1) of 1.10 ISK stands for 1.10 EUR", None, "1.10 EUR", "1.10 ISK"),
    "somebody else's": (FOREIGN + ELSE, None, None, "1.10 EUR"),
    "of a booking nobody knows": (f"{FOREIGN}, for a booking that Bokun does not show{ELSE}", None, None, "1.10 EUR"),
    "cancelled": ("the booking is cancelled, but invoice 2025-1 still stands", None, None, "1.10 EUR"),
    "void": ("the booking is void, but invoice 2025-1 still stands", None, None, "1.10 EUR"),
    "no longer confirmed": ("the booking is pending, but invoice 2025-1 still stands", None, None, "1.10 EUR"),
    "changed": ("the booking changed after invoice 2025-1: from 1.10 EUR to 2.10 EUR, a difference of +1.00",
                "bokun-sync explain B-1", "2.10 EUR", "1.10 EUR"),
    "refunded": ("Bokun shows 1.00 EUR paid back, but invoice 2025-1 stands in full", None, "1.00 EUR", "1.10 EUR"),
    "held": ("the invoice (received) is held: ", 'bokun-sync deliveries release 1 --because "..."', None, None),
    "stuck": ("the invoice (received) has been unknown for long", "bokun-sync explain 1", "1.10 EUR", None),
    "asks": ("already-invoiced: the invoice was told before", 'bokun-sync bookings settle B-1 --because "..."', None, None),
}  # fmt: skip
"""The sentence, the command (None: to let it stand under its key), ours and theirs."""


def differences(of):
    return compare(of).differences


def kinds(of):
    return [each.kind for each in differences(of)]


@pytest.mark.parametrize("name", DAMAGE)
def test_a_difference_says_both_sides_and_what_settles_it(name):
    """Its sentence, its command and both amounts are those of the damaged sale, and so are its names."""
    because, settle, ours, theirs = SAYS[name]
    known = name != "of a booking nobody knows"
    [found] = differences(with_(sale(1), **DAMAGE[name][1]))
    assert (found.because, found.ours and str(found.ours), found.theirs and str(found.theirs)) == (
        because,
        ours,
        theirs,
    )
    assert found.settle == (settle or f'bokun-sync audit --accept {found.key} --because "..."')
    assert (found.organization, found.connection, found.booking, found.code) == (
        "org",
        "c1",
        1,
        "B-1" if known else "1",
    )


def test_the_sales_are_told_in_their_order():
    """Differences come by organization and booking, however the books are sorted."""
    three = [with_(sale(booking), papers={"total": eur("0.50")}) for booking in (3, 1, 2)]
    assert [each.booking for each in differences(books(three))] == [1, 2, 3]


def test_what_is_on_its_way_is_counted():
    """A sale with a notice or a call on its way is counted as such, and not compared."""
    moving = [with_(sale(1), ledger={"under_way": True}), with_(sale(2), sold={"under_way": True}), sale(3)]
    done = compare(books(moving))
    assert (done.under_way, done.sales, compare(sale(1)).under_way) == (2, 3, 0)


def two_views(one, *, told_by):
    """The sale as two connections of one organization see it, told or planned by one of them."""
    return replace(
        one,
        sold=(*one.sold, replace(one.sold[0], connection="c0", code="C-1")),
        ledger=tuple(replace(each, connection=told_by) for each in one.ledger),
    )


def test_the_view_that_told_it_speaks():
    """Of two views the one whose connection told the sale is named, also where it comes second."""
    damaged = with_(two_views(sale(1), told_by="c0"), papers={"total": eur("0.50")})
    assert [(each.connection, each.code) for each in differences(damaged)] == [("c0", "C-1")]


def test_a_view_that_told_nothing_does_not_speak():
    """Where nothing was told the first view is named, whoever planned it."""
    held = with_(two_views(sale(1), told_by="c0"), ledger={"state": "held", "told": False}, **GONE)
    assert [(each.connection, each.code) for each in differences(held)] == [("c1", "B-1")]


def test_a_held_invoice_is_not_looked_for():
    """Beside a told estimate that stands, an invoice that is held is held, and not missing."""
    one = sale(1, document=Document.ESTIMATE)
    held = replace(one.ledger[0], id=2, document=Document.INVOICE, state="held", told=False)
    assert kinds(replace(one, ledger=(*one.ledger, held))) == [Kind.HELD]


def test_a_told_change_expects_no_document():
    """A change that was told alone issues nothing, so nothing is missing."""
    assert kinds(with_(sale(1), ledger={"moment": Moment.CHANGED}, **GONE)) == []


def test_only_a_told_change_answers_for_its_amount():
    """Neither a change that is held nor the estimate that came before corrects the invoice."""
    one = with_(sale(1), papers={"total": eur("5.00")})
    [told] = one.ledger
    held = replace(told, id=2, moment=Moment.CHANGED, state="held", told=False, total=eur("5.00"))
    before = replace(told, id=2, document=Document.ESTIMATE, total=eur("5.00"))
    assert kinds(replace(one, ledger=(told, held))) == [Kind.WRONG_AMOUNT, Kind.HELD]
    assert kinds(replace(one, ledger=(told, before))) == [Kind.WRONG_AMOUNT]


def test_a_change_that_is_told_stands_for_the_revision():
    """What is looked at is the last change: another revision since is a change, with the money since then."""
    one = with_(sale(1), sold={"revision": "r3", "total": eur("7.00")})
    told = replace(one.ledger[0], id=2, moment=Moment.CHANGED, revision="r2", total=eur("5.00"))
    [found] = differences(replace(one, ledger=(*one.ledger, told)))
    assert found.because == (
        "the booking changed after invoice 2025-1: from 5.00 EUR to 7.00 EUR, a difference of +2.00"
    )


@pytest.mark.parametrize("names", [{"1"}, {"B-1"}, {"other", "1"}])
def test_an_order_is_found_by_id_or_code(names):
    """An order that carries the booking's id or its code belongs to the sale."""
    assert kinds(with_(sale(1), placed={"names": frozenset(names)})) == []


def test_an_order_of_a_booking_that_only_the_ledger_knows_is_its_own():
    """Where Bokun does not show the booking, the ledger's own id finds its order and document."""
    assert kinds(with_(sale(1), sold=None)) == []
    assert kinds(with_(sale(1), sold=None, **GONE)) == [Kind.MISSING]


def test_of_two_numbers_the_one_that_the_ledger_knows_counts():
    """An order that carries a smaller number beside the booking's id is still the booking's."""
    assert kinds(with_(sale(7), sold=None, placed={"names": frozenset({"10", "7"})})) == []


@pytest.mark.parametrize("order", [None, "", "another"])
def test_a_document_that_names_no_order_is_found_by_the_orders_own_list(order):
    """An order names its documents, so one that names no order, or another one, is still the sale's."""
    done = compare(with_(sale(1), papers={"order": order}))
    assert (done.differences, done.others) == ((), 0)


def test_a_document_is_found_by_its_order_alone():
    """A document that names its order is the sale's, also where the order does not list it."""
    done = compare(with_(sale(1), placed={"papers": frozenset()}))
    assert (done.differences, done.others) == ((), 0)


@pytest.mark.parametrize("order", [None, "another"])
def test_each_document_of_others_is_counted(order):
    """Documents that belong to no order of ours are counted, each."""
    one = sale(1)
    others = tuple(replace(one.papers[0], id=f"x{index}", order=order) for index in range(3))
    assert compare(replace(one, papers=(*others, *one.papers))).others == 3


@pytest.mark.parametrize(
    ("names", "booking"),
    [
        ({"77"}, 77),
        ({"B-1", "77"}, 77),
        ({str(each) for each in range(177, 99, -1)}, 100),
        ({"9a", "9"}, 9),
        ({"B-9"}, 0),
        ({"²", "٣"}, 0),
        (set(), 0),
    ],
)
def test_an_order_that_nobody_knows_is_named_by_its_number(names, booking):
    """A document of an unknown booking is named by the first name of its order that is a number, else by 0."""
    order = Placed("o9", "c1", "org", frozenset(names), frozenset({"d1"}))
    [found] = differences(Books((), (), (order,), with_(sale(1), papers={"order": "o9"}).papers))
    assert (found.kind, found.booking, found.code, found.connection) == (Kind.FOREIGN, booking, str(booking), "c1")


def test_a_sale_of_the_ledger_alone_is_named_by_its_entry():
    """Where Bokun does not show the booking, the entry's connection is named, not the order's."""
    lost = with_(sale(1), sold=None, ledger={"connection": "c2"}, papers={"total": eur("9.00")})
    assert [(each.connection, each.code) for each in differences(lost)] == [("c2", "1")]


def test_what_was_not_read_is_said_once():
    """Two views of a booking that nobody read are one difference, and nothing else is said of the sale."""
    for reading in (Reading.NEVER, Reading.CHANGED, Reading.VANISHED):
        unread = with_(sale(1), sold={"reading": reading}, papers={"total": eur("9.00")})
        [found] = differences(two_views(unread, told_by="c1"))
        assert found.kind in (Kind.NEVER_READ, Kind.UNREAD_CHANGE, Kind.NOT_IN_BOKUN)


def test_a_second_view_that_was_not_read_is_said():
    """Also a view that does not speak for the sale has to be read."""
    one = sale(1)
    other = replace(one.sold[0], connection="c0", reading=Reading.NEVER)
    [found] = differences(replace(one, sold=(*one.sold, other)))
    assert (found.kind, found.settle) == (Kind.NEVER_READ, "bokun-sync enqueue booking c0 1 --now")


@pytest.mark.parametrize("told", [True, False])
def test_two_documents_are_named_by_their_numbers(told):
    """Both numbers of a doubled document are said, and nothing else of the sale's documents is."""
    one = with_(sale(1), papers={"total": eur("9.00")})
    twin = replace(one.papers[0], id="d2", number="2025-2")
    both = replace(one, papers=(*one.papers, twin), ledger=one.ledger if told else ())
    assert [each.because for each in differences(both)] == ["2 invoices stand for it: 2025-1, 2025-2"]


def test_an_estimate_and_an_invoice_of_somebody_else_are_not_doubled():
    """One of each kind that was not told from here is named once, by the first; what was taken away is not."""
    one = with_(sale(1), **UNTOLD)
    estimate = replace(one.papers[0], id="d0", kind="estimate", number="2025-0")
    assert [each.because for each in differences(replace(one, papers=(estimate, *one.papers)))] == [
        "an estimate (2025-0) stands that was not told from here: an import, a person or another program"
    ]
    gone = (replace(estimate, deleted=True), replace(one.papers[0], cancelled=True))
    assert kinds(replace(one, papers=gone)) == []


def test_what_is_due_and_planned_is_not_missing():
    """A sale whose delivery is held is held; that its document is due as well is not said."""
    due = with_(sale(1), sold={"decision": "tell", "document": Document.INVOICE}, **GONE)
    assert kinds(with_(due, ledger={"state": "held", "told": False})) == [Kind.HELD]


@pytest.mark.parametrize("sold", [{"decision": "tell"}, {"decision": "wait", "document": Document.INVOICE}])
def test_what_is_not_due_is_not_missing(sold):
    """Only a decision to tell that names a document makes one due."""
    assert kinds(with_(sale(1), sold=sold, **UNTOLD, **GONE)) == []


def test_what_the_ledger_knows_of_an_unknown_booking_is_not_due():
    """A held delivery of a booking that Bokun does not show is held, and nothing else."""
    assert kinds(with_(sale(1), sold=None, ledger={"state": "held", "told": False}, **GONE)) == [Kind.HELD]


def test_a_told_estimate_is_compared_as_the_invoice_is():
    """An estimate that was told is looked for, and its amount compared."""
    one = sale(1, document=Document.ESTIMATE)
    assert kinds(one) == []
    [off] = differences(with_(one, papers={"total": eur("1.00")}))
    assert off.because == "an estimate (2025-1) of 1.00 EUR stands, 1.10 EUR was told: -0.10 off"
    [none] = differences(with_(one, **GONE))
    assert none.because == "the ledger says that the estimate was told, but Space Invoices shows none"


def test_an_invoice_beside_a_told_estimate_is_named_by_its_number():
    """The invoice that was not told is said, with what it shows."""
    one = sale(1, document=Document.ESTIMATE)
    invoice = replace(one.papers[0], id="d2", kind="invoice", number="2025-2", total=eur("3.00"))
    [found] = differences(replace(one, papers=(*one.papers, invoice)))
    assert (found.because, found.theirs) == (
        "an invoice (2025-2) stands beside the estimate, and only the estimate was told from here", eur("3.00"),
    )  # fmt: skip


def test_an_invoice_in_the_place_of_the_told_estimate_is_the_wrong_document():
    """Where the invoice stands alone it has taken the estimate's place."""
    assert kinds(with_(sale(1, document=Document.ESTIMATE), papers={"kind": "invoice"})) == [Kind.WRONG_DOCUMENT]


def test_an_estimate_beside_its_told_invoice_is_fine():
    """An estimate that was told before the invoice may stand beside it; the invoice is what is compared."""
    one = sale(1)
    estimate = replace(one.papers[0], id="d0", kind="estimate", number="2025-0", total=eur("9.00"))
    told = replace(one.ledger[0], id=2, document=Document.ESTIMATE, total=eur("9.00"))
    both = replace(one, papers=(estimate, *one.papers), ledger=(told, *one.ledger))
    assert kinds(both) == []
    assert kinds(with_(both, sold={"refunded": eur("1.00")})) == [Kind.REFUNDED]


def test_what_a_person_settled_is_theirs():
    """A sale that a person settled by hand is not compared, whatever stands for it."""
    one = with_(sale(1), ledger={"by_hand": True, "state": "settled"}, papers={"total": eur("9.00")})
    assert kinds(one) == []


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.VOID])
@pytest.mark.parametrize("damage", [GONE, {"papers": {"deleted": True}}, {"papers": {"kind": "estimate"}}])
def test_a_booking_that_does_not_stand_needs_no_document(status, damage):
    """Nothing is missing for a cancelled or void booking."""
    assert kinds(with_(sale(1), sold={"status": status}, **damage)) == []


def test_a_pending_booking_keeps_its_document():
    """Any other booking whose told document is gone has lost it."""
    assert kinds(with_(sale(1), sold={"status": Status.PENDING}, **GONE)) == [Kind.MISSING]


def test_a_cancelled_invoice_among_deleted_things():
    """A document of another kind that was deleted is none of ours; of two cancelled ones the last is named."""
    one = with_(sale(1), papers={"cancelled": True})
    estimate = replace(one.papers[0], id="d0", kind="estimate", deleted=True)
    later = replace(one.papers[0], id="d2", number="2025-2", total=eur("3.00"))
    [found] = differences(replace(one, papers=(estimate, *one.papers, later)))
    assert (found.because, found.theirs) == (
        "the invoice (2025-2) was cancelled in Space Invoices, but the booking stands", eur("3.00"),
    )  # fmt: skip


def test_one_deleted_thing_of_two_is_enough():
    """One deleted invoice beside a cancelled one, or one deleted order beside another, was deleted."""
    one = with_(sale(1), papers={"cancelled": True})
    gone = replace(one.papers[0], id="d2", deleted=True)
    assert kinds(replace(one, papers=(*one.papers, gone))) == [Kind.DELETED]
    order = replace(one.placed[0], id="o2", papers=frozenset(), deleted=True)
    assert kinds(replace(one, placed=(*one.placed, order))) == [Kind.DELETED]


def test_a_document_in_the_currency_of_a_change_is_fine():
    """After a told change in another currency the document may show either."""
    one = with_(sale(1), sold={"revision": "r2", "total": Money(Decimal(150), "ISK")})
    told = replace(one.ledger[0], id=2, moment=Moment.CHANGED, revision="r2", total=Money(Decimal(150), "ISK"))
    both = replace(one, ledger=(*one.ledger, told))
    assert kinds(both) == []
    assert kinds(with_(both, papers={"total": Money(Decimal(150), "ISK")})) == []
    assert kinds(with_(both, papers={"total": Money(Decimal(150), "USD")})) == [Kind.WRONG_CURRENCY]


def test_tax_is_compared_where_both_sides_know_it():
    """A tax that one side does not know is none; that of a told change is as good as the first."""
    one = with_(sale(1), papers={"tax": Decimal("9.11")})
    assert kinds(with_(one, ledger={"tax": None})) == []
    told = replace(one.ledger[0], id=2, moment=Moment.CHANGED, tax=Decimal("9.11"))
    assert kinds(replace(one, ledger=(*one.ledger, told))) == []
    assert kinds(with_(one, papers={"total": None})) == [Kind.WRONG_TAX]


def test_of_an_unknown_booking_nothing_is_said_after_its_document():
    """Where Bokun does not show the booking, a document as it was told is fine."""
    assert kinds(with_(sale(1), sold=None)) == []


def test_a_told_estimate_may_fall_behind():
    """Only an invoice is compared with the booking's later revisions and refunds; a revision not noted is none."""
    later = {"sold": {"revision": "r2", "refunded": eur("1.00")}}
    assert kinds(with_(sale(1, document=Document.ESTIMATE), **later)) == []
    assert kinds(with_(sale(1), ledger={"revision": ""}, sold={"revision": "r2"})) == []


@pytest.mark.parametrize("state", ["planned", "sending", "accepted", "unknown"])
def test_what_moves_no_more_is_stuck(state):
    """An entry that has been on its way for long is stuck, in each state that is no end."""
    [found] = differences(with_(sale(1), ledger={"state": state, "told": False}, **GONE))
    assert (found.kind, found.because) == (Kind.STUCK, f"the invoice (received) has been {state} for long")


def test_each_held_delivery_is_named_with_its_reason():
    """Two held deliveries of a sale are two questions."""
    one = with_(sale(1), ledger={"state": "held", "told": False, "reason": "refused"}, **GONE)
    second = replace(one.ledger[0], id=2, moment=Moment.CHANGED)
    assert [(each.because, each.settle) for each in differences(replace(one, ledger=(*one.ledger, second)))] == [
        ("the invoice (received) is held: refused", 'bokun-sync deliveries release 1 --because "..."'),
        ("the invoice (changed) is held: refused", 'bokun-sync deliveries release 2 --because "..."'),
    ]


def test_a_told_sale_that_asks_was_answered():
    """A booking that asks although something was told is a question about its change, named elsewhere."""
    assert kinds(with_(sale(1), sold={"decision": "ask"})) == []


def test_the_figures_stand_by_connection_currency_and_book():
    """Count, sum and tax of what each book holds: nothing untold, no change, and no document that was taken away."""
    one, two, three = sale(1), with_(sale(2), papers={"tax": None}), sale(3, document=Document.ESTIMATE)
    krona = with_(sale(4), sold={"total": Money(Decimal(4), "ISK"), "status": Status.CANCELLED}, ledger=None, **GONE)
    unknown = with_(sale(5), sold={"total": None}, ledger={"told": False, "state": "held"}, **GONE)
    taken = with_(sale(6), sold=None, ledger={"moment": Moment.CHANGED}, papers={"cancelled": True})
    other = with_(sale(7), sold={"connection": "c0"}, ledger=None, placed={"connection": "c0"}, papers={"total": None})
    tax = Decimal("9.10")
    assert compare(books([one, two, three, krona, unknown, taken, other])).lines == (
        Line("c0", "EUR", "bokun confirmed", 1, Decimal("7.10"), tax),
        Line("c1", "EUR", "bokun confirmed", 3, Decimal("6.30"), 3 * tax),
        Line("c1", "EUR", "ledger estimate", 1, Decimal("3.10"), tax),
        Line("c1", "EUR", "ledger invoice", 2, Decimal("3.20"), 2 * tax),
        Line("c1", "EUR", "space-invoices estimate", 1, Decimal("3.10"), tax),
        Line("c1", "EUR", "space-invoices invoice", 2, Decimal("3.20"), tax),
        Line("c1", "ISK", "bokun cancelled", 1, Decimal(4), tax),
    )

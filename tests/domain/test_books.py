"""The comparison of the three books: one name for one damage, over ten thousand bookings."""

from dataclasses import replace
from decimal import Decimal

import pytest

from worker.domain.audit import compare
from worker.domain.booking import Status
from worker.domain.books import Books, Difference, Entry, Kind, Line, Paper, Placed, Reading, Sold
from worker.domain.decision import Document, Moment
from worker.domain.money import Money

MANY = 10_000


def eur(text):
    return Money(Decimal(text), "EUR")


def sale(booking, *, document=Document.INVOICE):
    """One sale as all three books know it: told, issued, unchanged."""
    total, tax = eur(f"{booking}.10"), Decimal("9.10")
    return Books(
        (Sold("c1", "org", booking, f"B-{booking}", Reading.CURRENT, Status.CONFIRMED, total, tax, "skip", None,
              "already-invoiced", "the invoice was told before", "r1"),),
        (Entry(booking, "c1", "org", booking, Moment.RECEIVED, document, "confirmed", True, False, total, tax, "r1"),),
        (Placed(f"o{booking}", "c1", "org", frozenset({str(booking)}), frozenset({f"d{booking}"})),),
        (Paper(f"d{booking}", document.value, f"o{booking}", f"2025-{booking}", total, tax),),
    )  # fmt: skip


def books(sales):
    return Books(*(tuple(row for each in sales for row in getattr(each, name)) for name in Books.__slots__))


def with_(of, **other):
    """The sale with other members in its single rows: sold=, ledger=, placed=, papers= as dicts, or None for no row."""
    return replace(of, **{
        name: () if change is None else tuple(replace(row, **change) for row in getattr(of, name))
        for name, change in other.items()
    })  # fmt: skip


UNTOLD = {"ledger": None}
GONE = {"placed": None, "papers": None}
DAMAGE = {
    "never read": (Kind.NEVER_READ, {"sold": {"reading": Reading.NEVER, "total": None}, **UNTOLD, **GONE}),
    "read long ago": (Kind.UNREAD_CHANGE, {"sold": {"reading": Reading.CHANGED, "news": "total 1, now 2"}}),
    "not in Bokun": (Kind.NOT_IN_BOKUN, {"sold": {"reading": Reading.VANISHED}}),
    "due and not planned": (Kind.MISSING, {"sold": {"decision": "tell", "document": Document.INVOICE}, **UNTOLD, **GONE}),
    "told and not there": (Kind.MISSING, GONE),
    "order without document": (Kind.MISSING, {"papers": None}),
    "document deleted": (Kind.DELETED, {"papers": {"deleted": True}}),
    "order deleted": (Kind.DELETED, {"placed": {"deleted": True}, "papers": None}),
    "cancelled there": (Kind.CANCELLED_THERE, {"papers": {"cancelled": True}}),
    "another document": (Kind.WRONG_DOCUMENT, {"papers": {"kind": "estimate"}}),
    "a cent off": (Kind.WRONG_AMOUNT, {"papers": {"total": eur("1.11")}}),
    "tax a cent off": (Kind.WRONG_TAX, {"papers": {"tax": Decimal("9.11")}}),
    "another currency": (Kind.WRONG_CURRENCY, {"papers": {"total": Money(Decimal("1.10"), "ISK")}}),
    "somebody else's": (Kind.FOREIGN, UNTOLD),
    "of a booking nobody knows": (Kind.FOREIGN, {"sold": None, **UNTOLD}),
    "cancelled": (Kind.STILL_STANDING, {"sold": {"status": Status.CANCELLED}}),
    "void": (Kind.STILL_STANDING, {"sold": {"status": Status.VOID}}),
    "no longer confirmed": (Kind.STILL_STANDING, {"sold": {"status": Status.PENDING}}),
    "changed": (Kind.CHANGED, {"sold": {"revision": "r2", "total": eur("2.10")}}),
    "refunded": (Kind.REFUNDED, {"sold": {"refunded": eur("1.00")}}),
    "held": (Kind.HELD, {"ledger": {"state": "held", "told": False}, **GONE}),
    "stuck": (Kind.STUCK, {"ledger": {"state": "unknown", "told": True}}),
    "asks": (Kind.ASKS, {"sold": {"decision": "ask"}, **UNTOLD, **GONE}),
}  # fmt: skip
FINE = {
    "waits": {"sold": {"decision": "wait"}, **UNTOLD, **GONE},
    "skipped": {"sold": {"decision": "skip"}, **UNTOLD, **GONE},
    "cancelled, and the document is too": {"sold": {"status": Status.CANCELLED}, "papers": {"cancelled": True}},
    "settled by hand": {"ledger": {"state": "settled", "by_hand": True}, **GONE},
    "a document whose total is not shown": {"papers": {"total": None, "tax": None}},
    "under way": {"ledger": {"state": "sending", "under_way": True}, **GONE},
    "unread": {"sold": {"reading": Reading.NEVER, "under_way": True}, **UNTOLD, **GONE},
}


def found(of):
    return [each.kind for each in compare(of).differences]


@pytest.mark.parametrize(("kind", "damage"), DAMAGE.values(), ids=DAMAGE)
def test_each_damage_has_one_name(kind, damage):
    """A damaged sale is named once, by what is wrong with it, with a command that settles it."""
    [difference] = compare(books([sale(2), with_(sale(1), **damage)])).differences
    assert (difference.kind, difference.booking) == (kind, 1)
    assert difference.settle.startswith("bokun-sync ")


@pytest.mark.parametrize("way", FINE.values(), ids=FINE)
def test_what_is_as_it_should_be_has_no_name(way):
    """What waits, is on its way, was cancelled on both sides or settled by hand is no difference."""
    assert found(with_(sale(1), **way)) == []


def test_two_documents_of_a_kind_are_doubled():
    """Two standing invoices of one sale are a difference, whoever issued them; a cancelled one beside it is none."""
    one = sale(1)
    twin = replace(one.papers[0], id="d2", number="2025-2")
    assert found(replace(one, papers=(*one.papers, twin))) == [Kind.DOUBLED]
    assert found(replace(one, papers=(*one.papers, twin), ledger=())) == [Kind.DOUBLED]
    assert found(replace(one, papers=(*one.papers, replace(twin, cancelled=True)))) == []


def test_an_invoice_beside_a_told_estimate_is_somebody_elses():
    """Where only the estimate was told, an invoice beside it was not issued from here."""
    one = sale(1, document=Document.ESTIMATE)
    invoice = replace(one.papers[0], id="d2", kind="invoice", number="2025-2")
    assert found(replace(one, papers=(*one.papers, invoice))) == [Kind.FOREIGN]


def test_a_told_change_answers_for_its_amount():
    """After a told change the document may show the old total or the new one, and the new revision is known."""
    one = with_(sale(1), sold={"revision": "r2", "total": eur("5.00")})
    told = replace(one.ledger[0], id=2, moment=Moment.CHANGED, revision="r2", total=eur("5.00"))
    for total in ("1.10", "5.00"):
        assert found(with_(replace(one, ledger=(*one.ledger, told)), papers={"total": eur(total)})) == []
    assert found(with_(replace(one, ledger=(*one.ledger, told)), papers={"total": eur("4.00")})) == [Kind.WRONG_AMOUNT]


def test_a_sale_seen_by_two_connections_is_one_sale():
    """Two connections of an organization see one booking: the view of the one that told it speaks."""
    one = sale(1)
    other = replace(one.sold[0], connection="c0", decision="ask", revision="r9")
    assert found(replace(one, sold=(other, *one.sold))) == []


def test_another_organizations_order_is_not_ours():
    """The same booking id in two organizations is two sales."""
    one, two = sale(1), sale(1)
    moved = Books(*(tuple(replace(row, organization="other") if hasattr(row, "organization") else row
                          for row in getattr(two, name)) for name in Books.__slots__))  # fmt: skip
    moved = with_(moved, placed={"id": "p1"}, papers={"id": "q1", "order": "p1"})
    assert (found(books([one, moved])), compare(books([one, moved])).sales) == ([], 2)


def test_documents_of_other_business_are_counted_only():
    """A document that belongs to no order of our connections is the organization's own business."""
    own = Paper("x", "invoice", None, "2025-9", eur("7.00"))
    done = compare(replace(sale(1), papers=(*sale(1).papers, own)))
    assert (done.differences, done.others) == ((), 1)


def test_ten_thousand_bookings():
    """Among 10,000 sales every planted damage is found, nothing else is, and the sums are exact."""
    sales = [sale(booking) for booking in range(1, MANY + 1)]
    planted = {100 * index + 7: damage for index, (_, damage) in enumerate(DAMAGE.values()) if "sold" not in damage
               or damage["sold"] is not None}  # fmt: skip
    clean = compare(books(sales))
    damaged = [with_(each, **planted.get(number, {})) for number, each in enumerate(sales, start=1)]
    done = compare(books(damaged))
    assert (clean.differences, clean.sales) == ((), MANY)
    assert {each.book: each.total for each in clean.lines} == dict.fromkeys(
        ("bokun confirmed", "ledger invoice", "space-invoices invoice"), Decimal(MANY * (MANY + 1) // 2) + MANY // 10
    )
    assert [each.booking for each in done.differences] == sorted(planted)


DIFFERENCE = Difference(Kind.MISSING, "org", "c1", 7, "B-7", "no invoice", "bokun-sync drain")


def test_a_difference_is_known_again():
    """What was accepted stays accepted however it is settled; anything else about it is another difference."""
    same = replace(DIFFERENCE, settle="another command", code="C-7", connection="c2", ours=eur("1.00"))
    others = [
        replace(DIFFERENCE, kind=Kind.DELETED),
        replace(DIFFERENCE, organization="other"),
        replace(DIFFERENCE, booking=8),
        replace(DIFFERENCE, because="no estimate"),
    ]
    assert same.key == DIFFERENCE.key == "267c1ae50b7c"
    assert len({DIFFERENCE.key, *(each.key for each in others)}) == 5


def test_what_nobody_said_in_a_book():
    """What is not known of a sale, an entry or a sum is nothing, and says nothing."""
    sold = Sold("c1", "org", 7, "B-7", Reading.NEVER)
    entry = Entry(1, "c1", "org", 7, Moment.RECEIVED, Document.INVOICE, "planned", False, True, eur("1.00"))
    assert (sold.status, sold.total, sold.tax, sold.decision, sold.document) == (Status.UNKNOWN, None, 0, "", None)
    assert (sold.rule, sold.because, sold.revision, sold.refunded, sold.news) == ("", "", "", None, "")
    line = Line("c1", "EUR", "bokun confirmed")
    assert (line.count, line.total, line.tax) == (0, 0, 0)
    assert (entry.tax, entry.revision, entry.reason, entry.by_hand) == (None, "", "", False)

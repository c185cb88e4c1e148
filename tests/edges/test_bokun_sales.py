"""Whose sale it is and for how much, on real payloads edited by hand."""

from decimal import Decimal

import pytest
from bokun_samples import (
    AGENT,
    DEPOSIT,
    LINE,
    OTHERS_TOUR,
    RESOLD,
    TOUR,
    VIATOR,
    WEBSITE,
    at,
    edited,
    put,
    sample,
    take,
)

from worker.domain.booking import Trouble, Unclear
from worker.domain.money import Money


def eur(amount):
    return {"amount": Decimal(amount), "currency": "EUR"}


def roles(*words):
    return put(*TOUR, bookingRoles=list(words))


def total(amount):
    return put("invoice", totalDueAsMoney=eur(amount))


def unpaid():
    """An invoice to the reseller with nothing on it."""
    return at(sample(RESOLD), *TOUR, "sellerInvoice") | {"totalDueAsMoney": eur("0"), "lineItems": []}


def second_resold(**changes):
    """A second product on the resold booking, with an invoice to the same reseller."""

    def edit(payload):
        more = at(sample(RESOLD), *TOUR) | {"bookingId": 116133180, "productConfirmationCode": "VNDA-T116133180"}
        payload["activityBookings"].append(more | changes)

    return edit


@pytest.mark.parametrize(
    "words",
    [[], ["NONE"], ["AGENT"], ["NONE", "SELLER", "AGENT"], ["SUPPLIER", "AFFILIATE"], ["seller"], [7], [["SELLER"]]],
)
def test_unknown_role(words):
    """A role that nobody knows is asked about, never guessed."""
    assert edited(DEPOSIT, roles(*words)).sale.trouble is Trouble.UNCLEAR_ROLE


def test_mixed_roles():
    """Seller of one product and only supplier of another is no role that a document can have."""
    assert edited(WEBSITE, roles("NONE", "SUPPLIER")).sale == Unclear(
        Trouble.UNCLEAR_ROLE,
        "Bokun gives us the roles SELLER, SUPPLIER over the booking's products, so nobody can say whose document it is.",
    )


def test_role_of_a_cancelled_product_is_ignored():
    """Only products that are not cancelled say which role we have."""
    cancel = put(*TOUR, status="CANCELLED", bookingRoles=["NONE", "SUPPLIER"])
    assert edited(WEBSITE, cancel).sale.recipient.role == "customer"


def test_viewer_role_of_a_search_item():
    """A search item has one role for the viewer; an agent's is none of ours."""
    assert edited(VIATOR, put(viewerRole="AGENT")).sale.trouble is Trouble.UNCLEAR_ROLE


@pytest.mark.parametrize(
    ("name", "remove"),
    [
        (DEPOSIT, take("invoice")),
        (AGENT, take("agentInvoice")),
        (RESOLD, take(*TOUR, "sellerInvoice")),
        (VIATOR, take("productBookings", 0, "resellerInvoice")),
    ],
)
def test_missing_invoice(name, remove):
    """Without the invoice of our role there is no amount, whatever prices stand elsewhere."""
    assert edited(name, remove).sale.trouble is Trouble.UNCLEAR_AMOUNT


def test_agent_shell():
    """An agent with id 0 and no title is Bokun's word for no agent."""
    shell = put(agent={"id": 0, "flags": []})
    assert edited(DEPOSIT, shell).sale.recipient.role == "customer"


def test_lines_that_do_not_add_up():
    """A total that the positions do not meet is asked about with both figures."""
    assert edited(WEBSITE, total("150.00")).sale == Unclear(
        Trouble.UNCLEAR_AMOUNT, "The positions of the invoice add up to 153.26 EUR, but its total is 150.00 EUR."
    )


@pytest.mark.parametrize(
    ("amount", "adds_up"), [("153.265", True), ("153.255", True), ("153.266", False), ("153.254", False)]
)
def test_half_a_minor_unit(amount, adds_up):
    """Half a cent between the positions and the total is rounding; more is not."""
    assert isinstance(edited(WEBSITE, total(amount)).sale, Unclear) is not adds_up


@pytest.mark.parametrize(
    "due", [None, {}, {"amount": 520}, {"amount": "x", "currency": "EUR"}, {"amount": 520, "currency": 9}]
)
def test_unreadable_total(due):
    """A total that is no amount in a currency is asked about."""
    broken = put("invoice", totalDueAsMoney=due, currency=None)
    assert edited(DEPOSIT, broken).sale.trouble is Trouble.UNCLEAR_AMOUNT


def test_total_in_another_currency():
    """An invoice that contradicts itself on the currency is asked about."""
    assert edited(DEPOSIT, put("invoice", currency="ISK")).sale.trouble is Trouble.UNCLEAR_AMOUNT


def test_line_in_another_currency():
    """A position in another currency than the total is asked about."""
    foreign = put(*LINE, currency="ISK")
    assert edited(DEPOSIT, foreign).sale.trouble is Trouble.UNCLEAR_AMOUNT


def test_negative_total():
    """Less than nothing is no sale."""

    def owe(payload):
        total("-520")(payload)
        payload["invoice"]["productInvoices"][0]["lineItems"][0]["totalDue"] = Decimal(-520)

    assert edited(DEPOSIT, owe).sale.trouble is Trouble.UNCLEAR_AMOUNT


def test_free_booking():
    """A booking for nothing is a sale of 0, which the decision skips."""

    def free(payload):
        total("0")(payload)
        payload["invoice"]["productInvoices"] = []

    sale = edited(DEPOSIT, free).sale
    assert (sale.total, sale.lines) == (Money(Decimal(0), "EUR"), ())


def test_custom_positions():
    """Custom positions of the invoice and of a product count like any other."""

    def charge(payload):
        total("530.50")(payload)
        payload["invoice"]["customLineItems"] = [{"title": "Voucher", "quantity": 1, "totalDue": -5, "currency": "EUR"}]
        payload["invoice"]["productInvoices"][0]["customLineItems"] = [{"title": "Lunch", "totalDue": Decimal("15.5")}]

    lines = edited(DEPOSIT, charge).sale.lines
    assert [(line.title, line.total) for line in lines if line.total != 520] == [
        ("Voucher", -5),
        ("Tour privado por el Coliseo, Foro Romano y Palatino: Lunch", Decimal("15.5")),
    ]


@pytest.mark.parametrize("where", ["totalFeesAsMoney", "totalBookingFeeAsMoney"])
def test_fees(where):
    """Fees that Bokun keeps beside the positions become one, where only with it the total is met."""

    def charge(payload):
        total("523")(payload)
        payload["invoice"][where] = eur("3")

    assert [line.total for line in edited(DEPOSIT, charge).sale.lines] == [520, 3]


def test_fees_among_the_positions():
    """Fees that are positions already are not charged again."""
    included = put("invoice", totalFeesAsMoney=eur("3"))
    assert [line.total for line in edited(DEPOSIT, included).sale.lines] == [520]


def test_several_resold_products():
    """The invoices of several products to one reseller are one sale."""
    sale = edited(RESOLD, second_resold()).sale
    assert (str(sale.total), [str(line.total) for line in sale.lines]) == ("262.40 EUR", ["71.2", "60", "71.2", "60"])


def test_resold_to_two():
    """Invoices of one booking to two resellers are asked about."""
    other = at(sample(RESOLD), *TOUR, "sellerInvoice") | {
        "recipientName": "Company X",
        "recipient": {"title": "Company X"},
    }
    assert edited(RESOLD, second_resold(sellerInvoice=other)).sale.trouble is Trouble.UNCLEAR_AMOUNT


def test_one_resold_product_without_invoice():
    """A product without an invoice of its own is not left out of the sum in silence."""
    assert edited(RESOLD, second_resold(sellerInvoice=None)).sale.trouble is Trouble.UNCLEAR_AMOUNT


@pytest.mark.parametrize("word", ["CANCELLED", "TIMEOUT", "ERROR"])
def test_unsold_product_that_is_still_invoiced(word):
    """A product that is cancelled or was never sold, with money on its invoice beside a sold one, is asked about."""
    assert edited(RESOLD, second_resold(status=word)).sale == Unclear(
        Trouble.UNCLEAR_AMOUNT,
        "Product booking 116133180 is not sold (any more), but carries an invoice of 131.20 EUR.",
    )


def test_cancelled_product_without_money():
    """A cancelled product whose invoice is empty is no part of the sale."""
    sale = edited(RESOLD, second_resold(status="CANCELLED", sellerInvoice=unpaid())).sale
    assert (str(sale.total), len(sale.lines)) == ("131.20 EUR", 2)


def test_combo():
    """Parent and children of a combo are not both charged: a person looks, unless only one of them carries money."""
    child = {"comboParentBooking": {"id": 1}}
    assert edited(RESOLD, second_resold(**child)).sale.trouble is Trouble.UNCLEAR_AMOUNT
    assert str(edited(RESOLD, second_resold(**child, sellerInvoice=unpaid())).sale.total) == "131.20 EUR"


@pytest.mark.parametrize(("word", "asked"), [("CONFIRMED", True), ("CANCELLED", False)])
def test_gift_card(word, asked):
    """A booking that sells a gift card is asked about, unless that was cancelled."""
    card = put(giftCardBookings=[{"bookingId": 5, "status": word}])
    assert isinstance(edited(DEPOSIT, card).sale, Unclear) is asked


NAMELESS = {"firstName": None, "lastName": " "}
UNTITLED = put("invoice", recipientName=None)


@pytest.mark.parametrize(
    ("edits", "name"),
    [
        ([UNTITLED, put("customer", firstName="Other")], "Sky Placeholder"),
        ([UNTITLED, put("invoice", "recipient", **NAMELESS)], "Sky Placeholder"),
        ([UNTITLED, put("invoice", "recipient", firstName="Ann", lastName=None)], "Ann"),
        ([put("invoice", recipientName=" Ann B "), put("customer", **NAMELESS)], "Ann B"),
    ],
)
def test_name_of_the_traveller(edits, name):
    """The name is the invoice's, else that of the recipient on it, else the traveller's."""
    assert edited(DEPOSIT, *edits).sale.recipient.name == name


def test_nobody_named():
    """An invoice for nobody is asked about."""
    nobody = edited(DEPOSIT, UNTITLED, put("invoice", "recipient", **NAMELESS), put("customer", **NAMELESS))
    assert nobody.sale.trouble is Trouble.UNCLEAR_ROLE


def test_company_by_its_title():
    """A reseller's invoice without a recipient is made out to the seller's title, never to the traveller."""
    bare = put(*TOUR, "sellerInvoice", recipient=None, recipientName=None)
    assert edited(RESOLD, bare).sale.recipient.name == "Company 2DED"


def test_no_creation_date():
    """Without a creation date the cut-off cannot be applied, so the booking is unreadable."""
    booking = edited(OTHERS_TOUR, take("creationDate"))
    assert (booking.created_at, booking.sale.trouble) == (None, Trouble.UNREADABLE)

"""Every real payload and what is on its document; the figures are copied from the JSON by hand."""

from decimal import Decimal

import pytest
from bokun_samples import (
    AGENT,
    AIRBNB,
    DEPOSIT,
    NO_SHOW,
    NOTES,
    OTHERS_TOUR,
    RECOVERY,
    RESOLD,
    VIATOR,
    WEBSITE,
    booking_2019,
    read,
    sample,
    search_items,
)

from worker.domain.booking import Line, Status, Trouble, Unclear

# booking, role, recipient, total, number of lines, bank payment, paid
DETAILS = [
    (WEBSITE, 80198796, "customer", "Ivo Example", "153.26 EUR", 2, False, True),
    (DEPOSIT, 80368889, "customer", "Sky Placeholder", "520.00 EUR", 1, False, False),
    (AGENT, 80363961, "agent", "Company ECA6", "520.80 EUR", 2, True, True),
    (RESOLD, 80341291, "reseller", "Company 2DED", "131.20 EUR", 2, False, False),
    (OTHERS_TOUR, 80381079, "customer", "Noa Tester", "75.00 EUR", 1, False, False),
    (VIATOR, 74223281, "reseller", "Viator.com", "89.90 EUR", 1, True, False),
    (AIRBNB, 74186895, "reseller", "Airbnb", "58.07 EUR", 1, True, False),
    (NO_SHOW, 74664657, "reseller", "GetYourGuide", "23.74 EUR", 1, True, False),
    (NOTES, 74271209, "reseller", "Viator.com", "24.38 EUR", 1, True, False),
]

ITEMS = [
    (74186895, "reseller", "Airbnb", "58.07 EUR"),
    (74277980, "reseller", "GetYourGuide", "47.47 EUR"),
    (74268453, "reseller", "Viator.com", "48.76 EUR"),
    (74333550, "reseller", "Viator.com", "48.76 EUR"),
    (74373327, "reseller", "Viator.com", "244.04 EUR"),
    (74426219, "reseller", "Viator.com", "44.95 EUR"),
    (74481908, "reseller", "Viator.com", "48.76 EUR"),
    (74402759, "reseller", "Viator.com", "185.50 EUR"),
    (74503092, "reseller", "Viator.com", "48.76 EUR"),
    (74693729, "reseller", "GetYourGuide", "47.47 EUR"),
    (74706817, "reseller", "GetYourGuide", "47.47 EUR"),
    (74696470, "reseller", "Viator.com", "89.90 EUR"),
    (74543899, "reseller", "Airbnb", "100.05 EUR"),
    (74713239, "reseller", "Viator.com", "24.38 EUR"),
    (74793451, "reseller", "Viator.com", "127.36 EUR"),
    (74887511, "reseller", "GetYourGuide", "23.74 EUR"),
    (74664657, "reseller", "GetYourGuide", "23.74 EUR"),
    (75024072, "reseller", "Viator.com", "24.38 EUR"),
    (73827947, "reseller", "Viator.com", "185.50 EUR"),
    (67657389, "customer", "Ivo Fixture", "71.90 EUR"),
    (73642733, "reseller", "GetYourGuide", "47.47 EUR"),
    (73995437, "reseller", "Airbnb", "100.05 EUR"),
    (73648389, "reseller", "Viator.com", "63.68 EUR"),
    (72678574, "customer", "Jo Fictional", "169.72 EUR"),
    (75085145, "reseller", "GetYourGuide", "23.74 EUR"),
    (74207086, "reseller", "GetYourGuide", "23.74 EUR"),
    (69609457, "reseller", "GetYourGuide", "47.47 EUR"),
    (72487202, "reseller", "Airbnb", "174.22 EUR"),
    (67979679, "reseller", "Viator.com", "63.68 EUR"),
    (68688467, "reseller", "Viator.com", "63.68 EUR"),
    (72011295, "reseller", "Viator.com", "122.02 EUR"),
    (74754788, "reseller", "Airbnb", "116.14 EUR"),
    (75104378, "reseller", "Viator.com", "56.05 EUR"),
    (74912301, "reseller", "Viator.com", "48.76 EUR"),
    (74527806, "reseller", "Viator.com", "259.83 EUR"),
]


@pytest.mark.parametrize(("name", "expected"), [(row[0], row[1:]) for row in DETAILS])
def test_sample(name, expected):
    """A real payload has the recipient, total, lines and payment that its JSON shows to the eye."""
    booking = read(sample(name))
    sale = booking.sale
    shown = (booking.id, sale.recipient.role, sale.recipient.name, str(sale.total), len(sale.lines))
    assert (*shown, booking.bank_payment, booking.paid) == expected
    assert booking.status is Status.CONFIRMED


def test_search_items():
    """All 35 items of a real search say who owes us what."""
    sales = [(booking.id, booking.sale) for booking in map(read, search_items())]
    assert [(found, sale.recipient.role, sale.recipient.name, str(sale.total)) for found, sale in sales] == ITEMS


def test_tax_of_2019():
    """The traveller's invoice of 2019 is in dollars without tax, whatever the supplier's invoice in crowns says."""
    sale = read(booking_2019()).sale
    assert (sale.recipient.name, str(sale.total), sale.tax, len(sale.lines)) == ("Robin Sample", "29.00 USD", 0, 1)


def test_supplier_of_2019():
    """Two taxes on one line are one sum of 590, not the 22 % that one of them claims to be."""
    payload = booking_2019()
    payload["activityBookings"][0]["bookingRoles"] = ["NONE", "SUPPLIER"]
    sale = read(payload).sale
    assert (sale.recipient.name, str(sale.total), sale.tax) == ("Seller Agency Ltd", "2974.00 ISK", 590)
    assert [line.tax for line in sale.lines] == [590]


def test_tax_without_components():
    """A line without its taxes one by one shows their sum."""
    payload = booking_2019()
    product = payload["activityBookings"][0]
    product["bookingRoles"], product["sellerInvoice"]["lineItems"][0]["taxesAsMoney"] = ["SUPPLIER"], []
    assert [line.tax for line in read(payload).sale.lines] == [590]


def test_fragment():
    """A fragment without status, roles and dates is a booking that has to be asked about."""
    booking = read(sample(RECOVERY))
    assert (booking.id, booking.confirmation_code, booking.status) == (99284460, "VIA-99284460", Status.UNKNOWN)
    assert booking.sale == Unclear(Trouble.UNREADABLE, "Bokun's creation date of the booking cannot be read.")


def test_agent_lines():
    """The agent's lines are net of commission and carry the catalogue ids of the product they are for."""
    product = {"product_id": "217949", "rate_id": "612853", "date": "2025-12-23T11:15:00"}
    title = "Vatican Museums and Sistine Chapel Guided Tour"
    assert read(sample(AGENT)).sale.lines == (
        Line(f"{title}: Adulto", Decimal(4), Decimal("316.8"), Decimal(0), category_id="161601", **product),
        Line(f"{title}: 6 a 17 años", Decimal(3), Decimal(204), Decimal(0), category_id="166592", **product),
    )


def test_resold_lines():
    """A reseller's lines find their pricing categories by title, since Bokun's seller invoice names no ids."""
    lines = read(sample(RESOLD)).sale.lines
    found = [(line.product_id, line.rate_id, line.category_id, line.total) for line in lines]
    assert found == [("841874", "1618455", "780302", Decimal("71.2")), ("841874", "1618455", "823126", Decimal(60))]


def test_recipient_details():
    """A document gets what it may print of the recipient, and nothing else of a person."""
    assert dict(read(sample(DEPOSIT)).sale.recipient.details) == {
        "email": "guest-1b8767@example.com",
        "language": "es",
        "phone": "+00 032870534",
    }


def test_airbnb_and_viator_net():
    """The total is what the reseller owes us in its own currency, never the traveller's price."""
    totals = [str(read(sample(name)).sale.total) for name in (AIRBNB, VIATOR, NO_SHOW)]
    assert totals == ["58.07 EUR", "89.90 EUR", "23.74 EUR"]

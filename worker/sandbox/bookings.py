"""Builds bookings as Bokun shows them, from the real payloads that are shipped beside this module."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypedDict, Unpack

from worker.sandbox import amounts, changes
from worker.sandbox.exact import Json, sample
from worker.sandbox.reading import amount, products

MONTH = timedelta(days=30)

_FIRST = ("Ada", "Bruno", "Clara", "Dino", "Edda", "Fabio", "Greta", "Hugo", "Iris", "Jan")
_LAST = ("Example", "Fixture", "Madeup", "Placeholder", "Sample", "Specimen", "Testa")


class Knobs(TypedDict, total=False):
    """What a caller may say about a booking; what is not said stays as in the sample."""

    status: str | Sequence[str]
    paid: bool | str | Decimal
    payment_type: str
    starts_in: timedelta
    ends_in: timedelta
    total: str | Decimal
    currency: str
    created: datetime
    code: str


Builder = Callable[..., Json]


def own_sale(booking_id: int, now: datetime, **knobs: Unpack[Knobs]) -> Json:
    """Two activities sold on our own website with an offer, paid online."""
    return _built("own-sale", booking_id, now, knobs)


def deposit(booking_id: int, now: datetime, **knobs: Unpack[Knobs]) -> Json:
    """One activity sold by ourselves; 156 of 520 are paid."""
    return _built("deposit", booking_id, now, knobs)


def agent_sale(booking_id: int, now: datetime, **knobs: Unpack[Knobs]) -> Json:
    """A travel agent's sale: invoiced, the agent owes us 80 % of the retail price."""
    return _built("agent-sale", booking_id, now, knobs)


def resold(booking_id: int, now: datetime, **knobs: Unpack[Knobs]) -> Json:
    """A partner sells our tour in another currency; we see it as the supplier."""
    return _built("resold", booking_id, now, knobs)


def other_suppliers_tour(booking_id: int, now: datetime, **knobs: Unpack[Knobs]) -> Json:
    """We sell a tour of another supplier; the traveller owes us the retail price."""
    return _built("other-suppliers-tour", booking_id, now, knobs)


def ota(booking_id: int, now: datetime, **knobs: Unpack[Knobs]) -> Json:
    """A marketplace sells our tour. Made up: the detail of a resold booking with the words of a real OTA search item."""
    seller = {"id": 3, "title": "Viator.com", "currencyCode": "EUR", "timeZone": "UTC"}
    booking = sample("resold") | {"seller": seller, "viewerRole": "OTA_SUPPLIER", "salesSegment": "OTA"}
    booking["confirmationCode"] = "VIA-0"
    booking["bookingChannel"] |= {"title": "Viator.com", "type": "OTA"}
    for product in products(booking):
        product |= {"seller": seller, "channelId": "OTA_VIATOR"}
        product["sellerInvoice"] |= {"recipient": {**seller, "flags": []}, "recipientName": "Viator.com"}
    booking["currency"] = "EUR"
    return _finished(booking, booking_id, now, {"total": "131.20", **knobs})


KINDS: dict[str, Builder] = {
    builder.__name__: builder for builder in (own_sale, deposit, agent_sale, resold, other_suppliers_tour, ota)
}


def from_wish(wish: Json, now: datetime) -> Json:
    """Builds a booking from JSON: its kind, booking_id and knobs, with hours instead of time spans."""
    knobs = {name: value for name, value in wish.items() if name in Knobs.__annotations__}
    for name in ("starts_in", "ends_in"):
        if f"{name}_hours" in wish:
            knobs[name] = timedelta(hours=float(wish[f"{name}_hours"]))
    if "created" in knobs:
        knobs["created"] = datetime.fromisoformat(knobs["created"])
    return KINDS[wish["kind"]](int(wish["booking_id"]), now, **knobs)


def _built(name: str, booking_id: int, now: datetime, knobs: Knobs) -> Json:
    return _finished(sample(name), booking_id, now, knobs)


def _finished(booking: Json, booking_id: int, now: datetime, knobs: Knobs) -> Json:
    booking.pop("action", None)
    _identify(booking, booking_id, knobs.get("code"))
    _introduce(booking, booking_id)
    _date(booking, now, knobs)
    _price(booking, now, knobs)
    changes.set_status(booking, knobs.get("status", "CONFIRMED"), now)
    return booking


def _identify(booking: Json, booking_id: int, code: str | None) -> None:
    """Gives the booking, its products and its invoices ids that no other booking has."""
    prefix = booking["confirmationCode"].rpartition("-")[0]
    booking.update(bookingId=booking_id, confirmationCode=code or f"{prefix}-{booking_id}")
    if booking.get("externalBookingReference"):
        booking["externalBookingReference"] = f"EXT{booking_id}"
    for index, product in enumerate(products(booking), start=1):
        _identify_product(product, booking, booking_id * 10 + index)
    if "invoice" in booking:
        booking["invoice"].update(id=booking_id + 400_000_000, invoiceNumber=f"C-{booking_id + 400_000_000}")
        for part, product in zip(booking["invoice"]["productInvoices"], products(booking), strict=True):
            part.update(product["invoice"], lineItems=part["lineItems"])
        for index, payment in enumerate(booking["customerPayments"]):
            payment.update(id=booking_id * 10 + index, paymentId=booking_id * 10 + index + 1)
            payment.update(
                activeCustomerInvoiceId=booking["invoice"]["id"], comment=f"Payment for booking #{booking_id}"
            )
    if "agentInvoice" in booking:
        booking["agentInvoice"].update(id=booking_id, invoiceNumber=f"G-{booking_id}")
        for line in booking["agentInvoice"]["lineItems"]:
            line["confirmationCode"] = next(products(booking))["productConfirmationCode"]


def _identify_product(product: Json, booking: Json, product_id: int) -> None:
    code = f"{product['productConfirmationCode'].split('-')[0]}-T{product_id}"
    product.update(bookingId=product_id, parentBookingId=booking["bookingId"], productConfirmationCode=code)
    product.update(confirmationCode=booking["confirmationCode"], barcode={"value": code, "barcodeType": "QR_CODE"})
    if "invoice" in product:
        product["invoice"].update(id=product_id + 1, productBookingId=product_id, productConfirmationCode=code)
    if "sellerInvoice" in product:
        number = {"id": product_id + 2, "invoiceNumber": f"S-{product_id + 2}"}
        product["sellerInvoice"].update(**number, productConfirmationCode=code)


def _introduce(booking: Json, booking_id: int) -> None:
    """Names a traveller who does not exist."""
    first, last = _FIRST[booking_id % len(_FIRST)], _LAST[booking_id % len(_LAST)]
    email = f"guest-{booking_id}@example.com"
    person = {"id": booking_id + 100_000_000, "firstName": first, "lastName": last, "email": email}
    booking["customer"].update(person)
    if "invoice" in booking:
        booking["invoice"]["recipient"].update(person)
        booking["invoice"]["recipientName"] = f"{first} {last}"


def _date(booking: Json, now: datetime, knobs: Knobs) -> None:
    created = changes.instant(knobs.get("created", now))
    booking["creationDate"] = created
    for invoice in [booking.get(name) for name in ("invoice", "agentInvoice")]:
        if invoice:
            invoice["issueDate"] = created
    starts_in, ends_in = knobs.get("starts_in"), knobs.get("ends_in")
    changes.schedule(
        booking, now, starts_in=MONTH if ends_in is None and starts_in is None else starts_in, ends_in=ends_in
    )


def _price(booking: Json, now: datetime, knobs: Knobs) -> None:
    known, own_currency = amount(booking)
    usual = booking.get("paymentType")
    share = Decimal(booking["totalPaid"]) / Decimal(booking["totalPrice"])
    if "total" in knobs or "currency" in knobs:
        amounts.price(booking, Decimal(str(knobs.get("total", known))), knobs.get("currency", str(own_currency)))
    paid = knobs.get("paid", (share * Decimal(booking["totalPrice"])).quantize(amounts.CENT))
    kept = "INVOICED" if usual == "INVOICED" else None
    if {"total", "currency", "paid", "payment_type"} & set(knobs):
        changes.pay(booking, now, paid, knobs.get("payment_type", kept))

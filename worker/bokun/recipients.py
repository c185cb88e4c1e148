"""Who receives the document of a booking (behaviour 5, role; bokun.md 3.5)."""

from __future__ import annotations

import re

from worker.bokun.doubt import unclear_role
from worker.bokun.reading import Json, first, key, record, rows
from worker.domain.booking import Recipient, Role

_SUPPLIER_WORDS = {"OTA_SUPPLIER": "SUPPLIER"}  # the search item's viewerRole for what an OTA sold of ours
_SELLING = (frozenset({"SELLER"}), frozenset({"SELLER", "SUPPLIER"}))
_SUPPLYING = frozenset({"SUPPLIER"})

# What a document may print, under our name and Bokun's; nothing else of a person leaves this module.
_DETAILS = {
    "email": ("email", "emailAddress"),
    "phone": ("phoneNumber",),
    "address": ("address",),
    "postCode": ("postCode",),
    "place": ("place",),
    "state": ("state",),
    "country": ("country", "countryCode"),
    "organization": ("organization",),
    "language": ("language",),
    "registrationNumber": ("invoiceIdNumber",),
}


def role(booking: Json, products: tuple[Json, ...]) -> Role:
    """The one role that all these products agree on; a Doubt where they do not or where it is none we know."""
    sides = {_side(_words(product, booking)) for product in products}
    if sides == {"SELLER"}:
        return Role.AGENT if agent(booking) or record(booking.get("agentInvoice")) else Role.CUSTOMER
    if sides == {"SUPPLIER"}:
        return Role.RESELLER
    raise unclear_role(_why(booking, products))


def agent(booking: Json) -> Json:
    """The travel agent of the booking, or an empty object: Bokun also sends shells with id 0."""
    found = record(booking.get("agent"))
    return found if key(found.get("id")) or first(found, "title") else {}


def seller(booking: Json) -> Json:
    """The company that sold the booking; some payloads name it on the products only."""
    found = record(booking.get("seller"))
    on_products = (record(product.get("seller")) for product in rows(booking.get("activityBookings")))
    return found or next(on_products, {})


def customer_of(booking: Json, invoice: Json) -> Recipient:
    """The traveller as the invoice names them, else as the booking does."""
    on_invoice, traveller = record(invoice.get("recipient")), record(booking.get("customer"))
    names = (first(invoice, "recipientName"), _full_name(on_invoice), _full_name(traveller))
    spoken = {"language": booking.get("language")}
    return Recipient(Role.CUSTOMER, _named(*names), _details(on_invoice, traveller, spoken))


def company_of(invoice: Json, company: Json, *, role: Role) -> Recipient:
    """The agent or reseller as the invoice names them, else by their own title."""
    on_invoice = record(invoice.get("recipient"))
    ids = key(on_invoice.get("id")), key(company.get("id"))
    same = None in ids or ids[0] == ids[1]
    names = (first(invoice, "recipientName"), first(on_invoice, "title"), first(company, "title"))
    return Recipient(role, _named(*names), _details(on_invoice, company if same else {}))


def _named(*names: str | None) -> str:
    found = next((name for name in names if name), None)
    if found is None:
        raise unclear_role("The invoice names no recipient, and neither does the booking.")
    return found


def _full_name(person: Json) -> str | None:
    return " ".join(part for part in (first(person, "firstName"), first(person, "lastName")) if part) or None


def _details(*sources: Json) -> tuple[tuple[str, str], ...]:
    """What the first of these that says it says."""
    found: dict[str, str] = {}
    for source in filter(None, sources):
        for ours, theirs in _DETAILS.items():
            if ours not in found and (said := first(source, *theirs)) is not None:
                found[ours] = said
    return tuple(sorted(found.items()))


def _words(product: Json, booking: Json) -> frozenset[str]:
    """A product's roles; a search item has one for the viewer instead."""
    said = product.get("bookingRoles")
    words = said if isinstance(said, list) else [booking.get("viewerRole")]
    return frozenset(_SUPPLIER_WORDS.get(str(word), str(word)) for word in words if word not in (None, "NONE"))


def _side(words: frozenset[str]) -> str:
    if words in _SELLING:
        return "SELLER"
    return "SUPPLIER" if words == _SUPPLYING else "?"


def _why(booking: Json, products: tuple[Json, ...]) -> str:
    if not products:
        return "The booking has no product, so nothing says whether we sold or supplied it."
    seen = {word for product in products for word in _words(product, booking)}
    spoken = ", ".join(sorted(word for word in seen if re.fullmatch(r"[A-Z_]{1,30}", word)))
    if not spoken:
        return "Bokun gives us no role that we know in this booking, so nobody can say whose document it is."
    return f"Bokun gives us the roles {spoken} over the booking's products, so nobody can say whose document it is."

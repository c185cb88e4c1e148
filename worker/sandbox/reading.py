"""The remote's own reading of a booking: what it is, who pays how, whether it is over and what it costs."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from worker.sandbox.exact import Json

PRODUCTS = ("activityBookings", "accommodationBookings", "routeBookings", "carRentalBookings", "giftCardBookings")
SOLD = {"CONFIRMED", "ARRIVED", "NO_SHOW"}
OPEN = {"CART", "REQUESTED", "RESERVED", "PENDING"}
NEVER = {"TIMEOUT", "ABORTED", "ERROR", "REJECTED"}
SETTLED = {"PAID_IN_FULL", "OVERPAID", "GIFT_CARD"}

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - Bokun packs local wall clock as if it were UTC


@dataclass(frozen=True)
class Reading:
    """The facts that decide about a document."""

    status: str
    bank: bool
    paid: bool
    complete: bool


def read(booking: Json, now: datetime, bank_types: Collection[str]) -> Reading:
    """Reads the facts from a booking as Bokun shows it."""
    return Reading(
        status=status(booking),
        bank=bool(_payment_types(booking) & set(bank_types)),
        paid=_paid(booking),
        complete=_complete(booking, now),
    )


def products(booking: Json) -> Iterator[Json]:
    """Gives all products of a booking, whatever they are."""
    for name in PRODUCTS:
        yield from booking.get(name) or []


def status(booking: Json) -> str:
    """Gives confirmed, cancelled, pending, void or unknown, from the products' statuses."""
    found = {str(product.get("status")) for product in products(booking)}
    standing = found - {"CANCELLED"}
    if not found or standing - SOLD - OPEN - NEVER:
        return "unknown"
    if not standing:
        return "cancelled"
    if standing & OPEN:
        return "pending"
    return "void" if standing <= NEVER else "confirmed"


def amount(booking: Json) -> tuple[Decimal | None, str | None]:
    """Gives total and currency of the document, from the invoice of the role in which we sell."""
    invoice = booking.get("agentInvoice") or booking.get("invoice")
    ours = (
        [invoice]
        if invoice
        else [product["sellerInvoice"] for product in products(booking) if "sellerInvoice" in product]
    )
    dues = [each["totalDueAsMoney"] for each in ours]
    if not dues:
        return None, booking.get("currency")
    return sum((Decimal(due["amount"]) for due in dues), Decimal(0)), dues[0]["currency"]


def end(product: Json, booking: Json) -> datetime | None:
    """Gives the moment at which a product is over, from its local wall clock."""
    if product.get("endDateTime") is None:
        return None
    local = _EPOCH + timedelta(milliseconds=int(product["endDateTime"]))
    return local.replace(tzinfo=ZoneInfo(_zone(product, booking))).astimezone(UTC)


def _zone(product: Json, booking: Json) -> str:
    activity = product.get("activity") or {}
    # The last one only for bodies that lost the rest: a reseller's zone is not the tour's (reference, bokun.md 3.3).
    owners = (activity, activity.get("vendor"), product.get("supplier"), product.get("seller"), booking.get("seller"))
    return next((owner["timeZone"] for owner in owners if owner and owner.get("timeZone")), "UTC")


def _payment_types(booking: Json) -> set[str]:
    kinds = {str(payment.get("paymentType")) for payment in booking.get("customerPayments") or []}
    return kinds | {str(booking.get("paymentType"))}


def _paid(booking: Json) -> bool:
    if booking.get("paymentType") in SETTLED:
        return True
    return booking.get("totalDue") == 0 and bool(booking.get("totalPrice"))


def _complete(booking: Json, now: datetime) -> bool:
    standing = [product for product in products(booking) if product.get("status") != "CANCELLED"]
    return bool(standing) and all(_over(product, booking, now) for product in standing)


def _over(product: Json, booking: Json, now: datetime) -> bool:
    if product.get("status") in {"ARRIVED", "NO_SHOW"}:
        return True
    over = end(product, booking)
    return over is not None and over <= now

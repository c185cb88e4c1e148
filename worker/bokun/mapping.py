"""Bokun's JSON as a Booking: the facts that decide and the sale that a document shows."""

from __future__ import annotations

from worker.bokun.completion import completion
from worker.bokun.payments import bank_payment, paid, refunded
from worker.bokun.reading import Json, booking_id, first, instant
from worker.bokun.recipients import seller
from worker.bokun.revision import revision
from worker.bokun.sales import sale
from worker.bokun.statuses import products, status
from worker.calls.call import UnexpectedShape
from worker.domain.booking import Booking, Trouble, Unclear
from worker.domain.connection import BookingId

_NO_DATE = Unclear(Trouble.UNREADABLE, "Bokun's creation date of the booking cannot be read.")


def to_booking(payload: object, *, bank_payment_types: frozenset[str]) -> Booking:
    """The booking in a detail answer or a search item; UnexpectedShape only where it is no booking or has no id."""
    booking = whole_booking(payload)
    of = products(booking)
    created_at = instant(booking.get("creationDate"))
    told = sale(booking, of)
    identity = identify(booking)
    return Booking(
        id=identity,
        confirmation_code=first(booking, "confirmationCode") or str(identity),
        created_at=created_at,
        status=status(of),
        bank_payment=bank_payment(booking, types=bank_payment_types),
        paid=paid(booking),
        completion=completion(of, seller=seller(booking)),
        sale=told if created_at is not None else _NO_DATE,
        revision=revision(of, told),
        refunded=refunded(booking),
    )


def whole_booking(payload: object) -> Json:
    """The payload, if it is a booking and no single product of one (the second classic webhook shape, bokun.md 4.1)."""
    if not isinstance(payload, dict):
        raise UnexpectedShape("a booking that is no object")
    if payload.get("parentBooking") is not None or payload.get("parentBookingId") is not None:
        raise UnexpectedShape("a product booking where a booking belongs")
    return payload


def identify(booking: Json) -> BookingId:
    """The id that a detail calls `bookingId` and a search item `id`."""
    found = booking_id(booking.get("bookingId", booking.get("id")))
    if found is None:
        raise UnexpectedShape("a booking without a usable id")
    return found

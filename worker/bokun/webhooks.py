"""Webhooks, read without trust: what is signed is in the headers, what is not is only a hint (bokun.md 4)."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence

from worker.bokun.reading import Json, booking_id, record
from worker.domain.connection import BookingId

_PREFIX = "x-bokun-"
_SIGNATURE = "x-bokun-hmac"


def verify(headers: Mapping[str, str], secrets: Sequence[str]) -> bool:
    """The headers are signed with one of the secrets; the signature covers no body, so nothing else is to be believed."""
    named = {name.lower(): value for name, value in headers.items()}
    given = _bytes(named.get(_SIGNATURE, "")).strip()
    signed = sorted((name, value) for name, value in named.items() if name.startswith(_PREFIX) and name != _SIGNATURE)
    message = b"&".join(_bytes(f"{name}={value}") for name, value in signed)
    return any(_signed(given, message, secret) for secret in secrets if secret)


def topic(headers: Mapping[str, str]) -> str | None:
    """What it is about: `bookings/update`, `apps/uninstall` and so on."""
    return _header(headers, "x-bokun-topic")


def booking_id_from_headers(headers: Mapping[str, str]) -> BookingId | None:
    """The signed booking id: decimal digits, or base64 of `Booking:<digits>`; None for anything else."""
    value = _header(headers, "x-bokun-booking-id")
    return None if value is None else booking_id(value) or _opaque(value)


def booking_id_from_body(body: object) -> BookingId | None:
    """The cart's id in a classic notification: a booking, one product of it, or a list of one of these (bokun.md 4.1)."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    notice = record(body)
    if notice.get("parentBooking") is not None:
        # A product booking's own id names no cart.
        return _own_id(record(notice["parentBooking"])) or booking_id(notice.get("parentBookingId"))
    if notice.get("parentBookingId") is not None:
        return booking_id(notice["parentBookingId"])
    return _own_id(notice)


def _signed(given: bytes, message: bytes, secret: str) -> bool:
    """Hex and base64 are both taken: the vendor's page names one and shows the other (bokun.md 4.2)."""
    digest = hmac.digest(secret.encode(), message, "sha256")
    as_hex = hmac.compare_digest(given.lower(), digest.hex().encode())
    as_base64 = hmac.compare_digest(given.rstrip(b"="), base64.b64encode(digest).rstrip(b"="))
    return as_hex or as_base64


def _header(headers: Mapping[str, str], wanted: str) -> str | None:
    return next((value.strip() for name, value in headers.items() if name.lower() == wanted), None)


def _own_id(booking: Json) -> BookingId | None:
    return booking_id(booking.get("bookingId", booking.get("id")))


def _opaque(value: str) -> BookingId | None:
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    found = re.fullmatch(r"Booking:([0-9]+)", decoded)
    return booking_id(found[1]) if found else None


def _bytes(value: str) -> bytes:
    """The bytes as they came: servers read headers as latin-1."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace")

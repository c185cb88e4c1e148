"""A booking without the personal data that an invoice does not need (behaviour 6)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from worker.bokun.reading import Json
from worker.calls.call import UnexpectedShape

# Top-level names that mean something else in the order body; the documented property wins (behaviour 6).
DOCUMENTED = frozenset(
    {
        "name",
        "active",
        "locale",
        "sendInvoiceAutomatically",
        "sendEstimateAutomatically",
        "issueInvoiceForBankPayment",
        "issueInvoiceOnComplete",
        "businessPremiseId",
        "electronicDeviceId",
        "organizationId",
        "unitId",
        "warehouseId",
        "accountId",
        "custom",
    }
)

# Members that never leave, at any depth, and why. Names and addresses stay: an invoice is made out to someone.
# So do bookingFields, where vendors ask companies for their VAT number (bokun.md 3.8), and a payment's
# authorizationCode, by which it is matched with the payment provider (bokun.md 3.7).
PERSONAL = {
    "dateofbirth": "birth date",
    "birthdate": "birth date",
    "birthday": "birth date",
    "personalidnumber": "a person's number",
    "sex": "says nothing to an invoice",
    "nationality": "says nothing to an invoice",
    "credentials": "a traveller's login",
    "passengerinfo": "names and documents of everybody who travels",
    "specialrequests": "free text: health, religion, diet",
    "octonote": "free text",
    "cancelnote": "free text",
    "cancelledby": "a member of staff",
    "extranetuser": "a member of staff",
    "author": "a member of staff",
    "comment": "a payment's comment names who entered it, with address",
    "cardnumber": "a card",
    "lastfourdigits": "a card",
    "externalcardid": "a card",
    "pickupplaceroomnumber": "where somebody sleeps",
    "pickupplacedescription": "where somebody sleeps",
    "dropoffplacedescription": "where somebody sleeps",
}
_PREFIXES = ("passport",)
_SUFFIXES = ("answers", "notes")  # answers, bookingAnswers, pickupAnswers ...; notes of every kind
_NESTED = (dict, list)
_DEEPEST = 90  # below what the order body's writer takes


def reduce_booking(payload: Json) -> dict[str, Any]:
    """Bokun's own members as the order body passes them on; numbers keep the digits they came with."""
    reduced = _without(payload, _DEEPEST)
    return {name: value for name, value in reduced.items() if name not in DOCUMENTED}


def _without(value: Any, depth: int) -> Any:
    if depth == 0:
        raise UnexpectedShape("a booking that is nested too deep")
    if isinstance(value, dict):
        return {
            name: _without(each, depth - 1) if isinstance(each, _NESTED) else each
            for name, each in value.items()
            if not _personal(name)
        }
    if isinstance(value, list):
        return [_without(each, depth - 1) for each in value]
    return value


@lru_cache(maxsize=2000)
def _personal(name: str) -> bool:
    plain = name.replace("_", "").lower()
    return plain in PERSONAL or plain.startswith(_PREFIXES) or plain.endswith(_SUFFIXES)

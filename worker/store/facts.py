"""The facts of a decision as JSON and back, so that every later look can repeat it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from worker.calls import json
from worker.domain.booking import Booking, Completion, Recipient, Role, Sale, Status, Trouble, Unclear
from worker.domain.connection import BookingId, Flags
from worker.domain.decision import Document, Policy, Told
from worker.domain.money import Money, plain


def dump_booking(booking: Booking) -> str:
    """What the decision looked at; the lines stay in the mark of the delivery."""
    return json.dumps(
        {
            "id": booking.id,
            "confirmation_code": booking.confirmation_code,
            "created_at": _iso(booking.created_at),
            "status": booking.status.value,
            "bank_payment": booking.bank_payment,
            "paid": booking.paid,
            "ended": booking.completion.done,
            "ends_at": _iso(booking.completion.at),
            "sale": _dump_sale(booking.sale),
            "revision": booking.revision,
            "refunded": None if booking.refunded is None else _dump_money(booking.refunded),
        }
    )


def load_booking(text: str) -> Booking:
    """The booking as the decision saw it, without its lines."""
    seen = json.loads(text)
    return Booking(
        id=BookingId(seen["id"]),
        confirmation_code=seen["confirmation_code"],
        created_at=_time(seen["created_at"]),
        status=Status(seen["status"]),
        bank_payment=seen["bank_payment"],
        paid=seen["paid"],
        completion=Completion(seen["ended"], _time(seen["ends_at"])),
        sale=_load_sale(seen["sale"]),
        revision=seen["revision"],
        refunded=None if seen["refunded"] is None else _load_money(seen["refunded"]),
    )


def without_name(text: str) -> str | None:
    """The same facts without the recipient's name; None where there is none (any more)."""
    seen = json.loads(text)
    if not seen["sale"].get("recipient"):
        return None
    seen["sale"]["recipient"] = ""
    return json.dumps(seen)


@lru_cache(maxsize=512)  # a batch has hundreds of the same
def dump_flags(flags: Flags) -> str:
    return json.dumps(asdict(flags))


def load_flags(text: str) -> Flags:
    return Flags(**json.loads(text))


@lru_cache(maxsize=512)
def dump_told(told: Told) -> str:
    return json.dumps({"document": told.document, "revision": told.revision, "corrected": sorted(told.corrected)})


def load_told(text: str) -> Told:
    seen = json.loads(text)
    document = None if seen["document"] is None else Document(seen["document"])
    return Told(document, seen["revision"], frozenset(seen["corrected"]))


@lru_cache(maxsize=512)
def dump_policy(policy: Policy) -> str:
    return json.dumps(
        {"start_from": _iso(policy.start_from), "on_change": policy.on_change, "on_cancel": policy.on_cancel}
    )


def load_policy(text: str) -> Policy:
    seen = json.loads(text)
    return Policy(_time(seen["start_from"]), seen["on_change"], seen["on_cancel"])


def _dump_sale(sale: Sale | Unclear) -> dict[str, Any]:
    if isinstance(sale, Unclear):
        return {"trouble": sale.trouble.value, "because": sale.because}
    return {
        "role": sale.recipient.role.value,
        "recipient": sale.recipient.name,
        **_dump_money(sale.total),
        "tax": plain(sale.tax),
    }


def _load_sale(seen: dict[str, Any]) -> Sale | Unclear:
    if "trouble" in seen:
        return Unclear(Trouble(seen["trouble"]), seen["because"])
    recipient = Recipient(Role(seen["role"]), seen["recipient"])
    return Sale(recipient, _load_money(seen), Decimal(seen["tax"]), ())


def _dump_money(money: Money) -> dict[str, str]:
    return {"total": plain(money.amount), "currency": money.currency}


def _load_money(seen: dict[str, Any]) -> Money:
    return Money(Decimal(seen["total"]), seen["currency"])


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)

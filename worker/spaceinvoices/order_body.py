"""The body of POST /Bokun/:id/order: the one place that knows it (behaviour 6).

Its documented properties are the connection's own; that Bokun's booking goes beside them is our reading of an
undocumented endpoint (space-invoices.md 2.1), so everything about it is here, to be changed in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worker.calls import json
from worker.domain.booking import Booking, Line, Recipient, Sale
from worker.domain.decision import Tell
from worker.domain.money import plain
from worker.spaceinvoices.connections import OPTIONAL, REQUIRED


def mark(key: str, tell: Tell, booking: Booking, *, complete: bool) -> str:
    """custom.bokunSync as JSON: who we are, what we tell and what we expect."""
    sale = booking.sale
    return json.dumps(
        {
            "key": key,
            "moment": tell.moment.value,
            "document": tell.document.value,
            "rule": tell.rule,
            "bookingId": booking.id,
            "confirmationCode": booking.confirmation_code,
            "revision": booking.revision,
            "order": _order(sale, paid=booking.paid, complete=complete) if isinstance(sale, Sale) else None,
        }
    )


def body(record: Mapping[str, Any], content: str, mark_: str, *, mail: bool | None = None) -> str:
    """The JSON text to send: the connection's properties, then the booking's own members, then our mark.

    `content` is the reduced booking, stored without any documented property, so the latter win every clash.
    """
    documented = {name: record[name] for name in (*REQUIRED, *OPTIONAL) if record.get(name) is not None}
    if mail is False:
        documented |= {"sendInvoiceAutomatically": False, "sendEstimateAutomatically": False}
    own = record.get("custom")
    custom = {name: value for name, value in own.items() if name != "bokunSync"} if isinstance(own, dict) else {}
    pieces = [json.dumps(documented)[1:-1], content.strip()[1:-1], f'"custom":{_with_mark(custom, mark_)}']
    return "{" + ",".join(piece for piece in pieces if piece.strip()) + "}"


def _with_mark(custom: Mapping[str, Any], mark_: str) -> str:
    head = json.dumps(custom)[1:-1]
    return "{" + (f"{head}," if head else "") + f'"bokunSync":{mark_}' + "}"


def _order(sale: Sale, *, paid: bool, complete: bool) -> dict[str, Any]:
    return {
        "recipient": _recipient(sale.recipient),
        "currency": sale.total.currency,
        "total": plain(sale.total.amount),
        "totalTax": plain(sale.tax),
        "lines": [_line(each) for each in sale.lines],
        "paid": paid,
        "complete": complete,
    }


def _recipient(recipient: Recipient) -> dict[str, str]:
    return {"role": recipient.role.value, "name": recipient.name, **dict(recipient.details)}


def _line(line: Line) -> dict[str, Any]:
    optional = {
        "productId": line.product_id,
        "rateId": line.rate_id,
        "pricingCategoryId": line.category_id,
        "date": line.date,
    }
    return {
        "title": line.title,
        "quantity": format(line.quantity, "f"),
        "total": plain(line.total),
        "tax": plain(line.tax),
        **{name: value for name, value in optional.items() if value is not None},
    }

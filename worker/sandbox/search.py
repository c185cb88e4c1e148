"""Bokun's search: what it finds, and the items that are not quite bookings."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from worker.sandbox.exact import Json, sample
from worker.sandbox.reading import products

if TYPE_CHECKING:
    from worker.sandbox.world import Stored

Found = tuple[datetime, "Stored", Json]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONEY = "totalDueAsMoney"


def search(bookings: Iterable["Stored"], query: Json, now: datetime) -> Json:
    """Answers an ItineraryBookingQuery; a page before the first is the first (reference, bokun.md 2.4)."""
    found = [hit for stored in bookings if (hit := _hit(stored, now)) and _matches(hit, query)]
    found.sort(key=lambda hit: (hit[0], hit[2]["id"]))
    size = max(int(query.get("pageSize") or 50), 1)
    start = (max(int(query.get("page") or 1), 1) - 1) * size
    return {"items": [hit[2] for hit in found[start : start + size]], "totalHits": len(found), "tookInMillis": 3}


def item(booking: Json) -> Json:
    """Makes the search item of a booking, shaped like the real ones: no status and no amount of its own."""
    shown = sample("search-item")
    pattern = shown["productBookings"][0]
    shown |= _head(booking) | _payment(booking)
    if "invoice" in booking:
        shown["customerInvoice"] = {**booking["invoice"], "payments": booking.get("customerPayments") or []}
        shown["paidAmountAsMoney"] = {"amount": booking["totalPaid"], "currency": booking["currency"]}
    shown["productBookings"] = [_product(pattern, product, booking) for product in products(booking)]
    return shown


def _head(booking: Json) -> Json:
    channel = booking.get("bookingChannel") or {}
    seller = booking.get("seller") or {}
    seen_as = "SELLER" if "SELLER" in _roles(booking) else "SUPPLIER"
    return {
        "id": booking["bookingId"],
        "confirmationCode": booking["confirmationCode"],
        "externalBookingReference": booking.get("externalBookingReference"),
        "creationDate": booking["creationDate"],
        "currency": booking["currency"],
        "customer": booking.get("customer"),
        "seller": {"id": seller.get("id"), "flags": [], "title": seller.get("title")},
        "channel": {"id": channel.get("id"), "title": channel.get("title")},
        "viewerRole": booking.get("viewerRole") or seen_as,
        "salesSegment": booking.get("salesSegment") or ("DIRECT_ONLINE" if seen_as == "SELLER" else "MARKETPLACE"),
    }


def _payment(booking: Json) -> Json:
    if "invoice" not in booking:
        return {"paymentStatus": "INVOICED", "paidPercentage": 0}
    total, paid = Decimal(booking["totalPrice"]), Decimal(booking["totalPaid"])
    return {"paymentStatus": booking.get("paymentType"), "paidPercentage": int(paid * 100 / total) if total else 0}


def _product(pattern: Json, product: Json, booking: Json) -> Json:
    seller = product.get("sellerInvoice")
    retail = product.get("invoice")
    direct = {name: product[name] for name in _SAME if name in product}
    return {
        **pattern,
        **direct,
        "id": product["bookingId"],
        "parentBookingId": booking["bookingId"],
        "product": {"id": product.get("productId"), "title": product.get("title")},
        "startDate": product.get("date"),
        "endDate": product.get("date"),
        "cancellationDate": product.get("cancellationDate"),
        "bookingCreationDate": booking["creationDate"],
        "creationDate": booking["creationDate"],
        "notes": [],
        "customerInvoice": _invoice(retail[_MONEY]) if retail else _invoice(_retail(product, booking)),
        "resellerInvoice": _invoice(seller[_MONEY], seller) if seller else None,
    }


_SAME = (
    "status",
    "channelId",
    "rateTitle",
    "startDateTime",
    "endDateTime",
    "productConfirmationCode",
    "totalParticipants",
    "discountPercentage",
    "cancelledBy",
    "cancelNote",
)


def _retail(product: Json, booking: Json) -> Json:
    return {"amount": product.get("totalPrice", 0), "currency": booking["currency"]}


def _invoice(due: Json, seller: Json | None = None) -> Json:
    gross = Decimal(due["amount"])
    if seller:
        gross = sum(
            (Decimal(line["totalWithoutCommissionAsMoney"]["amount"]) for line in seller["lineItems"]), Decimal(0)
        )
    commission = gross - Decimal(due["amount"])
    return {
        "total": gross,
        "currency": due["currency"],
        "totalDue": due["amount"],
        "totalDiscount": 0,
        "totalCommission": commission,
        "totalSansDiscount": gross,
        "totalSansCommission": due["amount"],
        "excludedAppliedTaxes": [],
        "includedAppliedTaxes": [],
    }


def _hit(stored: "Stored", now: datetime) -> Found | None:
    known = stored.indexed(now)
    return (known[0], stored, known[1]) if known else None


def _matches(hit: Found, query: Json) -> bool:
    modified, stored, shown = hit
    lines = shown["productBookings"]
    statuses = {line["status"] for line in lines} | {stored.detail.get("status")}
    return all(
        (
            not query.get("bookingStatuses") or statuses & set(query["bookingStatuses"]),
            not query.get("bookingRole") or query["bookingRole"] in _roles(stored.detail),
            not query.get("confirmationCode") or query["confirmationCode"] == shown["confirmationCode"],
            _within([modified], query.get("lastModifiedDateRange")),
            _within(_times([shown["creationDate"]]), query.get("creationDateRange")),
            _within(_times(line.get("startDateTime") for line in lines), query.get("startDateRange")),
            _within(_times(line.get("cancellationDate") for line in lines), query.get("cancellationDateRange")),
        )
    )


def _roles(booking: Json) -> set[str]:
    return {role for product in products(booking) for role in product.get("bookingRoles") or []}


def _times(values: Iterable[int | None]) -> list[datetime]:
    return [_EPOCH + timedelta(milliseconds=int(value)) for value in values if value is not None]


def _within(moments: list[datetime], wanted: Json | None) -> bool:
    if not wanted:
        return True
    return any(_inside(moment, wanted) for moment in moments)


def _inside(moment: datetime, wanted: Json) -> bool:
    low, high = _moment(wanted.get("from")), _moment(wanted.get("to"))
    after = low is None or moment > low or (moment == low and wanted.get("includeLower", True))
    before = high is None or moment < high or (moment == high and wanted.get("includeUpper", True))
    return bool(after and before)


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""Bokun's search: what it finds, and the items that are not quite bookings."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from worker.sandbox.exact import Json, dumps, sample
from worker.sandbox.reading import products

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONEY = "totalDueAsMoney"


@dataclass(frozen=True)
class Entry:
    """What the index knows of a booking, from the moment on at which it can know it."""

    since: datetime
    modified: datetime
    statuses: frozenset[str]
    roles: frozenset[str]
    item: Json
    text: str


def entry(booking: Json, *, since: datetime, modified: datetime) -> Entry:
    """Makes the index's entry of a booking."""
    # Whether the true search looks at the booking's status or at its products' is not known: either is enough here.
    statuses = {str(product.get("status")) for product in products(booking)} | {str(booking.get("status"))}
    shown = item(booking)
    return Entry(since, modified, frozenset(statuses), frozenset(_roles(booking)), shown, dumps(shown))


def search(entries: Iterable[Entry], query: Json) -> str:
    """Answers an ItineraryBookingQuery; a page before the first is the first (reference, bokun.md 2.4)."""
    found = [each for each in entries if _matches(each, query)]
    found.sort(key=lambda each: (each.modified, each.item["id"]))
    size = max(int(query.get("pageSize") or 50), 1)
    start = (max(int(query.get("page") or 1), 1) - 1) * size
    items = ",".join(each.text for each in found[start : start + size])
    return f'{{"items":[{items}],"totalHits":{len(found)},"tookInMillis":3}}'


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


def _matches(each: Entry, query: Json) -> bool:
    lines = each.item["productBookings"]
    return (
        _within([each.modified], query.get("lastModifiedDateRange"))
        and _within(_times([each.item["creationDate"]]), query.get("creationDateRange"))
        and _within(_times(line.get("startDateTime") for line in lines), query.get("startDateRange"))
        and _within(_times(line.get("cancellationDate") for line in lines), query.get("cancellationDateRange"))
        and _named(each, query)
    )


def _named(each: Entry, query: Json) -> bool:
    statuses, role, code = (query.get(name) for name in ("bookingStatuses", "bookingRole", "confirmationCode"))
    return (
        (not statuses or not each.statuses.isdisjoint(statuses))
        and (not role or role in each.roles)
        and (not code or code == each.item["confirmationCode"])
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


@lru_cache
def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""What happens to a booking after it was made: paid, moved, over, cancelled, priced anew."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from worker.sandbox import amounts
from worker.sandbox.exact import Json
from worker.sandbox.reading import NEVER, OPEN, SOLD, products

HOME = ZoneInfo("Europe/Rome")  # where the vendor of the samples is

BOOKING_WORDS = {"PAID_IN_FULL", "DEPOSIT", "FREE", "NOT_PAID", "OVERPAID", "REFUND", "INVOICED", "GIFT_CARD"}

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - Bokun packs local wall clock as if it were UTC


def instant(moment: datetime) -> int:
    """Packs a true moment, as creation and cancellation dates are."""
    return int(moment.timestamp()) * 1000


def wall_clock(moment: datetime) -> int:
    """Packs the local time of a moment as if it were UTC, as the dates of tours are."""
    return int((moment.astimezone(HOME).replace(tzinfo=None, microsecond=0) - _EPOCH).total_seconds()) * 1000


def schedule(booking: Json, now: datetime, *, starts_in: timedelta | None, ends_in: timedelta | None) -> None:
    """Moves the tours so that the first begins, or the last ends, so long from now; their lengths stay."""
    tours = list(products(booking))
    first = min(tour["startDateTime"] for tour in tours)
    last = max(tour["endDateTime"] for tour in tours)
    shift = wall_clock(now + starts_in) - first if starts_in is not None else 0
    if ends_in is not None:
        shift = wall_clock(now + ends_in) - last
        if starts_in is not None:
            raise ValueError("say starts_in or ends_in, a tour has its own length")
    for tour in tours:
        _shift(tour, shift)
    for part, tour in zip((booking.get("invoice") or {}).get("productInvoices", []), tours, strict=False):
        part.update(timestamp=tour["startDateTime"], dates=tour["dateString"])


def _shift(tour: Json, by: int) -> None:
    start = tour["startDateTime"] + by
    local = datetime.fromtimestamp(start / 1000, UTC)
    tour.update(startDateTime=start, endDateTime=tour["endDateTime"] + by, date=start - start % 86_400_000)
    tour.update(startTime=f"{local:%H:%M}", dateString=f"{local:%a, %B %d %Y - %H:%M}")
    for name in ("invoice", "sellerInvoice"):
        if name in tour:
            tour[name]["dates"] = tour["dateString"]


def set_status(booking: Json, status: str | Sequence[str], now: datetime) -> None:
    """Gives every product its status; the booking's own follows as far as Bokun has a word for it."""
    tours = list(products(booking))
    words = [status] * len(tours) if isinstance(status, str) else list(status)
    for tour, word in zip(tours, words, strict=True):
        tour["status"] = word
        if word == "CANCELLED":
            tour.update(cancellationDate=instant(now), cancelledBy="VENDOR", cancelNote="(text removed)")
    standing = [word for word in words if word != "CANCELLED"]
    known = [word for word in standing if word in SOLD | OPEN | NEVER]
    booking["status"] = "CANCELLED" if not standing else (known or ["CONFIRMED"])[0]


def pay(booking: Json, now: datetime, paid: bool | str | Decimal, payment_type: str | None = None) -> None:
    """Says how much is paid and how; a word of Bokun's bookings names the booking's state, any other the payment's.

    A bank transfer that has not come yet shows as the booking's own `paymentType`, which is made up.
    """
    total = Decimal(booking["totalPrice"])
    sum_paid = total * int(paid) if isinstance(paid, bool) else Decimal(paid)
    amounts.settle(booking, sum_paid)
    if "invoice" not in booking:
        return
    word = payment_type if payment_type in BOOKING_WORDS else None
    means = payment_type if word is None else None
    unpaid = means if means == "BANK_TRANSFER" else "NOT_PAID"
    booking["paymentType"] = word or _word(total, sum_paid, unpaid or "NOT_PAID")
    booking["customerPayments"] = [_payment(booking, now, sum_paid, means or "WEB_PAYMENT")] if sum_paid else []
    for tour in products(booking):
        tour["paidType"] = booking["paymentType"]


def _word(total: Decimal, paid: Decimal, unpaid: str) -> str:
    if not total:
        return "FREE"
    if not paid:
        return unpaid
    return "DEPOSIT" if paid < total else "PAID_IN_FULL" if paid == total else "OVERPAID"


def _payment(booking: Json, now: datetime, amount: Decimal, means: str) -> Json:
    currency = booking["currency"]
    return {
        "id": booking["bookingId"] + 46_000_000,
        "amount": amount,
        "currency": currency,
        "comment": f"Payment for booking #{booking['bookingId']}",
        "transactionDate": instant(now),
        "activeCustomerInvoiceId": booking["invoice"]["id"],
        "paymentType": means,
        "isRefundable": means == "WEB_PAYMENT",
        "refundable": means == "WEB_PAYMENT",
        "totalRefundedAmount": 0,
        "maxRefundableAmount": amount,
        "remainingRefundableAmount": amount,
        "amountAsMoney": {"amount": amount, "currency": currency},
        "amountAsText": f"{currency} {amount}",
    }


def change(booking: Json, now: datetime, wish: Json) -> None:
    """Applies what a person wishes: cancel, status, pay, reprice, complete, fields; each only if it is named."""
    if wish.get("cancel"):
        set_status(booking, "CANCELLED", now)
    if "status" in wish:
        set_status(booking, wish["status"], now)
    if "reprice" in wish:
        _reprice(booking, now, Decimal(str(wish["reprice"])))
    if "pay" in wish:
        paid = wish["pay"] if isinstance(wish["pay"], bool) else Decimal(str(wish["pay"]))
        pay(booking, now, paid, wish.get("payment_type"))
    if wish.get("complete"):
        schedule(booking, now, starts_in=None, ends_in=timedelta(minutes=-1))
    booking.update(wish.get("fields") or {})


def _reprice(booking: Json, now: datetime, total: Decimal) -> None:
    """Prices anew; what was fully paid is fully paid again, any other payment stays as it is."""
    full = booking["totalDue"] == 0 and booking["totalPrice"]
    amounts.price(booking, total, _currency(booking))
    if full:
        word = booking.get("paymentType")
        pay(booking, now, True, None if word == "PAID_IN_FULL" else word)
    else:
        amounts.settle(booking, Decimal(booking["totalPaid"]))


def _currency(booking: Json) -> str:
    invoice = booking.get("invoice") or next(products(booking))["sellerInvoice"]
    return str(invoice["currency"])

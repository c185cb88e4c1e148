"""The sale behind a booking: whose invoice it is and what is on it (behaviour 5, role and amount; bokun.md 3.5)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce
from itertools import combinations
from operator import add

from worker.bokun import lines as positions
from worker.bokun import recipients
from worker.bokun.doubt import Doubt, unclear_amount
from worker.bokun.reading import Json, first, key, record, rows
from worker.bokun.statuses import billable, cancelled
from worker.domain.booking import Line, Recipient, Role, Sale, Unclear
from worker.domain.money import Money, NotMoney, amount, currency, total

_ONE, _NOTHING = Decimal(1), Decimal(0)


def sale(booking: Json, products: tuple[Json, ...]) -> Sale | Unclear:
    """What a document shows, from the invoice of the role we have; Unclear, with a sentence, where it cannot be read."""
    try:
        return _sale(booking, products)
    except Doubt as doubt:
        return doubt.unclear


def _sale(booking: Json, products: tuple[Json, ...]) -> Sale:
    _no_gift_cards(booking)
    role = recipients.role(booking, billable(products))
    if role is Role.RESELLER:
        return _resold(booking, products)
    if role is Role.AGENT:
        invoice = _required(booking, "agentInvoice")
        return _read(invoice, products, recipients.company_of(invoice, recipients.agent(booking), role=role))
    invoice = _required(booking, "invoice", "customerInvoice")
    return _read(invoice, products, recipients.customer_of(booking, invoice))


def _resold(booking: Json, products: tuple[Json, ...]) -> Sale:
    """Our invoices to the reseller, one a product, as one sale."""
    billed = billable(products)
    _no_leftovers(product for product in products if product not in billed)
    sales = [_of_product(product, recipients.seller(booking)) for product in billed]
    _charged_once(tuple(product for product, each in zip(billed, sales, strict=True) if each.total.amount))
    if len({each.recipient.name for each in sales}) > 1 or len({each.total.currency for each in sales}) > 1:
        raise unclear_amount("The products' invoices go to several recipients or are in several currencies.")
    return Sale(
        recipient=sales[0].recipient,
        total=reduce(add, (each.total for each in sales)),
        tax=total(each.tax for each in sales),
        lines=tuple(line for each in sales for line in each.lines),
    )


def _of_product(product: Json, seller: Json) -> Sale:
    invoice = _required(product, "sellerInvoice", "resellerInvoice")
    # The product goes with its own invoice, so that each position finds it whatever the invoice says of it.
    recipient = recipients.company_of(invoice, seller, role=Role.RESELLER)
    if invoice.get("lineItems") is not None:
        return _read({**invoice, "productBookingId": "this"}, ({**product, "id": "this"},), recipient)
    due, tax = _total(invoice), _tax_of(invoice)
    return Sale(recipient, due, tax, (positions.whole(product, amount=due.amount, tax=tax),))


def _required(holder: Json, *names: str) -> Json:
    found = next((invoice for name in names if (invoice := record(holder.get(name)))), None)
    if found is None:
        raise unclear_amount(f"Bokun shows no {names[0]} on it, which is the invoice that counts in our role.")
    return found


def _read(invoice: Json, products: tuple[Json, ...], recipient: Recipient) -> Sale:
    due = _total(invoice)
    on_it = positions.lines(invoice, products, currency=due.currency)
    return Sale(recipient, due, _tax_of(invoice), _adding_up(on_it, invoice, due))


def _adding_up(on_it: tuple[Line, ...], invoice: Json, due: Money) -> tuple[Line, ...]:
    """The positions, and the fees that Bokun keeps beside them where only with these the total is met."""
    fees = [Line(title, _ONE, fee, _NOTHING) for title, fee in _fees(invoice) if fee]
    for number_of_fees in range(len(fees) + 1):
        for some in combinations(fees, number_of_fees):
            if abs(total(line.total for line in (*on_it, *some)) - due.amount) <= due.half_minor_unit:
                return (*on_it, *some)
    found = Money(total(line.total for line in on_it), due.currency)
    raise unclear_amount(f"The positions of the invoice add up to {found}, but its total is {due}.")


def _fees(invoice: Json) -> tuple[tuple[str, Decimal], ...]:
    by_product = total(positions.money(part, "totalFees") or _NOTHING for part in rows(invoice.get("productInvoices")))
    of_invoice = positions.money(invoice, "totalFees") or by_product
    return ("Fees", of_invoice), ("Booking fee", positions.money(invoice, "totalBookingFee") or _NOTHING)


def _total(invoice: Json) -> Money:
    """What is payable; not what is still open (bokun.md 3.4)."""
    due = record(invoice.get("totalDueAsMoney")) or {
        "amount": invoice.get("totalDue"),
        "currency": invoice.get("currency"),
    }
    try:
        read = Money(amount(due.get("amount")), currency(due.get("currency")))
    except NotMoney as wrong:
        raise unclear_amount(f"The invoice's total cannot be read: {wrong}.") from wrong
    said = first(invoice, "currency")
    if said is not None and said.upper() != read.currency:
        raise unclear_amount(f"The invoice's total is {read}, but the invoice says another currency.")
    if read.amount < 0:
        raise unclear_amount(f"The invoice's total is {read}: less than nothing is no sale.")
    return read


def _tax_of(invoice: Json) -> Decimal:
    said = positions.money(invoice, "totalTax")
    return (
        said if said is not None else positions.applied_taxes(invoice, "includedAppliedTaxes", "excludedAppliedTaxes")
    )


def _no_gift_cards(booking: Json) -> None:
    if any(not cancelled(card) for card in rows(booking.get("giftCardBookings"))):
        # The tax of a voucher depends on its kind, which Bokun does not tell (bokun.md 7).
        raise unclear_amount("The booking sells a gift card, and nothing says how that is invoiced.")


def _no_leftovers(unsold: Iterable[Json]) -> None:
    """A cancelled product may stay invoiced with a fee, or its invoice may be out of date: nobody can tell which."""
    for product in unsold:
        invoice = record(product.get("sellerInvoice")) or record(product.get("resellerInvoice"))
        if invoice and (left := _total(invoice)).amount:
            raise unclear_amount(
                f"Product booking {_name(product)} is not sold (any more), but carries an invoice of {left}."
            )


def _charged_once(charged: tuple[Json, ...]) -> None:
    """Which level of a combo carries the money is not known (bokun.md 7): where several do, a person looks."""
    parts = ("comboParentBooking", "comboChildBookings")
    flags = ("comboParent", "partOfComboBooking")
    of_combos = [
        product
        for product in charged
        if any(product.get(part) for part in parts) or any(record(product.get("fields")).get(flag) for flag in flags)
    ]
    if len(charged) > 1 and of_combos:
        raise unclear_amount(f"Product booking {_name(of_combos[0])} is part of a combo, which may be charged twice.")


def _name(product: Json) -> str:
    return key(product.get("bookingId")) or key(product.get("id")) or "without an id"

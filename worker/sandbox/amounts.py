"""Prices a booking anew: every line, total and text of its invoices follows, to the last digit."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_DOWN, Decimal

from worker.sandbox.exact import Json, copy
from worker.sandbox.reading import products

CENT = Decimal("0.01")
COMMISSION = Decimal(20)

_WHOLE = ("totalAsMoney", "strikeThroughTotalAsMoney", "totalWithExcludedTaxAsMoney")
_DUE = ("totalDiscountedAsMoney", "totalDueAsMoney", "totalDueWithoutExcludedTaxAsMoney")


def price(booking: Json, total: Decimal, currency: str) -> None:
    """Makes a booking cost us (or bring us) so much: the total of the invoice that the document follows."""
    if "agentInvoice" in booking:
        _agent(booking, total, currency)
    elif "invoice" in booking:
        _retail(booking, _spread(total, list(_retail_lines(booking))), currency)
    else:
        _supplier(booking, total, currency)


def settle(booking: Json, paid: Decimal) -> None:
    """Writes down how much of the retail price is paid, and what is still open."""
    due = Decimal(booking["totalPrice"]) - paid
    booking.update(totalPaid=paid, totalDue=due, totalDueAsText=_text(due, booking["currency"]))


def _spread(total: Decimal, lines: Sequence[Json]) -> list[Decimal]:
    """Shares a total among lines in their old proportion; the last one takes what is left."""
    weights = [Decimal(line["totalDue"]) or Decimal(1) for line in lines]
    shares = [(total * weight / sum(weights)).quantize(CENT, ROUND_DOWN) for weight in weights[:-1]]
    return [*shares, total - sum(shares, Decimal(0))]


def _retail_lines(booking: Json) -> Iterator[Json]:
    for part in booking["invoice"]["productInvoices"]:
        yield from part["lineItems"]


def _retail(booking: Json, shares: list[Decimal], currency: str) -> None:
    remaining = iter(shares)
    sums = []
    for part, product in zip(booking["invoice"]["productInvoices"], products(booking), strict=True):
        for line in part["lineItems"]:
            share = next(remaining)
            _line(line, whole=share, due=share, currency=currency)
        sums.append(sum((line["totalDue"] for line in part["lineItems"]), Decimal(0)))
        _totals(part, whole=sums[-1], due=sums[-1], currency=currency)
        product["invoice"] = copy(part)
        _cost(product, sums[-1], currency)
    total = sum(sums, Decimal(0))
    _totals(booking["invoice"], whole=total, due=total, currency=currency)
    _cost_whole(booking, total, currency)


def _agent(booking: Json, total: Decimal, currency: str) -> None:
    invoice = booking["agentInvoice"]
    gross = []
    for line, due in zip(invoice["lineItems"], _spread(total, invoice["lineItems"]), strict=True):
        gross.append(_gross(due))
        _line(line, whole=gross[-1], due=due, currency=currency)
    _totals(invoice, whole=sum(gross, Decimal(0)), due=total, currency=currency)
    _retail(booking, gross, currency)


def _supplier(booking: Json, total: Decimal, currency: str) -> None:
    invoices = [product["sellerInvoice"] for product in products(booking)]
    lines = [line for invoice in invoices for line in invoice["lineItems"]]
    rate = _rate(booking, invoices, currency)
    for line, due in zip(lines, _spread(total, lines), strict=True):
        _line(line, whole=due, due=due, currency=currency)
        gross = _gross(due)
        _money(line, ("totalWithoutCommissionAsMoney", "unitPriceAsMoney"), gross, currency)
        line["unitPrice"] = gross
    for invoice, product in zip(invoices, products(booking), strict=True):
        due = sum((line["totalDue"] for line in invoice["lineItems"]), Decimal(0))
        _totals(invoice, whole=due, due=due, currency=currency)
        _cost(product, (due * rate).quantize(CENT), booking["currency"])
    _cost_whole(booking, sum((product["totalPrice"] for product in products(booking)), Decimal(0)), booking["currency"])


def _rate(booking: Json, invoices: list[Json], currency: str) -> Decimal:
    """Gives what the traveller pays per unit of ours, as it was."""
    if booking["currency"] == currency:
        return Decimal(100) / (100 - COMMISSION)
    ours = sum((Decimal(invoice["totalDueAsMoney"]["amount"]) for invoice in invoices), Decimal(0))
    return Decimal(booking["totalPrice"]) / ours


def _gross(due: Decimal) -> Decimal:
    return (due * 100 / (100 - COMMISSION)).quantize(CENT)


def _line(line: Json, *, whole: Decimal, due: Decimal, currency: str) -> None:
    line.update(currency=currency, quantity=1, discount=0, calculatedDiscount=0)
    line.update(unitPrice=whole, total=whole, totalDiscounted=due, totalDue=due, discountedUnitPrice=due)
    _money(line, ("totalAsMoney", "unitPriceAsMoney", "strikeThroughTotal"), whole, currency)
    _money(line, ("totalDueAsMoney", "totalDiscountedAsMoney", "discountedUnitPriceAsMoney"), due, currency)


def _totals(invoice: Json, *, whole: Decimal, due: Decimal, currency: str) -> None:
    invoice.update(currency=currency, free=due == 0)
    _money(invoice, _WHOLE, whole, currency)
    _money(invoice, _DUE, due, currency)
    _money(invoice, ("totalDiscountAsMoney",), whole - due, currency)


def _money(holder: Json, names: Sequence[str], amount: Decimal, currency: str) -> None:
    for name in names:
        if name in holder:
            holder[name] = {"amount": amount, "currency": currency}
            text = name.replace("AsMoney", "AsText")
            if text in holder:
                holder[text] = _text(amount, currency)


def _cost(product: Json, amount: Decimal, currency: str) -> None:
    product.update(totalPrice=amount, priceWithDiscount=amount, discountPercentage=0, discountAmount=0, savedAmount=0)
    product.update(totalPriceAsText=_text(amount, currency), priceWithDiscountAsText=_text(amount, currency))
    product.pop("offerUsage", None)
    product["offerApplied"] = False


def _cost_whole(booking: Json, amount: Decimal, currency: str) -> None:
    booking.update(currency=currency, totalPrice=amount, totalPriceConverted=amount)


def _text(amount: Decimal, currency: str) -> str:
    return f"{currency} {amount}"

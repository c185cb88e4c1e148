"""What became of a booking after its document: what changed, and by how much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from worker.domain.money import Money, plain


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a document, as far as two of them are compared."""

    title: str
    date: str | None
    quantity: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Shown:
    """What a document shows: the standing one as it was told, or the one that the booking would get now."""

    total: Money
    tax: Decimal
    recipient: str | None
    """None where it is not kept any more."""
    items: tuple[Item, ...] | None
    """None where they are not known (any more)."""


def money(old: Money, new: Money | None, document: str) -> str:
    """What changed in money after a document: old, new, difference."""
    if new is None:
        return f"the booking changed after {document} of {old}, and its amount cannot be read now"
    if new.currency != old.currency:
        return f"the booking changed after {document}: from {old} to {new}"
    if new == old:
        return f"the booking changed after {document}; its total of {old} did not"
    return (
        f"the booking changed after {document}: from {old} to {new}, a difference of {signed(new.amount - old.amount)}"
    )


def signed(number: Decimal) -> str:
    """The amount with its sign."""
    return f"{'+' if number > 0 else '-' if number < 0 else ''}{plain(abs(number))}"


def details(old: Shown, new: Shown) -> Iterator[str]:
    """What else is different: tax, recipient, and each line that came, went or costs another amount."""
    if old.tax != new.tax and old.total.currency == new.total.currency:
        yield f"tax from {plain(old.tax)} to {plain(new.tax)}"
    if None not in (old.recipient, new.recipient) and old.recipient != new.recipient:
        yield "the recipient is another"
    if old.items is not None and new.items is not None:
        yield from _items(old.items, new.items)


def _items(old: Iterable[Item], new: Iterable[Item]) -> Iterator[str]:
    before, after = _by_name(old), _by_name(new)
    for name in dict.fromkeys((*before, *after)):
        was, is_ = before.get(name), after.get(name)
        if was is None and is_ is not None:
            yield f"{name} came: {plain(is_[1])}"
        elif is_ is None and was is not None:
            yield f"{name} went: {plain(was[1])}"
        elif was is not None and is_ is not None and was != is_:
            amounts = f"{plain(was[1])} to {plain(is_[1])}" if was[1] != is_[1] else plain(was[1])
            quantity = f", quantity {was[0]:f} to {is_[0]:f}" if was[0] != is_[0] else ""
            yield f"{name}: {amounts}{quantity}"


def _by_name(items: Iterable[Item]) -> dict[str, tuple[Decimal, Decimal]]:
    """Quantity and total of each title and date; lines of one name are one."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for each in items:
        name = f"{each.title} on {each.date}" if each.date else each.title
        quantity, total = found.get(name, (Decimal(0), Decimal(0)))
        found[name] = quantity + each.quantity, total + each.total
    return found

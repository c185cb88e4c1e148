"""What changed after a document, in words and amounts."""

from decimal import Decimal

import pytest

from tests.builders import NOW
from worker.domain.changes import Item, Shown, details, money, signed
from worker.domain.money import Money

TOUR, MEAL = ("Tour", NOW.date().isoformat()), ("Meal", None)


def eur(text):
    return Money(Decimal(text), "EUR")


def item(what, quantity, total):
    return Item(title=what[0], date=what[1], quantity=Decimal(quantity), total=Decimal(total))


def shown(*items, tax="1.00", recipient="a", currency="EUR"):
    return Shown(total=Money(Decimal("10.00"), currency), tax=Decimal(tax), recipient=recipient, items=items)


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (None, "the booking changed after invoice 7 of 10.00 EUR, and its amount cannot be read now"),
        (Money(Decimal(10), "USD"), "the booking changed after invoice 7: from 10.00 EUR to 10.00 USD"),
        (eur("10.00"), "the booking changed after invoice 7; its total of 10.00 EUR did not"),
        (eur("12.5"), "the booking changed after invoice 7: from 10.00 EUR to 12.50 EUR, a difference of +2.50"),
        (eur("9.99"), "the booking changed after invoice 7: from 10.00 EUR to 9.99 EUR, a difference of -0.01"),
    ],
)
def test_what_changed_in_money(new, said):
    """Old, new and the difference with its sign; nothing is subtracted over two currencies or from the unknown."""
    assert money(eur("10.00"), new, "invoice 7") == said


def test_nothing_has_no_sign():
    """Zero is neither more nor less."""
    assert [signed(Decimal(each)) for each in ("0", "0.01", "-0.01")] == ["0.00", "+0.01", "-0.01"]


CHANGES = {
    "nothing": (shown(item(TOUR, 2, 10)), shown(item(TOUR, 2, 10)), []),
    "tax": (shown(), shown(tax="2.00"), ["tax from 1.00 to 2.00"]),
    "tax in another currency": (shown(), shown(tax="2.00", currency="USD"), []),
    "recipient": (shown(), shown(recipient="b"), ["the recipient is another"]),
    "recipient not kept": (shown(recipient=None), shown(recipient="b"), []),
    "recipient not known": (shown(), shown(recipient=None), []),
    "came": (shown(item(TOUR, 1, 5)), shown(item(TOUR, 1, 5), item(MEAL, 1, 3)), ["Meal came: 3.00"]),
    "went": (shown(item(TOUR, 1, 5), item(MEAL, 1, 3)), shown(item(MEAL, 1, 3)), ["Tour on 2025-07-01 went: 5.00"]),
    "dearer": (shown(item(MEAL, 1, 3)), shown(item(MEAL, 1, 4)), ["Meal: 3.00 to 4.00"]),
    "more of it": (shown(item(MEAL, 1, 3)), shown(item(MEAL, 2, 6)), ["Meal: 3.00 to 6.00, quantity 1 to 2"]),
    "more for the same": (shown(item(MEAL, 1, 3)), shown(item(MEAL, 2, 3)), ["Meal: 3.00, quantity 1 to 2"]),
    "split": (shown(item(MEAL, 2, 6)), shown(item(MEAL, 1, 3), item(MEAL, 1, 3)), []),
}


@pytest.mark.parametrize(("old", "new", "said"), CHANGES.values(), ids=CHANGES)
def test_what_else_is_different(old, new, said):
    """Tax, recipient, and each line that came, went or costs another amount; lines of one name are one."""
    assert list(details(old, new)) == said


def test_lines_that_are_not_known_are_not_compared():
    """Where the old or the new lines are unknown nothing is said of them."""
    unknown = Shown(eur("10.00"), Decimal("1.00"), "a", None)
    assert [
        list(details(*pair)) for pair in ((unknown, shown(item(MEAL, 1, 3))), (shown(item(MEAL, 1, 3)), unknown))
    ] == [
        [],
        [],
    ]

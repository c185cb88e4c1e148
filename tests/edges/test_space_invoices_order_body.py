"""The body of POST /Bokun/:id/order (behaviour 6)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.builders import booking, sale
from worker.bokun.reduce import reduce_booking
from worker.calls import json
from worker.domain.booking import Line, Recipient, Role, Trouble, Unclear
from worker.domain.decision import Document, Moment, Tell
from worker.domain.money import Money
from worker.spaceinvoices.order_body import body, mark

RECORD = {
    "id": "c1", "name": "Shop", "active": True, "sendInvoiceAutomatically": True, "sendEstimateAutomatically": False,
    "issueInvoiceOnComplete": False, "locale": "sl", "unitId": None, "custom": {"theirs": [1, 2]},
    "createdAt": "2022-04-20T10:10:30.000Z", "_isDeleted": False,
}  # fmt: skip
TELL = Tell(Moment.RECEIVED, Document.INVOICE, "on-arrival", "why")


def made(record=RECORD, content=None, mark_='{"key":"k"}', **said):
    return body(record, json.dumps({"bookingId": 7} if content is None else content), mark_, **said)


def test_the_body_is_the_connection_the_booking_and_our_mark():
    """Documented properties that the connection has, Bokun's own members, custom with theirs and ours; nothing else."""
    assert json.loads(made()) == {
        "name": "Shop",
        "active": True,
        "sendInvoiceAutomatically": True,
        "sendEstimateAutomatically": False,
        "issueInvoiceOnComplete": False,
        "locale": "sl",
        "bookingId": 7,
        "custom": {"theirs": [1, 2], "bokunSync": {"key": "k"}},
    }


def test_documented_properties_win_every_name_clash():
    """A booking whose members are called like the connection's does not change what the connection says."""
    clash = {"name": "Tour", "active": False, "custom": {"x": 1}, "locale": "is", "organizationId": "z", "bookingId": 7}
    text = made(content=reduce_booking(clash))
    assert json.loads(text) == json.loads(made())
    assert [text.count(f'"{name}":') for name in ("name", "active", "locale", "custom")] == [1, 1, 1, 1]


def test_numbers_are_written_with_the_digits_they_were_read_with():
    """No float rounds an amount on its way through."""
    digits = '{"a":0.1,"b":1.10,"c":123456789012345.67,"d":0.30000000000000004,"e":12345678901234567890}'
    text = made(content=json.loads(digits))
    assert digits[1:-1] in text


@pytest.mark.parametrize("theirs", [None, [], "x", {}, {"bokunSync": {"key": "old"}}])
def test_our_mark_stands_in_custom_whatever_is_there(theirs):
    """A custom field of another kind, or with an older mark of ours, holds just the new mark."""
    record = RECORD | {"custom": theirs}
    assert json.loads(made(record))["custom"] == {"bokunSync": {"key": "k"}}


def test_an_empty_booking_and_an_empty_custom_make_valid_json():
    """No stray comma, whatever is empty."""
    assert json.loads(made({"name": "x"}, content={})) == {"name": "x", "custom": {"bokunSync": {"key": "k"}}}


def test_mail_can_be_kept_back():
    """For a backfill without mail both mail flags are off; otherwise they are the connection's."""
    off, on = (json.loads(made(mail=mail)) for mail in (False, True))
    names = ("sendInvoiceAutomatically", "sendEstimateAutomatically")
    assert ([off[name] for name in names], [on[name] for name in names]) == ([False, False], [True, False])


def test_the_mark_says_who_tells_what_and_expects_what():
    """Key, moment, document, rule, booking and revision, with the order in exact decimal text."""
    line = Line("Tour: Adult", Decimal(2), Decimal("7.5"), Decimal("1.345"), "11", None, "13", "2025-07-01T10:00:00")
    recipient = Recipient(Role.AGENT, "Agency", (("country", "IS"), ("email", "a@example.com")))
    told = replace(sale(), recipient=recipient, total=Money(Decimal("7.5"), "EUR"), tax=Decimal("1.345"), lines=(line,))
    assert json.loads(mark("k", TELL, booking(sale=told, paid=True), complete=False)) == {
        "key": "k",
        "moment": "received",
        "document": "invoice",
        "rule": "on-arrival",
        "bookingId": 7,
        "confirmationCode": "TEST-7",
        "revision": "r1",
        "order": {
            "recipient": {"role": "agent", "name": "Agency", "country": "IS", "email": "a@example.com"},
            "currency": "EUR",
            "total": "7.50",
            "totalTax": "1.345",
            "lines": [
                {
                    "title": "Tour: Adult",
                    "quantity": "2",
                    "total": "7.50",
                    "tax": "1.345",
                    "productId": "11",
                    "pricingCategoryId": "13",
                    "date": "2025-07-01T10:00:00",
                }
            ],
            "paid": True,
            "complete": False,
        },
    }


def test_a_cancelled_booking_that_cannot_be_read_is_told_without_order():
    """A cancellation needs no amounts."""
    unclear = booking(sale=Unclear(Trouble.UNREADABLE, "why"))
    assert json.loads(mark("k", replace(TELL, moment=Moment.CANCELLED), unclear, complete=True))["order"] is None

"""A bad day, drawn by lot: faults, changes, deaths and doubled workers, and one document of a kind for each sale."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.flow.test_crashes import ORDER, dies
from worker.sandbox import bookings

IDS = range(9_000_001, 9_000_005)
FAULTS = (
    {"kind": "reset"},
    {"kind": "close"},
    {"kind": "html"},
    {"kind": "truncate"},
    {"kind": "status", "code": 500},
    {"kind": "status", "code": 503, "headers": {"retry-after": "30"}},
    {"kind": "status", "code": 429, "headers": {"retry-after": "20"}},
    {"kind": "status", "code": 409},
)
KINDS = (
    {},
    {"paid": False},
    {"paid": False, "payment_type": "BANK_TRANSFER"},
    {"ends_in": timedelta(hours=1)},
    {"status": "RESERVED"},
)


def weather(lot, house):
    """Something goes wrong with one of the next calls."""
    where = lot.choice((ORDER, {"remote": "space-invoices", "path": "/orders"}, {"remote": "bokun"}))
    house.sandbox.faults.add(**where, **lot.choice(FAULTS), after_effect=lot.random() < 0.5)


def life(lot, house):
    """A booking goes on: it is confirmed, paid, attended."""
    id_ = lot.choice(IDS)
    wish = lot.choice(({"status": "CONFIRMED"}, {"pay": True, "payment_type": "BANK_TRANSFER"}, {"status": "ARRIVED"}))
    house.sandbox.change(id_, **wish)


def work(lot, house):
    """A process runs through, dies on the way, or two run at once."""
    way = lot.random()
    if way < 0.4:
        dies(house, lot.randrange(100))
    elif way < 0.6:
        twice(house)
    else:
        house.drain()


def twice(house):
    """Two processes at once, each with threads of its own."""
    with ThreadPoolExecutor(2) as both, ThreadPoolExecutor(4) as pool:
        other = house.with_services(pool=pool)
        for done in [both.submit(each.drain) for each in (house, other)]:
            done.result()


def after_the_storm(house):
    """The faults are over, everything is confirmed, paid and attended, and time passes."""
    house.sandbox.faults.clear()
    for id_ in IDS:
        house.sandbox.change(id_, status="ARRIVED", pay=True)
    for minutes in (1, 5, 16, 16, 61, 16):
        house.later(minutes=minutes)


def storm(house, seed):
    lot = random.Random(seed)
    house.sandbox.connect("one", issueInvoiceOnComplete=lot.random() < 0.5)
    house.sandbox.connect("two", issueInvoiceForBankPayment=lot.random() < 0.5)
    for id_ in IDS:
        house.sandbox.book(bookings.own_sale(id_, house.clock(), **lot.choice(KINDS)))
    for _ in range(8):
        lot.choice((weather, weather, life, work, work))(lot, house)
        house.clock.pass_by(seconds=lot.choice((1, 30, 130, 400)))
    after_the_storm(house)


@pytest.mark.parametrize("seed", range(2))
def test_each_sale_has_one_document_of_a_kind_after_a_storm(house, seed):
    """Whatever happened, no document is doubled, and a sale without invoice is held for a person, who is told why."""
    house = house.with_services(space_invoices=replace(house.services.space_invoices, patience=0.0))
    storm(house, seed)
    invoices = [id_ for kind, id_ in house.documents if kind == "invoice"]
    assert house.most_documents() == 1
    held = [reason for (_, _, state), reason in zip(house.deliveries, house.reasons, strict=True) if state == "held"]
    assert all(held)
    assert {state for _, _, state in house.deliveries} <= {"confirmed", "superseded", "held"}
    assert len(invoices) + len(held) >= len(IDS)

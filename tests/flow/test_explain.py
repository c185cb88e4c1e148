"""The story of a booking: now, as it stood, decided once more, and what became of it after its document."""

from datetime import timedelta
from itertools import product
from types import SimpleNamespace

import pytest

from tests.builders import NOW, booking
from worker.domain.booking import Completion, Status, Trouble, Unclear
from worker.domain.connection import Flags
from worker.domain.decision import Document, Policy, Tell, Told, decide_read, kind
from worker.flow.explain import explain
from worker.flow.repeat import is_same, repeat
from worker.sandbox import bookings
from worker.store import facts

A = 9_000_001
FLAGS = [Flags(*each) for each in product((True, False), repeat=5)]
TOLD = [Told(), Told(Document.ESTIMATE, "r1"), Told(Document.INVOICE, "r1"), Told(Document.INVOICE, "r0")]


def stored(flags, read, told, policy, made):
    """A decision as the history keeps it."""
    tell = made if isinstance(made, Tell) else None
    return SimpleNamespace(
        flags=facts.dump_flags(flags), facts=facts.dump_booking(read), told=facts.dump_told(told),
        policy=facts.dump_policy(policy), decided_at=NOW, decision=kind(made), rule=made.rule, because=made.because,
        document=tell.document.value if tell else None, moment=tell.moment.value if tell else None,
    )  # fmt: skip


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("policy", [Policy(), Policy(NOW, "tell", "tell")], ids=["ask", "tell"])
def test_a_stored_decision_is_repeated_identically(status, policy):
    """Over all flag sets, statuses, payments and ends, deciding once more gives the same decision."""
    unclear = Unclear(Trouble.UNREADABLE, "no")
    ends = [Completion(True, None), Completion(False, NOW + timedelta(days=1)), Completion(False, None)]
    for flags, bank, paid, end, told in product(FLAGS, (True, False), (True, False), ends, TOLD):
        for more in ({}, {"sale": unclear}, {"sale": unclear, "revision": ""}):
            read = booking(status=status, bank_payment=bank, paid=paid, completion=end, **more)
            made = decide_read(flags, read, told, policy=policy, now=NOW)
            row = stored(flags, read, told, policy, made)
            assert (repeat(row), is_same(row)) == (made, True)


@pytest.fixture
def sold(house):
    """One sale, told and proven, and then an hour."""
    house.sandbox.connect()
    house.sandbox.book(bookings.own_sale(A, house.clock(), total="100.10"))
    house.drain(2)
    house.clock.pass_by(hours=1)
    return house


def story(house, **said):
    [found] = explain(house.services, str(A), **said)
    return found.record


def test_before_it_was_known_there_is_no_story(sold):
    """At a time at which nothing was decided yet there is nothing to tell."""
    assert explain(sold.services, str(A), at=sold.clock() - timedelta(hours=3)) == []


def test_the_decision_as_it_stood(sold):
    """A later change does not show in the story as it stood before it."""
    before = sold.clock()
    sold.clock.pass_by(hours=1)
    sold.sandbox.change(A, reprice="80.00")
    sold.drain()
    then = story(sold, at=before)
    assert (then["rule"], then["facts"]["sale"]["total"], then["nothing_issued_because"]) == (
        "on-arrival",
        "100.10",
        None,
    )
    assert [each["state"] for each in then["deliveries"]] == ["confirmed"]
    assert [each["repeated"] for each in story(sold)["history"]] == [True, True]


def test_a_change_after_a_document_says_by_how_much(sold):
    """Old, new and difference, and the document that stands."""
    sold.sandbox.change(A, reprice="80.00")
    sold.drain()
    now = story(sold)
    assert "from 100.10 EUR to 80.00 EUR, a difference of -20.10" in now["since_document"][0]
    assert (now["standing"]["document"], now["standing"]["amount"]) == ("invoice", "100.10")


def test_a_cancellation_after_a_document_names_what_stands(sold):
    """The sentence names the document with its amount."""
    sold.sandbox.change(A, cancel=True)
    sold.drain()
    assert story(sold)["since_document"][0].endswith("of 100.10 EUR")


def test_every_state_says_why_nothing_was_issued(house):
    """A booking that waits, and one that is held, both say why there is no document."""
    house.sandbox.connect(issueInvoiceOnComplete=True)
    house.sandbox.book(bookings.own_sale(A, house.clock()))
    house.drain()
    assert story(house)["nothing_issued_because"] == "issueInvoiceOnComplete is on and the booking is not complete yet"

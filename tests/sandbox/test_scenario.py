"""The demonstration: its size, its oddities, and that the remote issues what is written down."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from worker.sandbox import Sandbox, Scenario
from worker.sandbox.documents import receive
from worker.sandbox.reading import read

from .conftest import NOW, REQUIRED


@pytest.fixture(scope="module")
def demo():
    """Gives a filled sandbox that nobody calls."""
    return Scenario.demo(NOW).fill(Sandbox(lambda: NOW))


def test_there_are_enough_bookings(demo):
    """Every booking belongs to one connection and there are more than two hundred."""
    bookings = [expected["booking"] for expected in demo.expectations]
    assert (len(bookings), len(set(bookings))) == (216, 216)
    assert len(demo.world.bookings) == 216


def test_two_wait_and_one_asks(demo):
    """Exactly two bookings wait, three are skipped, one is a question, all others are told."""
    assert Counter(expected["why"] for expected in demo.expectations) == {"tell": 210, "skip": 3, "wait": 2, "ask": 1}
    odd = {expected["rule"] for expected in demo.expectations if expected["why"] != "tell"}
    assert odd == {
        "until-complete",
        "connection-inactive",
        "cancelled-before-document",
        "never-sold",
        "nothing-to-invoice",
        "unknown-status",
    }


def test_only_what_is_told_has_a_document(demo):
    """A booking that is told of has exactly one document, any other has none."""
    assert {(row["why"] == "tell", row["invoice"] + row["estimate"]) for row in demo.expectations} == {
        (True, 1),
        (False, 0),
    }


def test_two_organizations_and_six_accounts(demo):
    """The connections belong to two organizations and each reads an account of its own."""
    described = [(row["organization"], row["access_key"]) for row in demo.connections]
    assert (len({row[0] for row in described}), len({row[1] for row in described})) == (2, 6)


def test_one_answer_is_lost_and_one_call_comes_too_soon(demo):
    """One answer is lost after its effect, one call is turned away for a second."""
    faults = [(fault["kind"], fault["after_effect"], fault["details"].get("headers")) for fault in demo.faults.armed()]
    assert faults == [("reset", True, None), ("status", False, {"Retry-After": "1"})]


def test_the_remote_issues_what_is_written_down():
    """Told of every booking that is to be told of, the remote issues the documents that are expected."""
    demo = Scenario.demo(NOW).fill(Sandbox(lambda: NOW))
    connections = {row["id"]: row for row in demo.connections}
    told = [row for row in demo.expectations if row["why"] == "tell"]
    for row in told:
        connection = connections[row["connection"]]
        flags = {name: connection[name] for name in REQUIRED}
        booking = demo.booking(row["booking"], connection["access_key"])
        receive(demo.world, connection, {**booking, **flags})
    issued = Counter((document["bookingId"], document["type"]) for document in demo.documents)
    assert issued == Counter((row["booking"], "invoice" if row["invoice"] else "estimate") for row in told)


def test_what_is_written_down_is_in_the_table(demo):
    """Each rule and document that is written down is a row of the flag table for the booking's facts."""
    connections = {row["id"]: row for row in demo.connections}
    rows = [row for row in demo.expectations if row["rule"] != "nothing-to-invoice"]
    wrong = [row for row in rows if decision(demo, connections[row["connection"]], row["booking"]) != written(row)]
    assert wrong == []


def decision(demo, connection, booking_id):
    """Looks a booking up in the flag table, by the remote's reading of it."""
    facts = read(demo.booking(booking_id), NOW, demo.knobs.bank_payment_types)
    flags = [connection[name] for name in ("active", "issueInvoiceOnComplete", "issueInvoiceForBankPayment")]
    key = [*flags, facts.status, facts.bank, facts.paid, facts.complete, "none"]
    return TABLE[tuple(str(part).lower() for part in key)]


def written(row):
    document = "invoice" if row["invoice"] else "estimate" if row["estimate"] else ""
    return [row["why"], document, row["rule"]]


FLAGS = Path(__file__).parent.parent / "samples" / "flags.csv"
TABLE = {tuple(row[:8]): row[8:] for row in csv.reader(FLAGS.read_text("utf-8").splitlines())}


def test_a_demonstration_needs_its_oddities():
    """Fewer bookings than there are oddities are refused."""
    with pytest.raises(ValueError, match="at least 8"):
        Scenario.demo(NOW, bookings=7)

"""A booking that asks for a person is found in one command and settled by the one that it names."""

import re
import shlex
from datetime import UTC, datetime, timedelta

import pytest

from tests.doors.person import A, B
from worker.sandbox import bookings

SINCE = f"{datetime.now(UTC) - timedelta(days=5):%Y-%m-%d}"


@pytest.fixture
def asking(mirrored):
    """A booking with a status that nobody knows, and one that was cancelled after its invoice."""
    mirrored.neighbours.book(bookings.own_sale(A, datetime.now(UTC), status=("CONFIRMED", "ON_HOLD")))
    mirrored.book(B)
    for _ in range(2):
        mirrored("drain", "--yes")
    mirrored.neighbours.change(B, cancel=True)
    mirrored("drain", "--yes")
    return mirrored


def asked(shop):
    return sorted(each["booking_id"] for each in shop("bookings", "list", "--state", "ask", "--json").json)


def settle(shop, booking):
    """Explains the booking and types the command that stands there."""
    said = shop("explain", str(booking)).out
    [command] = re.findall(r"`bokun-sync (bookings settle [^`]+)`", said)
    return shop(*("it is dealt with" if word == "..." else word for word in shlex.split(command)))


@pytest.mark.parametrize("booking", [A, B])
def test_explain_names_the_command_that_settles_it(asking, booking):
    """What explain names ends the question: list, audit and page ask no more; nothing is issued by that."""
    before = (asked(asking), asking("audit", "--since", SINCE).code, asking.documents)
    assert settle(asking, booking).code == 0
    [differing] = [each["booking_id"] for each in asking("audit", "--since", SINCE, "--json").json["differences"]]
    story = asking("explain", str(booking), "--json").json
    other = B if booking == A else A
    assert (before, asked(asking), differing) == (([A, B], 3, [("invoice", B)]), [other], other)
    assert (story["answered"]["because"], "it is dealt with" in story["next"][0]) == ("it is dealt with", True)
    asking("drain", "--yes")
    assert asking.documents == before[2]


def test_it_asks_again_once_anything_changes(asking):
    """An answer is to the question as it stood: another change of the booking asks anew."""
    settle(asking, A)
    asking.neighbours.change(A, reprice="80.00")
    asking("drain", "--yes")
    assert asked(asking) == [A, B]


def test_what_does_not_ask_cannot_be_settled(asking):
    """A booking that asks for nothing, or that nobody knows, is exit code 1 with a way on; no reason is wrong use."""
    settle(asking, A)
    strange = asking("bookings", "settle", "VNDA-NONE", "--because", "x")
    assert (strange.code, "explain VNDA-NONE" in strange.err) == (1, True)
    assert asking("bookings", "settle", str(B), "--because", " ").code == 2


def test_a_held_delivery_is_settled_by_its_own_command(mirrored):
    """A booking whose delivery is held says which command settles that."""
    mirrored.neighbours.faults.add(kind="status", code=422, remote="space-invoices", path="/order$")
    mirrored.book(A)
    mirrored("drain", "--yes")
    said = mirrored("bookings", "settle", str(A), "--because", "x")
    assert (said.code, "deliveries settle 1" in said.err) == (1, True)

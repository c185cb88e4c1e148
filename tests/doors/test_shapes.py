"""The JSON that other programs may rely on (behaviour 10), and the tables for people beside it."""

import pytest

from tests.doors.person import A, B, C

STATES = ["accepted", "confirmed", "held", "planned", "sending", "settled", "superseded", "unknown"]
STATUS = {"deliveries", "notices", "bookings", "connections", "oldest_due_seconds"}
CONNECTION = {"id", "organization", "active", "blocked", "paused", "lag_seconds"}
BOOKING = {"booking_id", "confirmation_code", "connection", "organization", "status", "decision", "document", "rule",
           "because", "deliveries"}  # fmt: skip
DELIVERY = {
    "id",
    "booking_id",
    "connection",
    "organization",
    "moment",
    "document",
    "state",
    "attempts",
    "due",
    "reason",
}


@pytest.fixture
def busy(shop):
    """A shop with an invoice, a question, and a booking that waits for nothing but its confirmation."""
    shop.book(A, code="TEST-A", total="120.50")
    shop.book(B, code="TEST-B", status="ON_HOLD")
    shop.book(C, code="TEST-C", status="RESERVED")
    assert shop("drain", "--yes").code == 3
    return shop


def test_status_counts_everything(busy):
    """`status --json` has every state, every decision that occurs, and each connection."""
    found = busy("status", "--json").json
    assert set(found) >= STATUS
    assert found["deliveries"] == {**dict.fromkeys(STATES, 0), "confirmed": 1}
    assert (found["bookings"], found["notices"], found["oldest_due_seconds"]) == (
        {"tell": 1, "ask": 1, "wait": 1}, 0, None)  # fmt: skip


def test_status_tells_of_each_connection(busy):
    """A connection shows its id, organization, whether it works, and its lag in seconds."""
    [found] = busy("status", "--json").json["connections"]
    assert set(found) >= CONNECTION
    assert {name: found[name] for name in CONNECTION - {"lag_seconds"}} == {
        "id": busy.connection, "organization": "org-1", "active": True, "blocked": False, "paused": False}  # fmt: skip
    assert 0 <= found["lag_seconds"] < 60


def test_an_empty_status_has_the_same_shape(shop):
    """Before anything happened all counts are 0 and the oldest due is null."""
    found = shop("status", "--json").json
    assert found["deliveries"] == dict.fromkeys(STATES, 0)
    assert (found["notices"], found["bookings"], found["connections"], found["oldest_due_seconds"]) == (0, {}, [], None)


def test_bookings_are_one_record_each(busy):
    """Every booking has a record, those that wait or are asked about too, each with its rule and a sentence."""
    found = {each["booking_id"]: each for each in busy("bookings", "list", "--json").json}
    assert all(set(each) >= BOOKING and each["because"] for each in found.values())
    assert {
        number: (each["status"], each["decision"], each["document"], each["rule"]) for number, each in found.items()
    } == {
        A: ("confirmed", "tell", "invoice", "on-arrival"),
        B: ("unknown", "ask", None, "unknown-status"),
        C: ("pending", "wait", None, "not-confirmed"),
    }
    assert {each["confirmation_code"] for each in found.values()} == {"TEST-A", "TEST-B", "TEST-C"}
    assert {(each["connection"], each["organization"]) for each in found.values()} == {(busy.connection, "org-1")}


def test_a_booking_carries_its_deliveries(busy):
    """The deliveries in a booking's record have the shape of `deliveries list --json`."""
    [told] = busy("bookings", "list", "--state", "tell", "--json").json
    assert told["deliveries"] == busy("deliveries", "list", "--json").json


def test_deliveries_have_their_shape(busy):
    """A delivery shows what it is for, where it stands, its attempts, when it is due and why it is held."""
    [found] = busy("deliveries", "list", "--json").json
    assert set(found) >= DELIVERY
    assert {name: found[name] for name in DELIVERY - {"id"}} == {
        "booking_id": A, "connection": busy.connection, "organization": "org-1", "moment": "received",
        "document": "invoice", "state": "confirmed", "attempts": 1, "due": None, "reason": None}  # fmt: skip
    assert isinstance(found["id"], int)


@pytest.mark.parametrize(
    ("words", "bookings"),
    [("bookings ask", [B]), ("bookings wait", [C]), ("bookings confirmed", [A]), ("bookings held", []),
     ("deliveries confirmed", [A]), ("deliveries held", [])],
)  # fmt: skip
def test_lists_are_filtered_by_state(busy, words, bookings):
    """`--state` takes a decision or a delivery's state."""
    what, state = words.split()
    assert [each["booking_id"] for each in busy(what, "list", "--state", state, "--json").json] == bookings


@pytest.mark.parametrize("word", [str(A), "TEST-A"])
def test_explain_tells_the_whole_story(busy, word):
    """`explain --json` has the booking's fields and beside them facts, flags, history, every attempt, and what is next."""
    story = busy("explain", word, "--json").json
    assert set(story) >= BOOKING | {"facts", "flags", "history", "next", "read_at"}
    assert (story["facts"]["sale"]["total"], story["facts"]["sale"]["currency"]) == ("120.50", "EUR")
    assert [(each["decision"], each["rule"]) for each in story["history"]] == [("tell", "on-arrival")]
    [delivery] = story["deliveries"]
    assert [each["outcome"] for each in delivery["attempts_made"]] == ["accepted"]
    assert [each["saw"] for each in delivery["looks_made"]][-1] == "found"
    assert story["next"] == ["done: what the flags call for was issued and seen in Space Invoices"]


def test_explain_for_people_names_rule_amount_and_document(busy):
    """The story in words has the facts, the rule, the attempt and the document that was seen."""
    said = busy("explain", "TEST-A").out
    for words in ("120.50 EUR to the customer", "rule on-arrival", "attempt   accepted", "carries invoice", "next"):
        assert words in said


def test_explain_says_what_a_question_needs(busy):
    """For a booking that asks, the next step is a person's."""
    [said] = busy("explain", "TEST-B", "--json").json["next"]
    assert said.startswith("a person must look: Bokun shows a status that has no known meaning. Once it is dealt with")
    assert "bokun-sync bookings settle" in said


def test_one_booking_in_two_connections_is_two_stories(shop):
    """Where two connections read one account, `explain` tells a story for each."""
    second = shop.neighbours.connect("Second store", active=False)["id"]
    shop.book(A, code="TEST-A")
    shop("drain", "--yes")
    stories = shop("explain", "TEST-A", "--json").json
    assert sorted((each["connection"], each["rule"]) for each in stories) == [
        (shop.connection, "on-arrival"),
        (second, "connection-inactive"),
    ]


READING = ["status", "bookings list", "deliveries list", "explain TEST-A", "connections list", "connections count",
           "connections show {connection}", "doctor"]  # fmt: skip


@pytest.mark.parametrize("words", READING)
def test_every_reading_command_speaks_json_and_to_people(busy, words):
    """With --json standard output is JSON and nothing else; without it there is text."""
    command = words.format(connection=busy.connection).split()
    assert busy(*command, "--json").json is not None
    assert len(busy(*command).out.splitlines()) >= 1


def test_tables_for_people_show_what_matters(busy):
    """The tables name bookings, rules and states in words."""
    assert "TEST-B" in busy("bookings", "list").out
    assert "on-arrival" in busy("bookings", "list").out
    assert "confirmed" in busy("deliveries", "list").out
    assert "notices to read: 0, oldest due: -" in busy("status").out

"""What a person decides: release, settle, and imports, each with its reason kept."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.doors.person import A, B

REFUSAL = {"error": {"statusCode": 422, "name": "ValidationError", "message": "tax number missing"}}


@pytest.fixture
def held(mirrored):
    """A shop with one delivery that Space Invoices refused; its id stands in `held`."""
    mirrored.neighbours.faults.add(kind="status", code=422, remote="space-invoices", path="/order$", body=REFUSAL)
    mirrored.book()
    assert mirrored("drain", "--yes").code == 3
    return mirrored


def the_delivery(shop):
    [found] = shop("deliveries", "list", "--json").json
    return found


def by_person(shop):
    """What persons decided about the booking's delivery, and why."""
    [delivery] = shop("explain", str(A), "--json").json["deliveries"]
    return [(each["event"], each["because"]) for each in delivery["by_person"]]


def test_a_refusal_is_held_with_the_remote_s_words(held):
    """What Space Invoices said stands in the list and in the story, with the commands that go on."""
    found = the_delivery(held)
    assert (found["state"], "tax number missing" in found["reason"], held.documents) == ("held", True, [])
    [following] = held("explain", str(A), "--json").json["next"]
    for words in ("tax number missing", f"deliveries release {found['id']}", f"deliveries settle {found['id']}"):
        assert words in following


def test_release_sends_once_and_keeps_the_reason(held):
    """A released delivery is sent again, once, and the reason stays in the ledger."""
    number = str(the_delivery(held)["id"])
    assert held("deliveries", "release", number, "--because", "it is there now", "--yes").code == 0
    assert (held("drain", "--yes").code, held.documents) == (0, [("invoice", A)])
    assert (the_delivery(held)["state"], by_person(held)) == ("confirmed", [("released", "it is there now")])
    assert held("deliveries", "release", number, "--because", "again", "--yes").code == 1
    held("drain", "--yes")
    assert held.documents == [("invoice", A)]


def test_settle_sends_nothing_and_the_booking_counts_as_told(held):
    """A settled delivery is never sent, and the booking is not decided anew."""
    number = str(the_delivery(held)["id"])
    assert held("deliveries", "settle", number, "--because", "written by hand", "--yes").code == 0
    assert (held("drain", "--yes").code, held.documents) == (0, [])
    assert (the_delivery(held)["state"], by_person(held)) == ("settled", [("settled", "written by hand")])
    assert held("status", "--json").json["deliveries"]["settled"] == 1


@pytest.mark.parametrize("word", ["release", "settle"])
def test_a_reason_is_required(held, word):
    """Without a reason, or with an empty one, nothing changes."""
    number = str(the_delivery(held)["id"])
    for reason in ((), ("--because", " ")):
        assert held("deliveries", word, number, *reason, "--yes").code == 2
    assert (the_delivery(held)["state"], by_person(held)) == ("held", [])


IMPORT = ("enqueue", "import", "{connection}", "--type", "orders", "--now", "--yes")


def start(shop, *more):
    return shop(*(word.format(connection=shop.connection) for word in IMPORT), *more)


def test_an_import_is_sent_once_as_it_was_asked_for(mirrored):
    """`enqueue import --now` sends type and options unchanged, after saying what an import does."""
    said = start(mirrored, "--options", "a=1&b=2")
    assert (said.code, said.out.strip()) == (0, "accepted")
    assert said.lines[0].startswith("An import lets Space Invoices issue documents by itself")
    [taken] = mirrored.neighbours.imports
    assert {name: taken[name] for name in ("type", "importOptions")} == {"type": "orders", "importOptions": "a=1&b=2"}


def test_an_unanswered_import_blocks_the_next_until_it_is_settled(mirrored):
    """After a lost answer the next import is refused with the number to settle; settled, it may start."""
    mirrored.neighbours.faults.add(kind="reset", remote="space-invoices", path="/import$", after_effect=True)
    assert start(mirrored).code == 3
    again = start(mirrored)
    assert (again.code, len(mirrored.neighbours.imports)) == (1, 1)
    assert "settle-import 1" in again.lines[-1] or "Import 1" in again.lines[-1]
    assert mirrored("connections", "settle-import", "1", "--because", "its orders are there").code == 0
    assert (start(mirrored).code, len(mirrored.neighbours.imports)) == (0, 2)


def test_a_refused_import_needs_a_person(mirrored):
    """What Space Invoices refused is said with the command that settles it."""
    mirrored.neighbours.faults.add(kind="status", code=422, remote="space-invoices", path="/import$", body=REFUSAL)
    said = start(mirrored)
    assert (said.code, "tax number missing" in said.lines[-1], "settle-import 1" in said.lines[-1]) == (3, True, True)


def test_each_step_can_be_done_here(mirrored):
    """`enqueue … --now` does each step of the road without a broker."""
    mirrored.book(B)
    for words in ("refresh", "poll", "plan", "deliver --yes", "reconcile", f"booking {mirrored.connection} {B}"):
        said = mirrored("enqueue", *words.split(), "--now")
        assert (words, said.code, said.err) == (words, 0, "")
    assert mirrored.documents == [("invoice", B)]


def test_one_connection_can_be_polled_here(mirrored):
    """`enqueue poll CONNECTION --now` polls just that one."""
    mirrored.book(B)
    assert mirrored("enqueue", "poll", mirrored.connection, "--now").code == 0
    assert mirrored("status", "--json").json["notices"] == 1


def test_a_broker_that_is_away_is_one_line_and_nothing_is_lost(mirrored):
    """While the broker is away a task cannot be put there, but a drain does the same work."""
    mirrored.book(B)
    mirrored.terminal.set(REDIS_URL="redis://127.0.0.1:1/0")
    said = mirrored("enqueue", "poll")
    assert (said.code, said.out) == (1, "")
    assert said.lines == ["The broker is away (REDIS_URL). Nothing was lost; say --now to do it here."]
    assert (mirrored("drain", "--yes").code, mirrored.documents) == (0, [("invoice", B)])


def test_an_import_whose_broker_is_away_is_not_lost(mirrored):
    """An import that could not be put on the broker is still asked for, and a drain sends it once."""
    mirrored.terminal.set(REDIS_URL="redis://127.0.0.1:1/0")
    said = mirrored("enqueue", "import", mirrored.connection, "--type", "orders", "--yes")
    assert (said.code, mirrored.neighbours.imports) == (1, [])
    mirrored.terminal.set(REDIS_URL="")
    mirrored("drain", "--yes")
    mirrored("drain", "--yes")
    assert [each["type"] for each in mirrored.neighbours.imports] == ["orders"]


def test_a_story_as_it_stood_then_is_printed(held):
    """`explain --at` prints facts, decision and delivery as of then, and says plainly where nothing was known yet."""
    said = held("explain", str(A), "--at", f"{datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%dT%H:%M}")
    before = held("explain", str(A), "--at", "2020-01-01")
    assert (said.code, "rule on-arrival" in said.out, "the invoice (received) was held" in said.out) == (0, True, True)
    assert (before.code, "Nothing was known" in before.err) == (1, True)

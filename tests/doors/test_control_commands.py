"""The commands of an operator in control, as a person types them, against the sandbox."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.doors.person import A, B

TODAY = datetime.now(UTC)
SINCE = ("--since", f"{TODAY - timedelta(days=5):%Y-%m-%d}")
UNTIL = ("--until", f"{TODAY + timedelta(days=1):%Y-%m-%d}")


@pytest.fixture
def shop(shop):
    """The shop with two sales, of which one is to be paid by bank."""
    shop.book(A, total="10.00", code="TEST-1")
    shop.book(B, total="20.00", code="TEST-2", paid=False, payment_type="BANK_TRANSFER")
    return shop


def test_a_plan_is_what_a_drain_then_issues(mirrored):
    """The plan's totals are those of the documents that the next drain issues; the plan itself sends nothing."""
    plan = mirrored("plan", *SINCE, "--json")
    before = mirrored.neighbours.documents
    mirrored("drain", "--yes")
    assert (plan.code, before) == (0, [])
    assert [(each["document"], each["count"], each["amount"]) for each in plan.json["totals"]] == [
        ("estimate", 1, "20.00"),
        ("invoice", 1, "10.00"),
    ]
    assert sorted(mirrored.documents) == [("estimate", B), ("invoice", A)]


def test_what_if_shows_the_difference(mirrored):
    """Two flags at once: the table names each booking with what it is today and what it would be."""
    flags = ("--what-if", "issueInvoiceForBankPayment=true", "--what-if", "sendInvoiceAutomatically=false")
    plan = mirrored("plan", *SINCE, *flags, "--json").json
    changed = {each["confirmation_code"]: each["then"] for each in plan["what_if"]["changed"]}
    assert {code: (then["document"], then["rule"], then["mails"]) for code, then in changed.items()} == {
        "TEST-1": ("invoice", "on-arrival", False),
        "TEST-2": ("invoice", "bank-invoice", False),
    }
    assert "TEST-2" in mirrored("plan", *SINCE, *flags).out


def test_a_plan_as_csv(mirrored, tmp_path):
    """Every booking is a line of the CSV file, with its rule."""
    mirrored("plan", *SINCE, "--csv", "plan.csv")
    head, *lines = (tmp_path / "plan.csv").read_text().splitlines()
    assert (head.split(",")[:2], len(lines)) == (["booking_id", "confirmation_code"], 2)
    assert "on-arrival" in lines[0]


@pytest.mark.parametrize("words", [(), ("TEST-1", *SINCE), (*SINCE, "--what-if", "nonsense=true"), ("--since", "soon")])
def test_a_plan_of_nothing_or_nonsense_is_wrong_use(mirrored, words):
    """Neither booking nor period, both, an unknown flag or no date: exit code 2 and one line."""
    said = mirrored("plan", *words)
    assert (said.code, len(said.lines)) == (2, 1)


def test_one_booking_is_planned(mirrored):
    """A confirmation code is enough; one that nobody knows is a failure that says so."""
    plan = mirrored("plan", "TEST-2", "--json").json
    assert [(each["booking_id"], each["rule"]) for each in plan["bookings"]] == [(B, "bank-estimate")]
    assert mirrored("plan", "NONE-1").code == 1


def test_a_backfill_refuses_to_mail_unasked(mirrored):
    """While the mail flags are on nothing is sent unless it is said whether to mail."""
    mirrored("backfill", *SINCE, *UNTIL, "plan.jsonl")
    said = mirrored("apply", "plan.jsonl", "--yes")
    assert (said.code, "--mail no" in said.err, mirrored.neighbours.documents) == (2, True, [])


@pytest.mark.parametrize(("mail", "mailed"), [("no", [False, False]), ("yes", [True, True])])
def test_a_backfill_from_the_command_line(mirrored, mail, mailed):
    """Written, carried out, carried out again: each document once, mailed as was said."""
    mirrored("backfill", *SINCE, *UNTIL, "plan.jsonl")
    done = mirrored("apply", "plan.jsonl", "--mail", mail, "--yes", "--json")
    again = mirrored("apply", "plan.jsonl", "--mail", mail, "--yes", "--json").json
    assert (done.code, done.json["planned"], done.json["deliveries"], again["before"]) == (0, 2, {"confirmed": 2}, 2)
    assert (sorted(mirrored.documents), [each["mailed"] for each in mirrored.neighbours.documents]) == (
        [("estimate", B), ("invoice", A)],
        mailed,
    )


def test_what_a_backfill_skips_is_named(mirrored):
    """A booking that changed since the plan is in the table of what was skipped, and the exit code asks for a person."""
    mirrored("backfill", *SINCE, *UNTIL, "plan.jsonl")
    mirrored.neighbours.change(A, cancel=True)
    said = mirrored("apply", "plan.jsonl", "--mail", "no", "--yes")
    assert (said.code, sorted(mirrored.documents)) == (3, [("estimate", B)])
    assert "TEST-1" in said.out
    assert "cancelled-before-document" in said.out


def test_a_plan_is_not_written_over_and_not_carried_out_unasked(mirrored):
    """An existing file stays; without a terminal apply needs --yes; a file that is no plan is refused."""
    mirrored("backfill", *SINCE, *UNTIL, "plan.jsonl")
    codes = [
        mirrored("backfill", *SINCE, *UNTIL, "plan.jsonl").code,
        mirrored("apply", "plan.jsonl", "--mail", "no").code,
        mirrored("apply", "shop.db", "--yes").code,
    ]
    assert (codes, mirrored.neighbours.documents) == ([2, 2, 2], [])


def test_stop_and_go(mirrored):
    """Stopped, a drain issues nothing and status says why; after go everything is issued."""
    assert mirrored("stop", "--because", "a wrong rate").code == 0
    mirrored("drain", "--yes")
    held = mirrored.neighbours.documents
    stopped = mirrored("status", "--json").json["stopped"]["because"]
    mirrored("backfill", *SINCE, *UNTIL, "plan.jsonl")
    refused = mirrored("apply", "plan.jsonl", "--mail", "no", "--yes")
    mirrored("go")
    mirrored("drain", "--yes")
    assert (held, stopped, refused.code, len(mirrored.neighbours.documents)) == ([], "a wrong rate", 1, 2)


def test_prices_are_not_synced_while_everything_is_stopped(mirrored):
    """Not one price list is made in Space Invoices during a stop."""
    mirrored("stop", "--because", "a wrong rate")
    stopped = mirrored("prices", "sync", "--apply", "--yes")
    assert (stopped.code, mirrored.neighbours.world.price_lists.rows) == (1, {})


def test_resume_shows_what_has_piled_up(mirrored):
    """Before a paused connection goes on its backlog is shown."""
    mirrored("drain", "--yes")
    mirrored("connections", "pause", mirrored.connection)
    said = mirrored("connections", "resume", mirrored.connection)
    assert (said.code, said.out.splitlines()[0]) == (0, "0 bookings to read again, 0 deliveries to send.")
    assert "goes on" in said.out


def test_many_held_deliveries_are_released_at_once(mirrored, monkeypatch):
    """What a brake held is shown with its sums and sent after a person's release."""
    monkeypatch.setenv("BRAKE_AMOUNT", "1")
    mirrored("drain", "--yes")
    before = mirrored.neighbours.documents
    unasked = mirrored("deliveries", "release", "--reason", "amount brake", "--because", "checked")
    said = mirrored("deliveries", "release", "--reason", "amount brake", "--because", "checked", "--yes")
    mirrored("drain", "--yes")
    assert (before, unasked.code, said.code) == ([], 2, 0)
    assert "2 deliveries are planned again" in said.out
    assert sorted(mirrored.documents) == [("estimate", B), ("invoice", A)]


def test_release_needs_to_know_which(mirrored):
    """Neither ids nor a filter is wrong use; a filter that fits nothing fails."""
    assert mirrored("deliveries", "release", "--because", "x", "--yes").code == 2
    assert mirrored("deliveries", "settle", "99", "--because", "x", "--yes").code == 1
    assert mirrored("deliveries", "settle", "--connection", "none", "--because", "x", "--yes").code == 1


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_an_export_is_verified_and_a_change_is_named(mirrored, tmp_path, format_):
    """The file verifies as it was written; with one amount changed the line is named and the exit code is 1."""
    mirrored("drain", "--yes")
    written = mirrored("export", *SINCE, "--format", format_, "books")
    good = mirrored("export", "--verify", "books")
    file = tmp_path / "books"
    file.write_text(file.read_text().replace("10.00", "11.00", 1))
    bad = mirrored("export", "--verify", "books")
    assert (written.code, good.code, bad.code) == (0, 0, 1)
    assert "2 documents" in written.out
    assert "its members are not those that were written" in bad.err

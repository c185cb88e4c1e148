"""The commands of an operator in control, as a person types them, against the sandbox."""

import io
import json
import shutil
import sys
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from worker.cli.main import main
from worker.sandbox import Sandbox, bookings

A, B = 9_000_001, 9_000_002
TODAY = datetime.now(UTC)
SINCE = ("--since", f"{TODAY - timedelta(days=5):%Y-%m-%d}")
UNTIL = ("--until", f"{TODAY + timedelta(days=1):%Y-%m-%d}")


@pytest.fixture
def sandbox():
    """Both neighbours at the true time, with two sales of which one is paid by bank."""
    with Sandbox() as playing:
        now = datetime.now(UTC)
        playing.connect("Store")
        playing.book(bookings.own_sale(A, now, total="10.00", code="TEST-1"))
        playing.book(bookings.own_sale(B, now, total="20.00", code="TEST-2", paid=False, payment_type="BANK_TRANSFER"))
        yield playing


@pytest.fixture
def run(sandbox, migrated, tmp_path, monkeypatch, capsys):
    """Runs one command line; gives its exit code, what it printed (read, if it was asked for JSON) and its complaint."""
    shutil.copyfile(migrated, tmp_path / "sync.db")
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": f"sqlite:///{tmp_path}/sync.db",
        "SPACE_INVOICES_URL": sandbox.space_invoices_url,
        "SPACE_INVOICES_TOKEN": sandbox.token,
        "SPACE_INVOICES_ORGANIZATIONS": sandbox.organization,
        "BOKUN_URL": sandbox.bokun_url,
        "BOKUN_ACCESS_KEY": sandbox.access_key,
        "BOKUN_SECRET_KEY": sandbox.secret_key,
        "LOG_LEVEL": "error",
    }.items():
        monkeypatch.setenv(name, value)

    def one(*words):
        monkeypatch.setattr(sys, "argv", ["bokun-sync", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        code = 0
        try:
            main()
        except SystemExit as left:
            code = left.code
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in words and code in (0, 3) else said.out, said.err

    yield one
    structlog.reset_defaults()


@pytest.fixture
def mirrored(run):
    """The same with the connection mirrored."""
    assert run("connections", "refresh")[0] == 0
    return run


def documents(sandbox):
    return sorted((each["type"], each["bookingId"]) for each in sandbox.documents)


def test_a_plan_is_what_a_drain_then_issues(mirrored, sandbox):
    """The plan's totals are those of the documents that the next drain issues; the plan itself sends nothing."""
    code, plan, _ = mirrored("plan", *SINCE, "--json")
    before = sandbox.documents
    mirrored("drain", "--yes")
    assert (code, before) == (0, [])
    assert [(each["document"], each["count"], each["amount"]) for each in plan["totals"]] == [
        ("estimate", 1, "20.00"),
        ("invoice", 1, "10.00"),
    ]
    assert documents(sandbox) == [("estimate", B), ("invoice", A)]


def test_what_if_shows_the_difference(mirrored):
    """Two flags at once: the table names each booking with what it is today and what it would be."""
    flags = ("--what-if", "issueInvoiceForBankPayment=true", "--what-if", "sendInvoiceAutomatically=false")
    _, plan, _ = mirrored("plan", *SINCE, *flags, "--json")
    changed = {each["confirmation_code"]: each["then"] for each in plan["what_if"]["changed"]}
    assert {code: (then["document"], then["rule"], then["mails"]) for code, then in changed.items()} == {
        "TEST-1": ("invoice", "on-arrival", False),
        "TEST-2": ("invoice", "bank-invoice", False),
    }
    assert "TEST-2" in mirrored("plan", *SINCE, *flags)[1]


def test_a_plan_as_csv(mirrored, tmp_path):
    """Every booking is a line of the CSV file, with its rule."""
    mirrored("plan", *SINCE, "--csv", "plan.csv")
    head, *lines = (tmp_path / "plan.csv").read_text().splitlines()
    assert (head.split(",")[:2], len(lines)) == (["booking_id", "confirmation_code"], 2)
    assert "on-arrival" in lines[0]


@pytest.mark.parametrize("words", [(), ("TEST-1", *SINCE), (*SINCE, "--what-if", "nonsense=true"), ("--since", "soon")])
def test_a_plan_of_nothing_or_nonsense_is_wrong_use(mirrored, words):
    """Neither booking nor period, both, an unknown flag or no date: exit code 2 and one line."""
    code, _, complaint = mirrored("plan", *words)
    assert (code, complaint.count("\n")) == (2, 1)


def test_one_booking_is_planned(mirrored):
    """A confirmation code is enough; one that nobody knows is a failure that says so."""
    _, plan, _ = mirrored("plan", "TEST-2", "--json")
    assert [(each["booking_id"], each["rule"]) for each in plan["bookings"]] == [(B, "bank-estimate")]
    assert mirrored("plan", "NONE-1")[0] == 1


def test_a_backfill_refuses_to_mail_unasked(mirrored, sandbox):
    """While the mail flags are on nothing is sent unless it is said whether to mail."""
    mirrored("backfill", *SINCE, *UNTIL, "plan.jsonl")
    code, _, complaint = mirrored("apply", "plan.jsonl", "--yes")
    assert (code, "--mail no" in complaint, sandbox.documents) == (2, True, [])


@pytest.mark.parametrize(("mail", "mailed"), [("no", [False, False]), ("yes", [True, True])])
def test_a_backfill_from_the_command_line(mirrored, sandbox, mail, mailed):
    """Written, carried out, carried out again: each document once, mailed as was said."""
    mirrored("backfill", *SINCE, *UNTIL, "plan.jsonl")
    code, done, _ = mirrored("apply", "plan.jsonl", "--mail", mail, "--yes", "--json")
    again = mirrored("apply", "plan.jsonl", "--mail", mail, "--yes", "--json")[1]
    assert (code, done["planned"], done["deliveries"], again["before"]) == (0, 2, {"confirmed": 2}, 2)
    assert (documents(sandbox), [each["mailed"] for each in sandbox.documents]) == (
        [("estimate", B), ("invoice", A)],
        mailed,
    )


def test_what_a_backfill_skips_is_named(mirrored, sandbox):
    """A booking that changed since the plan is in the table of what was skipped, and the exit code asks for a person."""
    mirrored("backfill", *SINCE, *UNTIL, "plan.jsonl")
    sandbox.change(A, cancel=True)
    code, said, _ = mirrored("apply", "plan.jsonl", "--mail", "no", "--yes")
    assert (code, documents(sandbox)) == (3, [("estimate", B)])
    assert "TEST-1" in said
    assert "cancelled-before-document" in said


def test_a_plan_is_not_written_over_and_not_carried_out_unasked(mirrored, sandbox):
    """An existing file stays; without a terminal apply needs --yes; a file that is no plan is refused."""
    mirrored("backfill", *SINCE, *UNTIL, "plan.jsonl")
    codes = [
        mirrored("backfill", *SINCE, *UNTIL, "plan.jsonl")[0],
        mirrored("apply", "plan.jsonl", "--mail", "no")[0],
        mirrored("apply", "sync.db", "--yes")[0],
    ]
    assert (codes, sandbox.documents) == ([2, 2, 2], [])


def test_stop_and_go(mirrored, sandbox):
    """Stopped, a drain issues nothing and status says why; after go everything is issued."""
    assert mirrored("stop", "--because", "a wrong rate")[0] == 0
    mirrored("drain", "--yes")
    held = sandbox.documents
    stopped = mirrored("status", "--json")[1]["stopped"]["because"]
    refused = mirrored("backfill", *SINCE, *UNTIL, "p.jsonl"), mirrored("apply", "p.jsonl", "--mail", "no", "--yes")[0]
    mirrored("go")
    mirrored("drain", "--yes")
    assert (held, stopped, refused[1], len(sandbox.documents)) == ([], "a wrong rate", 1, 2)


def test_prices_are_not_synced_while_everything_is_stopped(mirrored, sandbox):
    """Not one price list is made in Space Invoices during a stop."""
    sandbox.products = None
    mirrored("stop", "--because", "a wrong rate")
    [connection] = sandbox.connections
    mirrored("prices", "sync", connection["id"], "--apply", "--yes")
    assert sandbox.world.price_lists.rows == {}


def test_resume_shows_what_has_piled_up(mirrored, sandbox):
    """Before a paused connection goes on its backlog is shown."""
    mirrored("drain", "--yes")
    [connection] = sandbox.connections
    mirrored("connections", "pause", connection["id"])
    code, said, _ = mirrored("connections", "resume", connection["id"])
    assert (code, said.splitlines()[0]) == (0, "0 bookings to read again, 0 deliveries to send.")
    assert "goes on" in said


def test_many_held_deliveries_are_released_at_once(mirrored, sandbox, monkeypatch):
    """What a brake held is shown with its sums and sent after a person's release."""
    monkeypatch.setenv("BRAKE_AMOUNT", "1")
    mirrored("drain", "--yes")
    before = sandbox.documents
    unasked = mirrored("deliveries", "release", "--reason", "amount brake", "--because", "checked")
    code, said, _ = mirrored("deliveries", "release", "--reason", "amount brake", "--because", "checked", "--yes")
    mirrored("drain", "--yes")
    assert (before, unasked[0], code) == ([], 2, 0)
    assert "2 deliveries are planned again" in said
    assert documents(sandbox) == [("estimate", B), ("invoice", A)]


def test_release_needs_to_know_which(mirrored):
    """Neither ids nor a filter is wrong use; a filter that fits nothing fails."""
    assert mirrored("deliveries", "release", "--because", "x", "--yes")[0] == 2
    assert mirrored("deliveries", "settle", "99", "--because", "x", "--yes")[0] == 1
    assert mirrored("deliveries", "settle", "--connection", "none", "--because", "x", "--yes")[0] == 1


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_an_export_is_verified_and_a_change_is_named(mirrored, tmp_path, format_):
    """The file verifies as it was written; with one amount changed the line is named and the exit code is 1."""
    mirrored("drain", "--yes")
    written = mirrored("export", *SINCE, "--format", format_, "books")
    good = mirrored("export", "--verify", "books")
    file = tmp_path / "books"
    file.write_text(file.read_text().replace("10.00", "11.00", 1))
    bad = mirrored("export", "--verify", "books")
    assert (written[0], good[0], bad[0]) == (0, 0, 1)
    assert "2 documents" in written[1]
    assert "its members are not those that were written" in bad[2]

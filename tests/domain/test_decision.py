"""The flag table against flags.csv, and the rules around it in their order (behaviour 5)."""

import csv
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.builders import NOW, booking, sale
from worker.domain.booking import Completion, Status, Trouble, Unclear
from worker.domain.connection import Flags
from worker.domain.decision import (
    FLAG_TABLE,
    Ask,
    Document,
    Facts,
    Moment,
    Policy,
    Skip,
    Tell,
    Told,
    Wait,
    decide,
    decide_read,
    kind,
    look_up,
    wakes_at,
)

ROWS = list(csv.DictReader((Path(__file__).parent.parent / "samples" / "flags.csv").read_text().splitlines()))
MOMENTS = {
    "on-arrival": "received",
    "bank-invoice": "received",
    "bank-estimate": "received",
    "complete": "completed",
    "bank-complete": "completed",
    "bank-paid": "paid",
}
ENDS = NOW + timedelta(days=3)
UNREADABLE = Unclear(Trouble.UNREADABLE, "no date")
INVOICED = Told(Document.INVOICE, "r1")
ESTIMATED = Told(Document.ESTIMATE, "r1")


def flags_of(row):
    names = ("active", "issueInvoiceOnComplete", "issueInvoiceForBankPayment")
    return Flags(**{name: row[name] == "true" for name in names})


def told_of(row):
    return None if row["told"] == "none" else Document(row["told"])


def judged(read, told=None, *, flags=None, now=NOW, **policy):
    return decide(flags or Flags(), read, told or Told(), policy=Policy(**policy), now=now)


def test_all_960_rows_of_the_contract_come_out_of_the_table():
    """Each combination of flags, facts and what was told leads to the decision, document and rule of flags.csv."""
    wrong = []
    for row in ROWS:
        facts = Facts(Status(row["status"]), *(row[name] == "true" for name in ("bank_payment", "paid", "complete")))
        found = look_up(flags_of(row), facts, told_of(row))
        if (found.then, found.document or "", found.rule) != (row["decision"], row["document"], row["rule"]):
            wrong.append((row, found))
    assert (wrong, len(ROWS)) == ([], 960)


def test_decide_gives_the_same_960_rows_with_the_moment_of_the_rule():
    """A whole booking is decided as the table says, and what is told carries the moment that the contract names."""
    wrong = []
    for row in ROWS:
        read = booking(
            status=Status(row["status"]),
            bank_payment=row["bank_payment"] == "true",
            paid=row["paid"] == "true",
            completion=Completion(row["complete"] == "true", None),
        )
        made = judged(read, Told(told_of(row), None if row["told"] == "none" else "r1"), flags=flags_of(row))
        moment = MOMENTS[row["rule"]] if row["decision"] == "tell" else ""
        expected = (row["decision"], row["rule"], row["document"], moment)
        seen = (kind(made), made.rule, getattr(made, "document", ""), getattr(made, "moment", ""))
        wrong += [(row, made)] if seen != expected else []
    assert wrong == []


def test_every_row_of_the_table_is_reached():
    """No row stands behind others that take everything from it."""
    assert {row["rule"] for row in ROWS} == {row.rule for row in FLAG_TABLE}


@pytest.mark.parametrize("row", FLAG_TABLE, ids=lambda row: row.rule)
def test_only_what_is_told_names_a_document_and_a_moment(row):
    """A row names document and moment together, and exactly when it tells; each has a sentence."""
    tells = row.then == "tell"
    assert (row.document is not None, row.moment is not None, bool(row.because)) == (tells, tells, True)


def test_a_booking_from_before_the_start_is_skipped():
    """What was booked before START_FROM is skipped, even when it is active, confirmed and unreadable."""
    read = booking(sale=UNREADABLE, created_at=NOW - timedelta(days=9))
    assert judged(read, start_from=NOW).rule == "before-start"


def test_the_start_itself_belongs_to_us():
    """A booking made exactly at START_FROM is told."""
    assert judged(booking(created_at=NOW), start_from=NOW).rule == "on-arrival"


def test_the_start_date_comes_before_the_amount():
    """A free booking from before the start is skipped for its date."""
    free = booking(sale=sale("0.00"), created_at=NOW - timedelta(days=9))
    assert [judged(free, start_from=start).rule for start in (NOW, None)] == ["before-start", "nothing-to-invoice"]


@pytest.mark.parametrize("status", list(Status))
def test_nothing_to_invoice_comes_before_the_table(status):
    """An amount of 0 is skipped whatever the status and the flags say."""
    found = judged(booking(sale=sale("0.00"), status=status), flags=Flags(active=False))
    assert found == Skip("nothing-to-invoice", "the amount is 0")


@pytest.mark.parametrize("told", [INVOICED, ESTIMATED])
def test_what_was_told_is_beyond_start_and_amount(told):
    """Where a document stands, neither the start date nor an amount of 0 hides what happens to the booking."""
    read = booking(sale=sale("0.00"), status=Status.CANCELLED, created_at=NOW - timedelta(days=9))
    assert judged(read, told, start_from=NOW).rule == "cancelled-after-document"


@pytest.mark.parametrize("trouble", list(Trouble))
def test_what_cannot_be_understood_is_asked_where_the_table_tells(trouble):
    """An unclear booking is a question under its own rule name, with its own sentence."""
    assert judged(booking(sale=Unclear(trouble, "why"))) == Ask(trouble.value, "why")


@pytest.mark.parametrize(
    ("status", "rule"),
    [(Status.PENDING, "not-confirmed"), (Status.CANCELLED, "cancelled-before-document"), (Status.VOID, "never-sold")],
)
def test_what_cannot_be_understood_is_no_question_before_it_is_due(status, rule):
    """As long as the table tells nothing, nobody is bothered with an unclear booking."""
    assert judged(booking(sale=UNREADABLE, status=status)).rule == rule


def test_an_invoiced_booking_that_stayed_the_same_is_skipped():
    """The same revision after its invoice is already-invoiced, whether changes are asked or told."""
    assert [judged(booking(), INVOICED, on_change=way).rule for way in ("ask", "tell")] == ["already-invoiced"] * 2


def test_an_invoiced_booking_that_changed_is_asked_about():
    """Another revision after the invoice is a question to a person."""
    found = judged(booking(revision="r2"), INVOICED)
    assert found == Ask("changed-after-document", "the booking changed after its invoice was issued")


def test_an_invoiced_booking_that_changed_is_told_where_the_setting_says_so():
    """With ON_CHANGE=tell the change is told and carries the invoice that stands."""
    found = judged(booking(revision="r2"), INVOICED, on_change="tell")
    assert isinstance(found, Tell)
    assert (found.moment, found.document, found.rule) == (Moment.CHANGED, Document.INVOICE, "changed-after-document")


def test_a_change_is_told_once():
    """A revision that was told as a change is what stands; going back to an earlier told one is a question."""
    told = Told(Document.INVOICE, "r3", frozenset({"r2", "r3"}))
    found = [judged(booking(revision=each), told, on_change="tell").rule for each in ("r3", "r2", "r4")]
    kinds = [kind(judged(booking(revision=each), told, on_change="tell")) for each in ("r3", "r2", "r4")]
    assert (found, kinds) == (
        ["already-invoiced", "changed-after-document", "changed-after-document"],
        ["skip", "ask", "tell"],
    )


def test_a_change_that_cannot_be_understood_is_asked_about():
    """A booking that became unclear after its invoice is never told as a change."""
    found = judged(booking(revision="r2", sale=UNREADABLE), INVOICED, on_change="tell")
    assert found == Ask("unreadable", "no date")


def test_a_change_after_an_estimate_changes_nothing():
    """While only an estimate stands, another revision goes the ordinary way."""
    assert judged(booking(revision="r2", bank_payment=True), ESTIMATED).rule == "until-paid"


@pytest.mark.parametrize("told", [INVOICED, ESTIMATED])
def test_a_cancellation_after_a_document_is_asked_or_told(told):
    """It is a question, or with ON_CANCEL=tell the moment cancelled with the document that stands."""
    cancelled = booking(status=Status.CANCELLED)
    asked, tells = (judged(cancelled, told, on_cancel=way) for way in ("ask", "tell"))
    assert isinstance(asked, Ask)
    assert isinstance(tells, Tell)
    assert (asked.rule, tells.rule, tells.moment, tells.document) == (
        "cancelled-after-document", "cancelled-after-document", Moment.CANCELLED, told.document)  # fmt: skip


@pytest.mark.parametrize("status", [Status.PENDING, Status.VOID])
def test_only_a_cancellation_is_told_as_one(status):
    """A booking that became pending or void after its document stays a question, whatever ON_CANCEL says."""
    assert kind(judged(booking(status=status), INVOICED, on_cancel="tell")) == "ask"


def test_a_booking_that_waits_for_its_end_carries_the_time():
    """Waiting for the end names the end; once it has come, the same booking is complete."""
    read = booking(completion=Completion(False, ENDS))
    on_complete = Flags(issueInvoiceOnComplete=True)
    waiting = judged(read, flags=on_complete)
    assert isinstance(waiting, Wait)
    assert (waiting.until, judged(read, flags=on_complete, now=ENDS).rule) == (ENDS, "complete")


def test_a_wait_that_no_clock_ends_carries_no_time():
    """Waiting for a confirmation, an active connection or an unknown end has no time."""
    read = booking(completion=Completion(False, ENDS), status=Status.PENDING)
    endless = booking(bank_payment=True)
    found = [judged(read), judged(read, flags=Flags(active=False)), judged(endless, ESTIMATED)]
    assert [(each.rule, each.until) for each in found if isinstance(each, Wait)] == [
        ("not-confirmed", None), ("connection-inactive", None), ("until-paid", None)]  # fmt: skip


@pytest.mark.parametrize("rule", ["bank-estimate", "until-complete", "until-paid"])
def test_the_end_wakes_what_it_takes_further(rule):
    """These rules are decided again when the booking ends; an end that has come wakes nothing any more."""
    ending, ended, endless = (booking(completion=Completion(False, at)) for at in (ENDS, NOW, None))
    earlier = booking(completion=Completion(False, NOW - timedelta(days=1)))
    assert [wakes_at(rule, each, NOW) for each in (ending, ended, earlier, endless)] == [ENDS, None, None, None]


@pytest.mark.parametrize(
    "rule", sorted({row.rule for row in FLAG_TABLE} - {"bank-estimate", "until-complete", "until-paid"})
)
def test_the_end_changes_nothing_for_any_other_rule(rule):
    """No clock takes these further."""
    assert wakes_at(rule, booking(completion=Completion(False, ENDS)), NOW) is None


def read_as(read, **flags):
    return decide_read(Flags(**flags), read, Told(), policy=Policy(), now=NOW)


def test_an_answer_that_is_no_booking_is_asked_about_at_once():
    """Without a revision there was no booking to read: a question whatever its status, while the connection is active."""
    strange = booking(sale=UNREADABLE, revision="", status=Status.PENDING)
    assert read_as(strange) == Ask("unreadable", "no date")
    assert read_as(strange, active=False).rule == "connection-inactive"


def test_a_booking_that_was_read_is_decided_as_ever():
    """A booking with a revision goes the ordinary way, unclear or not; so does a clear one without."""
    known = [booking(sale=UNREADABLE, status=Status.PENDING), booking(), booking(revision="")]
    assert [read_as(each).rule for each in known] == ["not-confirmed", "on-arrival", "on-arrival"]


def test_a_booking_without_a_readable_date_is_not_before_the_start():
    """What cannot be compared with START_FROM is not skipped for it."""
    assert judged(booking(created_at=None), start_from=NOW).rule == "on-arrival"


def test_an_end_counts_from_its_own_second():
    """A booking is complete at its end, not a moment before."""
    ends = Completion(False, ENDS)
    found = [ends.reached(ENDS - timedelta(microseconds=1)), ends.reached(ENDS), Completion(True, None).reached(NOW)]
    assert found == [False, True, True]


def test_an_amount_with_many_zeros_is_nothing():
    """0.000 is nothing to invoice, a cent is something."""
    found = [judged(booking(sale=sale(total))).rule for total in ("0.000", "0.01", str(Decimal("-0")))]
    assert found == ["nothing-to-invoice", "on-arrival", "nothing-to-invoice"]


def test_what_nobody_said_of_a_connection():
    """Flags that are not told: active, mails on, and neither of the two ways to wait (seeds/bokun.txt)."""
    assert Flags() == Flags(
        active=True,
        issueInvoiceOnComplete=False,
        issueInvoiceForBankPayment=False,
        sendInvoiceAutomatically=True,
        sendEstimateAutomatically=True,
    )

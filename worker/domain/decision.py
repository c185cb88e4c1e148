"""Which document a booking calls for now: a pure function of flags, facts and what was told before.

The heart is FLAG_TABLE: the first row that fits decides, and a test holds it against every row of flags.csv. What
stands around it (start date, nothing to invoice, unclear bookings, changes after a document) is in decide(), in the
order of the contract. A decision cannot be made without a rule and a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, assert_never

from worker.domain.booking import Booking, Status, Unclear
from worker.domain.connection import Flags


class Document(StrEnum):
    """What Space Invoices issues. We never issue, we cause."""

    INVOICE = "invoice"
    ESTIMATE = "estimate"


class Moment(StrEnum):
    """The point in a booking's life that Space Invoices must hear of."""

    RECEIVED = "received"
    COMPLETED = "completed"
    PAID = "paid"
    CHANGED = "changed"
    CANCELLED = "cancelled"


ISSUING = frozenset({Moment.RECEIVED, Moment.COMPLETED, Moment.PAID})
"""The moments that call for a new document; the other two carry the document that stands."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Space Invoices must hear of this moment, and we expect this document."""

    moment: Moment
    document: Document
    rule: str
    because: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing yet; `until` is when the clock alone may change that, if it can."""

    rule: str
    because: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing to do as long as the booking stays as it is."""

    rule: str
    because: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A person must look."""

    rule: str
    because: str


Decision = Tell | Wait | Skip | Ask


def kind(decision: Decision) -> Literal["tell", "wait", "skip", "ask"]:
    """The decision's word in tables, JSON and flags.csv."""
    match decision:
        case Tell():
            return "tell"
        case Wait():
            return "wait"
        case Skip():
            return "skip"
        case Ask():
            return "ask"
        case _:
            assert_never(decision)


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a booking that the flag table looks at."""

    status: Status
    bank_payment: bool
    paid: bool
    complete: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What Space Invoices was told about this booking before, by any connection of the organization."""

    document: Document | None = None
    revision: str | None = None
    """The revision that the standing document shows."""
    corrected: frozenset[str] = frozenset()
    """Revisions that were already told as changes."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the settings (or a connection of its own) say about the cases around the flag table."""

    start_from: datetime | None = None
    on_change: Literal["ask", "tell"] = "ask"
    on_cancel: Literal["ask", "tell"] = "ask"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the flag table: what must hold (None: anything) and what follows."""

    rule: str
    then: Literal["tell", "wait", "skip", "ask"]
    because: str
    document: Document | None = None
    moment: Moment | None = None
    active: bool | None = None
    on_complete: bool | None = None
    for_bank_payment: bool | None = None
    status: Status | None = None
    bank_payment: bool | None = None
    paid: bool | None = None
    complete: bool | None = None
    told: tuple[Document | None, ...] = (None, Document.ESTIMATE, Document.INVOICE)


_NOTHING: tuple[Document | None, ...] = (None,)
_SOMETHING = (Document.ESTIMATE, Document.INVOICE)

FLAG_TABLE: tuple[Row, ...] = (
    Row("connection-inactive", "wait", "the connection is not active in Space Invoices", active=False),
    Row("unknown-status", "ask", "Bokun shows a status that has no known meaning", status=Status.UNKNOWN),
    Row("not-confirmed", "wait", "the booking is not confirmed yet", status=Status.PENDING, told=_NOTHING),
    Row("unconfirmed-after-document", "ask", "the booking is no longer confirmed, but a document was issued",
        status=Status.PENDING, told=_SOMETHING),
    Row("cancelled-before-document", "skip", "the booking was cancelled before any document",
        status=Status.CANCELLED, told=_NOTHING),
    Row("cancelled-after-document", "ask", "the booking was cancelled after a document was issued",
        status=Status.CANCELLED, told=_SOMETHING),
    Row("never-sold", "skip", "the booking never became a sale", status=Status.VOID, told=_NOTHING),
    Row("void-after-document", "ask", "the booking is void, but a document was issued",
        status=Status.VOID, told=_SOMETHING),
    # From here on the booking is confirmed.
    Row("already-invoiced", "skip", "the invoice was told before", told=(Document.INVOICE,)),
    Row("complete", "tell", "issueInvoiceOnComplete is on and the booking is complete",
        Document.INVOICE, Moment.COMPLETED, on_complete=True, complete=True),
    Row("bank-estimate", "tell", "it is paid by bank, nothing is paid yet and issueInvoiceForBankPayment is off",
        Document.ESTIMATE, Moment.RECEIVED,
        for_bank_payment=False, bank_payment=True, paid=False, complete=False, told=_NOTHING),
    Row("until-complete", "wait", "issueInvoiceOnComplete is on and the booking is not complete yet",
        on_complete=True),
    Row("on-arrival", "tell", "issueInvoiceOnComplete is off and it is not paid by bank",
        Document.INVOICE, Moment.RECEIVED, bank_payment=False),
    Row("bank-invoice", "tell", "it is paid by bank and issueInvoiceForBankPayment is on",
        Document.INVOICE, Moment.RECEIVED, for_bank_payment=True),
    Row("bank-paid", "tell", "the bank payment has arrived", Document.INVOICE, Moment.PAID, paid=True),
    Row("bank-complete", "tell", "it is paid by bank, unpaid, and the booking is complete",
        Document.INVOICE, Moment.COMPLETED, complete=True),
    Row("until-paid", "wait", "the estimate is out and the bank payment has not arrived"),
)  # fmt: skip


_CLOCKED = frozenset({"bank-estimate", "until-complete", "until-paid"})
"""The rules that a booking's end takes further."""


def fits(row: Row, flags: Flags, facts: Facts, told: Document | None) -> bool:
    """Whether every condition that the row names holds."""
    wanted_and_seen = (
        (row.active, flags.active),
        (row.on_complete, flags.issueInvoiceOnComplete),
        (row.for_bank_payment, flags.issueInvoiceForBankPayment),
        (row.status, facts.status),
        (row.bank_payment, facts.bank_payment),
        (row.paid, facts.paid),
        (row.complete, facts.complete),
    )
    return told in row.told and all(wanted is None or wanted == seen for wanted, seen in wanted_and_seen)


def look_up(flags: Flags, facts: Facts, told: Document | None) -> Row:
    """The first row of the flag table that fits; the last one fits whatever is left."""
    return next(row for row in FLAG_TABLE if fits(row, flags, facts, told))


def facts_of(booking: Booking, now: datetime) -> Facts:
    """The booking's facts as they stand at `now`."""
    return Facts(booking.status, booking.bank_payment, booking.paid, booking.completion.reached(now))


def decide(flags: Flags, booking: Booking, told: Told, *, policy: Policy, now: datetime) -> Decision:
    """What this booking calls for now, with the rule that says so (behaviour 5)."""
    if told.document is None and (skip := _before_the_table(booking, policy)):
        return skip
    row = look_up(flags, facts_of(booking, now), told.document)
    match row.then:
        case "tell":
            return _tell(row, booking)
        case "wait":
            return Wait(row.rule, row.because, wakes_at(row.rule, booking, now))
        case "skip":
            return _changed(booking, told, policy) or Skip(row.rule, row.because)
        case "ask":
            return _cancelled(row, told, policy) or Ask(row.rule, row.because)
        case _:
            assert_never(row.then)


def decide_read(flags: Flags, booking: Booking, told: Told, *, policy: Policy, now: datetime) -> Decision:
    """decide(), and before it the one case it cannot know: an answer that is no booking at all, without revision."""
    if isinstance(booking.sale, Unclear) and not booking.revision and flags.active:
        return Ask(booking.sale.trouble.value, booking.sale.because)
    return decide(flags, booking, told, policy=policy, now=now)


def wakes_at(rule: str, booking: Booking, now: datetime) -> datetime | None:
    """When the clock alone calls for another decision, if it does."""
    ends = booking.completion.at
    return ends if rule in _CLOCKED and ends is not None and ends > now else None


def _before_the_table(booking: Booking, policy: Policy) -> Skip | None:
    created = booking.created_at
    if policy.start_from is not None and created is not None and created < policy.start_from:
        return Skip("before-start", f"booked before START_FROM ({policy.start_from.date()})")
    if not isinstance(booking.sale, Unclear) and booking.sale.total.amount == 0:
        return Skip("nothing-to-invoice", "the amount is 0")
    return None


def _tell(row: Row, booking: Booking) -> Tell | Ask:
    if isinstance(booking.sale, Unclear):
        return Ask(booking.sale.trouble.value, booking.sale.because)
    if row.moment is None or row.document is None:
        raise AssertionError(f"the flag table tells nothing in {row.rule}")
    return Tell(row.moment, row.document, row.rule, row.because)


def _changed(booking: Booking, told: Told, policy: Policy) -> Tell | Ask | None:
    """A booking that no longer looks as its invoice does: a person, or Space Invoices, must hear of it."""
    if told.document is not Document.INVOICE or told.revision in (None, booking.revision):
        return None
    rule = "changed-after-document"
    if policy.on_change == "ask":
        return Ask(rule, "the booking changed after its invoice was issued")
    if isinstance(booking.sale, Unclear):
        return Ask(booking.sale.trouble.value, booking.sale.because)
    if booking.revision in told.corrected:
        return Ask(rule, "the booking went back to a state that was told as a change before")
    return Tell(Moment.CHANGED, Document.INVOICE, rule, "the booking changed after its invoice was issued")


def _cancelled(row: Row, told: Told, policy: Policy) -> Tell | None:
    if row.rule != "cancelled-after-document" or policy.on_cancel == "ask" or told.document is None:
        return None
    return Tell(Moment.CANCELLED, told.document, row.rule, row.because)

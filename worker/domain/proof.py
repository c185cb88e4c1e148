"""What the remote's orders say about a delivery, and how many empty looks prove an absence.

An order answers with whichever documents it carries. A delivery is proven when an order of its booking carries the
kind of document it expects; an order that carries only what another delivery of the booking explains says nothing
about this one. Every returned row is checked here again: a filter that the remote ignored must prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.decision import ISSUING, Document, Moment


@dataclass(frozen=True, slots=True)
class Order:
    """An order as Space Invoices shows it (space-invoices.md 1.1), as far as a proof needs it."""

    id: str
    connection: str | None
    names: frozenset[str]
    """orderId and number: which Bokun id lands where is not documented, so either counts."""
    invoice: str | None
    estimate: str | None
    cancelled: bool = False
    keys: frozenset[str] = frozenset()
    """The marks of ours found in the payloads that the order shows, if it shows any."""
    deleted: bool = False
    """A person took it away (soft delete)."""

    def document(self, kind: Document) -> str | None:
        return self.invoice if kind is Document.INVOICE else self.estimate


@dataclass(frozen=True, slots=True)
class Expected:
    """What a delivery expects to see there."""

    moment: Moment
    document: Document
    key: str
    names: frozenset[str]
    connections: frozenset[str]
    explained: frozenset[tuple[Document, str | None]] = frozenset()
    """Kinds of document that other deliveries of the booking account for, each with its order where that is known."""
    sent: bool = True
    """False for the look before a send, the first one or the one that a person released."""
    released: bool = False
    """A person knows what is not there any more, and wants it all the same (ADR 10)."""


@dataclass(frozen=True, slots=True)
class Found:
    """The order is there with the document that was expected."""

    order: str
    document: str | None


@dataclass(frozen=True, slots=True)
class Mismatched:
    """The order is there with another document: both sides in a sentence."""

    because: str


@dataclass(frozen=True, slots=True)
class Pending:
    """The order is there and has no document yet: look again, do not send."""

    order: str


@dataclass(frozen=True, slots=True)
class Absent:
    """No order there speaks of this delivery."""


Sight = Found | Mismatched | Pending | Absent


def sight(expected: Expected, orders: Iterable[Order]) -> Sight:
    """What these orders say about this delivery."""
    ours = [each for each in orders if each.connection in expected.connections and each.names & expected.names]
    standing = [each for each in ours if not each.deleted]
    seen = _issued(expected, standing) if expected.moment in ISSUING else _told(expected, standing)
    gone = sorted(each.id for each in ours if each.deleted)
    if gone and not expected.released and isinstance(seen, Pending | Absent):
        return Mismatched(f"order {gone[0]} was deleted in Space Invoices: it is not made again without release")
    return seen


def _issued(expected: Expected, orders: list[Order]) -> Sight:
    wanted = {document: each.id for each in orders if (document := each.document(expected.document))}
    if len(wanted) > 1:
        return Mismatched(f"{len(wanted)} {expected.document}s stand for this booking: {', '.join(sorted(wanted))}")
    if wanted:
        [(document, order)] = wanted.items()
        return Found(order, document)
    other = Document.ESTIMATE if expected.document is Document.INVOICE else Document.INVOICE
    others = [each for each in orders if each.document(other)]
    unexplained = [each for each in others if not expected.explained & {(other, each.id), (other, None)}]
    if unexplained and (expected.sent or other is Document.INVOICE):
        number = unexplained[0].document(other)
        return Mismatched(f"an {expected.document} was expected, but an {other} ({number}) was issued")
    bare = [each for each in orders if not each.invoice and not each.estimate]
    return Pending(bare[0].id) if bare else Absent()


def _told(expected: Expected, orders: list[Order]) -> Sight:
    """A change or a cancellation issues nothing: its order stood before, so only its own trace proves it."""
    for each in orders:
        if expected.key in each.keys or (expected.moment is Moment.CANCELLED and each.cancelled):
            return Found(each.id, each.document(expected.document))
    if not expected.sent and orders and not any(each.document(expected.document) for each in orders):
        return Pending(orders[0].id)  # what is to be changed is not there: it may be late, or was taken away
    return Absent()


@dataclass(frozen=True, slots=True)
class AbsenceRule:
    """So many empty looks, spread over at least so long after the call, prove that it never arrived."""

    looks: int
    after: timedelta

    def proves(self, empty_looks: int, *, called_at: datetime, now: datetime) -> bool:
        return empty_looks >= self.looks and now - called_at >= self.after

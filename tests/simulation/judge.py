"""The judge: reliability.md 5.2, decided from what the remotes recorded and not from what the product believes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from tests.simulation.cuts import Seen
from tests.simulation.play import LONGEST_HEALING, Play
from worker.domain.retry import MOST_EFFECTS
from worker.sandbox.documents import decide
from worker.sandbox.reading import read
from worker.store import tables

SETTLE = timedelta(seconds=900 - 10 - 1)
"""ABSENCE_AFTER counts from the claim, an order leaves at most SEND_GUARD later."""


@dataclass(frozen=True)
class Damage:
    """What must not be, with the invariant's number and the booking."""

    invariant: str
    booking: int
    what: str

    def __str__(self) -> str:
        return f"{self.invariant} booking {self.booking}: {self.what}"


def judge(play: Play) -> list[Damage]:
    """Everything that is wrong at the end of a play."""
    rows = _rows(play, tables.Delivery)
    views = _rows(play, tables.Booking)
    return [
        *_doubled(play, rows),
        *_lost(play, rows, views),
        *_believed(play, rows),
        *_orders(play.wire.seen),
        *_cancelled(play, views),
        *_unsettled(play, rows),
    ]


def _rows(play: Play, model: Any) -> list[Any]:
    with play.database.reading() as open_:
        return list(open_.execute(select(model.__table__)))


def _doubled(play: Play, rows: list[Any]) -> Iterable[Damage]:
    """I1: at most one document of a kind for a sale.

    The remote decides by flags that may change after we read them, so the order of an invoice can bring another
    estimate. No sender could prevent that one; the invoice that did not come must be held.
    """
    wrong = {row.booking_id for row in rows if row.state == "held" and row.document == "invoice"}
    issued = Counter((each["bookingId"], each["type"]) for each in play.remotes.documents)
    for (booking, kind), count in issued.items():
        if count > 1 and not (kind == "estimate" and booking in wrong):
            yield Damage("I1", booking, f"{count} documents of the kind {kind}")


def _lost(play: Play, rows: list[Any], views: list[Any]) -> Iterable[Damage]:
    """I2: what the remote itself would have issued is there, or visibly held, or a question."""
    has = {(each["bookingId"], each["type"]) for each in play.remotes.documents}
    visible = {row.booking_id for row in rows if row.state == "held" and row.reason}
    visible |= {row.booking_id for row in views if row.decision == "ask"}
    for _, booking in play.remotes.world.bookings:
        facts = read(play.remotes.booking(booking), play.clock(), play.remotes.knobs.bank_payment_types)
        wanted = {decide(each, facts) for each in play.remotes.world.connections.rows.values()} - {None}
        done = any((booking, kind) in has for kind in wanted | {"invoice"})  # flags may have changed after an invoice
        if wanted and booking not in visible and not done:
            yield Damage("I2", booking, f"neither a document ({', '.join(sorted(wanted))}) nor held with a reason")


def _believed(play: Play, rows: list[Any]) -> Iterable[Damage]:
    """I3 and I4: what we believe told was told, and what was issued is not unknown to us."""
    has = {(each["bookingId"], each["type"]) for each in play.remotes.documents}
    for row in rows:
        if row.state == "confirmed" and (row.booking_id, row.document) not in has:
            yield Damage("I3", row.booking_id, f"confirmed, but there is no {row.document}")
    known = {(row.booking_id, row.document) for row in rows if row.state == "confirmed"}
    held = {row.booking_id for row in rows if row.state == "held"}  # a mismatch shows both sides
    for booking, kind in has:
        if (booking, kind) not in known and booking not in held:
            yield Damage("I4", booking, f"an {kind} was issued and no delivery of ours stands for it")


def _orders(seen: list[Seen]) -> Iterable[Damage]:
    """I5, I6 and I12, from the times of the calls."""
    looks = [each for each in seen if each.kind == "look"]
    by_key: dict[str, list[Seen]] = defaultdict(list)
    for each in seen:
        if each.kind == "order":
            by_key[each.key].append(each)
            if each.stale and each.text != "cancelled":
                yield Damage("I12", each.booking, "sent although our inbox knew that it was cancelled")
    for orders in by_key.values():
        risky = [each for each in orders if each.effect]
        if len(risky) > MOST_EFFECTS:
            yield Damage("I6", risky[0].booking, f"{len(risky)} orders that may have taken effect")
        for before, after in pairwise(orders):
            if before.effect:
                yield from _again(before, after, looks)


def _again(before: Seen, after: Seen, looks: list[Seen]) -> Iterable[Damage]:
    between = [each for each in looks if before.at <= each.at <= after.at and str(before.booking) in each.text]
    if not between:
        yield Damage("I5", after.booking, "sent again without a look")
    if after.at - before.at < SETTLE:
        yield Damage("I5", after.booking, f"sent again {after.at - before.at} after an order that may have arrived")


def _cancelled(play: Play, views: list[Any]) -> Iterable[Damage]:
    """I12: a booking that was cancelled after its document asks for a person."""
    asks = {row.booking_id for row in views if row.decision == "ask"}
    inactive = all(not each.get("active") for each in play.remotes.world.connections.rows.values())
    for each in play.remotes.documents:
        booking = each["bookingId"]
        if play.remotes.booking(booking)["status"] == "CANCELLED" and booking not in asks and not inactive:
            yield Damage("I12", booking, "cancelled after its document, and nobody is asked")


def _unsettled(play: Play, rows: list[Any]) -> Iterable[Damage]:
    """I7: after the last fault everything comes to its end in time, and nothing is held without a reason."""
    for row in rows:
        if row.state not in ("confirmed", "settled", "superseded", "held"):
            yield Damage("I7", row.booking_id, f"still {row.state} {LONGEST_HEALING} after the last fault")
        if row.state == "held" and not row.reason:
            yield Damage("I7", row.booking_id, "held without a reason")

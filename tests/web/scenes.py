"""States of the world that the page must show well."""

import random
from datetime import timedelta

from tests.builders import NOW, add, add_connection, add_delivery, booking
from worker.domain.connection import Flags
from worker.store import facts, tables

BELLS = ("refresh.connections", "poll.connections", "poll.rescan", "plan.notices", "deliver.due", "reconcile.due",
         "imports.due", "audit.watch", "audit.daily", "audit.digest")  # fmt: skip
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>\u202e&amp;\x00'
LONG = "Thebookingwithonewordthatisverymuchlongerthananyphoneiswide" * 3


def ring(database, *, ago=3):
    """All bells were heard so many seconds ago."""
    for bell in BELLS:
        done = NOW - timedelta(seconds=ago)
        add(database, tables.Heartbeat, bell=f"tasks.{bell}", rung_at=done, done_at=done)


def add_booking(database, number, *, connection="c1", decision="tell", rule="on-arrival", because="", code=None):
    """A booking as it was read and decided."""
    read = booking(id=number, confirmation_code=code or f"ALP-{number}")
    values = {"organization": "org-1", "confirmation_code": read.confirmation_code, "read_at": NOW, "decided_at": NOW}
    rest = {"status": "confirmed", "revision": "r1", "facts": facts.dump_booking(read), "content": "{}"}
    flags = facts.dump_flags(Flags(issueInvoiceOnComplete=True))
    because = because or "issueInvoiceOnComplete is off and it is not paid by bank"
    add(database, tables.Booking, connection_id=connection, booking_id=number, decision=decision, rule=rule,
        because=because, flags=flags, **values, **rest)  # fmt: skip


def empty(database):
    """Nothing runs and nothing is there."""


def busy(database):
    """Two connections, two weeks of documents, everything alive."""
    ring(database)
    for id_, name, lag in (("c1", "Alpine Tours", 41), ("c2", "Sea & Sand", 77)):
        add_connection(database, id_, name=name, watermark=NOW - timedelta(seconds=lag), polled_at=NOW)
        add(database, tables.Hearing, connection_id=id_, booking_id=1, heard_at=NOW - timedelta(minutes=4))
    dice = random.Random(7)
    for number in range(1001, 1096):
        ended = NOW - timedelta(days=dice.randrange(14), minutes=number - 1000)
        add_booking(database, number)
        add_delivery(database, booking_id=number, key=str(number), state="confirmed", ended_at=ended,
                     currency=dice.choice(["EUR", "EUR", "EUR", "USD", "GBP"]), amount=f"{dice.randrange(40, 400)}.00")  # fmt: skip
    for number in range(1100, 1112):
        add_booking(database, number, decision="wait", rule="until-complete")


def stuck(database):
    """Busy, and then everything that can need a person."""
    busy(database)
    add_connection(database, "c3", name="Old Town Walks", blocked_at=NOW, blocked_by="bokun",
                   blocked_because="Bokun answered 303: the keys are refused")  # fmt: skip
    add_connection(database, "c4", name="River Boats", paused_at=NOW)
    add(database, tables.Silence, connection_id="c2", since=NOW, unannounced=5)
    add_booking(database, 2001)
    add_delivery(
        database, booking_id=2001, state="held", reason="the document shows 90.00 EUR, expected were 100.00 EUR"
    )
    add_booking(database, 2002)
    add_delivery(database, booking_id=2002, state="unknown", reason="sent, but no answer came (ReadTimeout)")
    because = "the booking was cancelled after a document was issued"
    add_booking(database, 2003, decision="ask", rule="cancelled-after-document", because=because)
    add_delivery(database, booking_id=2004, due_at=NOW - timedelta(minutes=20))
    add(database, tables.Import, connection_id="c1", type="bookings", state="held", reason="no answer", asked_at=NOW)


def hostile(database):
    """Every text that a stranger can choose is hostile, or endless."""
    ring(database)
    add_connection(database, "c1", name=HOSTILE, blocked_at=NOW, blocked_because=HOSTILE)
    add_connection(database, "c2", name=LONG)
    add_booking(database, 7, decision="ask", rule=HOSTILE, because=HOSTILE, code=HOSTILE)
    add_booking(database, 8, decision="ask", because=LONG, code=LONG)
    add_delivery(database, state="held", reason=HOSTILE, currency=HOSTILE)
    add_delivery(database, booking_id=8, state="confirmed", ended_at=NOW, currency=HOSTILE)


ALL = {each.__name__: each for each in (empty, busy, stuck, hostile)}

"""One run: bookings come, things go wrong, the faults stop, and the stand-ins' record says what became of them."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.house import House
from tests.chaos.nemesis import Nemesis
from worker.sandbox import bookings

FIRST = 9_100_001
LONGEST_HEALING = 300.0
FEWEST = 5
"""Faults of processes, and faults of calls, in a storm."""
IN_FLIGHT = "SELECT DISTINCT booking_id FROM delivery WHERE state IN ('planned', 'sending', 'accepted', 'unknown')"
STORY = (
    """SELECT d.id, d.connection_id, d.moment, d.document, d.state, d.reason, d.taken, d.looks, d.due_at, d.look_at
       FROM delivery d WHERE d.booking_id = {0} ORDER BY d.id""",
    """SELECT a.delivery_id, a.begun_at, a.ended_at, a.outcome, a.status, a.reason FROM attempt a
       JOIN delivery d ON d.id = a.delivery_id WHERE d.booking_id = {0} ORDER BY a.begun_at""",
    """SELECT l.delivery_id, l.at, l.saw, l.reason FROM look l
       JOIN delivery d ON d.id = l.delivery_id WHERE d.booking_id = {0} ORDER BY l.id""",
    "SELECT connection_id, read_at, decision, rule, because, wakes_at FROM booking WHERE booking_id = {0}",
    "SELECT connection_id, source, noticed_at, due_at, tries, reason FROM notice WHERE booking_id = {0}",
    "SELECT connection_id, fingerprint FROM sighting WHERE booking_id = {0}",
    """SELECT id, gone_at, paused_at, blocked_at, blocked_by, polled_at, poll_since, poll_until, poll_page, poll_lease_until
       FROM connection ORDER BY id""",
)
UNREAD = "SELECT count(*) FROM notice"
LEASED = (
    "SELECT DISTINCT booking_id FROM notice WHERE due_at BETWEEN now() + interval '20 s' AND now() + interval '95 s'"
)
"""Taken for 120 s by somebody who has not read it for a while."""
BLOCKED = "SELECT id FROM connection WHERE blocked_at IS NOT NULL"
HELD = "SELECT booking_id, document, reason FROM delivery WHERE state = 'held'"
NOT_INVOICED = HELD + " AND document = 'invoice'"
ASKED = "SELECT booking_id FROM booking WHERE decision = 'ask'"
EITHER, INVOICE, NOTHING = frozenset({"estimate", "invoice"}), frozenset({"invoice"}), frozenset[str]()
BASE = {"issueInvoiceForBankPayment": False, "issueInvoiceOnComplete": False}
"""The flags that both connections have in the end; the second one is then not active."""


@dataclass
class Report:
    """What a run came to; `wrong` is empty where all is well."""

    figures: dict[str, float] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    stories: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        return self.doubled + self.lost + self.unexplained


@dataclass
class Run:
    """The bookings of a run, with the documents of which each calls for one in the end."""

    house: House
    nemesis: Nemesis
    random: random.Random
    connections: tuple[str, str]
    """Two of one organization that read one account: what the one has invoiced the other must not."""
    wanted: dict[int, frozenset[str]] = field(default_factory=dict)
    unpaid: list[int] = field(default_factory=list)
    told_at: float = 0.0
    resumed_at: float = 0.0

    def book(self) -> None:
        """One booking: paid at once, or by bank; half of their orders meet a fault."""
        id_, now = FIRST + len(self.wanted), self.house.sandbox.world.clock()
        bank = self.random.random() < 0.3
        knobs = {"paid": False, "payment_type": "BANK_TRANSFER"} if bank else {}
        if self.random.random() < 0.5:
            self.nemesis.spoil_order(id_)
        self.house.sandbox.book(bookings.own_sale(id_, now, total=f"{10 + len(self.wanted) % 900}.50", **knobs))
        self.wanted[id_] = EITHER if bank else INVOICE
        if bank:
            self.unpaid.append(id_)

    def change(self) -> None:
        """A bank booking is paid, one is cancelled, flags are others for a while, or one is announced once more."""
        chance = self.random.random()
        if len(self.unpaid) > 10 and chance < 0.5:
            id_ = self.unpaid.pop(0)
            self.house.sandbox.change(id_, pay=True, payment_type="BANK_TRANSFER")
            self.wanted[id_] = INVOICE
        elif chance < 0.6 and self.wanted:
            id_ = self.random.choice(sorted(self.wanted))
            self.house.sandbox.change(id_, cancel=True)
            self.wanted[id_] = NOTHING
            self.unpaid = [each for each in self.unpaid if each != id_]
        elif chance < 0.65:
            self.change_flags()
        elif self.wanted:
            self.announce(self.random.choice(sorted(self.wanted)))

    def change_flags(self) -> None:
        """Somebody tries other flags, and takes them back with the next call."""
        first, second = self.connections
        some = {name: self.random.random() < 0.5 for name in BASE}
        self.house.sandbox.flags(first, **some if self.random.random() < 0.5 else BASE)
        self.house.sandbox.flags(second, **BASE, active=self.random.random() < 0.5)

    def calm(self) -> None:
        """The flags that stay."""
        first, second = self.connections
        self.house.sandbox.flags(first, **BASE)
        self.house.sandbox.flags(second, **BASE, active=False)

    def announce(self, id_: int) -> None:
        sandbox = self.house.sandbox
        sandbox.webhooks.announce("bookings/update", sandbox.booking(id_), sandbox.world.accounts[sandbox.access_key])

    def storm(self, seconds: float, count: int) -> None:
        """Bookings spread over the time, and something goes wrong about once a second; where a slow machine met too
        little of it, it lasts up to three times as long."""
        began, strike = time.monotonic(), 0.0
        while (passed := time.monotonic() - began) < seconds or (self.mild and passed < 3 * seconds):
            while len(self.wanted) < count * min(1.0, passed / (seconds * 0.8)):
                self.book()
            if self.random.random() < 0.2:
                self.change()
            if passed >= strike:
                self.nemesis.strike()
                strike = passed + self.random.uniform(0.8, 3.0)
            self.house.watch()
            self.resume()
            self.tell(f"{passed / seconds:.0%}")
            time.sleep(0.05)

    @property
    def mild(self) -> bool:
        return min(sum(self.nemesis.done.values()), len(self.house.sandbox.faults.fired)) < FEWEST

    def resume(self) -> None:
        """A refused token blocks a connection, and half-open tries are minutes apart: somebody looks now and then."""
        if time.monotonic() - self.resumed_at > 8:
            self.resumed_at = time.monotonic()
            for (connection,) in self.house.rows(BLOCKED):
                self.house.resume(connection)

    def tell(self, how_far: str) -> None:
        """A line of progress now and then."""
        if time.monotonic() - self.told_at > 15:
            self.told_at = time.monotonic()
            documents, faults = len(self.issued), sum(self.nemesis.done.values())
            print(f"{how_far}: {len(self.wanted)} bookings, {documents} documents, {faults} faults", file=sys.stderr)

    def heal(self, longest: float) -> float:
        """The faults stop; the seconds until everything has come to its end."""
        self.nemesis.rest()
        self.calm()
        began = announced = time.monotonic()
        still = 0
        while time.monotonic() - began < longest:
            if time.monotonic() - announced > 20:  # Bokun repeats itself: no lease of somebody dead is waited for
                announced = time.monotonic()
                for (id_,) in self.house.rows(LEASED):
                    self.announce(id_)
            waiting = self.waiting()
            still = 0 if any(waiting.values()) else still + 1
            self.tell("at rest but for " + ", ".join(f"{count} {what}" for what, count in waiting.items()))
            if still == 3:
                break
            self.house.watch()
            self.resume()
            time.sleep(0.5)
        return time.monotonic() - began

    @property
    def bare(self) -> set[int]:
        """Bookings with an order of which their flags made no document there; ours are looked at for two hours more."""
        world = self.house.sandbox.world
        with world.lock:
            orders = world.orders.rows.values()
            return {int(each["orderId"]) for each in orders if not each.get("invoiceId") and not each.get("estimateId")}

    @property
    def issued(self) -> list[tuple[int, str]]:
        """Booking and kind of each document there; no copies, which would keep the remotes waiting for seconds."""
        world = self.house.sandbox.world
        with world.lock:
            return [(each["bookingId"], each["type"]) for each in world.documents.rows.values()]

    def waiting(self) -> dict[str, int]:
        """How many have not come to their end, by what they wait for."""
        unread = self.house.rows(UNREAD)[0][0]
        return {"missing": len(self._missing()), "in flight": len(self._in_flight()), "unread": unread}

    def _in_flight(self) -> list[int]:
        bare = self.bare
        return [id_ for (id_,) in self.house.rows(IN_FLIGHT) if id_ not in bare]

    def stories(self, bookings: list[int]) -> Iterator[str]:
        """Everything that is written down about some of these."""
        for id_ in bookings[:3]:
            yield f"booking {id_}, {'a cancelled one' if not self.wanted[id_] else sorted(self.wanted[id_])}"
            for statement in STORY:
                for row in self.house.rows(statement.format(id_)):
                    yield "  " + " | ".join(str(each) for each in row)
            for each in self.house.sandbox.faults.fired:
                if each["booking"] == id_:
                    yield f"  fault {each['at']} {each['kind']} after_effect={each['after_effect']} {each['details']}"
            for each in [*self.house.sandbox.orders, *self.house.sandbox.documents]:
                if str(id_) in (each["orderId"], str(each.get("bookingId"))):
                    names = ("type", "id", "createdAt", "invoiceId", "estimateId")
                    yield f"  there: {' '.join(str(each.get(name)) for name in names)}"

    def _missing(self) -> list[int]:
        """Bookings that have neither one of their documents nor a reason that a person sees."""
        issued = set(self.issued)
        any_issued, bare = {id_ for id_, _ in issued}, self.bare
        visible = {row[0] for row in self.house.rows(HELD)} | {row[0] for row in self.house.rows(ASKED)}
        return [
            id_
            for id_, kinds in self.wanted.items()
            if id_ not in visible | bare
            and (not any((id_, kind) in issued for kind in kinds) if kinds else id_ in any_issued)
        ]

    def judge(self, report: Report) -> Report:
        """From the stand-ins' record: nothing doubled, nothing lost, everything that stands still says why."""
        issued = Counter(self.issued)
        # Flags that change there after we read them turn the order of an invoice into another estimate: that is held.
        asked_for = {row[0] for row in self.house.rows(NOT_INVOICED)}
        report.doubled = [
            f"{count} {kind}s for {id_}"
            for (id_, kind), count in issued.items()
            if count > 1 and not (kind == "estimate" and id_ in asked_for)
        ]
        held = self.house.rows(HELD)
        report.unexplained = [f"held without a reason: {row}" for row in held if not row[2]]
        report.lost = [
            f"no {' or '.join(sorted(self.wanted[id_]))} for {id_}" if self.wanted[id_] else f"{id_}: nobody is asked"
            for id_ in self._missing()
        ]
        flying = self._in_flight()
        report.unexplained += [f"still in flight: {id_}" for id_ in flying]
        twice = [id_ for (id_, kind), count in issued.items() if f"{count} {kind}s for {id_}" in report.doubled]
        report.stories = list(self.stories([*twice, *self._missing(), *flying]))
        report.figures |= {
            "held with a reason": len(held),
            "documents": sum(issued.values()),
            "orders there without a document": len(self.bare),
        }
        return report


def orders(house: House) -> int:
    """How many orders Space Invoices was sent."""
    return sum(1 for each in house.sandbox.requests if each["path"].endswith("/order"))


def run(seed: int, *, minutes: float, count: int, healing: float = LONGEST_HEALING, children: int = 5) -> Report:
    """A whole run with everything it needs, and its report."""
    began = time.monotonic()
    house = House()
    try:
        first = house.sandbox.connect("Chaos", **BASE)["id"]
        second = house.sandbox.connect("Twin", **BASE, active=False)["id"]
        house.start(children=children)
        play = Run(house, Nemesis(house, seed), random.Random(seed + 1), (first, second))
        play.storm(minutes * 60, count)
        stormy = orders(house)
        healed = play.heal(healing)
        report = play.judge(Report())
        report.figures |= {
            "seed": seed,
            "bookings": len(play.wanted),
            "faults of processes, broker, database": sum(play.nemesis.done.values()),
            "faults of calls": len(house.sandbox.faults.fired),
            "orders sent": orders(house),
            "orders sent in the storm": stormy,
            "starts of processes": sum(each.starts for each in house.supervisor.processes),
            "seconds to converge": round(healed, 1),
            "minutes": round((time.monotonic() - began) / 60, 1),
            "doubled": len(report.doubled),
            "lost": len(report.lost),
            "unexplained": len(report.unexplained),
        }
        report.figures |= {f"  {name}": times for name, times in sorted(play.nemesis.done.items())}
        return report
    finally:
        house.stop()

"""One run: bookings come, things go wrong, the faults stop, and the stand-ins' record says what became of them."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.house import House
from tests.chaos.nemesis import Nemesis
from worker.sandbox import bookings

FIRST = 9_100_001
LONGEST_HEALING = 300.0
IN_FLIGHT = "SELECT count(*) FROM delivery WHERE state IN ('planned', 'sending', 'accepted', 'unknown')"
LEFT = """SELECT state, count(*), min(due_at), min(look_at), max(look_at), max(looks), max(reason) FROM delivery
          WHERE state IN ('planned', 'sending', 'accepted', 'unknown') GROUP BY state"""
UNREAD = "SELECT count(*) FROM notice"
HELD = "SELECT booking_id, document, reason FROM delivery WHERE state = 'held'"
ASKED = "SELECT booking_id FROM booking WHERE decision = 'ask'"


@dataclass
class Report:
    """What a run came to; `wrong` is empty where all is well."""

    figures: dict[str, float] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        return self.doubled + self.lost + self.unexplained


@dataclass
class Run:
    """The bookings of a run, with the documents that each calls for in the end."""

    house: House
    nemesis: Nemesis
    random: random.Random
    wanted: dict[int, set[str]] = field(default_factory=dict)
    unpaid: list[int] = field(default_factory=list)

    def book(self) -> None:
        """One booking: paid at once, or by bank; half of their orders meet a fault."""
        id_, now = FIRST + len(self.wanted), self.house.sandbox.world.clock()
        bank = self.random.random() < 0.3
        knobs = {"paid": False, "payment_type": "BANK_TRANSFER"} if bank else {}
        if self.random.random() < 0.5:
            self.nemesis.spoil_order(id_)
        self.house.sandbox.book(bookings.own_sale(id_, now, total=f"{10 + len(self.wanted) % 900}.50", **knobs))
        self.wanted[id_] = {"estimate"} if bank else {"invoice"}
        if bank:
            self.unpaid.append(id_)

    def change(self) -> None:
        """A bank booking is paid, or any booking is announced once more."""
        if len(self.unpaid) > 10 and self.random.random() < 0.5:
            id_ = self.unpaid.pop(0)
            self.house.sandbox.change(id_, pay=True, payment_type="BANK_TRANSFER")
            self.wanted[id_] = {"invoice"}
        elif self.wanted:
            self.announce(self.random.choice(sorted(self.wanted)))

    def announce(self, id_: int) -> None:
        sandbox = self.house.sandbox
        sandbox.webhooks.announce("bookings/update", sandbox.booking(id_), sandbox.world.accounts[sandbox.access_key])

    def storm(self, seconds: float, count: int) -> None:
        """Bookings spread over the time, and something goes wrong about once a second."""
        began, strike = time.monotonic(), 0.0
        while (passed := time.monotonic() - began) < seconds:
            while len(self.wanted) < count * min(1.0, passed / (seconds * 0.8)):
                self.book()
            if self.random.random() < 0.2:
                self.change()
            if passed >= strike:
                self.nemesis.strike()
                strike = passed + self.random.uniform(0.8, 3.0)
            self.house.watch()
            time.sleep(0.05)

    def heal(self, longest: float) -> float:
        """The faults stop; the seconds until everything has come to its end."""
        self.nemesis.rest()
        began = announced = time.monotonic()
        still = 0
        while time.monotonic() - began < longest:
            if time.monotonic() - announced > 8 and still == 0:  # Bokun repeats itself: no lease of 120 s is waited for
                announced = time.monotonic()
                for (id_,) in self.house.rows("SELECT booking_id FROM notice"):
                    self.announce(id_)
                for id_ in self._missing():
                    self.announce(id_)
            quiet = not self._missing() and not self.house.rows(IN_FLIGHT)[0][0] and not self.house.rows(UNREAD)[0][0]
            still = still + 1 if quiet else 0
            if still == 3:
                break
            self.house.watch()
            time.sleep(0.5)
        return time.monotonic() - began

    def _missing(self) -> list[int]:
        """Bookings without their documents of which nothing is held either."""
        has = {(each["bookingId"], each["type"]) for each in self.house.sandbox.documents}
        held = {row[0] for row in self.house.rows(HELD)}
        return [
            id_ for id_, kinds in self.wanted.items() if id_ not in held and any((id_, k) not in has for k in kinds)
        ]

    def judge(self, report: Report) -> Report:
        """From the stand-ins' record: nothing doubled, nothing lost, everything that stands still says why."""
        issued = Counter((each["bookingId"], each["type"]) for each in self.house.sandbox.documents)
        report.doubled = [f"{count} {kind}s for {id_}" for (id_, kind), count in issued.items() if count > 1]
        held = self.house.rows(HELD)
        report.unexplained = [f"held without a reason: {row}" for row in held if not row[2]]
        visible = {row[0] for row in held} | {row[0] for row in self.house.rows(ASKED)}
        report.lost = [
            f"no {kind} for {id_}"
            for id_, kinds in self.wanted.items()
            for kind in kinds
            if (id_, kind) not in issued and id_ not in visible
        ]
        report.unexplained += [f"still in flight: {row}" for row in self.house.rows(LEFT)]
        report.figures |= {"held with a reason": len(held), "documents": sum(issued.values())}
        return report


def orders(house: House) -> int:
    """How many orders Space Invoices was sent."""
    return sum(1 for each in house.sandbox.requests if each["path"].endswith("/order"))


def run(seed: int, *, minutes: float, count: int, healing: float = LONGEST_HEALING, children: int = 5) -> Report:
    """A whole run with everything it needs, and its report."""
    began = time.monotonic()
    house = House()
    try:
        house.sandbox.connect("Chaos")
        house.start(children=children)
        play = Run(house, Nemesis(house, seed), random.Random(seed + 1))
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

"""A week of an agency, from measured figures: `python -m benchmarks.week [RUN.json]`.

300 sellers, 20,000 bookings a day on the busiest day, on two cores and inside the limits of both remotes. It plays
minute by minute what arrives, what Bokun's limit lets be read, what Space Invoices' limit lets be sent, and one day in
which nothing is sent at all; then it says how busy workers and limits are and how long the backlog lasts.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from math import ceil, cos, pi
from pathlib import Path
from statistics import median

SELLERS = 300
PEAK = 20_000
"""Bookings on the busiest day of the week; the others follow `DAYS`."""
DAYS = (0.72, 0.66, 0.68, 0.74, 0.88, 1.0, 0.95)
CHANGES = 0.6
"""Changes and payments that a poll sees for each new booking: read again, mostly without a document."""
BOKUN_A_MINUTE, SPACE_INVOICES_A_SECOND = 400, 100
POLLS_A_DAY = 288
POLL = 0.01
"""Processor seconds of a poll that finds nothing: a bell, two searches, three short transactions. Taken, not measured."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one booking costs: processor seconds, and calls beside the one that reads and the one that sends."""

    road: float
    looks: float


@dataclass
class Day:
    """What a day came to."""

    arrived: int = 0
    sent: int = 0
    most_waiting: float = 0.0


def arriving(minute: int, bookings: float) -> float:
    """Bookings of this minute: few at night, most in the evening."""
    return bookings / 1440 * (1 + 0.9 * cos((minute - 19 * 60) / 1440 * 2 * pi))


def play(figures: Figures, *, down: int | None = None, accounts: int = SELLERS) -> tuple[list[Day], float]:
    """The week, and how many hours after the day of downtime the backlog was gone."""
    searches = SELLERS * POLLS_A_DAY * 2 / 1440
    # An account has a limit of its own; what changed is read as well as what is new.
    reads_a_minute = (accounts * BOKUN_A_MINUTE - searches) / (1 + CHANGES)
    sends_a_minute = 60 * SPACE_INVOICES_A_SECOND / (1 + figures.looks)
    waiting = 0.0
    days, gone = [Day() for _ in DAYS], 0.0
    for minute in range(1440 * len(DAYS)):
        day = minute // 1440
        fresh = arriving(minute % 1440, PEAK * DAYS[day])
        waiting += fresh
        days[day].arrived += round(fresh * 1000)
        if day != down:
            sent = min(waiting, sends_a_minute, reads_a_minute, 2 * 60 / figures.road)
            waiting -= sent
            days[day].sent += round(sent * 1000)
        elif down is not None:
            gone = 0.0
        if down is not None and day > down and not gone and waiting < 2 * fresh + 1:
            gone = (minute - (down + 1) * 1440) / 60
        days[day].most_waiting = max(days[day].most_waiting, waiting)
    for each in days:
        each.arrived, each.sent = each.arrived // 1000, each.sent // 1000
    return days, gone


def main() -> None:
    figures = Figures(road=0.0025, looks=0.05)
    if len(sys.argv) > 1:
        run = json.loads(Path(sys.argv[1]).read_text())["figures"]
        kind = run.get("postgresql") or run["sqlite"]
        figures = Figures(median(kind[".road ms"]) / 1000, median(kind["road-calls"]) - 2)
    busiest, calm = PEAK, sum(PEAK * share for share in DAYS)
    readings = busiest * (1 + CHANGES)
    polls = SELLERS * POLLS_A_DAY * 2
    processor = readings * figures.road + polls / 2 * POLL
    print(f"{SELLERS} sellers, {busiest:,} bookings on the busiest day, {calm:,.0f} in the week")
    print(f"processor: {processor:.0f} s on the busiest day, {processor / 86400:.2%} of one core, polls included")
    print(f"workers: {max(1, ceil(processor / 86400 / 0.5))} (a second one so that a machine may fail)")
    print(f"calls to Bokun: {readings:,.0f} readings and {polls:,} searches; a seller's own limit is used to "
          f"{(readings + polls) / SELLERS / (BOKUN_A_MINUTE * 1440):.2%}")  # fmt: skip
    print(f"calls to Space Invoices: {busiest * (1 + figures.looks):,.0f}, "
          f"{busiest * (1 + figures.looks) / (SPACE_INVOICES_A_SECOND * 86400):.2%} of the limit")  # fmt: skip
    for name, accounts in (("each seller its own Bokun account", SELLERS), ("all in one Bokun account", 1)):
        days, gone = play(figures, down=5, accounts=accounts)
        print(f"a day of downtime on the busiest day, {name}: {days[5].most_waiting:,.0f} wait at its end, "
              f"the backlog is gone {gone:.1f} h later")  # fmt: skip


if __name__ == "__main__":
    main()

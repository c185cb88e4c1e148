"""What the operator's page shows, gathered in one reading: is it running, is anything stuck, what needs me?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy.engine import Row

from worker.domain.delivery import State
from worker.flow import overview
from worker.flow.services import Services
from worker.flow.stop import GO
from worker.store import asks, figures, hearings
from worker.web.times import span

DAYS = 14
MOST = 50
LATE = 900.0
"""Seconds after which something due counts as stuck: the longest wait between two tries (behaviour 7)."""
Periods = Mapping[str, float]
"""How often each bell rings, in seconds."""


@dataclass(frozen=True, slots=True)
class Bell:
    """How a bell does: `age` is None where it was never heard to its end."""

    name: str
    age: float | None
    alive: bool


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person: what, why, and the command that settles it."""

    kind: str
    what: str
    because: str
    command: str | None
    booking: str | None = None


@dataclass(frozen=True)
class Board:
    """The state of things at one moment."""

    at: datetime
    status: dict[str, Any]
    bells: tuple[Bell, ...]
    needs: tuple[Need, ...]
    more: int
    """How many more need somebody than fit on the page."""
    heard: Mapping[str, datetime]
    silent: Mapping[str, Row[Any]]
    issued: Sequence[Row[Any]]
    by_day: Mapping[tuple[str, str], int]

    @property
    def running(self) -> bool:
        return bool(self.bells) and all(each.alive for each in self.bells)

    @property
    def stuck(self) -> bool:
        return (self.status["oldest_due_seconds"] or 0) > LATE

    @property
    def days(self) -> list[str]:
        """The days of the plot, today last."""
        return [f"{self.at - timedelta(days=back):%Y-%m-%d}" for back in reversed(range(DAYS))]


def board(services: Services, periods: Periods) -> Board:
    """Reads everything the page shows."""
    status = overview.status(services.database, services.clock())
    now = services.clock()
    with services.database.reading() as open_:
        silent = hearings.silent(open_)
        heard = hearings.last_heard(open_)
        work = _work(open_)
        asking = len(asks.unanswered(open_))
        issued = figures.issued(open_, most=12)
        first_day = (now - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
        by_day = figures.issued_by_day(open_, first_day)
    needs = [
        *_stopped(status["stopped"]),
        *_overdue(status["oldest_due_seconds"]),
        *_of_connections(status["connections"], silent),
        *work,
    ]
    counted = status["deliveries"]["held"] + status["deliveries"]["unknown"] + asking
    return Board(
        at=now,
        status=status,
        bells=tuple(_bells(status["bells"], periods)),
        needs=tuple(needs),
        more=max(0, counted - sum(each.booking is not None for each in work)),
        heard=heard,
        silent=silent,
        issued=issued,
        by_day=by_day,
    )


def _bells(heard: Mapping[str, Any], periods: Periods) -> list[Bell]:
    """A bell is alive while it came to its end within three of its periods and the time a drain may take."""
    ages = {name: heard.get(name, {}).get("done_seconds_ago") for name in periods}
    return [
        Bell(name, age, alive=age is not None and age <= 3 * periods[name] + 120) for name, age in sorted(ages.items())
    ]


def _of_connections(connections: Sequence[Mapping[str, Any]], silent: Mapping[str, Row[Any]]) -> list[Need]:
    needs = []
    for each in connections:
        if each["gone"]:
            continue
        name = f"Connection {each['name']} ({each['id']})"
        if each["blocked"]:
            needs.append(Need("blocked", f"{name} is blocked", each["blocked_because"], _unblocks(each)))
        if each["paused"]:
            because = "somebody paused it, or the app was uninstalled in Bokun"
            needs.append(Need("paused", f"{name} is paused", because, f"bokun-sync connections resume {each['id']}"))
        if found := silent.get(each["id"]):
            because = f"polls found {found.unannounced} changes since its last webhook that no webhook announced"
            needs.append(Need("silent", f"{name}: webhooks look broken", because, "bokun-sync doctor"))
    return needs


def _stopped(stop: Mapping[str, str] | None) -> list[Need]:
    if stop is None:
        return []
    because = f"since {stop['since'][:16].replace('T', ' ')} UTC: {stop['because']}"
    return [Need("stopped", "Everything is stopped, nothing is sent", because, GO)]


def _unblocks(connection: Mapping[str, Any]) -> str:
    """Bokun's keys can be given anew; Space Invoices' token is a setting."""
    of_bokun = str(connection["blocked_because"]).startswith("Bokun")
    return f"bokun-sync connections link {connection['id']}" if of_bokun else "bokun-sync doctor"


def _overdue(due: float | None) -> list[Need]:
    if (due or 0) <= LATE:
        return []
    because = "a worker is missing, its connection is stopped, or a remote is away"
    return [
        Need(
            "overdue",
            f"A delivery is overdue by {span(due or 0)}",
            because,
            "bokun-sync deliveries list --state planned",
        )
    ]


def _work(open_: Open) -> list[Need]:
    """What is held, unanswered or asked about, each list cut to what a page can hold."""
    held = figures.stuck(open_, State.HELD, most=MOST)
    unknown = figures.stuck(open_, State.UNKNOWN, most=MOST)
    asked = asks.unanswered(open_, most=MOST)
    return [
        *(_held(each) for each in held),
        *(_unknown(each) for each in unknown),
        *(_asked(each) for each in asked),
        *(_import(each) for each in figures.held_imports(open_)),
    ]


def _held(row: Row[Any]) -> Need:
    command = (
        f"bokun-sync deliveries settle {row.id} --because WHY\nbokun-sync deliveries release {row.id} --because WHY"
    )
    return Need("held", _what(row), row.reason or "it is held", command, _name(row))


def _unknown(row: Row[Any]) -> Need:
    because = f"{row.reason or 'its answer never came'}; it is looked up by itself and not sent again before"
    return Need("unknown", _what(row), because, f"bokun-sync explain {row.booking_id}", _name(row))


def _asked(row: Row[Any]) -> Need:
    what = f"A person must look ({row.rule})"
    command = f"bokun-sync explain {row.booking_id}\nbokun-sync bookings settle {row.booking_id} --because WHY"
    return Need("ask", what, row.because, command, row.confirmation_code)


def _import(row: Row[Any]) -> Need:
    command = f"bokun-sync connections settle-import {row.id} --because WHY"
    return Need("import", f"Import of {row.type} for {row.connection_id}", row.reason or "no answer came", command)


def _what(row: Row[Any]) -> str:
    """The delivery in a line, for people."""
    return f"{row.document.capitalize()} of {row.amount} {row.currency} ({row.moment}), delivery {row.id}"


def _name(row: Row[Any]) -> str:
    return row.confirmation_code or str(row.booking_id)


def headline(found: Board) -> tuple[str, str]:
    """The answer at a glance: a word for its state, and a sentence without times, which would be read out again."""
    count = len(found.needs) + found.more
    what = "1 thing needs you" if count == 1 else f"{count} things need you"
    if not found.running:
        return "stopped", f"Not running: {_silent_bells(found)}."
    if found.status["stopped"]:
        return "stopped", f"Running, but everything is stopped: nothing is sent. {what}."
    if found.stuck:
        return "stuck", f"Running, but something is stuck. {what}."
    if count:
        return "needs", f"Running. {what}."
    return "well", "Running. Nothing needs you."


def _silent_bells(found: Board) -> str:
    dead = [each for each in found.bells if not each.alive]
    if len(dead) == len(found.bells):
        return "no bell is heard; start worker and beat"
    return "not heard in time: " + ", ".join(each.name for each in dead)

"""What the store says is not well, each with a sentence and a remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.bokun.completion import guesses_zone
from worker.bokun.recipients import seller
from worker.bokun.statuses import products
from worker.calls import json
from worker.flow import brakes, stop
from worker.flow.alerts import AGAIN, old_polls
from worker.flow.services import Services
from worker.store import alerts, connections, hearings, troubles
from worker.store.connections import Stored
from worker.store.database import clock
from worker.store.runs import heartbeats

MOST_SKEW = timedelta(seconds=60)
"""Bokun's tolerance for the time in a signature is not documented; NTP keeps a machine within a second."""
SOME = 200
"""So many waiting bookings are looked at for their time zones."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was found, and what to do where it is not well."""

    name: str
    ok: bool
    finding: str
    do: str = ""


def well(name: str, finding: str, hint: str = "") -> Finding:
    """All is as it should be; a hint may say what could be better."""
    return Finding(name, True, finding, hint)


def wrong(name: str, finding: str, do: str) -> Finding:
    """Something is not as it should be."""
    return Finding(name, False, finding, do)


def skew(name: str, there: datetime, here: datetime) -> Finding:
    """How far two clocks are apart, and whether that matters."""
    apart = abs((there - here).total_seconds())
    if apart <= MOST_SKEW.total_seconds():
        return well(name, f"{apart:.0f} s apart")
    return wrong(name, f"{apart:.0f} s apart", "let NTP set the clock of this machine, and of that one if it is yours")


def late_bells(services: Services) -> tuple[list[str], bool]:
    """The bells that did not come to their end in time, and whether any bell was ever heard."""
    now = services.clock()
    with services.database.reading() as open_:
        heard = {row.bell: row.done_at or row.rung_at for row in heartbeats(open_)}
    limits = services.terms.bells.items()
    return sorted(bell for bell, limit in limits if heard.get(bell, now - 2 * limit) < now - limit), bool(heard)


def rung_lately(services: Services) -> bool:
    """Whether a worker took any bell from the broker within the time that the most frequent one is given."""
    now, shortest = services.clock(), min(services.terms.bells.values(), default=timedelta(hours=1))
    with services.database.reading() as open_:
        return any(row.rung_at > now - shortest for row in heartbeats(open_))


def _clock(services: Services) -> Iterator[Finding]:
    with services.database.reading() as open_:
        there = clock(open_)
    if there is not None:
        yield skew("clock against the database", there, services.clock())


def _stopped(services: Services) -> Iterator[Finding]:
    if said := stop.sentence(services):
        yield wrong("stop", said.removesuffix(f": {stop.GO}"), f"`{stop.GO}`")


def _polls(services: Services) -> Iterator[Finding]:
    with services.database.reading() as open_:
        for each in old_polls(services, open_, services.clock()):
            said = each.said.partition(": bokun-sync")[0]
            yield wrong(
                "polls", said, "see `poll.failed` in the worker's log; `bokun-sync enqueue poll --now` tries it here"
            )


def _webhooks(services: Services) -> Iterator[Finding]:
    with services.database.reading() as open_:
        silent = sorted(hearings.silent(open_))
    if silent:
        yield wrong("webhooks", f"silent for {', '.join(silent)}: changes came that none announced",
                    "check in Bokun that the webhook is still there, its address and its secret")  # fmt: skip
        return
    expected = services.terms.expects_webhooks
    yield well("webhooks", "none looks broken" if expected else "neither BOKUN_APP_SECRET nor WEBHOOK_TOKEN is set: polls only",
               "" if expected else "set one of them and give Bokun the address, to hear of changes within seconds")  # fmt: skip


def _told(services: Services) -> Iterator[Finding]:
    now = services.clock()
    with services.database.reading() as open_:
        untold = [row for row in alerts.listed(open_) if row.told_at is None and row.since < now - 2 * AGAIN]
    if untold:
        yield wrong("alerts", f"{len(untold)} could not be told since {min(row.since for row in untold):%Y-%m-%d %H:%M} UTC",
                    "check ALERT_URL, ALERT_EMAIL and SMTP_URL, and that a worker runs")  # fmt: skip


def _roles(services: Services) -> Iterator[Finding]:
    """Bokun shows a booking from the side of the key's vendor; where that is neither, nobody's document can be made."""
    with services.database.reading() as open_:
        unclear = troubles.unclear_roles(open_)
    for connection, count in unclear.items():
        yield wrong(f"role, connection {connection}", f"of {count} bookings Bokun does not say whether we are seller, agent"
                    " or supplier", "use a key of the vendor that this connection invoices for (`connections link`);"
                    " see `bookings list --state ask`")  # fmt: skip


def _zones(services: Services) -> Iterator[Finding]:
    """A tour ends by its own wall clock: without an end that can be read no clock ever ends it."""
    with services.database.reading() as open_:
        endless, waiting = troubles.endless(open_), troubles.contents_waiting(open_, most=SOME)
    for connection, count in endless.items():
        yield wrong(f"time zone, connection {connection}", f"{count} bookings wait for their end, and Bokun shows no end",
                    "give these products an end time in Bokun, or check travellers in there (ARRIVED)")  # fmt: skip
    for connection, count in _guessed(waiting).items():
        yield wrong(f"time zone, connection {connection}", f"{count} bookings wait for their end without a time zone: they"
                    " count as ended up to 26 hours late", "set the time zone of the supplier or the product in Bokun")  # fmt: skip


def _guessed(waiting: list[tuple[str, str]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for connection, content in waiting:
        booking = json.loads(content)
        found[connection] += guesses_zone(products(booking), seller=seller(booking))
    return +found


def _connections(services: Services) -> Iterator[Finding]:
    with services.database.reading() as open_:
        known = [each for each in connections.load(open_) if each.gone_at is None]
        braked = troubles.braked(open_)
    if not known:
        yield wrong("connections", "none is mirrored yet", "`bokun-sync connections refresh`")
    for each in known:
        yield from _connection(services, each, braked.get(each.id, 0))


def _connection(services: Services, each: Stored, braked: int) -> Iterator[Finding]:
    name = f"connection {each.id}"
    if each.blocked_at is not None:
        yield wrong(
            name, f"blocked: {each.blocked_because or each.blocked_by}", _UNBLOCK[each.blocked_by or connections.BOKUN]
        )
    if each.paused_at is not None:
        yield wrong(name, "paused, nothing is sent", f"`bokun-sync connections resume {each.id}`")
    if not each.flags.active:
        yield wrong(name, "not active in Space Invoices, nothing is issued",
                    f"`bokun-sync connections update {each.id} --active`")  # fmt: skip
    if braked:
        yield wrong(name, f"a brake holds {braked} deliveries",
                    f"`bokun-sync deliveries release --connection {each.id} --reason brake`, after a look at them")  # fmt: skip
    if each.flags.sendInvoiceAutomatically or each.flags.sendEstimateAutomatically:
        yield well(name, "Space Invoices mails documents to customers", "switch it off before a back-fill")
    limits = brakes.limits(services, each)
    if not (limits.per_hour or limits.amount or limits.age_days):
        yield well(name, "no brake is set", "set BRAKE_PER_HOUR, BRAKE_AMOUNT or BRAKE_AGE_DAYS")


_UNBLOCK = {
    connections.BOKUN: "correct the keys (`connections link`, BOKUN_ACCESS_KEY); it goes on by itself",
    connections.SPACE_INVOICES: "correct SPACE_INVOICES_TOKEN; it goes on by itself",
    connections.ORDERS: "give the token's user the right to issue; an order is tried within the hour, or at once after"
    " `bokun-sync connections resume`",
}

STORE_CHECKS: tuple[Callable[[Services], Iterator[Finding]], ...] = (
    _clock, _stopped, _polls, _webhooks, _told, _roles, _zones, _connections,
)  # fmt: skip
"""What needs nothing but the database and the clock."""

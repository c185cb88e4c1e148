"""What Prometheus is told: the state of things from the database, and what this process itself has served.

Workers come and go and are not scraped: their calls are counted in the database (worker.flow.tally), and everything
else there is to know about them is a count of rows. docs/metrics.md names every metric; a test holds it to that.
"""

from __future__ import annotations

import threading
from collections import Counter as Counted
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.engine import Row
from sqlalchemy.exc import DBAPIError

from worker.flow import overview
from worker.flow.services import Services
from worker.store import alerts, figures, hearings, tallies

log = structlog.get_logger()
LASTS = 5.0
"""Seconds that one reading of the database serves every scrape."""
TOPICS = ("bookings/create", "bookings/update", "bookings/cancel", "apps/uninstall")


class Served:
    """What this process has served: webhooks by how they were answered, and how long that took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        webhooks = Counter(
            "bokun_sync_webhooks", "Webhooks by kind, topic and status of the answer.", ["kind", "topic", "status"],
            registry=registry,
        )  # fmt: skip
        acknowledged = Histogram(
            "bokun_sync_webhook_acknowledgement_seconds", "From the request to its answer, the commit included.",
            ["kind"], registry=registry, buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1, 3, 5),
        )  # fmt: skip
        self._refused = Counter(
            "bokun_sync_requests_refused", "Requests that were refused, by status.", ["status"], registry=registry
        )
        self._webhooks, self._acknowledged = cache(webhooks.labels), cache(acknowledged.labels)

    def webhook(self, kind: str, topic: str | None, status: int, seconds: float) -> None:
        """A webhook was answered."""
        known = "none" if topic is None else topic if topic in TOPICS else "other"
        self._webhooks(kind, known, str(status)).inc()
        self._acknowledged(kind).observe(seconds)

    def refused(self, status: int) -> None:
        """A request was refused."""
        self._refused.labels(str(status)).inc()


@dataclass(frozen=True)
class Reading:
    """What the database says at one moment."""

    status: Mapping[str, Any]
    attempts: Mapping[str, int]
    holds: Mapping[str, int]
    heard: Mapping[str, float]
    """Seconds since each connection's last webhook."""
    silent: frozenset[str]
    alerts: Mapping[str, int]
    """What is wrong now, by kind: held, unknown, blocked, poll, bell, silent, audit."""
    calls: Sequence[Row[Any]]


def read(services: Services) -> Reading:
    """One reading of everything."""
    now = services.clock()
    status = overview.status(services.database, now)
    with services.database.reading() as open_:
        return Reading(
            status=status,
            attempts=figures.attempts(open_),
            holds=figures.holds(open_),
            heard={of: (now - at).total_seconds() for of, at in hearings.last_heard(open_).items()},
            silent=frozenset(hearings.silent(open_)),
            alerts=Counted(row.key.partition(":")[0] for row in alerts.standing(open_)),
            calls=tallies.sums(open_),
        )


class State(Collector):
    """Reads the database when it is scraped, once for all who scrape within a few seconds."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._read: tuple[float, Reading | None] | None = None

    def describe(self) -> list[Metric]:
        """Nothing is read when the collector is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        reading = self._reading()
        yield _gauge("database_up", "Whether the database could be read.", [], {(): reading is not None})
        if reading is not None:
            for family in FAMILIES:
                yield from family(reading)

    def _reading(self) -> Reading | None:
        with self._lock:
            now = self._services.monotonic()
            if self._read is None or now - self._read[0] > LASTS:
                self._read = now, self._try()
            return self._read[1]

    def _try(self) -> Reading | None:
        try:
            return read(self._services)
        except DBAPIError as failed:
            log.warning("metrics.incomplete", exc_type=type(failed).__name__)
            return None


def _deliveries(reading: Reading) -> Iterator[Metric]:
    status = reading.status
    yield _gauge("bookings", "Bookings by the decision they stand at.", ["decision"], _by(status["bookings"]))
    yield _gauge("deliveries", "Deliveries by state.", ["state"], _by(status["deliveries"]))
    yield _gauge("held_deliveries", "Held deliveries by the kind of reason.", ["reason"], _by(reading.holds))
    yield _gauge("notices", "Notices that are not read yet.", [], {(): status["notices"]})
    due = status["oldest_due_seconds"] or 0
    yield _gauge("oldest_due_seconds", "For how long the oldest due delivery has been due; 0: none is.", [], {(): due})
    attempts = CounterMetricFamily("bokun_sync_attempts", "Attempts by outcome.", labels=["outcome"])
    for outcome, count in sorted(reading.attempts.items()):
        attempts.add_metric([outcome], count)
    yield attempts


def _connections(reading: Reading) -> Iterator[Metric]:
    known = [each for each in reading.status["connections"] if not each["gone"]]
    lag = {(each["id"],): each["lag_seconds"] for each in known if each["lag_seconds"] is not None}
    yield _gauge(
        "connection_lag_seconds", "For how long the connection's bookings are not polled.", ["connection"], lag
    )
    for word, help_ in (("blocked", "its credentials are refused"), ("paused", "somebody paused it")):
        stopped = {(each["id"],): bool(each[word]) for each in known}
        yield _gauge(
            f"connection_{word}", f"1 while the connection is stopped because {help_}.", ["connection"], stopped
        )
    silent = {(each["id"],): each["id"] in reading.silent for each in known}
    yield _gauge("webhooks_silent", "1 while the connection's webhooks look broken.", ["connection"], silent)
    heard = {(each["id"],): reading.heard[each["id"]] for each in known if each["id"] in reading.heard}
    yield _gauge("webhook_age_seconds", "Since the connection's last webhook.", ["connection"], heard)


def _alerts(reading: Reading) -> Iterator[Metric]:
    yield _gauge("open_alerts", "What is wrong now and was or will be told, by kind.", ["kind"], _by(reading.alerts))


def _bells(reading: Reading) -> Iterator[Metric]:
    bells = reading.status["bells"].items()
    ages = {(name,): each["done_seconds_ago"] for name, each in bells if each["done_seconds_ago"] is not None}
    yield _gauge("bell_age_seconds", "Since the bell's work last came to its end.", ["bell"], ages)


def _calls(reading: Reading) -> Iterator[Metric]:
    labels = ["remote", "call", "outcome"]
    family = HistogramMetricFamily("bokun_sync_call_duration_seconds", "Calls to the remotes.", labels=labels)
    kinds: dict[tuple[str, str, str], dict[str, tuple[int, float]]] = {}
    for row in reading.calls:
        kinds.setdefault((row.remote, row.call, row.outcome), {})[row.within] = (row.calls, row.seconds)
    for kind, buckets in sorted(kinds.items()):
        family.add_metric(list(kind), _cumulative(buckets), sum(seconds for _, seconds in buckets.values()))
    yield family


def _cumulative(buckets: Mapping[str, tuple[int, float]]) -> list[tuple[str, float]]:
    """Prometheus's buckets: each holds all calls up to its bound."""
    total, found = 0, []
    for bound in (*map(str, tallies.BOUNDS), "+Inf"):
        total += buckets.get(bound, (0, 0.0))[0]
        found.append((bound, float(total)))
    return found


FAMILIES: tuple[Callable[[Reading], Iterator[Metric]], ...] = (
    _deliveries, _connections, _alerts, _bells, _calls,
)  # fmt: skip


def _gauge(name: str, help_: str, labels: list[str], values: Mapping[Any, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"bokun_sync_{name}", help_, labels=labels)
    for label, value in sorted(values.items()):
        family.add_metric(list(label), float(value))
    return family


def _by(counts: Mapping[str, int]) -> dict[tuple[str, ...], float]:
    return {(name,): count for name, count in counts.items()}

"""Audits a period: opens the books, compares them, keeps the report, and says once what is new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from worker.calls import json
from worker.calls.sending import CallFailed
from worker.domain.audit import compare
from worker.domain.books import Audit, Books, Difference, Kind
from worker.domain.money import Money, plain
from worker.flow import alerts
from worker.flow.books import Period, open_books
from worker.flow.services import Services
from worker.store import asks, audits, connections
from worker.store.connections import Stored

log = structlog.get_logger()


_ASKED = frozenset({Kind.ASKS, Kind.CHANGED, Kind.STILL_STANDING})
"""What a person who settles the booking has dealt with too."""


@dataclass(frozen=True, slots=True)
class Audited:
    """The audit of a period: what differs, what a person lets stand, and which books could not be opened."""

    at: datetime
    since: datetime
    until: datetime
    audit: Audit
    differences: tuple[Difference, ...]
    accepted: tuple[Difference, ...]
    failed: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.differences and not self.failed


def audit(services: Services, *, since: datetime, until: datetime) -> Audited:
    """Compares the bookings made in the period; an organization whose books stay closed does not hide the others."""
    now = services.clock()
    period = Period(since, until, now, services.terms.policy.start_from)
    with services.database.reading() as open_:
        stored = connections.load(open_)
        let = audits.accepted(open_)
        answered = asks.answered(open_)
    books, failed = _open(services, stored, period)
    found = compare(books)

    def stands(each: Difference) -> bool:
        return each.key in let or (each.kind in _ASKED and (each.organization, each.booking) in answered)

    differ = tuple(each for each in found.differences if not stands(each))
    accepted = tuple(each for each in found.differences if stands(each))
    done = Audited(now, period.since, until, found, differ, accepted, tuple(failed))
    _keep(services, done)
    return done


def _open(services: Services, stored: list[Stored], period: Period) -> tuple[Books, list[str]]:
    opened: list[Books] = []
    failed: list[str] = []
    for organization in sorted({each.organization for each in stored}):
        try:
            opened.append(open_books(services, [each for each in stored if each.organization == organization], period))
        except CallFailed as failure:
            failed.append(f"{organization}: {failure.sentence}")
            log.warning("audit.failed", organization=organization, outcome=failure.failure.value)
    return Books(
        sold=tuple(row for each in opened for row in each.sold),
        ledger=tuple(row for each in opened for row in each.ledger),
        placed=tuple(row for each in opened for row in each.placed),
        papers=tuple(row for each in opened for row in each.papers),
    ), failed


def _keep(services: Services, done: Audited) -> None:
    log.info("audit.done", count=len(done.differences), seen=done.audit.sales)
    services.database.run(
        lambda open_: audits.keep(
            open_,
            at=done.at,
            since=done.since,
            until=done.until,
            sales=done.audit.sales,
            differences=len(done.differences),
            failed=len(done.failed),
            report=json.dumps(record(done)),
        )
    )


def daily(services: Services) -> str:
    """Audits the last days, if the last audit is old enough; what is new among the differences is told once."""
    every = services.terms.audit_every
    if every is None:
        return "off"
    now = services.clock()
    with services.database.reading() as open_:
        last = audits.last(open_)
    if last is not None and last.at > now - every:
        return "not due"
    done = audit(services, since=now - services.terms.audit_span, until=now)
    tell(services, done)
    return f"{len(done.differences)} differences in {done.audit.sales} sales"


def tell(services: Services, done: Audited) -> None:
    """One alert as long as something differs, news again only where another difference came; over when clean."""
    if done.differences:
        kinds = sorted({each.kind.value for each in done.differences})
        said = (
            f"{len(done.differences)} differences between Bokun, the ledger and Space Invoices ({', '.join(kinds)}):"
            f" bokun-sync audit --since {done.since:%Y-%m-%d}"
        )
        news = ",".join(sorted(each.key for each in done.differences))
        alerts.begin(services, "audit", said, news=news)
    elif not done.failed:
        alerts.over(services, ["audit"])


def accept(services: Services, key: str, *, because: str) -> bool:
    """Lets the difference with this key stand, with the reason; false where no kept audit names it.

    Any change of the difference is named again.
    """
    now = services.clock()
    with services.database.reading() as open_:
        if not any(_names(json.loads(report), key) for report in audits.reports(open_, key)):
            return False
    services.database.run(lambda open_: audits.accept(open_, key, because=because, now=now))
    log.warning("difference.accepted", because="person")
    return True


def _names(report: dict[str, Any], key: str) -> bool:
    return any(each["key"] == key for part in ("differences", "accepted") for each in report[part])


def record(done: Audited) -> dict[str, Any]:
    """The audit as `audit --json` shows it."""
    return {
        "at": done.at.isoformat(),
        "since": done.since.isoformat(),
        "until": done.until.isoformat(),
        "clean": done.clean,
        "sales": done.audit.sales,
        "under_way": done.audit.under_way,
        "other_documents": done.audit.others,
        "figures": [
            {
                "connection": each.connection,
                "currency": each.currency,
                "book": each.book,
                "count": each.count,
                "total": plain(each.total),
                "tax": plain(each.tax),
            }
            for each in done.audit.lines
        ],
        "differences": [difference_record(each) for each in done.differences],
        "accepted": [difference_record(each) for each in done.accepted],
        "failed": list(done.failed),
    }


def difference_record(each: Difference) -> dict[str, Any]:
    """A difference as JSON and CSV show it."""
    return {
        "key": each.key,
        "kind": each.kind.value,
        "organization": each.organization,
        "connection": each.connection,
        "booking_id": each.booking,
        "confirmation_code": each.code,
        "because": each.because,
        "ours": _money(each.ours),
        "theirs": _money(each.theirs),
        "settle": each.settle,
    }


def _money(money: Money | None) -> str | None:
    return None if money is None else str(money)

"""The one place where people are told: once when something begins, once when it is over, and a digest a day.

What is wrong is a row; telling it is another step, with no transaction open, that may fail without failing anything
else: what could not be told is told by the next bell. Sentences hold ids, counts and commands, never a name, an
amount of a person's, or a remote's own words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection as Open
from sqlalchemy.engine import Row

from worker.domain.delivery import State
from worker.flow.services import Services
from worker.store import alerts as store
from worker.store import asks, audits, connections, hearings, troubles
from worker.store.alerts import Begun
from worker.store.runs import forget, heartbeats

log = structlog.get_logger()
MOST = 50
"""So many alerts go into one message."""
AGAIN = timedelta(minutes=5)
"""A message that could not be delivered is tried again after this."""
OLD_UNKNOWN = timedelta(hours=1)
POLL_FAILS = timedelta(hours=1)
AWAY = timedelta(minutes=5)
"""A watch that was itself not rung for so long has just come back: the other bells need a moment."""
FORGOTTEN = timedelta(days=1)
"""A bell that beat does not ring and nobody else rang for so long is one of an older program, or of a person."""
WATCH = "tasks.audit.watch"


def begin(services: Services, key: str, said: str, *, news: str = "") -> bool:
    """Something is wrong; whether that is news. It is told by the next watch, which is rung at once."""
    now = services.clock()
    fresh = services.database.run(lambda open_: store.begin(open_, Begun(key, said, news), now))
    if fresh:
        log.error("alert.begun", reason=key.partition(":")[0], seen=key)
        services.ring(WATCH)
    return fresh


def over(services: Services, keys: Iterable[str]) -> list[str]:
    """It is over; only what was open is news."""
    now = services.clock()
    ended = services.database.run(lambda open_: store.end(open_, keys, now))
    if ended:
        log.warning("alert.over", seen=ended)
        services.ring(WATCH)
    return ended


def watch(services: Services) -> str:
    """Looks at what no single step can see, then tells what is new."""
    now = services.clock()
    with services.database.reading() as open_:
        found = [*_standing_still(open_, now), *_late_bells(services, open_, now), *old_polls(services, open_, now)]
        before = {key for prefix in ("held", "unknown", "bell:", "poll:") for key in store.open_keys(open_, prefix)}
    for each in found:
        begin(services, each.key, each.said, news=each.news)
    over(services, before - {each.key for each in found})
    services.database.run(lambda open_: forget(open_, but=services.terms.bells, before=now - FORGOTTEN))
    return f"{tell(services)} told"


def _standing_still(open_: Open, now: datetime) -> list[Begun]:
    found = []
    if (held := troubles.held(open_)).count:
        said = f"{held.count} deliveries are held for a person: bokun-sync deliveries list --state held"
        found.append(Begun("held", said, str(held.newest)))
    if old := troubles.unanswered(open_, before=now - OLD_UNKNOWN):
        said = f"{old} deliveries have been unknown for over an hour: bokun-sync deliveries list --state unknown"
        found.append(Begun("unknown", said))
    return found


def _late_bells(services: Services, open_: Open, now: datetime) -> list[Begun]:
    """Bells that beat rings and nobody ended for three periods and some minutes."""
    rows = {row.bell: row for row in heartbeats(open_)}
    own = rows.get(WATCH)
    if own is None or own.done_at is None or own.done_at < now - AWAY:
        return []
    return [
        Begun(f"bell:{bell}", f"{bell} was not heard since {heard:%Y-%m-%d %H:%M} UTC: do beat and worker run?")
        for bell, limit in services.terms.bells.items()
        if (row := rows.get(bell)) is not None and (heard := row.done_at or row.rung_at) < now - limit
    ]


def old_polls(services: Services, open_: Open, now: datetime) -> list[Begun]:
    """Working connections whose watermark stands: their polls fail, or take longer than what they look at."""
    limit = max(POLL_FAILS, services.terms.bells.get("tasks.poll.connections", POLL_FAILS))
    return [
        Begun(f"poll:{each.id}", f"connection {each.id} was not polled to the end since {each.watermark:%Y-%m-%d %H:%M}"
                                 " UTC: bokun-sync doctor")
        for each in connections.load(open_)
        if each.works and each.watermark is not None and each.watermark < now - limit
    ]  # fmt: skip


def tell(services: Services) -> int:
    """Tells what is untold, in one message; returns how many alerts it held. What fails is told later."""
    now = services.clock()
    rows = services.database.run(lambda open_: store.take(open_, now, most=MOST))
    if not rows:
        return 0
    if services.tell({"kind": "alerts", "text": _text(rows), "alerts": [_record(row) for row in rows]}):
        services.database.run(lambda open_: store.told(open_, rows, now))
        return len(rows)
    log.error("alert.untold", count=len(rows))
    services.database.run(lambda open_: store.give_back(open_, rows, now + AGAIN))
    return 0


def _record(row: Row[Any]) -> dict[str, Any]:
    return {
        "key": row.key,
        "state": "wrong" if row.over_at is None else "over",
        "said": row.said,
        "since": row.since.isoformat(),
        "count": row.count,
        "over_at": None if row.over_at is None else row.over_at.isoformat(),
    }


def _text(rows: Sequence[Row[Any]]) -> str:
    return "\n".join(f"over: {row.said}" if row.over_at else row.said for row in rows)


def digest(services: Services) -> str:
    """What needs a person, once a day; a day on which nothing does is silent."""
    every = services.terms.digest_every
    now = services.clock()
    if every is None or not services.database.run(lambda open_: store.digest_is_due(open_, every, now)):
        return "not due"
    lines = needs(services)
    if not lines:
        return "nothing needs a person"
    if not services.tell({"kind": "digest", "text": "\n".join(lines), "needs": lines}):
        log.error("digest.untold")
        return "not told"
    return f"{len(lines)} lines"


def needs(services: Services) -> list[str]:
    """One line for each kind of thing that waits for a person, with the command that shows it."""
    now = services.clock()
    with services.database.reading() as open_:
        held, asking = troubles.held(open_).count, len(asks.unanswered(open_))
        unknown = troubles.unanswered(open_, before=now - OLD_UNKNOWN)
        audited = audits.last(open_)
        silent = sorted(hearings.silent(open_))
        blocked = [each.id for each in connections.load(open_) if each.blocked_at is not None and each.gone_at is None]
    said = [
        (held, f"{held} deliveries are held: bokun-sync deliveries list --state {State.HELD}"),
        (asking, f"{asking} bookings ask for a person: bokun-sync bookings list --state ask"),
        (
            unknown,
            f"{unknown} deliveries have been unknown for over an hour: bokun-sync deliveries list --state unknown",
        ),
        (len(blocked), f"refused credentials block {', '.join(blocked)}: bokun-sync doctor"),
        (len(silent), f"no webhooks are heard for {', '.join(silent)}: bokun-sync doctor"),
    ]
    lines = [sentence for count, sentence in said if count]
    if audited is not None and audited.differences:
        lines.append(
            f"the audit of {audited.at:%Y-%m-%d} names {audited.differences} differences: bokun-sync audit --since {audited.since:%Y-%m-%d}"
        )
    return lines

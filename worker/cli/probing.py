"""The checks of `doctor` that ask somebody: the database, the broker, Space Invoices and Bokun."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, Literal

import redis
from sqlalchemy.exc import DatabaseError

from config.broker import celery_settings
from config.settings import Settings
from worker.bokun.bookings import SearchPage, search_bookings
from worker.calls.call import Call
from worker.calls.limiter import connect
from worker.calls.sending import CallFailed, message, read
from worker.calls.wire import Reply, Silence
from worker.flow.checks import Finding, late_bells, rung_lately, skew, well, wrong
from worker.flow.services import Services
from worker.spaceinvoices.connections import count_connections
from worker.store import bookings, connections
from worker.store.connections import Stored
from worker.store.database import server
from worker.store.migrate import is_current, is_known
from worker.store.runs import ask

MONTH = timedelta(days=30)
MANY = 50
"""So many bells never wait while a worker takes them: each expires after its period."""
FULL = 0.9
START = "start worker and beat, or `bokun-sync up`"


@dataclass(frozen=True)
class Setup:
    """What is examined."""

    settings: Settings
    services: Services

    @cached_property
    def usable(self) -> bool:
        """Whether the store can be asked."""
        try:
            return is_current(self.services.database.engine)
        except DatabaseError:
            return False

    @cached_property
    def known(self) -> list[Stored]:
        """The connections that are mirrored and not gone."""
        if not self.usable:
            return []
        with self.services.database.reading() as open_:
            return [each for each in connections.load(open_) if each.gone_at is None]


def ask_database(setup: Setup) -> Iterator[Finding]:
    """Reachable, at the newest version, and writable."""
    database = setup.services.database
    try:
        current, known = is_current(database.engine), is_known(database.engine)
    except DatabaseError as failed:
        yield wrong(
            "database", f"cannot be used ({type(failed).__name__})", "check DATABASE_URL and that the server runs"
        )
        return
    if not current:
        yield wrong("database", "not at the newest version", "run `bokun-sync migrate`")
        return
    try:
        with database.engine.connect() as open_:
            ask(open_, "doctor", "doctor", setup.services.clock())
            open_.rollback()
            said = server(open_)
    except DatabaseError as failed:
        yield wrong("database", f"can be read but not written ({type(failed).__name__})",
                    "DATABASE_URL must name the primary server, with rights to write, and a disk that is not full")  # fmt: skip
        return
    if known:
        yield well("database", f"newest version, {said}")
    else:
        yield well("database", f"a later version than this program's, {said}", "run the same release everywhere soon")


def ask_broker(setup: Setup) -> Iterator[Finding]:
    """Reachable, writable, keeping what it is given; and whether beat and worker are at it."""
    if setup.settings.embedded:
        yield well("broker", "embedded; `up` starts it")
        yield from _bells(setup, None)
        return
    prefix = celery_settings("")["broker_transport_options"]["global_keyprefix"]
    queue = celery_settings("")["task_default_queue"]
    try:
        with connect(setup.settings.redis_url) as client:
            about: dict[str, Any] = client.info()
            waiting = int(client.llen(f"{prefix}{queue}"))
    except redis.AuthenticationError:
        yield wrong("broker", "refuses the password", "correct user and password in REDIS_URL")
    except redis.RedisError as failed:
        yield wrong(
            "broker", f"cannot be reached ({type(failed).__name__})", "check REDIS_URL and that the server runs"
        )
    else:
        yield _broker(about)
        yield from _bells(setup, waiting)


def _broker(about: dict[str, Any]) -> Finding:
    policy, most = str(about.get("maxmemory_policy")), int(about.get("maxmemory", 0))
    said = f"Redis {about.get('redis_version')} answers"
    if about.get("role") != "master":
        return wrong("broker", f"{said}, but is a replica: nothing can be put on it", "let REDIS_URL name the primary")
    if policy.startswith("allkeys"):
        return wrong("broker", f"{said}, but evicts bells when its memory is full ({policy})",
                     "set maxmemory-policy noeviction")  # fmt: skip
    if most and int(about.get("used_memory", 0)) > FULL * most:
        return wrong(
            "broker", f"{said}, but its memory is full: bells are refused", "raise maxmemory; is a worker running?"
        )
    if "err" in (about.get("aof_last_write_status"), about.get("aof_last_bgrewrite_status")):
        return wrong("broker", f"{said}, but cannot write to its disk", "make room on the broker's disk")
    if not about.get("aof_enabled"):
        return wrong("broker", f"{said}, but keeps nothing: a restart drops the bells, and all waits for the next ones",
                     "set appendonly yes")  # fmt: skip
    return well("broker", f"{said}, {policy}, append-only file on")


def _bells(setup: Setup, waiting: int | None) -> Iterator[Finding]:
    """Where bells are late, the queue says who is silent: a full one that nobody takes, an empty one that nobody rings."""
    if not setup.usable:
        return
    late, heard = late_bells(setup.services)
    lately, said = rung_lately(setup.services), ", ".join(late)
    if waiting is not None and waiting > MANY and not lately:
        yield wrong("worker", f"{waiting} bells wait on the broker and no worker takes them", "start the worker")
    elif not heard:
        yield well("bells", "none heard yet: no worker has run on this database", START)
    elif not late:
        yield well("bells", "all heard in time")
    elif lately:
        yield wrong(
            "bells", f"rung, but not to their end in time: {said}", "see `bell.` and `failed` in the worker's log"
        )
    elif waiting is None:
        yield wrong("bells", f"not heard in time: {said}", START)
    else:
        yield wrong(
            "beat", f"no bell is rung: {said}", "start beat (one is enough), with the same REDIS_URL as the worker"
        )


def _space_invoices(setup: Setup) -> Iterator[Finding]:
    remote, services = setup.services.space_invoices, setup.services
    if not setup.settings.space_invoices_token.get_secret_value():
        return  # said before
    for place, organization in enumerate(services.terms.organizations):
        call = count_connections(organization)
        answer = remote.send(call)
        if isinstance(answer, Silence):
            yield wrong("Space Invoices", f"does not answer ({answer.why})", "check SPACE_INVOICES_URL and the network")
            return
        if place == 0:
            yield from _clock(setup, "clock against Space Invoices", answer)
        yield _organization(organization, answer, call)


_REFUSED = {
    401: ("refuses the token", "make a new token that does not expire and set SPACE_INVOICES_TOKEN"),
    403: ("the token has no right to it", "check SPACE_INVOICES_ORGANIZATIONS, or make the token as a user of it"),
    404: ("no such organization", "check SPACE_INVOICES_ORGANIZATIONS, and the version in SPACE_INVOICES_URL"),
    429: ("asks us to come later", "wait; if it lasts, another program uses the token too"),
}


def _organization(organization: str, answer: Reply, call: Call[int]) -> Finding:
    name = f"Space Invoices, organization {organization}"
    if answer.status in _REFUSED:
        what, do = _REFUSED[answer.status]
        return wrong(name, _with(what, answer), do)
    if answer.status >= 500:
        return wrong(name, _with("fails", answer), "wait: what is due goes on by itself")
    try:
        count = read(call, answer, "Space Invoices")
    except CallFailed:
        return wrong(
            name, f"what answers is not its API ({answer.status})", "check SPACE_INVOICES_URL, its version too"
        )
    if answer.status >= 300:
        return wrong(name, _with("something else answers", answer), "check SPACE_INVOICES_URL, its version too")
    if count == 0:
        return wrong(name, "has no Bokun connection", f"`bokun-sync connections create --organization {organization}`")
    return well(name, f"{count} connections")


def _with(what: str, answer: Reply) -> str:
    words = message(answer)
    return f"{what} ({answer.status}{': ' + words if words else ''})"


def _bokun(setup: Setup) -> Iterator[Finding]:
    """Each connection's account, asked for both sides of its bookings of the last month."""
    clocks: set[str] = set()
    for each in setup.known:
        name = f"Bokun, connection {each.id} ({each.name})"
        if not each.access_key and not setup.settings.bokun_access_key.get_secret_value():
            yield wrong(name, "it has no keys of its own, and BOKUN_ACCESS_KEY is not set",
                        f"set BOKUN_ACCESS_KEY and BOKUN_SECRET_KEY, or `bokun-sync connections link {each.id}`")  # fmt: skip
            continue
        try:
            remote = setup.services.bokun(each)
        except CallFailed as failed:
            yield wrong(name, failed.sentence, "set SECRET_KEY to the key it was stored with (several may be given),"
                        f" or `bokun-sync connections link {each.id}` again")  # fmt: skip
            continue
        answers = [(call, remote.send(call)) for call in (_search(setup, "SELLER"), _search(setup, "SUPPLIER"))]
        if any(isinstance(answer, Silence) for _, answer in answers):
            why = next(answer.why for _, answer in answers if isinstance(answer, Silence))
            yield wrong("Bokun", f"does not answer ({why})", "check BOKUN_URL and the network")
            return
        replies = [(call, answer) for call, answer in answers if isinstance(answer, Reply)]
        if remote.base not in clocks:
            clocks.add(remote.base)
            yield from _clock(setup, "clock against Bokun", replies[0][1])
        yield _account(setup, each, name, replies)


def _search(setup: Setup, role: Literal["SELLER", "SUPPLIER"]) -> Call[SearchPage]:
    now = setup.services.clock()
    return search_bookings(since=now - MONTH, until=now, role=role, page=1, size=1)


_UNREAD = {
    401: ("refuses the keys", "correct access key and secret key: `connections link`, or BOKUN_ACCESS_KEY and BOKUN_SECRET_KEY"),
    429: ("its limit of calls is used up", "wait; if it lasts, another program uses the same account"),
}  # fmt: skip
_UNREAD[403] = _UNREAD[401]


def _account(setup: Setup, each: Stored, name: str, replies: list[tuple[Call[SearchPage], Reply]]) -> Finding:
    worst = max((answer for _, answer in replies), key=lambda answer: answer.status)
    if worst.status in _UNREAD:
        what, do = _UNREAD[worst.status]
        return wrong(name, _with(what, worst), do)
    if 300 <= worst.status < 400:
        return wrong(name, f"sends us to its login page ({worst.status}): the keys are wrong, or their user may not read"
                     " bookings", "correct the keys; in Bokun give the key a booking channel, and a user role that may"
                     " read bookings")  # fmt: skip
    if worst.status >= 500:
        return wrong(name, _with("fails", worst), "wait: polls go on where they stopped")
    try:
        seller, supplier = (read(call, answer, "Bokun").total or 0 for call, answer in replies)
    except CallFailed:
        return wrong(name, f"what answers is not its API ({worst.status})", "check BOKUN_URL")
    return _shown(setup, each, name, seller, supplier)


def _shown(setup: Setup, each: Stored, name: str, seller: int, supplier: int) -> Finding:
    """A key without rights is not refused by Bokun: it sees nothing (bokun.md 1.2)."""
    with setup.services.database.reading() as open_:
        before = bookings.read_since(open_, each.id, setup.services.clock() - MONTH)
    if before and not seller + supplier:
        return wrong(name, f"shows none of the {before} bookings that were read in the last month",
                     "the key's user role or booking channel was changed, or it is another vendor's key")  # fmt: skip
    said = f"{seller} bookings as seller and {supplier} as supplier in the last month"
    hint = (
        ""
        if seller + supplier
        else "if there should be some: the key's user role and booking channel decide what it sees"
    )
    return well(name, said, hint)


def _clock(setup: Setup, name: str, answer: Reply) -> Iterator[Finding]:
    """The Date header of any answer says how far our clock is off; Bokun refuses signatures of another time."""
    try:
        there = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError):
        yield well(name, "the remote tells no time")
        return
    yield skew(name, there, setup.services.clock())


SERVICES_CHECKS: tuple[Callable[[Setup], Iterator[Finding]], ...] = (_space_invoices, _bokun)
"""Both remotes."""

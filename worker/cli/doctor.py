"""Checks what usually is wrong, each with a sentence and a remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from config.settings import Settings
from worker.bokun.bookings import search_bookings
from worker.calls.limiter import connect
from worker.calls.sending import CallFailed, Failure, Remote
from worker.calls.wire import Silence
from worker.flow.checks import Finding, check_store
from worker.flow.services import Services
from worker.spaceinvoices.connections import count_connections
from worker.store import connections
from worker.store.migrate import is_current
from worker.wiring import build, vault

MOST_SKEW = timedelta(seconds=60)


def examine(settings: Settings) -> list[Finding]:
    """All checks, each by itself: one that fails does not hide the others."""
    services = build(settings)
    found = [*_settings(settings), _database(services), _broker(settings), *_space_invoices(services)]
    found += _bokun(settings, services)
    found += _store(services)
    services.close()
    return found


def _settings(settings: Settings) -> Iterator[Finding]:
    for name in ("space_invoices_token", "space_invoices_organizations"):
        value = getattr(settings, name)
        there = bool(value.get_secret_value() if hasattr(value, "get_secret_value") else value)
        yield Finding(name.upper(), there, "set" if there else "not set", "" if there else f"set {name.upper()}")
    yield Finding(
        "START_FROM",
        settings.start_from is not None,
        "not set: the first poll takes every booking there ever was" if settings.start_from is None else str(settings.start_from),
        "set START_FROM to the day you start invoicing from here" if settings.start_from is None else "",
    )  # fmt: skip
    if not settings.secret_key.get_secret_value():
        do = "set SECRET_KEY to the output of: python3 -c 'import base64,os;print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"
        yield Finding("SECRET_KEY", True, "not set: connections cannot have Bokun keys of their own", do)


def _store(services: Services) -> list[Finding]:
    try:
        return list(check_store(services))
    except Exception:
        return []  # the check of the database says why


def _database(services: Services) -> Finding:
    try:
        current = is_current(services.database.engine)
    except Exception as failed:
        kind = type(failed).__name__
        return Finding("database", False, f"cannot be used ({kind})", "check DATABASE_URL and that the server runs")
    return Finding(
        "database", current, "newest version" if current else "not at the newest version",
        "" if current else "run `bokun-sync migrate`",
    )  # fmt: skip


def _broker(settings: Settings) -> Finding:
    if settings.embedded:
        return Finding("broker", True, "embedded; `up` starts it")
    try:
        with connect(settings.redis_url) as client:
            policy = client.config_get("maxmemory-policy")
    except Exception as failed:
        return Finding("broker", False, f"cannot be reached ({type(failed).__name__})", "check REDIS_URL")
    word = str(dict(policy).get("maxmemory-policy", "unknown"))
    evicts = word.startswith("allkeys")
    return Finding("broker", not evicts, f"answers, policy {word}", "set maxmemory-policy noeviction" if evicts else "")


def _space_invoices(services: Services) -> Iterator[Finding]:
    remote = services.space_invoices
    yield _clock(remote, "clock against Space Invoices", "/Organizations")
    for organization in services.terms.organizations:
        yield _asked(f"Space Invoices, organization {organization}",
                     lambda of=organization: f"{remote.fetch(count_connections(of))} connections",  # type: ignore[misc]
                     "check SPACE_INVOICES_TOKEN and SPACE_INVOICES_ORGANIZATIONS")  # fmt: skip


def _bokun(settings: Settings, services: Services) -> Iterator[Finding]:
    try:
        with services.database.reading() as open_:
            known = [each for each in connections.load(open_) if each.gone_at is None]
    except Exception:
        return
    if not known:
        yield Finding("Bokun", False, "no connection is mirrored yet", "run `bokun-sync connections refresh`")
    for each in known:

        def ask(connection: connections.Stored = each) -> str:
            if connection.access_key:
                vault(settings).open(connection.access_key)
            now = datetime.now(UTC)
            call = search_bookings(since=now - timedelta(days=1), until=now, role="SELLER", page=1, size=1)
            page = services.bokun(connection).fetch(call)
            return f"{len(page.items)} of {page.total} bookings of the last day read"

        yield _asked(f"Bokun, connection {each.id} ({each.name})", ask,
                     "check the keys (`connections link`), the role of the key's user and its booking channel")  # fmt: skip


def _asked(name: str, step: Callable[[], str], do: str) -> Finding:
    try:
        return Finding(name, True, step())
    except CallFailed as failed:
        away = failed.failure is Failure.UNAVAILABLE
        return Finding(name, False, failed.sentence, "check the address and the network" if away else do)
    except Exception as failed:
        return Finding(name, False, str(failed), do)


def _clock(remote: Remote, name: str, path: str) -> Finding:
    """The Date header of any answer says how far our clock is off; Bokun refuses signatures of another time."""
    from worker.calls.call import Call

    answer = remote.send(Call("clock", "GET", path, lambda body, _: body))
    if isinstance(answer, Silence):
        return Finding(name, False, f"no answer ({answer.why})", "check SPACE_INVOICES_URL and the network")
    try:
        skew = abs(parsedate_to_datetime(answer.headers.get("date", "")) - datetime.now(UTC))
    except (ValueError, TypeError):
        return Finding(name, True, "the remote tells no time")
    ok = skew <= MOST_SKEW
    return Finding(name, ok, f"{skew.total_seconds():.0f} s apart", "" if ok else "let NTP set this machine's clock")

"""Checks what usually is wrong, each by itself: one that fails does not hide the others."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from packaging.requirements import Requirement

from config.settings import Settings, is_loopback
from worker.calls import json
from worker.calls.wire import Reply, Request
from worker.cli.probing import Setup, ask_broker, ask_database
from worker.cli.probing_remotes import ask_bokun, ask_space_invoices
from worker.flow.checks import STORE_CHECKS, Finding, well, wrong
from worker.wiring import build

Check = Callable[[Setup], Iterator[Finding]]
NAME = "bokun-sync"
SHOWN = ("celery", "kombu", "redis", "sqlalchemy", "httpx", "h11")
LEAST_SQLITE = (3, 35)
"""The first that knows RETURNING."""
PRODUCTION = frozenset({"api.bokun.io", "api.spaceinvoices.com"})
TESTS = frozenset({"api.bokuntest.com", "api-test.spaceinvoices.com"})


def examine(settings: Settings) -> list[Finding]:
    """What each check found, in the order of the list."""
    setup = Setup(settings, build(settings))
    try:
        return [finding for check in CHECKS for finding in check(setup)]
    finally:
        setup.services.close()


def _versions(_: Setup) -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    said = f"{NAME} {_version(NAME)}, Python {python}, {', '.join(f'{each} {_version(each)}' for each in SHOWN)}"
    if bad := sorted(_unmet()):
        yield wrong("versions", f"{said}; not what it was tried with: {', '.join(bad)}",
                    "install from requirements.lock: the settings of Celery and the proof that a call never left"
                    " hold for these versions only")  # fmt: skip
    elif sqlite3.sqlite_version_info < LEAST_SQLITE:
        yield wrong(
            "versions", f"{said}, SQLite {sqlite3.sqlite_version}", "SQLite must be 3.35 or newer: use PostgreSQL"
        )
    else:
        yield well("versions", said)


def _unmet() -> Iterator[str]:
    for line in requires(NAME) or ():
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate():
            found = _version(wanted.name)
            if found not in wanted.specifier:
                yield f"{wanted.name} {found} (asked for: {wanted.specifier})"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "0"


def _zone_data(_: Setup) -> Iterator[Finding]:
    try:
        ZoneInfo("Europe/Ljubljana")
    except ZoneInfoNotFoundError:
        yield wrong("time zones", "this machine knows none: every tour counts as ended up to 26 hours late",
                    "install the package tzdata")  # fmt: skip
    else:
        yield well("time zones", "known")


def _settings(setup: Setup) -> Iterator[Finding]:
    found = setup.settings
    needed = {
        "SPACE_INVOICES_TOKEN": (found.space_invoices_token.get_secret_value(), "set it to a token that does not expire"),
        "SPACE_INVOICES_ORGANIZATIONS": (found.space_invoices_organizations, "set it to the organizations' ids"),
    }  # fmt: skip
    for name, (value, do) in needed.items():
        yield well(name, "set") if value else wrong(name, "not set", do)
    if found.start_from is None:
        yield wrong("START_FROM", "not set: the first poll takes every booking there ever was",
                    "set it to the day you start invoicing from here")  # fmt: skip
    else:
        yield well("START_FROM", f"{found.start_from:%Y-%m-%d}")
    if not found.secret_key.get_secret_value():
        yield well("SECRET_KEY", "not set: connections cannot have Bokun keys of their own",
                   "set it to the output of `bokun-sync keys new`")  # fmt: skip
    if not found.alert_url.get_secret_value() and not found.alert_email:
        yield well("alerts to", "the log only", "set ALERT_URL or ALERT_EMAIL, so that a person hears of them")


def _environments(setup: Setup) -> Iterator[Finding]:
    """A hint, not a fault: only known addresses say what they are, and there may be an organization for tests."""
    bokun, space_invoices = _is_real(setup.settings.bokun_url), _is_real(setup.settings.space_invoices_url)
    if (bokun, space_invoices) == (False, True):
        yield well("environments", "Bokun is a test and Space Invoices is production: test bookings become real documents",
                   "set SPACE_INVOICES_URL, unless SPACE_INVOICES_ORGANIZATIONS names one that is for tests")  # fmt: skip
    elif (bokun, space_invoices) == (True, False):
        yield well("environments", "Bokun is production and Space Invoices is a test: real bookings get no real document",
                   "set SPACE_INVOICES_URL, or BOKUN_URL if this is a test")  # fmt: skip


def _is_real(url: str) -> bool | None:
    """Whether this is production; None where nothing marks the address (a proxy)."""
    host = urlsplit(url).hostname or ""
    if host in PRODUCTION:
        return True
    return False if host in TESTS or is_loopback(host) else None


def _exposed(setup: Setup) -> Iterator[Finding]:
    """What must not be seen or done by everybody who reaches a port."""
    found = setup.settings
    if not is_loopback(found.host):
        yield _locked("page", found.page_password.get_secret_value(), "HOST is not loopback, so the operator's page shows"
                      " nothing without a password", "PAGE_PASSWORD")  # fmt: skip
        yield _locked("metrics", found.metrics_token.get_secret_value(), "HOST is not loopback: everybody who reaches it"
                      " reads your figures", "METRICS_TOKEN")  # fmt: skip
    if not is_loopback(found.flower_address):
        yield _locked("Flower", found.flower_basic_auth.get_secret_value(), "FLOWER_ADDRESS is not loopback and Flower"
                      " has no login: it does not start so", "FLOWER_BASIC_AUTH")  # fmt: skip
    host = "127.0.0.1" if is_loopback(found.flower_address) or found.flower_address in ("0.0.0.0", "::") else found.flower_address  # fmt: skip
    answer = _get(setup, f"http://{host}:{found.flower_port}/api/workers")
    if answer is not None and answer.status == 200:
        yield wrong("Flower", "answers its API without a login: whoever reaches it can end workers and tasks",
                    "run it with `bokun-sync flower`, which is read only without FLOWER_BASIC_AUTH")  # fmt: skip


def _locked(name: str, lock: str, open_: str, setting: str) -> Finding:
    return well(name, f"{setting} is set") if lock else wrong(name, open_, f"set {setting}")


def _web(setup: Setup) -> Iterator[Finding]:
    """Whether Bokun reaches the web process: asked from here, by the address that was given to Bokun."""
    url = setup.settings.web_url
    if not url:
        return
    answer = _get(setup, f"{url}/readyz")
    if answer is None:
        yield wrong("web address", f"nobody answers at {url}", "start `web`; check the name, the proxy and its port")
    elif 300 <= answer.status < 400:
        yield wrong("web address", f"{url} redirects, and Bokun follows nobody", "set WEB_URL and Bokun's webhook to"
                    " where it leads")  # fmt: skip
    elif not _is_ours(answer):
        yield wrong("web address", f"somebody else answers at {url} ({answer.status})",
                    "let the proxy pass /webhooks, /healthz and /readyz to `web`")  # fmt: skip
    else:
        yield well("web address", "answers" if answer.status == 200 else f"answers, but is not ready: {answer.body!r}")


def _is_ours(answer: Reply) -> bool:
    try:
        return "migrations" in json.loads(answer.body or b"")
    except (json.NotJson, TypeError):
        return False


def _get(setup: Setup, url: str) -> Reply | None:
    answer = setup.services.space_invoices.wire.send(Request("GET", url, {"accept-encoding": "identity"}))
    return answer if isinstance(answer, Reply) else None


def _store(setup: Setup) -> Iterator[Finding]:
    """What the database knows, if it can be asked: the check of the database says why not."""
    if setup.usable:
        for check in STORE_CHECKS:
            yield from check(setup.services)


CHECKS: tuple[Check, ...] = (
    _versions, _settings, _environments, _zone_data, _exposed, ask_database, ask_broker, ask_space_invoices, ask_bokun, _web, _store,
)  # fmt: skip

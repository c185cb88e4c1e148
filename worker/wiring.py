"""Builds the collaborators of one process from its settings."""

from __future__ import annotations

import hashlib
import random
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from config.broker import VISIBILITY_TIMEOUT
from config.schedule import beat_schedule
from config.settings import Settings, is_loopback
from worker.bokun.signature import sign
from worker.calls.limiter import Limit, Limiter, LocalLimiter, SharedLimiter, connect
from worker.calls.sending import CallFailed, Failure, Remote, Seen, Signer
from worker.calls.telling import hook, mail
from worker.calls.tracing import Traces, untraced
from worker.calls.wire import Wire
from worker.domain.decision import Policy
from worker.domain.proof import AbsenceRule
from worker.flow.services import Services, Terms
from worker.flow.steps import Steps
from worker.flow.tally import Tally
from worker.store.connections import Stored
from worker.store.database import Database, must_be_closed
from worker.store.secrets import NoSecretKey, Vault


def build(
    settings: Settings, *, ring: Callable[[str], None] = lambda _: None, database: Database | None = None
) -> Services:
    """The services of this process; to be called after a fork."""
    wire = Wire(timeout=settings.call_timeout, may_send=must_be_closed)
    limiter = _limiter(settings)
    opened = database or Database(settings.database_url)
    tally = Tally()
    traces = Traces.to(settings.traces_url) if settings.traces_url else None
    seen = tally.see if traces is None else _both(tally.see, traces.see)
    accounts = _Accounts(settings, wire, limiter, seen)
    return Services(
        terms=terms(settings),
        database=opened,
        space_invoices=replace(_space_invoices(settings, wire, limiter), seen=seen),
        bokun=accounts.remote,
        account=accounts.name,
        pool=ThreadPoolExecutor(settings.in_flight, thread_name_prefix="wire"),
        aside=ThreadPoolExecutor(1, thread_name_prefix="aside"),
        clock=now,
        monotonic=time.monotonic,
        chance=random.random,
        token=lambda: secrets.token_hex(16),
        ring=ring,
        flush=lambda: tally.flush(opened),
        steady=Steps(now, time.monotonic).steady,
        tell=_teller(settings, wire),
        trace=untraced if traces is None else traces.of,
    )


def _both(one: Callable[[Seen], None], other: Callable[[Seen], None]) -> Callable[[Seen], None]:
    def seen(call: Seen) -> None:
        one(call)
        other(call)

    return seen


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def terms(settings: Settings) -> Terms:
    """The numbers that the flow works with."""
    return Terms(
        organizations=settings.space_invoices_organizations,
        bank_payment_types=frozenset(settings.bank_payment_types),
        policy=Policy(settings.start_from, settings.on_change, settings.on_cancel),
        overlap=settings.overlap,
        send_guard=settings.send_guard,
        lease=timedelta(seconds=settings.lease),
        absence=AbsenceRule(settings.absence_looks, timedelta(seconds=settings.absence_after)),
        max_attempts=settings.max_attempts,
        in_flight=settings.in_flight,
        brake_per_hour=settings.brake_per_hour,
        brake_amount=settings.brake_amount,
        brake_age_days=settings.brake_age_days,
        expects_webhooks=bool(
            settings.bokun_app_secret.get_secret_value() or settings.webhook_token.get_secret_value()
        ),
        prices_every=None if settings.prices_sync_every is None else timedelta(seconds=settings.prices_sync_every),
        prices_currencies=settings.prices_currencies,
        keep_content_days=settings.keep_content_days,
        audit_every=timedelta(seconds=settings.audit_every) if settings.audit_every else None,
        audit_span=timedelta(days=settings.audit_days),
        digest_every=timedelta(seconds=settings.digest_every) if settings.digest_every else None,
        bells=bells(settings),
    )


def bells(settings: Settings) -> dict[str, timedelta]:
    """After how long each bell counts as not heard: three periods, and the longest that one may take."""
    entries = beat_schedule(settings).values()
    return {each["task"]: timedelta(seconds=3 * each["schedule"] + VISIBILITY_TIMEOUT) for each in entries}


def _teller(settings: Settings, wire: Wire) -> Callable[[Mapping[str, Any]], bool]:
    """The ways out to people; with none set, the log is the only one."""
    url, to, server = settings.alert_url.get_secret_value(), settings.alert_email, settings.smtp_url.get_secret_value()
    here = is_loopback(urlsplit(server).hostname or "localhost")

    def tell(message: Mapping[str, Any]) -> bool:
        must_be_closed()  # the wire asks the same, mail would not
        hooked = hook(wire, url, message) if url else True
        mailed = mail(server, to, message, here=here) if to else True
        return hooked and mailed

    return tell


def vault(settings: Settings) -> Vault:
    """What encrypts the keys of connections."""
    words = settings.secret_key.get_secret_value().split(",")
    return Vault([word.strip() for word in words if word.strip()])


def _limiter(settings: Settings) -> Limiter:
    """Shared through Redis where there is one; a process without it is alone and takes the whole limit."""
    return LocalLimiter() if settings.embedded else SharedLimiter(connect(settings.redis_url))


def _space_invoices(settings: Settings, wire: Wire, limiter: Limiter) -> Remote:
    token = settings.space_invoices_token.get_secret_value()
    return Remote(
        name="Space Invoices",
        base=settings.space_invoices_url,
        sign=lambda _method, _target: {"authorization": token},  # bare, no scheme word (space-invoices.md 5.1)
        wire=wire,
        limiter=limiter,
        limit=Limit(f"space-invoices:{_account(token)}", settings.space_invoices_calls_per_second, 1.0),
        redirects_mean=Failure.UNAVAILABLE,
        clock=now,
    )


class _Accounts:
    """One remote per Bokun account: connections that share a key pair share its rate limit."""

    def __init__(self, settings: Settings, wire: Wire, limiter: Limiter, seen: Callable[[Seen], None]) -> None:
        self._settings = settings
        self._wire = wire
        self._limiter = limiter
        self._seen = seen
        self._remotes: dict[tuple[str, str], Remote] = {}
        self._opened = lru_cache(maxsize=4096)(self._open)  # for each booking they are asked for twice

    def name(self, connection: Stored) -> str:
        """The account that a connection reads; one whose keys cannot be opened shares with nobody."""
        try:
            return _account(self._keys(connection)[0])
        except NoSecretKey:
            return _account(connection.id)

    def remote(self, connection: Stored) -> Remote:
        try:
            keys = self._keys(connection)
        except NoSecretKey as wrong:  # this connection alone stands still, as if Bokun had refused its keys
            raise CallFailed(Failure.CREDENTIALS, str(wrong)) from None
        if keys not in self._remotes:
            self._remotes[keys] = self._build(*keys)
        return self._remotes[keys]

    def _keys(self, connection: Stored) -> tuple[str, str]:
        """The connection's own key pair, else the one of the settings."""
        if connection.access_key and connection.secret_key:
            return self._opened(connection.access_key, connection.secret_key)
        return self._settings.bokun_access_key.get_secret_value(), self._settings.bokun_secret_key.get_secret_value()

    def _open(self, access_key: str, secret_key: str) -> tuple[str, str]:
        opened = vault(self._settings)
        return opened.open(access_key), opened.open(secret_key)

    def _build(self, access_key: str, secret_key: str) -> Remote:
        return Remote(
            name="Bokun",
            base=self._settings.bokun_url,
            sign=_signer(access_key, secret_key),
            wire=self._wire,
            limiter=self._limiter,
            limit=Limit(f"bokun:{_account(access_key)}", self._settings.bokun_calls_per_minute, 60.0),
            redirects_mean=Failure.CREDENTIALS,
            clock=now,
            seen=self._seen,
        )


def _signer(access_key: str, secret_key: str) -> Signer:
    def signed(method: str, target: str) -> Mapping[str, str]:
        return sign(access_key=access_key, secret_key=secret_key, method=method, path=target, at=now())

    return signed


def _account(key: str) -> str:
    """A name for an account that can stand in Redis and in memory without being the key."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]

"""Runs the app on HOST:PORT, with limits of its own for callers that send nothing or never stop."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from config.settings import Settings, is_loopback
from worker.flow.services import Services
from worker.web.app import build
from worker.web.limits import MOST_BYTES

log = structlog.get_logger()
HEAD_SECONDS = 5.0
MOST_CONNECTIONS = 800


class Patient(H11Protocol):
    """Hangs up on a connection that is between requests for too long; half a head would hold uvicorn for ever (F53)."""

    _before: object = None
    """The request that was served last when we looked last; None: there was none yet."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(HEAD_SECONDS, self._look)

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        served = self.cycle is None or self.cycle.response_complete
        if served and self.cycle is self._before:
            log.warning("request.refused", status=408, because="no request came in time", where="connection")
            self.transport.abort()
            return
        self._before = self.cycle if served else self
        self.loop.call_later(HEAD_SECONDS, self._look)


def serve(settings: Settings, services: Services | None = None) -> int:
    """Serves until a signal comes and returns the exit code after the requests at work are answered."""
    app = build(settings, services or _services(settings))
    log.info("web.started", host=settings.host, port=settings.port)
    if not is_loopback(settings.host) and not settings.page_password.get_secret_value():
        log.warning("page.closed", because="HOST is not loopback and PAGE_PASSWORD is not set; webhooks are served")
    server = uvicorn.Server(config(settings, app))
    if threading.current_thread() is threading.main_thread():
        # uvicorn raises the signal once more after its orderly end, when this handler is back: an asked-for end is a 0.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
    try:
        server.run()
    except SystemExit as ended:  # uvicorn's own exit code says something else in our contract
        return 1 if ended.code else 0
    return 0 if server.started else 1


def config(settings: Settings, app: ASGIApp) -> uvicorn.Config:
    """How uvicorn runs: one process, no websockets, no log lines of its own beside ours."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=Patient,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=2 * MOST_BYTES,
        forwarded_allow_ips=list(settings.trusted_proxies),
    )


def _services(settings: Settings) -> Services:
    from worker import app, wiring  # noqa: PLC0415 - Celery is loaded only where bells are rung

    app.celery_app(settings)
    return wiring.build(settings, ring=app.ring)

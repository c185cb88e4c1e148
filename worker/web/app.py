"""The one Starlette app: webhooks, health, metrics and the operator's page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, disable_created_metrics
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from config.settings import Settings
from worker.flow.services import Services
from worker.web.bells import Bells
from worker.web.health import health
from worker.web.inbox import Inbox
from worker.web.limits import HeaderLimits
from worker.web.metrics import Served, State
from worker.web.refusals import Refusal, Refused
from worker.web.scrape import Scrape
from worker.web.site import site
from worker.web.webhooks import Webhooks, words

_DOORS = frozenset({"", "webhooks", "healthz", "readyz", "metrics", "bookings", "login", "static"})


def build(settings: Settings, services: Services) -> Starlette:
    """The app on these services; nothing is read from anywhere else."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    own, state = CollectorRegistry(), CollectorRegistry()
    served = Served(own)
    state.register(State(services))
    inbox = Inbox(services.database, services.clock)
    bells = Bells(services.ring)
    webhooks = Webhooks(words(settings.bokun_app_secret), words(settings.webhook_token), inbox, bells, services, served)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:  # noqa: ARG001
        yield
        inbox.close()
        bells.close()

    async def refused(request: Request, why: Exception) -> Response:
        return _refusal(request, why, served)

    async def http(request: Request, wrong: Exception) -> Response:
        return _refusal(request, _as_refused(wrong), served)

    app = Starlette(
        routes=[
            *webhooks.routes(),
            *health(settings, services.database).routes(),
            *Scrape(own, state, settings.metrics_token.get_secret_value()).routes(),
            *site(settings, services).routes(),
        ],
        middleware=[Middleware(HeaderLimits)],
        exception_handlers={Refused: refused, HTTPException: http},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def _refusal(request: Request, why: Exception, served: Served) -> Response:
    if not isinstance(why, Refused):
        raise why
    served.refused(why.status)
    return Refusal(why, where=_where(request))


def _as_refused(wrong: Exception) -> Exception:
    """Starlette's own refusals in our words."""
    if not isinstance(wrong, HTTPException):
        return wrong
    because = {404: "unknown path", 405: "wrong method"}.get(wrong.status_code, "refused")
    return Refused(wrong.status_code, because, **dict(wrong.headers or {}))


def _where(request: Request) -> str:
    """The door, without what a stranger wrote behind it: a path can hold a secret."""
    first = str(request.scope["path"]).removeprefix("/").partition("/")[0]
    return f"/{first}" if first in _DOORS else "elsewhere"

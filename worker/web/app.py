"""The one Starlette app: webhooks, health, metrics and the operator's page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
from worker.web.refusals import Refusal, Refused
from worker.web.site import site
from worker.web.webhooks import Webhooks, words


def build(settings: Settings, services: Services) -> Starlette:
    """The app on these services; nothing is read from anywhere else."""
    inbox = Inbox(services.database, services.clock)
    bells = Bells(services.ring)
    webhooks = Webhooks(words(settings.bokun_app_secret), words(settings.webhook_token), inbox, bells, services)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:  # noqa: ARG001
        yield
        inbox.close()
        bells.close()

    return Starlette(
        routes=[
            *webhooks.routes(),
            *health(settings, services.database).routes(),
            *site(settings, services).routes(),
        ],
        middleware=[Middleware(HeaderLimits)],
        exception_handlers={Refused: _refused, HTTPException: _http},
        lifespan=lifespan,
    )


async def _refused(request: Request, refused: Exception) -> Response:
    if not isinstance(refused, Refused):
        raise refused
    return Refusal(refused, where=_where(request))


async def _http(request: Request, wrong: Exception) -> Response:
    if not isinstance(wrong, HTTPException):
        raise wrong
    because = {404: "unknown path", 405: "wrong method"}.get(wrong.status_code, "refused")
    return Refusal(Refused(wrong.status_code, because, **dict(wrong.headers or {})), where=_where(request))


def _where(request: Request) -> str:
    """The door, without what a stranger wrote behind it: a path can hold a secret."""
    path = request.url.path
    return "/webhooks/bokun" if path.startswith("/webhooks/bokun") else path.split("/", 2)[1][:16]

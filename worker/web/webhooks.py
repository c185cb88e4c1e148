"""Bokun's two kinds of webhooks (bokun.md 4): the form is checked, the id is taken, everything else is read again."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from worker.bokun.webhooks import booking_id_from_body, booking_id_from_headers, topic, verify
from worker.flow.services import Services
from worker.flow.uninstall import uninstalled
from worker.web.bells import Bells
from worker.web.body import read_json
from worker.web.inbox import PATIENCE, Announced, Inbox, InboxAway
from worker.web.metrics import Served
from worker.web.refusals import Refused

log = structlog.get_logger()
BELL = "tasks.plan.notices"
STORED = PlainTextResponse("stored\n")
Receiver = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Webhooks:
    """What the two addresses work with."""

    secrets: tuple[str, ...]
    tokens: tuple[str, ...]
    inbox: Inbox
    bells: Bells
    services: Services
    served: Served

    def routes(self) -> list[Route]:
        return [
            Route("/webhooks/bokun", self._counted("app-store", self.app_store), methods=["POST"]),
            Route("/webhooks/bokun/{token}", self._counted("classic", self.classic), methods=["POST"]),
        ]

    async def app_store(self, request: Request) -> Response:
        """An app-store webhook: the signature covers the headers only, so the id comes from there."""
        headers = _signed_headers(request, self.secrets)
        await read_json(request)
        about = topic(headers) or ""
        if about.startswith("bookings/"):
            booking = booking_id_from_headers(headers)
            if booking is None:
                raise Refused(400, "no usable booking id in the signed header")
            return await self._announce(Announced(booking, headers.get("x-bokun-vendor-id")))
        if about == "apps/uninstall":
            return await self._uninstalled(headers.get("x-bokun-vendor-id", ""))
        log.info("webhook.unknown", topic=about[:64])
        return PlainTextResponse("unknown topic\n")

    async def classic(self, request: Request) -> Response:
        """A classic notification: unsigned, so the path is the secret and only the id is used."""
        if not _is_one_of(request.path_params["token"], self.tokens):
            raise Refused(404, "unknown webhook path")
        booking = booking_id_from_body(await read_json(request))
        if booking is None:
            raise Refused(400, "no usable booking id in the body")
        return await self._announce(Announced(booking, None))

    def _counted(self, kind: str, receive: Receiver) -> Receiver:
        """The same, with its answer and its time counted; the topic is only believed once it is signed."""

        async def counted(request: Request) -> Response:
            begun = time.perf_counter()
            status = 500
            try:
                answer = await receive(request)
                status = answer.status_code
                return answer
            except Refused as refused:
                status = refused.status
                raise
            finally:
                about = topic(request.headers) if kind == "app-store" and status != 401 else None
                self.served.webhook(kind, about, status, time.perf_counter() - begun)

        return counted

    async def _announce(self, announced: Announced) -> Response:
        try:
            await self.inbox.store(announced)
        except InboxAway:
            raise Refused(503, "the notice could not be stored", **{"retry-after": "5"}) from None
        self.bells.ring(BELL)
        return STORED

    async def _uninstalled(self, vendor: str) -> Response:
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.to_thread(uninstalled, self.services, vendor)
        except (TimeoutError, DBAPIError):
            raise Refused(503, "the connections could not be paused", **{"retry-after": "5"}) from None
        return PlainTextResponse("paused\n")


def _signed_headers(request: Request, secrets: Sequence[str]) -> dict[str, str]:
    """The x-bokun headers, if they are signed; each may come once, or it is unclear which one was signed."""
    named = [(name, value) for name, value in request.headers.items() if name.startswith("x-bokun-")]
    headers = dict(named)
    if not secrets:
        raise Refused(401, "BOKUN_APP_SECRET is not set")
    if len(headers) != len(named):
        raise Refused(401, "a signed header came twice")
    if not verify(headers, secrets):
        raise Refused(401, "the signature is missing or wrong")
    return headers


def _is_one_of(given: str, tokens: Sequence[str]) -> bool:
    return any(hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()) for token in tokens)


def words(secret: SecretStr) -> tuple[str, ...]:
    """The comma separated secrets of a setting; several allow rotation."""
    return tuple(word for each in secret.get_secret_value().split(",") if (word := each.strip()))

"""`GET /metrics`, for whom METRICS_TOKEN says; without one, for everybody who reaches the process."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.web.refusals import Refused

PATIENCE = 8.0


@dataclass(frozen=True)
class Scrape:
    """The two registries: what was served here, and what the database says."""

    served: CollectorRegistry
    state: CollectorRegistry
    token: str

    def routes(self) -> list[Route]:
        return [Route("/metrics", self.metrics)]

    async def metrics(self, request: Request) -> Response:
        """Both; only what was served here while the database does not answer."""
        given = request.headers.get("authorization", "").encode()
        if self.token and not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            raise Refused(401, "METRICS_TOKEN is missing or wrong", **{"www-authenticate": "Bearer"})
        return Response(generate_latest(self.served) + await self._state(), media_type=CONTENT_TYPE_LATEST)

    async def _state(self) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.to_thread(generate_latest, self.state)
        except TimeoutError:
            return b"# the database does not answer\nbokun_sync_database_up 0.0\n"

"""Whether the process is there (`/healthz`), and whether it has what it needs (`/readyz`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from config.settings import Settings
from worker.calls.limiter import connect
from worker.store.database import Database
from worker.store.migrate import is_current

PATIENCE = 2.0
Check = Callable[[], str]
"""Says `ok` (or `embedded`), or in a few words what is wrong."""
_FINE = frozenset({"ok", "embedded"})


@dataclass(frozen=True)
class Health:
    """The checks of one process; a webhook is taken while any of them but the database fails."""

    checks: dict[str, Check]

    def routes(self) -> list[Route]:
        return [Route("/healthz", self.healthz), Route("/readyz", self.readyz)]

    async def healthz(self, request: Request) -> Response:  # noqa: ARG002
        """The event loop turns: nothing else is asked."""
        return PlainTextResponse("ok\n", headers={"cache-control": "no-store"})

    async def readyz(self, request: Request) -> Response:  # noqa: ARG002
        """All checks side by side, each with its own patience."""
        said = await asyncio.gather(*(_asked(check) for check in self.checks.values()))
        found = dict(zip(self.checks, said, strict=True))
        status = 200 if _FINE.issuperset(said) else 503
        return JSONResponse(found, status, headers={"cache-control": "no-store"})


def health(settings: Settings, database: Database) -> Health:
    """Database, broker and migrations (behaviour 8)."""
    return Health(
        {
            "database": lambda: _database(database),
            "broker": lambda: broker(settings),
            "migrations": lambda: _migrations(database),
        }
    )


async def _asked(check: Check) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.to_thread(check)
    except TimeoutError:
        return f"no answer in {PATIENCE:g} s"


def _database(database: Database) -> str:
    try:
        with database.reading() as open_:
            open_.execute(text("SELECT 1"))
    except DBAPIError as failed:
        return f"away ({type(failed).__name__})"
    return "ok"


def broker(settings: Settings) -> str:
    """Whether Redis answers; the embedded broker lives and dies with its process."""
    if settings.embedded:
        return "embedded"
    client = connect(settings.redis_url)
    try:
        client.ping()
    except (redis.RedisError, OSError) as failed:
        return f"away ({type(failed).__name__})"
    finally:
        client.close()
    return "ok"


def _migrations(database: Database) -> str:
    try:
        return "ok" if is_current(database.engine) else "the database is not at the newest version: bokun-sync migrate"
    except DBAPIError as failed:
        return f"away ({type(failed).__name__})"

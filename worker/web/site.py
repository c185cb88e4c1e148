"""The addresses of the operator's page, behind its login."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, quote

import structlog
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from config.schedule import beat_schedule
from config.settings import Settings, is_loopback
from worker.flow.explain import explain
from worker.flow.services import Services
from worker.web import page, story
from worker.web.board import Periods, board
from worker.web.body import read_body
from worker.web.html import Child, tag
from worker.web.login import COOKIE, STAYS, Password, Sessions, Throttle, is_local
from worker.web.refusals import Refused

log = structlog.get_logger()
PATIENCE = 10.0
_STATIC = Path(__file__).parent / "static"
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
SAFE = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # without any the login's own form would come from the origin "null"
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Site:
    """The page and what it needs."""

    services: Services
    periods: Periods
    password: Password | None
    sessions: Sessions
    throttle: Throttle
    loopback: bool
    """Whether the process is bound to this machine only."""
    files: dict[str, tuple[str, bytes]]
    version: str

    def routes(self) -> list[Route]:
        return [
            Route("/", self._guarded(self.front)),
            Route("/bookings", self._guarded(self.search)),
            Route("/bookings/{code:path}", self._guarded(self.booking)),
            Route("/login", self.login, methods=["GET", "POST"]),
            Route("/static/{name}", self.static),
        ]

    async def front(self, request: Request) -> Response:  # noqa: ARG002
        """How things stand."""
        found = await _read(lambda: board(self.services, self.periods))
        return self._page("How things stand", page.front(found), live=True)

    async def search(self, request: Request) -> Response:
        """From what was typed to the booking's own address."""
        code = request.query_params.get("code", "").strip()
        return RedirectResponse(f"/bookings/{quote(code, safe='')}" if code else "/", 303, SAFE)

    async def booking(self, request: Request) -> Response:
        """The story of one booking."""
        code = request.path_params["code"].strip()
        known = len(code) <= 64 and code.isprintable()
        stories = await _read(lambda: explain(self.services, code)) if known else []
        if not stories:
            return self._page("Not known", story.unknown(code[:64]), status=404)
        return self._page(f"Booking {code}", story.story(code, stories))

    async def login(self, request: Request) -> Response:
        """Asks for the password; a right one is answered by a cookie."""
        if self.password is None:
            return RedirectResponse("/", 303, SAFE)
        onward = _onward(request.query_params.get("next", ""))
        if request.method != "POST":
            return self._form(onward)
        address = request.client.host if request.client else ""
        if self.throttle.waits(address):
            raise Refused(429, "too many wrong passwords; wait a minute", **{"retry-after": "60"})
        # Counted before it is checked: guesses made side by side count too.
        self.throttle.wrong(address)
        if not _same_origin(request) or not await asyncio.to_thread(self.password.fits, await _password(request)):
            log.warning("login.refused", because="wrong password")
            return self._form(onward, wrong=True)
        self.throttle.right(address)
        answer = RedirectResponse(onward, 303, SAFE)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, self.sessions.open(), max_age=int(STAYS.total_seconds()), httponly=True,
                          secure=secure, samesite="strict")  # fmt: skip
        return answer

    async def static(self, request: Request) -> Response:
        """Our own style and script; their address changes with their content."""
        kind, content = self.files.get(request.path_params["name"], ("", b""))
        if not kind:
            raise Refused(404, "unknown path")
        lasting = {**SAFE, "cache-control": "public, max-age=31536000, immutable"}
        return Response(content, media_type=kind, headers=lasting)

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            if self.password is None:
                if not (self.loopback and is_local(request)):
                    raise Refused(403, "the page is shown to others only with PAGE_PASSWORD set")
            elif not self.sessions.holds(request.cookies.get(COOKIE, "")):
                return RedirectResponse(f"/login?next={quote(request.url.path)}", 303, SAFE)
            return await handler(request)

        return guarded

    def _form(self, onward: str, *, wrong: bool = False) -> Response:
        content = tag(
            "form",
            tag("h1", "bokun-sync"),
            tag("p", "That is not the password.", role="alert") if wrong else None,
            tag("label", "Password", for_="password"),
            tag("input", id="password", name="password", type="password", required=True,
                autocomplete="current-password", autofocus=True),
            tag("button", "Log in", type="submit"),
            method="post",
            action=f"/login?next={quote(onward)}",
            class_="login",
        )  # fmt: skip
        return self._page("Log in", content, status=401 if wrong else 200, known=False)

    def _page(
        self, title: str, content: Child, *, status: int = 200, live: bool = False, known: bool = True
    ) -> Response:
        html = page.frame(title, content, static=self.version, live=live, known=known)
        return HTMLResponse(html, status, SAFE)


def site(settings: Settings, services: Services) -> Site:
    """The page under these settings."""
    setting = settings.page_password.get_secret_value()
    files = {each.name: (_KINDS[each.suffix], each.read_bytes()) for each in _STATIC.iterdir() if each.suffix in _KINDS}
    version = hashlib.sha256(b"".join(content for _, (_, content) in sorted(files.items()))).hexdigest()[:12]
    return Site(
        services=services,
        periods={name: each["schedule"] for name, each in beat_schedule(settings).items()},
        password=Password.of(setting),
        sessions=Sessions.under(setting, settings.secret_key.get_secret_value(), services.clock),
        throttle=Throttle(services.monotonic),
        loopback=is_loopback(settings.host),
        files=files,
        version=version,
    )


async def _read(reading: Callable[[], T]) -> T:
    """A reading of the database beside the event loop; 503 where it does not answer."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.to_thread(reading)
    except (TimeoutError, DBAPIError):
        raise Refused(503, "the database does not answer", **{"retry-after": "5"}) from None


async def _password(request: Request) -> str:
    body = await read_body(request, largest=4096)
    try:
        return parse_qs(body.decode("utf-8", "replace"), max_num_fields=8).get("password", [""])[0]
    except ValueError:
        return ""


def _same_origin(request: Request) -> bool:
    """A form on somebody else's page logs nobody in."""
    origin = request.headers.get("origin")
    return origin is None or origin.split("://")[-1] == request.headers.get("host", "")


def _onward(path: str) -> str:
    """Where to go after the login: one of our own pages."""
    return path if path.startswith("/bookings/") and path.isprintable() and "\\" not in path else "/"

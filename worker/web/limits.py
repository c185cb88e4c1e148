"""Bounds what comes before a body: headers, whatever the server in front lets through."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from worker.web.refusals import Refusal, Refused

MOST_HEADERS = 100
MOST_BYTES = 16 * 1024


class HeaderLimits:
    """Answers 431 to more or longer headers than any honest caller sends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _too_much(scope):
            refusal = Refusal(Refused(431, "the headers are too large"), where="headers")
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _too_much(scope: Scope) -> bool:
    headers = scope["headers"]
    size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    for name, value in headers:
        size += len(name) + len(value)
    return len(headers) > MOST_HEADERS or size > MOST_BYTES

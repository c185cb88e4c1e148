"""Bounds what comes before a body: headers, whatever the server in front lets through."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.web.refusals import BODY_ENDED, Refusal, Refused

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
        await self._app(scope, _remembering(scope, receive), send)


def _remembering(scope: Scope, receive: Receive) -> Receive:
    """The same, and the scope says once the body has come to its end: who reads on after that waits for ever."""

    async def remembered() -> Message:
        message = await receive()
        if not message.get("more_body"):
            scope[BODY_ENDED] = True
        return message

    return remembered


def _too_much(scope: Scope) -> bool:
    headers = scope["headers"]
    size = sum(len(name) + len(value) for name, value in headers) + len(scope.get("raw_path") or b"")
    return len(headers) > MOST_HEADERS or size + len(scope["query_string"]) > MOST_BYTES

"""A refused request: one status, one reason, one log line, and never a word of the body."""

from __future__ import annotations

import asyncio

import structlog
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

log = structlog.get_logger()
BODY_ENDED = "bokun_sync.body_ended"
"""The scope has it once the body was read to its end: who reads on after that waits for ever."""
_LINGER_SECONDS = 2.0
_LINGER_BYTES = 16 * 1024 * 1024


class Refused(Exception):
    """This request is not served, and why; the reason names no personal data and no secret."""

    def __init__(self, status: int, because: str, **headers: str) -> None:
        super().__init__(because)
        self.status = status
        self.because = because
        self.headers = headers


class Refusal(PlainTextResponse):
    """Says no at once, and then reads on for a moment: a sender that is cut while it sends never sees the answer."""

    def __init__(self, refused: Refused, *, where: str) -> None:
        headers = {"connection": "close", "cache-control": "no-store", **refused.headers}
        super().__init__(f"{refused.because}\n", refused.status, headers)
        log.warning("request.refused", status=refused.status, because=refused.because, where=where)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(start)
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        if BODY_ENDED not in scope:
            await _drain(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    left = _LINGER_BYTES
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
    except TimeoutError:
        return

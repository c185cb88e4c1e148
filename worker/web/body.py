"""Reads a body that a stranger sends: so large, so slow and so deep, and no further."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

from worker.calls import json
from worker.web.refusals import BODY_ENDED, Refused

LARGEST = 1024 * 1024
SECONDS = 2.0
DEEPEST = 64
_NESTED = (dict, list)


async def read_body(request: Request, *, largest: int = LARGEST, seconds: float = SECONDS) -> bytes:
    """The whole body; Refused for one that is too large (declared or not), too slow, or cut off."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:19]) > largest:
        raise Refused(413, "the body is too large")
    try:
        async with asyncio.timeout(seconds):
            return await _collect(request, largest)
    except TimeoutError:
        raise Refused(408, "the body came too slowly") from None


async def read_json(request: Request) -> Any:
    """The body as JSON that is not nested too deep."""
    try:
        value = json.loads(await read_body(request))
    except json.NotJson:
        raise Refused(400, "the body is not JSON") from None
    if _deeper(value, DEEPEST):
        raise Refused(400, "the body is nested too deep")
    return value


async def _collect(request: Request, largest: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the body was cut off")
        if not (more := message.get("more_body", False)):
            request.scope[BODY_ENDED] = True
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > largest:
            raise Refused(413, "the body is too large")
    return b"".join(pieces)


def _deeper(value: Any, than: int) -> bool:
    """Level by level, without recursion: the value may be deeper than Python's stack."""
    level = [value]
    for _ in range(than):
        level = [child for each in level if isinstance(each, _NESTED) for child in _children(each)]
        if not level:
            return False
    return True


def _children(value: dict[str, Any] | list[Any]) -> Any:
    return value.values() if isinstance(value, dict) else value

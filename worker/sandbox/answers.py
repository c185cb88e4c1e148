"""How both remotes answer: exact JSON, and a limit on calls."""

import math
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from worker.sandbox.exact import Json, dumps, parse

JSON = "application/json;charset=utf-8"


def answer(value: object, headers: Mapping[str, str] | None = None) -> Response:
    """Answers 200 with JSON."""
    return Response(dumps(value), media_type=JSON, headers=headers)


def refused(status: int, value: Json, headers: Mapping[str, str] | None = None) -> Response:
    """Answers an error with JSON."""
    return Response(dumps(value), status, media_type=JSON, headers=headers)


async def body_of(request: Request) -> Json | None:
    """Gives the JSON object that was sent, nothing if it is none."""
    try:
        return parse(await request.body() or b"{}")
    except ValueError:
        return None


class Limit:
    """A sliding window: so many calls in so much time."""

    def __init__(self, window: timedelta) -> None:
        self._window = window
        self._calls: deque[datetime] = deque()

    def take(self, now: datetime, most: int | None) -> int:
        """Counts one call; gives the seconds to wait when it is one too many."""
        while self._calls and self._calls[0] <= now - self._window:
            self._calls.popleft()
        if most is not None and len(self._calls) >= most:
            return math.ceil((self._calls[0] + self._window - now).total_seconds()) or 1
        self._calls.append(now)
        return 0

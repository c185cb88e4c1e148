"""Sending a call to a remote: signed, paced, and its answer read into what the caller asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlsplit

from worker.calls import json
from worker.calls.call import Call, UnexpectedShape
from worker.calls.limiter import Limit, Limiter, TooLong
from worker.calls.wire import Reply, Request, Silence, Wire
from worker.domain.retry import LONGEST_ASKED

T = TypeVar("T")
_READ_LIMIT = 16 * 1024 * 1024
_EFFECT_LIMIT = 1024 * 1024
Signer = Callable[[str, str], Mapping[str, str]]
"""Gets method and encoded target, returns the headers that authenticate them."""


class Failure(StrEnum):
    """Why a reading call brought nothing."""

    CREDENTIALS = "credentials"
    GONE = "gone"
    BUSY = "busy"
    REFUSED = "refused"
    STRANGE = "strange"
    """A 2xx of another shape than documented: asking again would bring the same."""
    UNAVAILABLE = "unavailable"


class CallFailed(Exception):
    """A call whose answer cannot be used; carries facts, the caller decides."""

    def __init__(
        self, failure: Failure, sentence: str, *, status: int | None = None, asked: timedelta | None = None
    ) -> None:
        super().__init__(sentence)
        self.failure = failure
        self.sentence = sentence
        self.status = status
        self.asked = asked


@dataclass(frozen=True, slots=True)
class Seen:
    """One call as metrics and logs see it."""

    remote: str
    call: str
    outcome: str
    seconds: float


Within = Callable[[int, float], AbstractContextManager[object]]
"""Gets a call's place and the seconds it took; what is told of the call is told within."""
_NO_PLACE = Silence(began=False, why="RateLimit")


@dataclass(frozen=True)
class Remote:
    """One side of the bridge under one set of credentials."""

    name: str
    base: str
    sign: Signer
    wire: Wire
    limiter: Limiter
    limit: Limit
    redirects_mean: Failure
    """A redirect is Bokun's way to refuse a key (bokun.md 1.5); elsewhere it says nothing."""
    clock: Callable[[], datetime]
    seen: Callable[[Seen], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep
    patience: float = 30.0
    """Seconds that a call may wait for its place in the rate limit."""

    def send(
        self,
        call: Call[Any],
        *,
        send_until: float | None = None,
        key: str | None = None,
        patience: float | None = None,
    ) -> Reply | Silence:
        """One try; a call that found no place in the rate limit was not sent."""
        if not self._has_place(self.patience if patience is None else patience):
            return _NO_PLACE
        started = time.perf_counter()
        answer = self.wire.send(self._request(call, send_until, key))
        self._met(call, answer, time.perf_counter() - started)
        return answer

    def fetch(self, call: Call[T]) -> T:
        """The typed answer; CallFailed with its kind for anything else."""
        return self._read(call, self.send(call))

    def fetch_all(
        self, calls: Sequence[Call[T]], *, at_once: int, within: Within
    ) -> Iterator[tuple[int, T | CallFailed]]:
        """What each of these calls brought, with its place among them, as the answers come; so many calls at once."""
        started: list[float] = []

        def requests() -> Iterator[Request]:
            for call in calls:
                if not self._has_place(self.patience):
                    return  # nor do those behind it
                started.append(time.perf_counter())
                yield self._request(call, None, None)

        unsent = _NO_PLACE
        for place, answer in self.wire.send_all(requests(), at_once=at_once):
            seconds = time.perf_counter() - started[place]
            with within(place, seconds):
                self._met(calls[place], answer, seconds)
            if isinstance(answer, Silence) and not answer.began:
                unsent = answer
            got = self._caught(calls[place], answer)
            yield place, got
        for place in range(len(started), len(calls)):
            got = self._caught(calls[place], unsent)
            yield place, got

    def _has_place(self, patience: float) -> bool:
        """Waits for a place in the rate limit; False where none comes in time."""
        try:
            wait = self.limiter.take(self.limit, longest=patience)
        except TooLong:
            return False
        if wait:  # a sleep of nothing gives way to all other threads
            self.sleep(wait)
        return True

    def _met(self, call: Call[Any], answer: Reply | Silence, seconds: float) -> None:
        self.seen(Seen(self.name, call.name, _word(answer), seconds))
        if isinstance(answer, Reply) and answer.status == 429:
            self.limiter.pause(self.limit, (asked(answer, self.clock()) or timedelta(seconds=1)).total_seconds())

    def _caught(self, call: Call[T], answer: Reply | Silence) -> T | CallFailed:
        try:
            return self._read(call, answer)
        except CallFailed as failed:
            return failed

    def _read(self, call: Call[T], answer: Reply | Silence) -> T:
        if isinstance(answer, Silence):
            raise CallFailed(Failure.UNAVAILABLE, f"{self.name} did not answer ({answer.why})")
        if not 200 <= answer.status < 300:
            raise self._failed(answer)
        return read(call, answer, self.name)

    def _request(self, call: Call[Any], send_until: float | None, key: str | None) -> Request:
        headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "bokun-sync"}
        if call.body is not None:
            headers["content-type"] = "application/json;charset=UTF-8"
        if key is not None:
            headers["x-request-id"] = key  # honoured by the successor API only (space-invoices.md 5.7); harmless here
        headers.update(self.sign(call.method, urlsplit(self.base).path + call.path))
        largest = _READ_LIMIT if call.repeatable else _EFFECT_LIMIT
        return Request(call.method, self.base + call.path, headers, call.body, send_until, largest)

    def _failed(self, reply: Reply) -> CallFailed:
        kinds = {401: Failure.CREDENTIALS, 403: Failure.CREDENTIALS, 404: Failure.GONE, 429: Failure.BUSY}
        if 300 <= reply.status < 400:
            kind = self.redirects_mean
        elif 400 <= reply.status < 500 or reply.status == 501:
            kind = kinds.get(reply.status, Failure.REFUSED)
        else:
            kind = Failure.UNAVAILABLE
        sentence = f"{self.name} answered {reply.status}"
        if words := message(reply):
            sentence = f"{sentence}: {words}"
        return CallFailed(kind, sentence, status=reply.status, asked=asked(reply, self.clock()))


def read(call: Call[T], reply: Reply, remote: str) -> T:
    """What a 2xx answer holds; CallFailed where it is not of the documented shape."""
    if reply.body is None:
        raise CallFailed(Failure.UNAVAILABLE, f"{remote}'s answer was cut or too large", status=reply.status)
    try:
        return call.read(call.parse(reply.body) if reply.body.strip() else None, reply.headers)
    except json.NotJson:
        raise CallFailed(Failure.UNAVAILABLE, f"{remote}'s answer is not JSON", status=reply.status) from None
    except UnexpectedShape as wrong:
        raise CallFailed(
            Failure.STRANGE, f"{remote}'s answer has another shape: {wrong}", status=reply.status
        ) from None


def asked(reply: Reply, now: datetime) -> timedelta | None:
    """The wait that Retry-After asks for, seconds or a date, an hour at most; None where it says nothing usable.

    Cut here, because it also closes the rate limit for everybody: one absurd number would be for ever.
    """
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text.lstrip("0")[:9] or 0)), LONGEST_ASKED)
    try:
        return min(max(parsedate_to_datetime(text) - now, timedelta(0)), LONGEST_ASKED)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def message(reply: Reply) -> str:
    """The remote's own words about a refusal (LoopBack's `error.message`, Bokun's `message`), at most 300 letters."""
    try:
        body = json.loads(reply.body or b"null")
    except json.NotJson:
        return ""
    error = body.get("error", body) if isinstance(body, dict) else None
    if isinstance(error, dict):
        error = error.get("message") or error.get("errorDescription") or error.get("name")
    return " ".join(error.split())[:300] if isinstance(error, str) else ""


def _word(answer: Reply | Silence) -> str:
    return str(answer.status) if isinstance(answer, Reply) else ("unanswered" if answer.began else "not-sent")

"""A limit of calls kept by all workers together: a token bucket in Redis, and a careful share of it without Redis.

The bucket is the generic cell rate algorithm: one number, the theoretical arrival time of the next call, says how long
the caller must wait, and a call takes its place in the same step. In any window as long as the limit's period no more
calls start than the limit allows, because what the bucket lets through at once is taken off the steady rate.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

CAREFUL_SHARE = 0.25
"""The part of a limit that one process takes while Redis, which would know of the others, is away."""
_ASK_AGAIN = 5.0
HANDFUL_LASTS = 0.05
"""Seconds after which places that were taken together and not used are forgotten."""

_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local interval, tolerance, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local more = (tonumber(ARGV[4]) - 1) * interval
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local open = tonumber(redis.call('GET', KEYS[2]) or '0')
local wait = math.max(arrival - tolerance - now, open - now, 0)
if wait > longest then return {-math.ceil(wait), 0} end
if wait > 0 or arrival + more - tolerance - now > 0 then more = 0 end
local next = math.max(arrival, now + wait) + interval + more
redis.call('SET', KEYS[1], string.format('%.3f', next), 'PX', math.ceil(next - now + 60000))
return {math.ceil(wait), more > 0 and 1 or 0}
"""
_PAUSE = """
local clock = redis.call('TIME')
local open = clock[1] * 1000 + clock[2] / 1000 + tonumber(ARGV[1])
if open > tonumber(redis.call('GET', KEYS[1]) or '0') then
  redis.call('SET', KEYS[1], string.format('%.3f', open), 'PX', math.ceil(tonumber(ARGV[1]) + 1000))
end
return 1
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls in so many seconds, for everyone who shares the key."""

    key: str
    calls: int
    seconds: float

    @property
    def burst(self) -> int:
        return max(1, round(self.calls * 0.03))

    @property
    def handful(self) -> int:
        """So many places a process may take at once where they are plenty: a hundredth of a second's, a hundred at most."""
        return max(1, min(100, int(self.calls / self.seconds * 0.01)))

    @property
    def interval(self) -> float:
        """Seconds between calls at the steady rate, the burst taken off it.

        A place that was taken with others is used up to `HANDFUL_LASTS` later, so a window holds that much more of them.
        """
        late = HANDFUL_LASTS if self.handful > 1 else 0.0
        return (self.seconds + late) / max(1, self.calls - self.burst)


class TooLong(Exception):
    """The next free place is further away than the caller can wait; `seconds` says how far."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the next call is allowed in {seconds:.1f} s")
        self.seconds = seconds


class Limiter(Protocol):
    """Keeps limits."""

    def take(self, limit: Limit, *, longest: float) -> float:
        """Takes the next place and returns the seconds to wait for it; TooLong, taking none, past `longest`."""

    def pause(self, limit: Limit, seconds: float) -> None:
        """Nobody takes a place for so many seconds (Retry-After)."""


class LocalLimiter:
    """The same bucket for the threads of one process."""

    def __init__(self, *, share: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._monotonic = monotonic
        self._arrivals: dict[str, float] = {}
        self._closed_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, limit: Limit, *, longest: float) -> float:
        interval = limit.interval / self._share
        tolerance = (max(1, round(limit.burst * self._share)) - 1) * interval
        with self._lock:
            now = self._monotonic()
            arrival = max(self._arrivals.get(limit.key, 0.0), now)
            wait = max(arrival - tolerance - now, self._closed_until.get(limit.key, 0.0) - now, 0.0)
            if wait > longest:
                raise TooLong(wait)
            self._arrivals[limit.key] = max(arrival, now + wait) + interval
        return wait

    def pause(self, limit: Limit, seconds: float) -> None:
        with self._lock:
            until = self._monotonic() + seconds
            self._closed_until[limit.key] = max(until, self._closed_until.get(limit.key, 0.0))


class SharedLimiter:
    """The bucket in Redis; while Redis is away, a careful local share, and Redis is asked again now and then."""

    def __init__(self, client: redis.Redis, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._take = client.register_script(_TAKE)
        self._pause = client.register_script(_PAUSE)
        self._alone = LocalLimiter(share=CAREFUL_SHARE, monotonic=monotonic)
        self._monotonic = monotonic
        self._away_until = 0.0
        self._handfuls: dict[str, tuple[int, float]] = {}
        """By limit: the places that are left of those taken at once, and until when."""
        self._lock = threading.Lock()
        self._asking = threading.Lock()

    def take(self, limit: Limit, *, longest: float) -> float:
        """Where places are plenty some are taken at once, and the next calls need not ask Redis.

        One thread asks at a time, once half of the handful's time is over; meanwhile the others use what is left of it.
        """
        if self._in_hand(limit, lasting=0.0 if self._asking.locked() else HANDFUL_LASTS / 2):
            return 0.0
        with self._asking:
            if self._in_hand(limit, lasting=HANDFUL_LASTS / 2):  # somebody else's asking brought it
                return 0.0
            return self._ask(limit, longest)

    def _in_hand(self, limit: Limit, *, lasting: float) -> bool:
        """Takes a place of the last handful, if that lasts longer than so many seconds."""
        with self._lock:
            left, until = self._handfuls.get(limit.key, (0, 0.0))
            if not left or until - self._monotonic() <= lasting:
                return False
            self._handfuls[limit.key] = left - 1, until
            return True

    def _ask(self, limit: Limit, longest: float) -> float:
        if self._monotonic() >= self._away_until:
            try:
                return self._take_shared(limit, longest)
            except redis.RedisError:
                self._away_until = self._monotonic() + _ASK_AGAIN
        return self._alone.take(limit, longest=longest)

    def pause(self, limit: Limit, seconds: float) -> None:
        with self._asking:  # or what is being asked for would come after the pause
            with self._lock:
                self._handfuls.pop(limit.key, None)
            self._alone.pause(limit, seconds)
            try:
                self._pause(keys=[f"bokun:pause:{limit.key}"], args=[round(seconds * 1000)])
            except redis.RedisError:
                self._away_until = self._monotonic() + _ASK_AGAIN

    def _take_shared(self, limit: Limit, longest: float) -> float:
        interval = limit.interval * 1000
        keys = [f"bokun:rate:{limit.key}", f"bokun:pause:{limit.key}"]
        until = self._monotonic() + HANDFUL_LASTS  # from before Redis says yes
        args = [interval, (limit.burst - 1) * interval, longest * 1000, limit.handful]
        waited, more = cast("tuple[int, int]", self._take(keys=keys, args=args))
        if waited < 0:
            raise TooLong(-waited / 1000)
        if more:
            with self._lock:
                self._handfuls[limit.key] = limit.handful - 1, until
        return waited / 1000


def connect(url: str) -> redis.Redis:
    """A client that fails within a second instead of waiting for a frozen Redis (reliability.md C18)."""
    return redis.Redis.from_url(
        url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0), health_check_interval=15
    )

"""The rate limit that all workers share, in simulated time, and the careful share without Redis."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import fakeredis
import pytest
import redis
from hypothesis import given
from hypothesis import settings as thorough
from hypothesis import strategies as st

from worker.calls.limiter import CAREFUL_SHARE, HANDFUL_LASTS, Limit, LocalLimiter, SharedLimiter, TooLong

PER_SECOND = Limit("si", 100, 1.0)
PER_MINUTE = Limit("bokun", 400, 60.0)
limits = pytest.mark.parametrize("limit", [PER_SECOND, PER_MINUTE, Limit("few", 3, 1.0)], ids=lambda limit: limit.key)


class Time:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def starts(limiter, limit, time, gaps):
    """When calls start whose callers come after these gaps, none of them patient beyond a period."""
    found = []
    for gap in gaps:
        time.now += gap
        try:
            found.append(time.now + limiter.take(limit, longest=limit.seconds))
        except TooLong:
            continue
    return sorted(found)


def most_in_a_window(started, seconds):
    """The largest number of calls that start within one period, its end not included."""
    return max((sum(1 for each in started if first <= each < first + seconds - 1e-6) for first in started), default=0)


@limits
def test_a_crowd_never_passes_the_limit_in_any_window(limit):
    """However many come at once and go on coming, no window of the period sees more starts than allowed."""
    time = Time()
    started = starts(LocalLimiter(monotonic=time), limit, time, [limit.seconds / limit.calls / 3] * 3000)
    assert most_in_a_window(started, limit.seconds) <= limit.calls


@limits
def test_the_limit_is_nearly_used_up(limit):
    """Under a steady crowd at least nine tenths of the steady rate go out (one less for tiny limits)."""
    time = Time()
    started = starts(LocalLimiter(monotonic=time), limit, time, [limit.seconds / limit.calls / 3] * 3000)
    lasted = started[-1] - started[0]
    assert len(started) >= (limit.calls - limit.burst) * lasted / limit.seconds * 0.9


@thorough(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 0.5), max_size=120), st.integers(1, 30))
def test_no_pattern_of_arrivals_passes_the_limit(gaps, calls):
    """Bursts, pauses and trickles alike stay within the limit in every window."""
    time, limit = Time(), Limit("any", calls, 1.0)
    started = starts(LocalLimiter(monotonic=time), limit, time, gaps)
    assert most_in_a_window(started, 1.0) <= calls


def test_too_long_takes_no_place():
    """Who goes away because the wait is too long leaves the place to the next."""
    time, limit = Time(), Limit("one", 2, 1.0)
    limiter = LocalLimiter(monotonic=time)
    limiter.take(limit, longest=0)
    for _ in range(5):
        with pytest.raises(TooLong) as refused:
            limiter.take(limit, longest=0.5)
        assert refused.value.seconds == pytest.approx(1.0)
    time.now += 1.0
    assert limiter.take(limit, longest=0) == 0


def test_a_pause_is_kept_by_everybody_and_never_shortened():
    """After Retry-After the next call waits for its end; a shorter pause does not open the door again."""
    limiter = LocalLimiter(monotonic=Time())
    limiter.pause(PER_SECOND, 30)
    limiter.pause(PER_SECOND, 1)
    assert limiter.take(PER_SECOND, longest=60) == 30


def test_limits_do_not_disturb_one_another():
    """Another key has its own bucket and its own pauses."""
    limiter = LocalLimiter(monotonic=Time())
    limiter.pause(PER_SECOND, 30)
    assert limiter.take(PER_MINUTE, longest=0) == 0


@pytest.fixture
def server():
    return fakeredis.FakeServer()


def client(server):
    return SharedLimiter(fakeredis.FakeStrictRedis(server=server))


def test_two_workers_share_one_bucket(server):
    """What one takes the other waits for: all waits together are those of one queue."""
    limit = Limit("shared", 10, 10.0)
    both = [client(server), client(server)]
    waits = [both[n % 2].take(limit, longest=60) for n in range(8)]
    steps = [later - earlier for earlier, later in pairwise(waits)]
    assert waits[0] == 0
    assert all(step == pytest.approx(limit.interval, abs=0.1) for step in steps)


def test_a_pause_of_one_worker_is_kept_by_the_other(server):
    """Retry-After seen by one closes the door for all."""
    one, two = client(server), client(server)
    one.pause(PER_SECOND, 30)
    assert two.take(PER_SECOND, longest=60) == pytest.approx(30, abs=0.2)


def test_a_shared_place_is_not_taken_by_who_goes_away(server):
    """TooLong leaves the shared bucket as it was."""
    limit = Limit("shared", 2, 10.0)
    one, two = client(server), client(server)
    one.take(limit, longest=0)
    for _ in range(5):
        with pytest.raises(TooLong):
            two.take(limit, longest=1)
    assert two.take(limit, longest=60) == pytest.approx(10, abs=0.2)


def test_what_redis_keeps_ends_by_itself(server):
    """Both keys expire, so that a limit that is no longer used leaves nothing behind."""
    one = client(server)
    one.take(PER_SECOND, longest=0)
    one.pause(PER_SECOND, 5)
    seen = fakeredis.FakeStrictRedis(server=server)
    assert {key: 0 < seen.pttl(key) <= 61_000 for key in sorted(seen.keys())} == {
        b"bokun:pause:si": True, b"bokun:rate:si": True}  # fmt: skip


def test_without_redis_each_worker_takes_a_careful_share(server):
    """Redis away: no error, and at most a quarter of the limit per process."""
    time = Time()
    server.connected = False
    limiter = SharedLimiter(fakeredis.FakeStrictRedis(server=server), monotonic=time)
    started = starts(limiter, PER_SECOND, time, [0.004] * 1000)
    assert 0 < most_in_a_window(started, 1.0) <= PER_SECOND.calls * CAREFUL_SHARE


def test_redis_is_asked_again_after_a_while(server):
    """A worker that lost Redis goes back to the shared bucket once Redis is there."""
    time, limit = Time(), Limit("shared", 2, 100.0)
    limiter = SharedLimiter(fakeredis.FakeStrictRedis(server=server), monotonic=time)
    server.connected = False
    limiter.take(limit, longest=0)
    server.connected = True
    client(server).take(limit, longest=0)
    time.now += 6
    with pytest.raises(TooLong):
        limiter.take(limit, longest=1)


def test_a_pause_that_redis_did_not_hear_is_kept_by_ourselves(server):
    """With Redis away the one who was told to wait waits."""
    server.connected = False
    limiter = SharedLimiter(fakeredis.FakeStrictRedis(server=server), monotonic=Time())
    limiter.pause(PER_SECOND, 30)
    assert limiter.take(PER_SECOND, longest=60) == 30


def test_a_frozen_redis_fails_within_a_second():
    """The client gives up on a Redis that does not answer, without trying again."""
    from worker.calls.limiter import connect

    made = connect("redis://127.0.0.1:1/0")
    said = made.connection_pool.connection_kwargs
    assert (said["socket_timeout"], said["socket_connect_timeout"], said["retry"].get_retries()) == (1, 1, 0)
    with pytest.raises(redis.ConnectionError):
        made.ping()
    made.close()


PLENTY = Limit("plenty", 10_000, 1.0)


def booked(server):
    """What Redis holds of the limit with plenty of places: when its next place would be free."""
    return fakeredis.FakeStrictRedis(server=server).get("bokun:rate:plenty")


def test_where_places_are_plenty_a_handful_is_taken_at_once(server):
    """A hundred calls book one handful in Redis; the next one books the next."""
    limiter = SharedLimiter(fakeredis.FakeStrictRedis(server=server), monotonic=Time())
    limiter.take(PLENTY, longest=0)
    first = booked(server)
    for _ in range(PLENTY.handful - 1):
        assert limiter.take(PLENTY, longest=0) == 0
    assert booked(server) == first
    limiter.take(PLENTY, longest=0)
    assert float(booked(server)) > float(first)


def test_places_that_were_not_used_in_time_are_forgotten(server):
    """A handful does not wait for calls that come later: they would crowd a window that was not theirs."""
    time = Time()
    limiter = SharedLimiter(fakeredis.FakeStrictRedis(server=server), monotonic=time)
    limiter.take(PLENTY, longest=0)
    first = booked(server)
    time.now += HANDFUL_LASTS
    limiter.take(PLENTY, longest=0)
    assert float(booked(server)) > float(first)


def test_a_pause_ends_a_handful(server):
    """Who was told to wait does not go on with what is left of it."""
    limiter = SharedLimiter(fakeredis.FakeStrictRedis(server=server), monotonic=Time())
    limiter.take(PLENTY, longest=0)
    limiter.pause(PLENTY, 30)
    assert limiter.take(PLENTY, longest=60) == pytest.approx(30, abs=0.2)


class Slow(fakeredis.FakeStrictRedis):
    """Answers once it is let."""

    def __init__(self, server):
        super().__init__(server=server)
        self.asked, self.let = threading.Event(), threading.Event()
        self.let.set()

    def execute_command(self, *words, **options):
        self.asked.set()
        self.let.wait(10)
        return super().execute_command(*words, **options)


@pytest.fixture
def asking(server):
    """A limiter whose handful is past its half, a thread that asks Redis for the next one, and the Redis it waits for."""
    redis, time = Slow(server), Time()
    limiter = SharedLimiter(redis, monotonic=time)
    limiter.take(PLENTY, longest=0)
    time.now += HANDFUL_LASTS * 0.6
    redis.asked.clear()
    redis.let.clear()
    with ThreadPoolExecutor(2) as pool:
        asker = pool.submit(limiter.take, PLENTY, longest=0)
        assert redis.asked.wait(5)
        try:
            yield limiter, redis, pool, asker
        finally:
            redis.let.set()


def test_while_one_asks_for_the_next_places_the_others_use_what_is_left(asking, server):
    """A call does not wait for somebody else's answer while there is a place in hand, and the answer is worth the next."""
    limiter, redis, pool, asker = asking
    first = booked(server)
    assert [pool.submit(limiter.take, PLENTY, longest=0).result(2) for _ in range(10)] == [0.0] * 10
    assert booked(server) == first
    redis.let.set()
    assert asker.result(5) == 0
    assert float(booked(server)) > float(first)


def test_places_that_were_being_asked_for_do_not_outlive_a_pause(asking):
    """A pause waits for the answer and drops it: nobody goes on with what came after it."""
    limiter, redis, pool, asker = asking
    paused = pool.submit(limiter.pause, PLENTY, 30)
    redis.let.set()
    assert asker.result(5) == 0
    paused.result(5)
    assert limiter.take(PLENTY, longest=60) == pytest.approx(30, abs=0.2)


@thorough(max_examples=200, deadline=None)
@given(st.integers(1, 200_000), st.sampled_from([1.0, 60.0]))
def test_late_places_are_taken_off_the_steady_rate(calls, seconds):
    """A window's own places and those taken up to a handful's life before it are together within the limit."""
    limit = Limit("any", calls, seconds)
    late = HANDFUL_LASTS if limit.handful > 1 else 0.0
    assert limit.burst + (seconds + late) / limit.interval <= max(calls, 2) * (1 + 1e-9)
    assert limit.handful <= max(1, limit.burst)

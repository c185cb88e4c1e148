"""Sending a call: its headers, its place in the rate limit, and what an answer is to the one who asked."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.builders import NOW, OneByOne
from tests.edges.peer import Peer
from worker.calls.call import Call, UnexpectedShape, target
from worker.calls.limiter import Limit, LocalLimiter
from worker.calls.sending import CallFailed, Failure, Remote, Seen, asked, message
from worker.calls.tracing import untraced
from worker.calls.wire import Reply, Silence, Wire

HOUR = timedelta(hours=1)


@dataclass
class Recorded(OneByOne):
    """A wire that keeps what it was given and answers from a list, the last answer again and again."""

    answers: list
    requests: list = field(default_factory=list)

    def send(self, request):
        self.requests.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def reply(status=200, body=b"{}", **headers):
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def remote(*answers, calls=1000, **said):
    usual = {
        "name": "Bokun",
        "base": "http://127.0.0.1:1/v1",
        "sign": lambda method, path: {"x-signed": f"{method} {path}"},
        "wire": Recorded(list(answers) or [reply()]),
        "limiter": LocalLimiter(monotonic=lambda: 5.0),
        "limit": Limit("key", calls, 1.0),
        "redirects_mean": Failure.CREDENTIALS,
        "clock": lambda: NOW,
        "sleep": lambda _: None,
    }
    return Remote(**(usual | said))


def get(**said):
    usual = {"name": "x", "method": "GET", "path": "/Bokun/1?filter=%7B%7D", "read": lambda body, _: body}
    return Call(**(usual | said))


def failed(*answers, **said):
    with pytest.raises(CallFailed) as caught:
        remote(*answers, **said).fetch(get())
    return caught.value


def test_what_is_signed_is_the_whole_encoded_target():
    """The base's own path and the query belong to it, exactly as sent."""
    far = remote()
    far.fetch(get())
    [request] = far.wire.requests
    assert (request.url, request.headers["x-signed"]) == (
        "http://127.0.0.1:1/v1/Bokun/1?filter=%7B%7D", "GET /v1/Bokun/1?filter=%7B%7D")  # fmt: skip


def test_a_call_asks_for_json_unpacked_and_names_nobody():
    """Headers say what we take; a body has its type, a key goes along where there is one."""
    far = remote()
    far.send(get(method="POST", body="{}", repeatable=False), key="k1", send_until=9.0)
    [request] = far.wire.requests
    assert {name: request.headers[name] for name in ("accept", "accept-encoding", "user-agent", "x-request-id")} == {
        "accept": "application/json", "accept-encoding": "identity", "user-agent": "bokun-sync", "x-request-id": "k1",
    }  # fmt: skip
    assert (request.headers["content-type"], request.body) == ("application/json;charset=UTF-8", "{}")
    assert (request.send_until, request.largest) == (9.0, 1024 * 1024)


def test_a_2xx_is_read_by_the_call():
    """The parsed body and the headers go to the call's own reader, numbers exact."""
    call = get(read=lambda body, headers: (str(body["n"]), headers["x-total-count"]))
    assert remote(reply(body=b'{"n": 1.10}', x_total_count="3")).fetch(call) == ("1.10", "3")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(401), Failure.CREDENTIALS),
        (reply(403), Failure.CREDENTIALS),
        (reply(303), Failure.CREDENTIALS),
        (reply(404), Failure.GONE),
        (reply(429), Failure.BUSY),
        (reply(400), Failure.REFUSED),
        (reply(422), Failure.REFUSED),
        (reply(500), Failure.UNAVAILABLE),
        (reply(503), Failure.UNAVAILABLE),
        (reply(199), Failure.UNAVAILABLE),
        (reply(200, b"<html>"), Failure.UNAVAILABLE),
        (reply(200, b'{"a": NaN}'), Failure.UNAVAILABLE),
        (reply(200, b"\xff\xfe{}"), Failure.UNAVAILABLE),
        (reply(200, None), Failure.UNAVAILABLE),
        (Silence(True, "ReadTimeout"), Failure.UNAVAILABLE),
        (Silence(False, "ConnectError"), Failure.UNAVAILABLE),
    ],
    ids=lambda value: str(getattr(value, "status", getattr(value, "value", "silence"))),
)
def test_what_brings_nothing_has_a_kind(answer, kind):
    """Everything but a 2xx of the documented shape fails with its kind."""
    assert failed(answer).failure is kind


def test_a_redirect_means_what_the_remote_means_by_it():
    """Only Bokun refuses a key by a redirect."""
    found = [failed(reply(302), redirects_mean=kind).failure for kind in (Failure.CREDENTIALS, Failure.UNAVAILABLE)]
    assert found == [Failure.CREDENTIALS, Failure.UNAVAILABLE]


def test_another_shape_is_strange():
    """A 2xx of another shape is not asked for again, and the sentence says what was expected, not what was seen."""

    def refuse(_body, _headers):
        raise UnexpectedShape("a list was expected")

    with pytest.raises(CallFailed, match="Bokun's answer has another shape: a list was expected") as caught:
        remote(reply(body=b'{"name": "Ada"}')).fetch(get(read=refuse))
    assert (caught.value.failure, caught.value.status) == (Failure.STRANGE, 200)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"statusCode": 422, "message": "The  name\\n is blank."}}', "The name is blank."),
        (b'{"error": {"name": "ValidationError"}}', "ValidationError"),
        (b'{"message": "Booking 7 not found.", "fields": {}}', "Booking 7 not found."),
        (b'{"error": "no"}', "no"),
        (b"<html>", ""),
        (b"", ""),
        (b"[1]", ""),
        (b'{"error": {"message": {"deep": 1}}}', ""),
        (b'{"message": "' + b"x" * 900 + b'"}', "x" * 300),
    ],
)
def test_the_remotes_own_words_are_kept_short(body, words):
    """The message of LoopBack or Bokun, in one line of at most 300 letters."""
    assert message(reply(422, body)) == words


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("120", timedelta(seconds=120)),
        ("0", timedelta(0)),
        ("007", timedelta(seconds=7)),
        ("3600", HOUR),
        ("3601", HOUR),
        ("999999999", HOUR),
        ("9" * 40, HOUR),
        ("Tue, 01 Jul 2025 12:00:30 GMT", timedelta(seconds=30)),
        ("Tue, 01 Jul 2025 11:00:00 GMT", timedelta(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", HOUR),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
    ],
)
def test_a_wait_is_seconds_or_a_date_within_an_hour(said, wait):
    """Retry-After is read in both forms and cut; what says nothing usable says nothing."""
    assert asked(reply(429, retry_after=said), NOW) == wait


def test_no_header_asks_for_no_wait():
    """Without Retry-After the backoff is ours."""
    assert asked(reply(503), NOW) is None


def test_a_call_waits_for_its_place():
    """The seconds to the next free place are slept, then the call goes out."""
    slept = []
    far = remote(calls=2, sleep=slept.append)
    for _ in range(2):
        far.send(get())
    assert ([round(each, 3) for each in slept], len(far.wire.requests)) == ([1.0], 2)


def test_a_call_that_finds_no_place_is_not_sent():
    """Past its patience it is refused by ourselves, and took no place."""
    far = remote(calls=2)
    found = [far.send(get(), patience=0.5) for _ in range(3)]
    assert found[1:] == [Silence(began=False, why="RateLimit")] * 2
    assert len(far.wire.requests) == 1


def test_a_429_closes_the_door_for_everybody():
    """After Too Many Requests nobody of this limit calls before the time asked for."""
    far = remote(reply(429, retry_after="60"), reply())
    far.send(get())
    assert far.send(get(), patience=59) == Silence(began=False, why="RateLimit")
    assert isinstance(far.send(get(), patience=61), Reply)


def test_many_calls_bring_each_its_own():
    """Each is read or has its own kind of failure, at its own place, and is seen within what the caller opened for it."""
    seen, within = [], []

    @contextmanager
    def open_for(place, seconds):
        within.append(place)
        yield
        within.append((place, seconds >= 0, seen[-1].outcome))

    far = remote(reply(body=b"1"), reply(404), Silence(True, "ReadTimeout"), reply(body=b"4"), seen=seen.append)
    calls = [get(path=f"/Bokun/{number}") for number in range(4)]
    found = dict(far.fetch_all(calls, at_once=2, within=open_for))
    assert [each.url[-1] for each in far.wire.requests] == ["0", "1", "2", "3"]
    assert (found[0], found[3]) == (1, 4)
    assert [found[place].failure for place in (1, 2)] == [Failure.GONE, Failure.UNAVAILABLE]
    words = ["200", "404", "unanswered", "200"]
    assert within == [each for place in range(4) for each in (place, (place, True, words[place]))]


def test_of_many_calls_those_that_find_no_place_are_not_sent():
    """Once the remote says that it is too much the rest of them stays here, and each says so."""
    far = remote(reply(body=b"1"), reply(429, retry_after="60"), reply())
    found = dict(far.fetch_all([get()] * 4, at_once=1, within=untraced))
    assert len(far.wire.requests) == 2
    assert (found[0], found[1].failure) == (1, Failure.BUSY)
    assert [found[place].sentence for place in (2, 3)] == ["Bokun did not answer (RateLimit)"] * 2


def test_of_many_calls_those_behind_one_that_found_nobody_say_the_same():
    """A remote that cannot be connected to costs the wait once, and every call has its answer."""
    peer = Peer(lambda _: None)
    peer.close()
    wire = Wire(timeout=1)
    far = remote(base=f"http://127.0.0.1:{peer.port}", wire=wire)
    found = dict(far.fetch_all([get()] * 5, at_once=2, within=untraced))
    wire.close()
    assert [found[place].sentence for place in range(5)] == ["Bokun did not answer (ConnectError)"] * 5


def test_each_call_is_seen_once_with_its_outcome():
    """Metrics hear of the remote, the call's name and a word, never of the address or its words."""
    seen = []
    far = remote(reply(201), Silence(True, "x"), Silence(False, "y"), seen=seen.append)
    for _ in range(3):
        far.send(get())
    assert all(isinstance(each, Seen) for each in seen)
    assert [(each.remote, each.call, each.outcome) for each in seen] == [
        ("Bokun", "x", word) for word in ("201", "unanswered", "not-sent")
    ]


@pytest.mark.parametrize(
    ("segments", "query", "path"),
    [
        (("Bokun", "a/b"), None, "/Bokun/a%2Fb"),
        (("Bokun", "../x?y#z"), None, "/Bokun/..%2Fx%3Fy%23z"),
        (("booking", 7), {"currency": "EUR", "lang": "EN"}, "/booking/7?currency=EUR&lang=EN"),
        (("o",), {"filter": '{"a": "é&"}'}, "/o?filter=%7B%22a%22%3A+%22%C3%A9%26%22%7D"),
    ],
)
def test_no_id_leaves_its_place_in_a_path(segments, query, path):
    """Each segment is quoted whole, each query value too."""
    assert target(*segments, query=query) == path

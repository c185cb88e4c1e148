"""What is refused: each once, with a reason, and never with a word of the body."""

import asyncio
import socket

import httpx
import pytest
from starlette.requests import Request

from tests.web.conftest import Serving
from tests.web.senders import APP_STORE, CLASSIC, app_store, signed
from worker.web import server
from worker.web.body import LARGEST, read_body
from worker.web.refusals import Refused

SECRETS_OF_A_TRAVELLER = "Ada Lovelace, passport 1234"


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large(serving, connected, inbox, chunked):
    """A body over 1 MiB is answered 413, declared or chunked."""
    body = b'{"bookingId": 7, "x": "' + b"x" * LARGEST + b'"}'
    sent = iter([body[:100], body[100:]]) if chunked else body
    assert httpx.post(serving.url + CLASSIC, content=sent).status_code == 413
    assert inbox() == []


def test_as_large_as_allowed(web, connected, inbox):
    """A body of 1 MiB is taken."""
    body = b'{"bookingId": 7, "x": "'
    assert web.post(CLASSIC, content=body + b"x" * (LARGEST - len(body) - 2) + b'"}').status_code == 200
    assert len(inbox()) == 2


def test_too_slow():
    """A body that does not come to its end in time is answered 408."""

    async def drip():
        await asyncio.sleep(0.005)
        return {"type": "http.request", "body": b"x", "more_body": True}

    request = Request({"type": "http", "method": "POST", "headers": []}, drip)
    with pytest.raises(Refused) as refused:
        asyncio.run(read_body(request, seconds=0.03))
    assert refused.value.status == 408


@pytest.mark.parametrize("before", [b"", b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"], ids=["first", "second"])
def test_silent_connection(told, services, monkeypatch, lines, before):
    """A connection that sends half a request is cut, whether it is its first or its second."""
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.05)
    with Serving(told, services) as serving, socket.create_connection(("127.0.0.1", serving.port)) as silent:
        silent.sendall(before + b"POST /webhooks/bokun HTTP/1.1\r\nhost: x\r\n")
        silent.settimeout(5)
        answered = b"".join(iter(lambda: silent.recv(1000), b""))
    assert answered.endswith(b"ok\n" if before else b"")
    assert [each["because"] for each in lines if each["event"] == "request.refused"] == ["no request came in time"]


@pytest.mark.parametrize("headers", [{f"x-{n}": "" for n in range(101)}, {"x-long": "x" * 17_000}])
def test_headers(web, headers):
    """More or longer headers than an honest caller sends are answered 431."""
    assert web.post(APP_STORE, headers=headers).status_code == 431


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (APP_STORE, {}, 401),
        (APP_STORE, signed(booking=None), 400),
        (APP_STORE + "/" + SECRETS_OF_A_TRAVELLER, {}, 404),
        ("/" + SECRETS_OF_A_TRAVELLER, {}, 404),
        (CLASSIC, {}, 400),
    ],
)
def test_logged_once(web, lines, path, headers, status):
    """Each refusal is one line with its status and reason; neither body, path nor headers are in it."""
    assert web.post(path, headers=headers, content=f'{{"x": "{SECRETS_OF_A_TRAVELLER}"}}').status_code == status
    assert [each["status"] for each in lines if each["event"] == "request.refused"] == [status]
    assert all(each.get("because") for each in lines if each["event"] == "request.refused")
    assert "Lovelace" not in str(lines)


def test_wrong_method(web):
    """A webhook's address answers only POST."""
    assert web.get(APP_STORE).status_code == 405


def test_counted(web, connected):
    """Webhooks are counted by kind, topic and status; an unsigned topic is not believed."""
    web.post(APP_STORE, headers={"x-bokun-topic": "bookings/update"})
    app_store(web)
    counted = [each for each in web.get("/metrics").text.splitlines() if each.startswith("bokun_sync_webhooks_total")]
    assert sorted(counted) == [
        'bokun_sync_webhooks_total{kind="app-store",status="200",topic="bookings/update"} 1.0',
        'bokun_sync_webhooks_total{kind="app-store",status="401",topic="none"} 1.0',
    ]

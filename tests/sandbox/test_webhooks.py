"""Webhooks out: signed, classic, and everything that goes wrong with them."""

import base64

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from worker.sandbox import bookings
from worker.sandbox.exact import loads
from worker.sandbox.server import Servers
from worker.sandbox.webhooks import sign

from .conftest import NOW

# Computed with openssl dgst -sha256 -hmac app-secret.
HEADERS = {"x-bokun-topic": "bookings/create", "x-bokun-booking-id": "Qm9va2luZzox", "content-type": "x"}


@pytest.fixture
def inbox():
    """Gives the address of a receiver and the calls it got."""
    calls = []

    async def receive(request):
        calls.append((request.url.path, dict(request.headers), loads(await request.body())))
        return Response(status_code=204)

    servers = Servers("127.0.0.1", [(0, Starlette(routes=[Route("/{rest:path}", receive, methods=["POST"])]))])
    servers.start()
    yield f"http://127.0.0.1:{servers.ports[0]}/hook", calls
    servers.stop()


@pytest.fixture
def after(sandbox, inbox):
    """Configures the webhooks, books two bookings, changes the first, and gives what arrived."""
    url, calls = inbox

    def run(**how):
        sandbox.webhooks.configure(url, "app-secret", **how)
        for number in (81_000_001, 81_000_002):
            sandbox.book(bookings.own_sale(number, NOW))
        sandbox.change(81_000_001, cancel=True)
        sandbox.webhooks.flush()
        return calls

    return run


@pytest.mark.parametrize(
    ("encoding", "signature"),
    [
        ("hex", "3c89536abb0dd205f2a4460eccaedb12faee7df90c8cb88ad8575c86b5501d14"),
        ("base64", "PIlTarsN0gXypEYOzK7bEvruffkMjLiK2FdchrVQHRQ="),
    ],
)
def test_the_signature_covers_the_sorted_headers(encoding, signature):
    """The signature is HMAC-SHA256 over `name=value` of the x-bokun headers, sorted and joined with &."""
    assert sign("app-secret", {**HEADERS, "x-bokun-hmac": "left out"}, encoding) == signature


def test_the_app_store_is_told_of_each_change(after):
    """Creating, then cancelling, is told with topics, ids in base64 and a true signature."""
    calls = after()
    topics = [headers["x-bokun-topic"] for _, headers, _ in calls]
    assert topics == ["bookings/create", "bookings/create", "bookings/cancel"]
    _, headers, body = calls[0]
    assert headers["x-bokun-hmac"] == sign("app-secret", headers)
    assert body == {"timestamp": "2025-07-01T12:00:00.000", "bookingId": headers["x-bokun-booking-id"]}
    assert base64.b64decode(headers["x-bokun-booking-id"] + "==") == b"Booking:81000001"


def numbers(calls):
    return [base64.b64decode(headers["x-bokun-booking-id"] + "==")[-1:].decode() for _, headers, _ in calls]


@pytest.mark.parametrize(
    ("mode", "arrived"),
    [("normal", "121"), ("lost", ""), ("repeated", "112211"), ("reordered", "211")],
)
def test_webhooks_get_lost_repeated_and_reordered(after, mode, arrived):
    """A mode loses all, doubles each, or lets the second overtake the first."""
    assert "".join(numbers(after(mode=mode))) == arrived


def test_a_forged_webhook_has_a_wrong_signature(after):
    """A forged webhook is signed with another secret."""
    headers = after(mode="forged")[0][1]
    assert headers["x-bokun-hmac"] != sign("app-secret", headers)


def test_an_oversized_webhook_is_over_a_mebibyte(after):
    """An oversized webhook is larger than any receiver should read."""
    assert int(after(mode="oversized")[0][1]["content-length"]) > 1024 * 1024


def test_a_classic_notification_is_the_booking(after, sandbox):
    """A classic notification is the booking itself with an action and no signature."""
    _, headers, body = after(kind="classic")[2]
    assert body == {**sandbox.booking(81_000_001), "action": "BOOKING_ITEM_CANCELLED"}
    assert [name for name in headers if name.startswith("x-bokun")] == []


def test_a_classic_notification_may_come_per_product(after):
    """The other shape is one call per product, with its booking inside."""
    bodies = [body for _, _, body in after(kind="classic-product")]
    assert [body["parentBooking"]["bookingId"] for body in bodies[:3]] == [81_000_001, 81_000_001, 81_000_002]
    assert [body["bookingId"] for body in bodies[:2]] == [810_000_011, 810_000_012]


def test_a_classic_notification_may_be_a_list(after):
    """A classic notification may be a list of one."""
    bodies = [body for _, _, body in after(kind="classic-array")]
    assert [[booking["bookingId"] for booking in body] for body in bodies] == [[81_000_001], [81_000_002], [81_000_001]]


def test_nobody_listening_is_remembered(sandbox):
    """A webhook that nobody takes is kept with no status."""
    sandbox.webhooks.configure("http://127.0.0.1:1/hook", "app-secret")
    sandbox.book(bookings.own_sale(81_000_001, NOW))
    sandbox.webhooks.flush()
    assert [(call["booking"], call["status"]) for call in sandbox.webhooks.sent] == [(81_000_001, None)]

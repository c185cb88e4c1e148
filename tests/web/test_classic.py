"""Classic notifications: unsigned, under a secret path, in every shape that was seen."""

import json
from pathlib import Path

import pytest

from tests.web.senders import APP_STORE, CLASSIC

SAMPLES = Path(__file__).parents[1] / "samples"


@pytest.mark.parametrize("name", sorted(each.name for each in SAMPLES.glob("webhook-classic-*.json")))
def test_real_ones(web, connected, inbox, name):
    """Real notifications are noticed by their booking's id."""
    content = (SAMPLES / name).read_bytes()
    assert web.post(CLASSIC, content=content).status_code == 200
    assert {booking for _, booking, _ in inbox()} == {json.loads(content)["bookingId"]}


@pytest.mark.parametrize(
    "body",
    [
        {"bookingId": 7, "action": "BOOKING_CONFIRMED", "activityBookings": []},
        {"bookingId": 7},
        {"id": 99, "parentBooking": {"bookingId": 7}, "action": "BOOKING_ITEM_CANCELLED"},
        [{"bookingId": 7}],
        [{"id": 99, "parentBooking": {"id": 7}}],
    ],
)
def test_shapes(web, connected, inbox, body):
    """A booking, one product of it, a list of one of these, with or without an action: the cart's id counts."""
    assert web.post(CLASSIC, json=body).status_code == 200
    assert inbox() == [("c1", 7, "webhook"), ("c2", 7, "webhook")]


@pytest.mark.parametrize("body", [{}, [], None, 7, "7", {"bookingId": "../7"}, [{"bookingId": 7}, {"bookingId": 8}]])
def test_no_usable_id(web, connected, inbox, body):
    """A body without one usable id is answered 400."""
    assert web.post(CLASSIC, json=body).status_code == 400
    assert inbox() == []


@pytest.mark.parametrize("token", ["wrong", "path-tokenx", "ÿ", "%00", "path-token/more", ""])
def test_wrong_path(web, connected, inbox, token):
    """Under any other path it is answered 404, and nothing of the body is read."""
    assert web.post(f"{APP_STORE}/{token}", content=b"not json").status_code == 404
    assert inbox() == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<booking/>",
        b'{"bookingId": 7',
        b'{"bookingId": NaN}',
        b'{"bookingId": ' + b"9" * 5000 + b"}",
        b'{"bookingId": 7, "deep": ' + b"[" * 100 + b"]" * 100 + b"}",
        b"[" * 100_000,
        '{"bookingId": 7}'.encode("utf-16"),
    ],
)
def test_not_json(web, connected, inbox, content):
    """What is no JSON as we take it, or nested too deep, is answered 400."""
    assert web.post(CLASSIC, content=content).status_code == 400
    assert inbox() == []


@pytest.mark.parametrize(
    "content", [b'{"bookingId": 7, "note": "\\u0000\\ud800"}', b'{"bookingId": 8, "bookingId": 7}']
)
def test_poison(web, connected, inbox, content):
    """Text that no database takes is harmless, because nothing but the id is kept."""
    assert web.post(CLASSIC, content=content).status_code == 200
    assert {booking for _, booking, _ in inbox()} == {7}

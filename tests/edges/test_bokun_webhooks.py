"""Webhooks: who sent them and which booking they are about."""

import base64
import hmac

import pytest
from bokun_samples import TOUR, WEBSITE, at, sample
from hypothesis import given
from hypothesis import strategies as st

from worker.bokun.webhooks import booking_id_from_body, booking_id_from_headers, topic, verify

SECRET = "s3cret"
HEADERS = {
    "x-bokun-apikey": "key",
    "X-Bokun-Topic": "bookings/update",
    "x-bokun-vendor-id": "VmVuZG9yOjQ",
    "x-bokun-booking-id": "37648",
    "content-type": "application/json",
}
# Written out by hand: lower case, sorted, joined by &, without the signature and without other headers.
MESSAGE = b"x-bokun-apikey=key&x-bokun-booking-id=37648&x-bokun-topic=bookings/update&x-bokun-vendor-id=VmVuZG9yOjQ"
DIGEST = hmac.digest(SECRET.encode(), MESSAGE, "sha256")
BASE64 = base64.b64encode(DIGEST).decode()


@pytest.mark.parametrize("signature", [DIGEST.hex(), DIGEST.hex().upper(), BASE64, BASE64.rstrip("="), f" {BASE64} "])
def test_signed(signature):
    """A signature is taken in hex and in base64."""
    assert verify({**HEADERS, "X-Bokun-Hmac": signature}, [SECRET])


@pytest.mark.parametrize(
    ("changed", "secrets"),
    [
        ({}, []),
        ({}, [""]),
        ({}, ["other"]),
        ({"x-bokun-hmac": ""}, [SECRET]),
        ({"x-bokun-hmac": DIGEST.hex()[:-1]}, [SECRET]),
        ({"x-bokun-hmac": BASE64.lower()}, [SECRET]),
        ({"x-bokun-hmac": "é\u20ac\ud800"}, [SECRET]),
        ({"x-bokun-booking-id": "37649"}, [SECRET]),
        ({"x-bokun-extra": "1"}, [SECRET]),
    ],
)
def test_refused(changed, secrets):
    """Another secret, another header or another signature is refused, and so is everything where no secret is known."""
    assert not verify({**HEADERS, "x-bokun-hmac": DIGEST.hex(), **changed}, secrets)


def test_no_signature():
    """Headers without a signature are refused."""
    assert not verify(HEADERS, [SECRET])


def test_rotation():
    """While secrets are rotated the old one still counts, at any place in the list."""
    assert verify({**HEADERS, "x-bokun-hmac": BASE64}, ["new", "", SECRET])


def test_non_ascii_header():
    """A header beyond ASCII is signed as the bytes that came."""
    digest = hmac.digest(SECRET.encode(), "x-bokun-topic=é".encode("latin-1"), "sha256")
    assert verify({"x-bokun-topic": "é", "x-bokun-hmac": digest.hex()}, [SECRET])


@given(
    st.dictionaries(st.sampled_from([*HEADERS, "x-bokun-hmac"]), st.text()),
    st.lists(st.text(st.characters(codec="utf-8"))),
)
def test_never_raises(headers, secrets):
    """Whatever the headers hold, they are answered with no."""
    assert not verify(headers, secrets)
    assert booking_id_from_headers(headers) is None or headers["x-bokun-booking-id"]


def test_topic():
    """The topic is read whatever the case of its header."""
    assert (topic(HEADERS), topic({})) == ("bookings/update", None)


@pytest.mark.parametrize("value", ["37648", " 37648 ", "Qm9va2luZzozNzY0OA", "Qm9va2luZzozNzY0OA=="])
def test_booking_id(value):
    """The signed booking id is digits, or base64 of `Booking:` and digits."""
    assert booking_id_from_headers({"X-Bokun-Booking-Id": value}) == 37648


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        "-1",
        "+1",
        "1.0",
        "1e3",
        "../1",
        "37648/",
        "٣٧",
        "1" * 20,
        "9223372036854775808",
        "VmVuZG9yOjQ",
        "é",
        "A",
    ],
)
def test_no_booking_id(value):
    """Anything else is no id, so that it cannot become part of a path."""
    assert booking_id_from_headers({"x-bokun-booking-id": value}) is None


def classic(**changes):
    return {**sample(WEBSITE), **changes}


def test_classic_shapes():
    """A classic notification names its cart as a booking, as a product of one, and in a list of one."""
    one = {**at(sample(WEBSITE), *TOUR), "parentBooking": {"bookingId": 80198796}}
    half = at(sample(WEBSITE), *TOUR)
    found = [booking_id_from_body(body) for body in (classic(), [classic()], one, [one], half)]
    assert found == [80198796] * 5


@pytest.mark.parametrize(
    "body",
    [
        None,
        7,
        "80198796",
        [],
        {},
        [{}],
        [classic(), classic()],
        classic(bookingId="x"),
        classic(bookingId=-1),
        {"bookingId": True},
    ],
)
def test_no_cart(body):
    """A body that names no cart names none; nothing is guessed."""
    assert booking_id_from_body(body) is None


def test_own_id_of_a_product():
    """A product's own id is never taken for its cart's."""
    assert (
        booking_id_from_body({"bookingId": 115937012, "parentBooking": {"confirmationCode": "VNDA-80198796"}}) is None
    )

"""Whatever a stranger sends, the answer is never a fault of ours."""

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import settings as settings_of
from tests.web.senders import APP_STORE, CLASSIC, signed

PATHS = ["/", APP_STORE, CLASSIC, "/webhooks/bokun/x", "/healthz", "/metrics", "/bookings", "/bookings/7", "/login",
         "/static/page.css"]  # fmt: skip
METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"]
NAMES = ["host", "cookie", "authorization", "content-length", "content-type", "origin", "x-forwarded-for", "range",
         "x-bokun-hmac", "x-bokun-topic", "x-bokun-booking-id", "x-bokun-vendor-id", "accept-encoding"]  # fmt: skip
LETTERS = st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")
QUIET = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
VALUES = st.text(LETTERS, max_size=60).map(lambda text: text.encode("latin-1"))
HEADERS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "bookingId", "parentBooking", "parentBookingId", "x"]), inner, max_size=4
    ),
    max_leaves=12,
)  # fmt: skip


@QUIET
@given(line=st.tuples(st.sampled_from(METHODS), st.sampled_from(PATHS)), headers=HEADERS, body=st.binary(max_size=200))
def test_requests(web, connected, line, headers, body):
    """Any method, headers and bytes at any of our addresses are answered below 500."""
    assert web.request(*line, headers=headers, content=body).status_code < 500


@QUIET
@given(tail=st.text(max_size=60), query=st.text(max_size=30))
@pytest.mark.parametrize("root", ["/", "/bookings/", "/webhooks/bokun/", "/static/", "/login/"])
def test_paths(web, root, tail, query):
    """Any path and query are answered below 500."""
    address = root + quote(tail, safe="/", errors="replace")
    assert web.get(address, params={"code": query, "next": query}).status_code < 500


@QUIET
@given(body=JSON)
def test_bodies(web, connected, body):
    """Any JSON at the classic address is stored or refused."""
    assert web.post(CLASSIC, content=json.dumps(body)).status_code in {200, 400}


@QUIET
@given(booking=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40), body=st.binary(max_size=60))
def test_signed(web, connected, booking, body):
    """Any id under a true signature is stored or refused."""
    assert web.post(APP_STORE, headers=signed(booking=booking), content=body).status_code in {200, 400}


@pytest.fixture
def locked(open_web, services):
    """The web process with a password that is quickly found wrong."""
    return open_web(settings_of(page_password="scrypt$"), services)


@QUIET
@given(form=st.dictionaries(st.sampled_from(["password", "next", "x"]), st.text(max_size=30), max_size=3))
def test_login_form(locked, form):
    """Any form at the login is answered below 500."""
    assert locked.post("/login", data=form).status_code < 500

"""App-store webhooks: signed headers, unsigned bodies."""

import pytest

from tests.builders import add, add_connection
from tests.web.senders import APP_STORE, app_store, signed
from worker.store import tables

BOTH = [("c1", 7, "webhook"), ("c2", 7, "webhook")]


@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("topic", ["bookings/create", "bookings/update", "bookings/cancel"])
def test_booking(web, connected, inbox, topic, encoding):
    """A signed webhook is a notice for every connection that is not gone, whichever way it writes its signature."""
    assert app_store(web, topic, encoding=encoding).status_code == 200
    assert inbox() == BOTH


def test_global_id(web, connected, inbox):
    """The booking id is read from Bokun's base64 form too."""
    assert app_store(web, booking="Qm9va2luZzo3").status_code == 200
    assert inbox() == BOTH


def test_rotation(web, connected, inbox):
    """While secrets rotate each of them is good."""
    assert [app_store(web, secret=each).status_code for each in ("older", "app-secret")] == [200, 200]
    assert inbox() == BOTH


@pytest.mark.parametrize(
    "spoiled",
    [
        {"x-bokun-hmac": "0" * 64},
        {"x-bokun-hmac": "ÿ".encode("latin-1")},
        {"x-bokun-hmac": ""},
        {"x-bokun-booking-id": "8"},
        {"x-bokun-more": "unsigned"},
    ],
)
def test_forged(web, connected, inbox, spoiled):
    """What is not signed, or is signed otherwise, is answered 401 and leaves no notice."""
    assert web.post(APP_STORE, headers={**signed(), **spoiled}, json={}).status_code == 401
    assert inbox() == []


def test_signed_header_twice(web, connected, inbox):
    """A signed header that comes twice is refused, because it is unclear which one was signed."""
    headers = [*signed().items(), ("x-bokun-booking-id", "8")]
    assert web.post(APP_STORE, headers=headers, json={}).status_code == 401
    assert inbox() == []


def test_no_secret(open_web, services, connected, inbox):
    """Without BOKUN_APP_SECRET no signature is good, the empty one neither."""
    from tests.builders import settings

    assert app_store(open_web(settings(), services), secret="").status_code == 401
    assert inbox() == []


@pytest.mark.parametrize("booking", [None, "", "0", "-7", "7/../8", "7.0", "Qm9va2luZzo", "9" * 20, "x" * 4000])
def test_unusable_id(web, connected, inbox, booking):
    """A signed id that is no positive number is answered 400."""
    assert app_store(web, booking=booking).status_code == 400
    assert inbox() == []


@pytest.mark.parametrize(
    "content",
    [b"", b"<x/>", b"[" * 100_000, b'{"a":' * 100 + b"1" + b"}" * 100, b'{"a": NaN}', b'{"a": ' + b"9" * 5000 + b"}"],
    ids=["empty", "XML", "bomb", "nested", "NaN", "digits"],
)
def test_poisoned_body(web, connected, inbox, content):
    """A signed webhook whose body is no JSON, or a bomb, is answered 400 and stores nothing."""
    assert app_store(web, content=content).status_code == 400
    assert inbox() == []


def test_replayed_later(web, connected, inbox, house):
    """A captured webhook is worth another look at the booking, a year later too, and no more than that."""
    house.sandbox.connect("Store")
    assert app_store(web, content=b'{"timestamp": "2020-01-01T00:00:00"}').status_code == 200
    house.clock.pass_by(days=365)
    assert [app_store(web, content=b'{"timestamp": "2020-01-01T00:00:00"}').status_code for _ in range(20)] == [
        200
    ] * 20
    assert inbox() == BOTH


def test_unknown_topic(web, connected, inbox):
    """An unknown topic is answered 200, counted, and stores nothing."""
    assert app_store(web, "experiences/update", booking=None).status_code == 200
    assert inbox() == []
    counted = 'bokun_sync_webhooks_total{kind="app-store",status="200",topic="other"} 1.0'
    assert counted in web.get("/metrics").text


def test_repeated(web, connected, inbox, house):
    """A repeated webhook is answered 200 and stays one notice, fresh again."""
    assert [app_store(web).status_code for _ in range(3)] == [200, 200, 200]
    assert inbox() == BOTH
    assert {version for (version,) in house.rows(tables.Notice, "version")} == {3}


def test_nobody_listens(web, inbox):
    """Before any connection is mirrored a webhook is answered 200: the first poll finds the booking."""
    assert app_store(web).status_code == 200
    assert inbox() == []


def test_uninstalled(web, connected, house, lines):
    """An uninstalled app pauses its connections once, with one alert."""
    assert [app_store(web, "apps/uninstall", booking=None).status_code for _ in range(2)] == [200, 200]
    paused = house.rows(tables.Connection, "id", "paused_at")
    assert paused == [("c1", house.clock()), ("c2", house.clock()), ("old", None)]
    assert [each["connection"] for each in lines if each["event"] == "app.uninstalled"] == [["c1", "c2"]]


def test_uninstalled_by_one_vendor(web, database, connected, house, clock):
    """Only the connections that could read the vendor's announced bookings are paused, once there are any."""
    app_store(web)
    booking = {"organization": "org-1", "confirmation_code": "X", "read_at": clock(), "status": "confirmed"}
    rest = dict.fromkeys(("revision", "facts", "flags", "decision", "rule", "because"), "")
    add(database, tables.Booking, connection_id="c2", booking_id=7, content="{}", decided_at=clock(), **booking, **rest)
    app_store(web, "apps/uninstall", booking=None)
    assert house.rows(tables.Connection, "id", "paused_at") == [("c1", None), ("c2", clock()), ("old", None)]


def test_paused_connection(web, database, inbox, clock):
    """A paused connection's notices are kept, so that resuming it has lost nothing."""
    add_connection(database, "c1", paused_at=clock())
    assert app_store(web).status_code == 200
    assert inbox() == [("c1", 7, "webhook")]

"""Who sees the page: this machine, or who knows the password."""

import pytest

from config.settings import is_loopback
from tests.builders import settings
from worker.web.login import COOKIE, Password, hash_password

PAGES = ["/", "/bookings/X", "/bookings?code=X"]


@pytest.fixture
def locked(open_web, services):
    """The web process for strangers, with a password."""
    told = settings(host="0.0.0.0", page_password=RIGHT, secret_key="")
    return open_web(told, services, url="https://sync.example", address="203.0.113.9")


RIGHT = "correct horse"


def log_in(web, password=RIGHT, **headers):
    """Sends the password."""
    return web.post("/login", data={"password": password}, headers=headers)


@pytest.mark.parametrize("path", PAGES)
def test_stranger(locked, path):
    """Without a session every page leads to the login, and says nothing."""
    answer = locked.get(path)
    assert (answer.status_code, answer.headers["location"].split("?")[0], answer.text) == (303, "/login", "")


def test_password(locked):
    """The password opens the page, by a cookie that no script and no other site gets."""
    cookie = log_in(locked).headers["set-cookie"]
    assert all(each in cookie for each in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"))
    assert locked.get("/").status_code == 200


def test_plain_http(open_web, services):
    """Over plain HTTP the cookie is not marked secure, or it would never come back."""
    told = settings(host="0.0.0.0", page_password=RIGHT)
    assert "Secure" not in log_in(open_web(told, services)).headers["set-cookie"]


@pytest.mark.parametrize("password", ["", "wrong", "correct horse ", "\x00", "x" * 3000])
def test_wrong_password(locked, password):
    """Anything else opens nothing."""
    assert log_in(locked, password).status_code == 401
    assert locked.get("/").status_code == 303


def test_rate_limit(locked):
    """After five wrong passwords an address waits, the right one too."""
    assert [log_in(locked, "wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    assert log_in(locked).status_code == 429


def test_foreign_form(locked):
    """A form on another site logs nobody in."""
    assert log_in(locked, origin="https://evil.example").status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", ".", "9999999999.", "9999999999.00", "ÿ.ÿ".encode(), "é.1"])
def test_forged_cookie(locked, cookie):
    """A cookie that we did not sign opens nothing."""
    value = cookie if isinstance(cookie, bytes) else cookie.encode()
    assert locked.get("/", headers={"cookie": COOKIE.encode() + b"=" + value}).status_code == 303


def test_session_ends(locked, clock):
    """A session ends after twelve hours."""
    log_in(locked)
    clock.pass_by(hours=13)
    assert locked.get("/").status_code == 303


@pytest.mark.parametrize("onward", ["//evil.example", "https://evil.example", "/\\evil", "/bookings/%0d%0aX: y", ""])
def test_no_open_redirect(locked, onward):
    """After the login nobody is sent away from here."""
    answer = locked.post("/login", params={"next": onward}, data={"password": RIGHT})
    assert answer.headers["location"].startswith("/")
    assert not answer.headers["location"].startswith(("//", "/\\"))


def test_hashed_setting(open_web, services):
    """The setting may hold the hash instead of the password."""
    told = settings(host="0.0.0.0", page_password=hash_password(RIGHT))
    web = open_web(told, services)
    assert [log_in(web, each).status_code for each in (told.page_password.get_secret_value(), RIGHT)] == [
        401,
        303,
    ]


@pytest.mark.parametrize("broken", ["scrypt$", "scrypt$a$b", "scrypt$$", "scrypt$YQ==$YQ=="])
def test_broken_hash(broken):
    """A hash that cannot be read fits no password."""
    assert not Password.of(broken).fits("")


def test_no_password_for_strangers(open_web, services):
    """Without a password a process that strangers can reach shows no page, but serves webhooks and health."""
    web = open_web(settings(host="0.0.0.0", webhook_token="t"), services)
    paths = [web.get(path).status_code for path in (*PAGES, "/healthz")]
    assert paths == [403, 403, 403, 200]
    assert web.post("/webhooks/bokun/t", json={"id": 7}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:8000"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"x-forwarded-for": "127.0.0.1"}, 403),
        ({"forwarded": "for=1"}, 403),
    ],
)
def test_loopback(web, headers, status):
    """On loopback it is open to this machine, not to what a proxy or a foreign page brings in."""
    assert web.get("/", headers=headers).status_code == status


def test_other_address(open_web, told, services):
    """An address that is not this machine's sees nothing, even where the process is bound to loopback."""
    assert open_web(told, services, address="203.0.113.9").get("/").status_code == 403


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("10.0.0.1", False)],
)
def test_is_loopback(host, loopback):
    """Loopback is this machine only; every address at once is not."""
    assert is_loopback(host) == loopback

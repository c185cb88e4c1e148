"""A sandbox with a clock of its own, and the two ways to call it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from worker.sandbox import Sandbox
from worker.sandbox.bokun import sign
from worker.sandbox.exact import dumps, loads

NOW = datetime(2025, 7, 1, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def pass_by(self, **span):
        self.now += timedelta(**span)


@dataclass
class Remote:
    """Calls one sandbox as the product would, with its own few lines of client."""

    sandbox: Sandbox
    http: httpx.Client

    def bokun(self, method, target, body=None, *, key=None, secret=None, at=None):
        date = (at or self.sandbox.world.clock()).strftime("%Y-%m-%d %H:%M:%S")
        key, secret = key or self.sandbox.access_key, secret or self.sandbox.secret_key
        signature = sign(secret, date=date, access_key=key, method=method, target=target)
        headers = {"X-Bokun-Date": date, "X-Bokun-AccessKey": key, "X-Bokun-Signature": signature}
        url = f"{self.sandbox.bokun_url}{target}"
        return self.http.request(method, url, headers=headers, content=dumps(body) if body is not None else None)

    def search(self, **query):
        return loads(self.bokun("POST", "/booking.json/booking-search", query).text)

    def invoices(self, method, path, body=None, *, token=None, **params):
        texts = {name: json.dumps(value) for name, value in params.items()}
        return self.http.request(
            method,
            f"{self.sandbox.space_invoices_url}{path}",
            headers={"Authorization": token or self.sandbox.token},
            params=texts,
            content=dumps(body) if body is not None else None,
        )

    def order(self, connection, booking, **custom):
        flags = {name: connection[name] for name in REQUIRED}
        body = {**booking, **flags, "custom": {"bokunSync": {"bookingId": booking["bookingId"], **custom}}}
        return self.invoices("POST", f"/Bokun/{connection['id']}/order", body)


REQUIRED = ("name", "active", "sendInvoiceAutomatically", "sendEstimateAutomatically")


@pytest.fixture(scope="session")
def http():
    with httpx.Client(trust_env=False, timeout=5, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        yield client


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sandbox(clock):
    with Sandbox(clock) as started:
        yield started


@pytest.fixture
def remote(sandbox, http):
    return Remote(sandbox, http)


@pytest.fixture
def issued(sandbox):
    """Gives type and total of every document, in the order of their issue."""

    def read():
        return [(document["type"], str(document["total"])) for document in sandbox.documents]

    return read

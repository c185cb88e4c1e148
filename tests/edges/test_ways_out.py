"""No id, payload, redirect or setting makes us call anything but the two remotes at their addresses (SSRF)."""

import json
import socket

import httpx
import pytest

from tests.builders import settings
from tests.web.senders import CLASSIC
from worker.calls.call import Call, target
from worker.sandbox import bookings
from worker.spaceinvoices.connections import order
from worker.web.app import build

A = 9_000_001
HOSTILE = ["..", ".", "../../Users", "../x", "//evil.example/x", "http://evil.example/", "a?b=c#d", "%2e%2e", "a/b",
           "x\r\nHost: evil.example", "@evil.example", "\\\\evil", "é", " "]  # fmt: skip


class Trap:
    """An address that nobody should ever call."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}/taken"

    @property
    def called(self):
        try:
            self.listening.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def trap():
    """The trap, closed at the end."""
    made = Trap()
    yield made
    made.listening.close()


@pytest.mark.parametrize("id_", HOSTILE)
def test_no_id_leaves_its_place(id_):
    """As httpx sends it, the request goes to our host, and the id is one segment between the two around it."""
    sent = httpx.Request("GET", "https://api.example/v1" + target("Bokun", id_, "order")).url
    before, after = b"/v1/Bokun/", b"/order"
    middle = sent.raw_path.removeprefix(before).removesuffix(after)
    assert (sent.host, sent.raw_path) == ("api.example", before + middle + after)
    assert not {b"/", b"?", b"#"} & {middle[at : at + 1] for at in range(len(middle))}
    assert middle not in {b"", b".", b".."}


@pytest.mark.parametrize("id_", HOSTILE)
def test_a_hostile_connection_id_reaches_no_other_endpoint(services, sandbox, id_):
    """Asked for such a connection, Space Invoices sees a call of that one endpoint, or none at all."""
    services.space_invoices.send(order(id_, "{}", delivery=1))
    paths = [each["path"] for each in sandbox.requests]
    assert all(each.startswith("/v1/Bokun/") and each.endswith("/order") for each in paths)
    assert not sandbox.documents


def test_addresses_in_a_booking_are_never_called(house, trap):
    """A booking whose every text is an address is told as it is, and nobody follows it."""
    made = json.loads(json.dumps(bookings.own_sale(A, house.clock()), default=str))
    made["customer"] = dict.fromkeys(("firstName", "lastName", "email", "website", "photo"), trap.url)
    made["externalBookingReference"] = made["webhookUrl"] = made["url"] = trap.url
    house.sandbox.connect()
    house.sandbox.book(made)
    house.drain(2)
    assert (house.documents, trap.called) == ([("invoice", A)], False)


def test_addresses_in_a_webhook_are_never_called(house, open_web_here, trap):
    """What a webhook says beside the id, its own host included, is asked by nobody."""
    house.sandbox.connect()
    house.sandbox.book(bookings.own_sale(A, house.clock()))
    house.mirror()
    headers = {"host": trap.url.split("/")[2], "x-forwarded-host": "evil.example", "referer": trap.url}
    body = {"bookingId": A, "callback": trap.url, "url": trap.url, "parentBooking": {"href": trap.url}}
    open_web_here.post(CLASSIC, json=body, headers=headers)
    house.drain(2)
    assert (house.documents, trap.called) == ([("invoice", A)], False)


@pytest.fixture
def open_web_here(services):
    """The web process in memory."""
    from starlette.testclient import TestClient

    told = settings(webhook_token=CLASSIC.rpartition("/")[2])
    with TestClient(build(told, services), base_url="http://127.0.0.1", client=("127.0.0.1", 50000)) as client:
        yield client


@pytest.mark.parametrize("remote", ["space-invoices", "bokun"])
def test_no_redirect_is_followed(house, trap, remote):
    """A remote that sends us elsewhere is not obeyed, whatever the call: neither order, token nor signature go there."""
    house.sandbox.connect()
    house.sandbox.book(bookings.own_sale(A, house.clock()))
    for code in (301, 302, 303, 307, 308):
        house.sandbox.faults.add(remote=remote, kind="status", code=code, headers={"Location": trap.url}, times=2)
    for _ in range(8):
        house.later(minutes=16)
    assert len(house.sandbox.faults.fired) > 3
    assert not trap.called


@pytest.mark.parametrize("name", ["space_invoices_url", "bokun_url", "alert_url"])
@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "gopher://127.0.0.1:70", "unix:///run/x", "//evil.example", "javascript:1"]
)
def test_a_setting_names_a_web_address_or_nothing_starts(name, address):
    """Whatever is no http address is refused before anything is called."""
    with pytest.raises(ValueError, match="must begin with http"):
        settings(**{name: address})


def test_a_call_is_made_of_segments(services):
    """Every call of ours begins at the base address: a path is no address."""
    call = Call("x", "GET", target("http://evil.example"), lambda body, _: body)
    assert services.space_invoices._request(call, None, None).url.startswith(services.space_invoices.base + "/http%3A")

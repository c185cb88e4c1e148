"""The operator's page: what it says, and what hostile text cannot make it say."""

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from tests.builders import NOW, add, add_connection, add_delivery
from tests.web.scenes import HOSTILE, ring
from worker.flow.stop import go, stop
from worker.sandbox.bookings import own_sale
from worker.store import tables
from worker.store.database import Database
from worker.web.html import tag
from worker.web.plot import nice, plot


@pytest.fixture
def ringing(database):
    """All bells were heard a moment ago."""
    ring(database)


def verdict(web):
    """The sentence at the top."""
    return re.search(r'role="status".*?<span>(.*?)</span>', web.get("/").text)[1]


def test_empty(web):
    """Before anything runs it says so, and what to start."""
    assert verdict(web) == "Not running: no bell is heard; start worker and beat."


def test_well(web, ringing, connected):
    """With every bell alive and nothing open it says that nobody is needed."""
    assert verdict(web) == "Running. Nothing needs you."


def test_silent_bell(web, ringing, clock):
    """A bell that is not heard for three periods is named."""
    clock.pass_by(seconds=300)
    assert (
        verdict(web)
        == "Not running: not heard in time: tasks.audit.watch, tasks.deliver.due, tasks.imports.due, tasks.plan.notices, tasks.reconcile.due."
    )


def test_stuck(web, ringing, database):
    """A delivery that is overdue for more than a quarter of an hour is told at the top, and how to find it."""
    add_delivery(database, due_at=NOW - timedelta(minutes=16))
    assert verdict(web) == "Running, but something is stuck. 1 thing needs you."


def test_needs(web, ringing, database):
    """What is held, unanswered, blocked, paused or silent is listed with its reason and the command that settles it."""
    add_connection(database, "c1", blocked_at=NOW, blocked_because="Bokun answered 303")
    add_connection(database, "c2", paused_at=NOW)
    add(database, tables.Silence, connection_id="c2", since=NOW, unannounced=3)
    held = add_delivery(database, state="held", reason="the amounts differ")
    add_delivery(database, booking_id=8, state="unknown", reason="no answer")
    page = web.get("/").text
    assert verdict(web) == "Running. 5 things need you."
    for said in (f"deliveries release {held} --because", f"deliveries settle {held} --because", "the amounts differ",
                 "no answer", "bokun-sync explain 8", "Bokun answered 303", "connections resume c2", "look broken"):  # fmt: skip
        assert said in page


def test_stopped(house, web, ringing):
    """While everything is stopped the page says so first, since when and why, with the command that ends it."""
    stop(house.services, because="wrong <tax> rate")
    page = web.get("/").text
    assert verdict(web) == "Running, but everything is stopped: nothing is sent. 1 thing needs you."
    assert "since 2025-07-01 12:00 UTC: wrong &lt;tax&gt; rate" in page
    assert "bokun-sync go" in page
    go(house.services)
    assert verdict(web) == "Running. Nothing needs you."


def test_asks(house, web, ringing):
    """A booking that asks for a person is listed under its code, which leads to its story."""
    house.sandbox.connect()
    house.sandbox.book(own_sale(7, NOW))
    house.drain(2)
    house.sandbox.change(7, cancel=True)
    house.later(minutes=1)
    page = web.get("/").text
    code = house.rows(tables.Booking, "confirmation_code")[0][0]
    assert "cancelled-after-document" in page
    assert web.get(re.search(r'href="(/bookings/[^"]+)"', page)[1]).text.count(code) > 1


def test_issued(house, web):
    """A document that was seen in Space Invoices is in the plot, in its table, and in the list."""
    house.sandbox.connect()
    house.sandbox.book(own_sale(7, NOW))
    house.drain(2)
    page = web.get("/").text
    assert re.search(r"<title>2025-07-01: 1 in (EUR|USD)</title>", page)
    assert "<td>2025-07-01</td><td>1</td>" in page
    assert "Seen last in Space Invoices" in page


def test_story(house, web):
    """The story has what explain tells: what happens next, the rule, the facts, every attempt and look."""
    house.sandbox.connect()
    house.sandbox.book(own_sale(7, NOW))
    house.drain(2)
    page = web.get("/bookings/7").text
    for said in ("on-arrival", "issueInvoiceOnComplete is off", "done: what the flags call for", "attempt", "accepted"):
        assert said in page


@pytest.mark.parametrize("code", ["NONE-1", "%00", "x" * 5000, "<script>", "a/b", "..%2F..", "9" * 30, "%ff"])
def test_unknown_booking(web, code):
    """A booking that nobody knows is a page that says so, whatever was asked for."""
    answer = web.get(f"/bookings/{code}")
    assert answer.status_code == 404
    assert "<script>" not in answer.text


def test_search(web):
    """The search leads to the booking's own address, quoted."""
    assert web.get("/bookings", params={"code": " A/B?#  "}).headers["location"] == "/bookings/A%2FB%3F%23"


class Elements(HTMLParser):
    """The elements and attributes that a browser would see."""

    def __init__(self, page):
        super().__init__()
        self.seen, self.attributes = set(), set()
        self.feed(page)

    def handle_starttag(self, name, attributes):
        self.seen.add(name)
        self.attributes |= {key for key, _ in attributes}


def test_hostile_text(web, database, ringing):
    """Whatever stands in names, codes and reasons stays text: no element, no attribute, no turned reading direction."""
    add_connection(database, "c1", name=HOSTILE, blocked_at=NOW, blocked_because=HOSTILE)
    values = {"organization": "org-1", "read_at": NOW, "decided_at": NOW, "status": HOSTILE, "flags": "{}"}
    rest = {"facts": "{}", "decision": "ask", "rule": HOSTILE, "because": HOSTILE, "revision": ""}
    add(database, tables.Booking, connection_id="c1", booking_id=7, confirmation_code=HOSTILE, **values, **rest)
    add_delivery(database, state="held", reason=HOSTILE, currency=HOSTILE)
    for path in ("/", "/bookings/7"):
        page = web.get(path).text
        elements = Elements(page)
        assert "img" not in elements.seen
        assert not any(each.startswith("on") for each in elements.attributes)
        assert page.count("<script") == (1 if path == "/" else 0)
        assert not set("\u202e\x00") & set(page)


@pytest.mark.parametrize("path", ["/", "/bookings/7", "/login"])
def test_headers(web, path):
    """Pages carry a policy that allows nothing but our own files, and are kept nowhere."""
    headers = web.get(path).headers
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert headers["cache-control"] == "no-store"


def test_own_files(web):
    """Every file the page names is ours, and is there."""
    page = web.get("/").text
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert [web.get(each).status_code for each in files] == [200, 200, 200]
    assert "//" not in re.sub(r"<!doctype html>", "", page)


def test_database_away(open_web, told, services, tmp_path):
    """Without its database the page is 503, in words."""
    web = open_web(told, replace(services, database=Database(f"sqlite:///{tmp_path}/none.db")))
    assert [web.get(each).status_code for each in ("/", "/bookings/7")] == [503, 503]


def test_markup():
    """Text is escaped wherever it stands, and only an element is markup."""
    made = tag("p", "<b>", [tag("b", "x"), None, 7], class_='"', aria_label="a&b", hidden=True, id=None)
    assert made == '<p class="&quot;" aria-label="a&amp;b" hidden>&lt;b&gt;<b>x</b>7</p>'


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 1), (1, 1), (3, 5), (6, 10), (10, 10), (11, 20), (99, 100), (101, 200)]
)
def test_axis(highest, top):
    """The axis ends at the next 1, 2 or 5 with zeros."""
    assert nice(highest) == top


def test_many_currencies():
    """More currencies than colours share the last one."""
    drawn = plot(["2025-07-01"], {("2025-07-01", f"C{n}"): 1 for n in range(9)})
    assert drawn.count('class="series-5"') == 4

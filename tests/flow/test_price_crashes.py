"""A price sync that dies at any of its steps: the next one leaves every list and price there once and right."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from tests.flow.test_crash_matrix import Mortal
from tests.price_lists import held, other, passenger, real, season, tiered
from tests.simulation.baton import Killed
from worker.flow import prices
from worker.flow.services import Until
from worker.store import connections
from worker.store import prices as store

EVERY = timedelta(hours=1)
STEPS, WRITES = 84, 19
"""The steps of the sync below, and its calls that change something; a test says so."""
KINDS = {(how, what) for how in ("create", "patch", "delete") for what in ("list", "price")}


def moved(prices_, first, last):
    """Every season of these dates."""
    for each in prices_["pricesByDateRange"]:
        each.update({"from": first, "to": last})
    return prices_


def before():
    """A season of one product, and another product with dates of its own."""
    return [real(), moved(other(5), "2026-03-01", "2026-04-01")]


def afterwards():
    """A season moved on and has tiers, another price and rates less; a new one; a product with its list gone, one more."""
    first, new = moved(tiered(real()), "2026-01-21", "2027-01-21"), moved(other(6), "2026-01-21", "2027-01-21")
    passenger(first, place=1)["price"]["amount"] = 190
    season(first, "2027-01-22", None, amount=7)
    for each in (*first["pricesByDateRange"], *new["pricesByDateRange"]):
        del each["rates"][1:]
    return [first, new]


class Sync(Mortal):
    """A connection whose prices are there, whose next sync is due and has everything to do."""

    def __init__(self, ground):
        super().__init__(ground)
        self.services = replace(self.services, terms=replace(self.services.terms, prices_every=EVERY))
        self.sent, self.last, self.late = [], 0, None
        self.send, self.wire.send = self.wire.send, self._send
        self.connection = self.remotes.connect("Store")["id"]
        self.sells(before())
        self.lives(["refresh", "prices"])
        self.sells(afterwards())
        self.sent.clear()
        self.clock.pass_by(seconds=EVERY.total_seconds() + 1)

    def sells(self, lists):
        self.remotes.world.products = {each["activityId"]: each for each in lists}

    def _bell(self, name):
        if name != "prices":
            super()._bell(name)
            return
        for connection in prices.due(self.services):
            prices.sync(self.services, connection, Until.seconds(self.services, 500))

    def _send(self, request):
        if request.method != "GET" and "bokun" not in request.url:
            self.sent.append(kind(request))
            if len(self.sent) == self.last:
                self.late = request
                raise Killed
        return self.send(request)

    def dies_on_the_wire(self, write):
        """The process dies with this call; what it sent is still under way."""
        self.last = write
        assert not self.lives(["prices"])
        self.last = 0

    def goes_on(self, after):
        """The next bell, so much later."""
        self.clock.pass_by(seconds=after.total_seconds() + 1)
        assert self.lives(["prices"])

    @property
    def row(self):
        """Who holds the sync, how often it failed in a row, and whether it is due."""
        with self.services.database.reading() as open_:
            found = store.get(open_, self.connection)
        return found.token, found.failures, found.due_at > self.clock()

    @property
    def rest(self):
        """How much a plan would do now."""
        with self.services.database.reading() as open_:
            connection = connections.get(open_, self.connection)
        return prices.plan_prices(self.services, connection).size


def kind(request):
    """What a call changes: a list or a price, and how."""
    last = urlsplit(request.url).path.rstrip("/").split("/")
    of = "list" if "riceLists" in last[-1 if request.method == "POST" else -2] else "price"
    return {"POST": "create", "PATCH": "patch", "DELETE": "delete"}[request.method], of


@pytest.fixture(scope="module")
def wanted(on_sqlite):
    """What Space Invoices holds after a sync that nothing disturbs."""
    whole = Sync(on_sqlite)
    assert whole.lives(["prices"])
    return held(whole.remotes)


def ended(sync):
    """What Space Invoices holds, what a plan would still do, and that the sync is let go of and due in an hour."""
    return held(sync.remotes), sync.rest, sync.row


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_dead_at_any_step_it_ends_the_same(ground, wanted, step):
    """Before and after each commit and each call: the sync after it leaves each list and price there once and right."""
    sync = Sync(ground)
    assert not sync.lives(["prices"], step)
    sync.goes_on(sync.services.terms.lease)
    assert ended(sync) == (wanted, 0, (None, 0, True))


@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_a_call_that_arrives_after_the_next_sync_is_put_right(ground, wanted, write):
    """The last call of a dead process that takes effect when another sync has done its work leaves no second list or price."""
    sync = Sync(ground)
    sync.dies_on_the_wire(write)
    sync.goes_on(sync.services.terms.lease)
    sync.wire._call(sync.late)
    sync.goes_on(EVERY)
    assert ended(sync) == (wanted, 0, (None, 0, True))


def test_the_sync_has_these_steps(on_sqlite, wanted):
    """The steps above are all that there are, and every kind of change is among them."""
    sync = Sync(on_sqlite)
    assert sync.lives(["prices"], STEPS + 1)
    assert (len(sync.sent), set(sync.sent)) == (WRITES, KINDS)

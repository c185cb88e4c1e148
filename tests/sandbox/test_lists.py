"""The lists of Space Invoices: create, find, count, change, soft delete."""

from pathlib import Path

import pytest
from starlette.routing import Route

from worker.sandbox.spaceinvoices import SpaceInvoices

SEED = Path(__file__).parent.parent / "samples" / "seed-endpoints.txt"
STORE = {"name": "Store", "active": True, "sendInvoiceAutomatically": True, "sendEstimateAutomatically": False}
LISTS = "/Organizations/org-1/priceLists"


def spoken(route: Route):
    return {f"{method} {route.path.replace('{id}', ':id')}" for method in route.methods - {"HEAD"}}


def test_all_endpoints_of_the_seeds_are_played(sandbox):
    """Every endpoint of both seeds has a route, and nothing but orders and documents comes on top."""
    routes = set().union(*(spoken(route) for route in SpaceInvoices(sandbox.world).routes()))
    extra = {
        "GET /v1/Orders/:id",
        *(f"GET /v1/Organizations/:id/{kind}{tail}" for kind in ("orders", "documents") for tail in ("", "/count")),
    }
    assert routes == set(SEED.read_text().split("\n")) - {""} | extra


def test_a_created_record_has_loopbacks_members(remote):
    """A created record keeps unknown members and gains id, times and the soft delete members."""
    made = remote.invoices("POST", "/Organizations/org-1/bokun", {**STORE, "anything": 1, "id": "mine"}).json()
    assert made.pop("id") != "mine"
    assert made == {
        **STORE,
        "anything": 1,
        "issueInvoiceForBankPayment": False,
        "issueInvoiceOnComplete": False,
        "custom": {},
        "organizationId": "org-1",
        "createdAt": "2025-07-01T12:00:00.000Z",
        "updatedAt": "2025-07-01T12:00:00.000Z",
        "_isDeleted": False,
        "deletedAt": None,
        "deletedId": None,
    }


def test_what_is_required_is_validated(remote):
    """A creation without a required member is a 422 that names the member."""
    answer = remote.invoices("POST", LISTS, {"type": "sale"})
    error = answer.json()["error"]
    assert (answer.status_code, error["name"]) == (422, "ValidationError")
    assert error["details"] == {
        "context": "PriceList",
        "codes": {"name": ["presence"]},
        "messages": {"name": ["can't be blank"]},
    }


def test_a_patch_is_partial(remote, sandbox, clock):
    """A patch changes the members it names and the time of the change, nothing else."""
    before = sandbox.connect("Store")
    clock.pass_by(minutes=1)
    after = remote.invoices("PATCH", f"/Bokun/{before['id']}", {"active": False, "_isDeleted": True}).json()
    assert after == {**before, "active": False, "updatedAt": "2025-07-01T12:01:00.000Z"}


def test_a_required_member_cannot_be_emptied(remote, sandbox):
    """A patch that sets a required member to null is a 422."""
    assert remote.invoices("PATCH", f"/Bokun/{sandbox.connect()['id']}", {"name": None}).status_code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/Bokun/nobody"), ("GET", "/PriceLists/nobody"), ("GET", "/Organizations/nobody/bokun")],
)
def test_an_unknown_record_is_not_found(remote, method, path):
    """A call about a record that does not exist is a 404 with the code MODEL_NOT_FOUND."""
    answer = remote.invoices(method, path, {} if method == "PATCH" else None)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "MODEL_NOT_FOUND")


def test_a_deleted_record_is_hidden(remote, sandbox):
    """A deleted record is counted out, not found, shown only on demand, and deleted only once."""
    path = f"/Bokun/{sandbox.connect()['id']}"
    counts = [remote.invoices("DELETE", path).json() for _ in range(2)]
    shown = remote.invoices("GET", "/Organizations/org-1/bokun").json()
    kept = remote.invoices("GET", "/Organizations/org-1/bokun", filter={"deleted": True}).json()
    assert (counts, shown) == ([{"count": 1}, {"count": 0}], [])
    assert [(row["_isDeleted"], row["deletedAt"]) for row in kept] == [(True, "2025-07-01T12:00:00.000Z")]
    assert remote.invoices("PATCH", path, {}).status_code == 404
    assert remote.invoices("GET", "/Organizations/org-1/bokun/count").json() == {"count": 0}


def test_a_find_gives_at_most_a_hundred(remote, sandbox):
    """A page holds 100 records whatever the limit, and the header tells how many there are."""
    for number in range(103):
        sandbox.connect(f"Store {number}")
    answer = remote.invoices("GET", "/Organizations/org-1/bokun", filter={"limit": 500})
    rest = remote.invoices("GET", "/Organizations/org-1/bokun", filter={"limit": 500, "skip": 100})
    assert (len(answer.json()), answer.headers["x-total-count"]) == (100, "103")
    assert [row["name"] for row in rest.json()] == ["Store 100", "Store 101", "Store 102"]


def test_a_malformed_filter_is_refused(remote, http, sandbox):
    """A filter that is no JSON is a 400 with LoopBack's error body."""
    url = f"{sandbox.space_invoices_url}/Organizations/org-1/bokun"
    answer = http.get(url, params={"filter": "{"}, headers={"Authorization": sandbox.token})
    error = {"statusCode": 400, "name": "Error", "message": "Cannot parse JSON-encoded object value"}
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_an_organization_sees_its_own(remote, sandbox):
    """A record belongs to one organization and shows in no other."""
    sandbox.add_organization("org-2")
    sandbox.connect("Theirs", "org-2")
    assert remote.invoices("GET", "/Organizations/org-1/bokun").json() == []


def test_prices_belong_to_their_list(remote):
    """A price is created, found, counted and changed below its own price list."""
    first, second = (remote.invoices("POST", LISTS, {"name": name}).json()["id"] for name in ("one", "two"))
    price = remote.invoices("POST", f"/PriceLists/{first}/prices", {"amount": 12.5}).json()
    changed = remote.invoices("PATCH", f"/Prices/{price['id']}", {"amount": 13}).json()
    found = [remote.invoices("GET", f"/PriceLists/{one}/prices").json() for one in (first, second)]
    counted = remote.invoices("GET", f"/PriceLists/{first}/prices/count", where={"amount": {"gt": 12}}).json()
    assert (found, counted) == ([[changed], []], {"count": 1})


def test_too_many_calls_are_turned_away(remote, sandbox, clock):
    """Past the limit of a second a call is a 429; a second later it is let in."""
    sandbox.knobs.space_invoices_calls_per_second = 1
    statuses = []
    for seconds in (0, 1, 0):
        statuses.append(remote.invoices("GET", "/Organizations/org-1/bokun").status_code)
        clock.pass_by(seconds=seconds)
    assert statuses == [200, 429, 200]


@pytest.mark.parametrize("token", ["Bearer sandbox-token", "nonsense"])
def test_only_the_bare_token_is_let_in(remote, token):
    """Anything but the bare token, a scheme word before it too, is a 401."""
    answer = remote.invoices("GET", "/Organizations/org-1/bokun", token=token)
    error = {"statusCode": 401, "name": "Error", "message": "Authorization Required", "code": "AUTHORIZATION_REQUIRED"}
    assert (answer.status_code, answer.json()) == (401, {"error": error})

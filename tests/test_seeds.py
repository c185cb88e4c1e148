"""The seeds are the contract: their 18 endpoints, compared with the client, the commands and the stand-in."""

import json
import re
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import typer

from worker.bokun.reduce import DOCUMENTED
from worker.cli.main import app
from worker.spaceinvoices import connections, pricelists, prices

SEEDS = Path(__file__).parent / "samples" / "seeds"
_SAMPLE = re.compile(r"fetch\('https://api\.spaceinvoices\.com(/v1/[^']+)',\s*\{\s*method: '([A-Z]+)'")


def endpoints(text):
    """The list at the head of a seed: `GET /v1/PriceLists/:id` and the like."""
    return re.findall(r"^\s*[-•]\s*((?:GET|POST|PATCH|DELETE) /v1/\S+)", text, re.MULTILINE)


def documented(text):
    """Each endpoint with what its own section shows: the body of the JavaScript sample, and the answer."""
    cuts = [*(found.start() for found in _SAMPLE.finditer(text)), len(text)]
    for start, end in pairwise(cuts):
        section = text[start:end]
        path, method = _SAMPLE.match(section).groups()
        yield f"{method} {path.replace('{id}', ':id')}", (_body(section), _answer(section))


def _body(section):
    found = re.search(r"body: JSON\.stringify\(\{(.*?)\}\)\s*\}\);", section, re.DOTALL)
    return {} if found is None else _object(found[1])


def _object(text):
    """A JavaScript object without quotes around its names."""
    return json.loads("{" + re.sub(r"(\w+): ", r'"\1": ', text).replace("'", '"') + "}")


def _answer(section):
    text = section[section.rindex("Response:") + len("Response:") :].lstrip()
    value, _ = json.JSONDecoder().raw_decode(text)
    return value


TEXTS = {name: (SEEDS / f"{name}.txt").read_text("utf-8").replace("\xa0", " ") for name in ("bokun", "price-list")}
SECTIONS = dict(found for text in TEXTS.values() for found in documented(text))
LISTED = [endpoint for text in TEXTS.values() for endpoint in endpoints(text)]

CALLS = {
    "GET /v1/Organizations/:id/bokun": lambda _: connections.find_connections(":id"),
    "POST /v1/Organizations/:id/bokun": lambda body: connections.create_connection(":id", body),
    "GET /v1/Organizations/:id/bokun/count": lambda _: connections.count_connections(":id"),
    "DELETE /v1/Bokun/:id": lambda _: connections.delete_connection(":id"),
    "PATCH /v1/Bokun/:id": lambda body: connections.patch_connection(":id", body),
    "POST /v1/Bokun/:id/order": lambda body: connections.order(":id", json.dumps(body), delivery=1),
    "POST /v1/Bokun/:id/import": lambda body: connections.import_(":id", body["type"], body["importOptions"]),
    "POST /v1/Organizations/:id/priceLists": lambda body: pricelists.create_price_list(":id", body),
    "GET /v1/PriceLists/:id": lambda _: pricelists.get_price_list(":id"),
    "GET /v1/Organizations/:id/priceLists": lambda _: pricelists.find_price_lists(":id"),
    "GET /v1/Organizations/:id/priceLists/count": lambda _: pricelists.count_price_lists(":id"),
    "PATCH /v1/PriceLists/:id": lambda body: pricelists.patch_price_list(":id", body),
    "DELETE /v1/PriceLists/:id": lambda _: pricelists.delete_price_list(":id"),
    "POST /v1/PriceLists/:id/prices": lambda body: prices.create_price(":id", body),
    "GET /v1/PriceLists/:id/prices": lambda _: prices.find_prices(":id"),
    "GET /v1/PriceLists/:id/prices/count": lambda _: prices.count_prices(":id"),
    "PATCH /v1/Prices/:id": lambda body: prices.patch_price(":id", body),
    "DELETE /v1/Prices/:id": lambda _: prices.delete_price(":id"),
}

COMMANDS = {
    "GET /v1/Organizations/:id/bokun": "connections list",
    "POST /v1/Organizations/:id/bokun": "connections create",
    "GET /v1/Organizations/:id/bokun/count": "connections count",
    "DELETE /v1/Bokun/:id": "connections delete",
    "PATCH /v1/Bokun/:id": "connections update",
    "POST /v1/Bokun/:id/order": "enqueue deliver",
    "POST /v1/Bokun/:id/import": "enqueue import",
    "POST /v1/Organizations/:id/priceLists": "pricelists create",
    "GET /v1/PriceLists/:id": "pricelists show",
    "GET /v1/Organizations/:id/priceLists": "pricelists list",
    "GET /v1/Organizations/:id/priceLists/count": "pricelists count",
    "PATCH /v1/PriceLists/:id": "pricelists update",
    "DELETE /v1/PriceLists/:id": "pricelists delete",
    "POST /v1/PriceLists/:id/prices": "prices create",
    "GET /v1/PriceLists/:id/prices": "prices list",
    "GET /v1/PriceLists/:id/prices/count": "prices count",
    "PATCH /v1/Prices/:id": "prices update",
    "DELETE /v1/Prices/:id": "prices delete",
}
NOT_TYPED_BY_PEOPLE = "POST /v1/Bokun/:id/order"
"""Its body is made of the booking and the connection; people say only that it may be sent."""


def test_the_seeds_are_read_whole():
    """Seven endpoints of Bokun and eleven of price lists, each listed once and each with a section of its own."""
    assert (len(endpoints(TEXTS["bokun"])), len(endpoints(TEXTS["price-list"]))) == (7, 11)
    assert sorted(LISTED) == sorted(SECTIONS)


def test_every_endpoint_is_a_call():
    """The client has a call for each endpoint of the seeds, and no other."""
    assert sorted(CALLS) == sorted(LISTED)


@pytest.mark.parametrize("endpoint", LISTED)
def test_the_call_is_the_endpoint(endpoint):
    """A call has the seed's method and path, and its body has exactly the properties of the seed."""
    body, _ = SECTIONS[endpoint]
    call = CALLS[endpoint](body)
    path = call.path.split("?")[0].replace("%3A", ":")
    assert (f"{call.method} /v1{path}", json.loads(call.body or "{}")) == (endpoint, body)


@pytest.mark.parametrize(
    ("module", "endpoint"),
    [
        (connections, "POST /v1/Organizations/:id/bokun"),
        (pricelists, "POST /v1/Organizations/:id/priceLists"),
        (prices, "POST /v1/PriceLists/:id/prices"),
    ],
)
def test_the_properties_are_the_seeds(module, endpoint):
    """What the client calls required, optional and read-only is what the seed's body and answer have."""
    body, answer = SECTIONS[endpoint]
    writable = {*module.REQUIRED, *module.OPTIONAL, "custom"}
    assert (writable, {*module.READ_ONLY} - writable) == (set(body), set(answer) - set(body))


def test_no_property_of_bokuns_takes_the_place_of_a_documented_one():
    """What is left out of Bokun's own JSON is what the seed documents for a connection, and no more."""
    body, _ = SECTIONS["POST /v1/Organizations/:id/bokun"]
    assert set(body) == DOCUMENTED


@pytest.mark.parametrize("endpoint", [each for each in LISTED if SECTIONS[each][0] and each != NOT_TYPED_BY_PEOPLE])
def test_required_properties_are_those_that_the_seed_marks(endpoint):
    """A property the seed marks as required is required by the client's vocabulary too."""
    text = next(text for text in TEXTS.values() if endpoint in text)
    section = text[text.rindex(endpoint) :] if text.count(endpoint) == 1 else text.split(endpoint)[2]
    properties = section[section.index("Properties") : section.index("const response")]
    marked = set(re.findall(r"(\w+) (?:string|boolean|number) required", properties))
    known = {*connections.REQUIRED, *pricelists.REQUIRED, *prices.REQUIRED, "type"}
    assert marked
    assert marked <= known


def command(words):
    group, name = words.split()
    return typer.main.get_command(app).commands[group].commands[name]


def options(words):
    """The names of a command's options and arguments, as the seed would write them."""
    names = [name for each in command(words).params for name in (each.name, *each.opts)]
    return {re.sub(r"[-_](\w)", lambda found: found[1].upper(), name.strip("-").strip("_")) for name in names}


def test_every_endpoint_is_a_command():
    """Each endpoint of the seeds can be reached from the command line."""
    assert sorted(COMMANDS) == sorted(LISTED)
    assert all(command(words).help for words in COMMANDS.values())


@pytest.mark.parametrize("endpoint", [each for each in LISTED if each != NOT_TYPED_BY_PEOPLE])
def test_options_are_named_after_the_seeds_properties(endpoint):
    """Each property of the seed's body can be said, under its name or (behaviour 10) without its last word."""
    body, _ = SECTIONS[endpoint]
    said = options(COMMANDS[endpoint])
    short = {"importOptions": "options", "priceListId": "priceList"}
    assert {name for name in body if name not in said and short.get(name) not in said} == set()


@pytest.mark.parametrize("endpoint", [each for each in LISTED if each.startswith("GET")])
def test_filters_are_options(endpoint):
    """A count takes `--where`, any other reading command the `--filter` of the seed; all print JSON."""
    wanted = {"where", "json"} if endpoint.endswith("/count") else {"filter", "json"}
    assert wanted <= options(COMMANDS[endpoint])


@pytest.mark.parametrize("endpoint", [each for each in LISTED if not each.startswith("GET")])
def test_what_writes_asks(endpoint):
    """Every command that changes something in Space Invoices takes `--yes`, because it asks without it."""
    assert "yes" in options(COMMANDS[endpoint])


@pytest.fixture
def ids(sandbox):
    """An id for each `:id` of the seeds: records of the stand-in with the seeds' own sample values."""
    world, at = sandbox.world, {"organizationId": sandbox.organization}
    connection = world.connections.create(SECTIONS["POST /v1/Organizations/:id/bokun"][0] | at)["id"]
    made = world.price_lists.create(SECTIONS["POST /v1/Organizations/:id/priceLists"][0] | at)["id"]
    price = world.prices.create(
        SECTIONS["POST /v1/PriceLists/:id/prices"][0] | {"priceListId": made, "organizationId": "org-1"}
    )["id"]
    return {"Organizations": sandbox.organization, "Bokun": connection, "PriceLists": made, "Prices": price}


@pytest.mark.parametrize("endpoint", LISTED)
def test_the_stand_in_answers_as_the_seed_shows(sandbox, ids, endpoint):
    """Asked with the seed's own sample body, the stand-in answers with at least the members of the seed's answer."""
    method, path = endpoint.split()
    body, answer = SECTIONS[endpoint]
    url = sandbox.space_invoices_url.removesuffix("/v1") + path.replace(":id", ids[path.split("/")[2]])
    said = httpx.request(method, url, headers={"Authorization": sandbox.token}, json=body or None, trust_env=False)
    assert (said.status_code, members(answer) - members(said.json())) == (200, set())


def members(answer):
    one = answer[0] if isinstance(answer, list) else answer
    return set(one)

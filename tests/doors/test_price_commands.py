"""The commands about connections, price lists and prices, as a person types them, against the sandbox."""

import pytest

from tests.price_lists import ADULT, PRODUCT, held, passenger, written


def test_a_price_list_from_the_command_line(shop):
    """Create, show, list, count, update and delete a price list; the properties have the seed's names."""
    made = shop("pricelists", "create", "--name", "Summer", "--active-from", "2026-05-01", "--active-to",
                "2026-09-30", "--client-id", "c1", "--custom", '{"erp": 5}', "--yes", "--json").json  # fmt: skip
    shown = {name: made[name] for name in ("name", "activeFrom", "activeTo", "clientId", "type", "custom")}
    assert shown == {"name": "Summer", "activeFrom": "2026-05-01T00:00:00.000Z", "clientId": "c1", "type": "sale",
                     "activeTo": "2026-09-30T23:59:59.999Z", "custom": {"erp": 5}}  # fmt: skip
    shop("pricelists", "update", made["id"], "--no-active", "--type", "purchase", "--yes")
    after = shop("pricelists", "show", made["id"], "--json").json
    assert (after["active"], after["type"], after["name"]) == (False, "purchase", "Summer")
    counts = [shop("pricelists", *words).out for words in (["count"], ["delete", made["id"], "--yes"], ["count"])]
    assert counts == ["1\n", "Deleted: 1.\n", "0\n"]


def test_a_price_from_the_command_line(shop):
    """Create, list, count, update and delete a price; its amount keeps the digits that were typed."""
    list_id = shop.neighbours.world.price_lists.create(
        {"name": "Summer", "organizationId": shop.neighbours.organization}
    )["id"]
    made = shop("prices", "create", list_id, "--amount", "49.90", "--item", "i1", "--yes", "--json").json
    shop("prices", "update", made["id"], "--amount", "52.00", "--yes")
    table = shop("prices", "list", list_id)
    assert (table.code, table.out.split()[-5:]) == (0, [made["id"], "52.00", "i1", "-", "-"])
    counts = [shop("prices", *words).out for words in (["count", list_id], ["delete", made["id"], "--yes"])]
    assert counts == ["1\n", "Deleted: 1.\n"]


def test_a_connection_from_the_command_line(shop):
    """Every property of the seed can be created and changed from the command line."""
    ids = ("business-premise", "electronic-device", "organization", "unit", "warehouse", "account")
    words = [word for name in ids for word in (f"--{name}-id", f"the-{name}")]
    made = shop("connections", "create", "--name", "New", "--locale", "sl", "--no-active", *words,
                "--issue-invoice-on-complete", "--custom", '{"a": 1}', "--yes", "--json").json  # fmt: skip
    assert (made["locale"], made["active"], made["unitId"], made["issueInvoiceOnComplete"], made["custom"]) == (
        "sl", False, "the-unit", True, {"a": 1},
    )  # fmt: skip
    after = shop("connections", "update", made["id"], "--active", "--yes", "--json").json
    assert {name for name in made if made[name] != after[name]} <= {"active", "updatedAt"}


def test_lists_are_filtered(shop):
    """`--where` and `--filter` go out as JSON: what fits, in the order and number asked for."""
    for name in ("b", "a", "c"):
        shop.neighbours.world.price_lists.create({"name": name, "organizationId": shop.neighbours.organization})
    words = ["--where", '{"name": {"neq": "c"}}', "--filter", '{"order": "name ASC", "where": {"active": true}}']
    found = shop("pricelists", "list", *words, "--json").json
    one = shop("pricelists", "list", "--filter", '{"order": "name DESC", "limit": 1, "skip": 1}', "--json").json
    assert [[each["name"] for each in some] for some in (found, one)] == [["a", "b"], ["b"]]
    assert shop("pricelists", "count", "--where", '{"name": "a"}', "--json").json == {"count": 1}


@pytest.mark.parametrize(
    "words",
    [
        ("pricelists", "list", "--where", "{bad"),
        ("pricelists", "list", "--filter", '["a"]'),
        ("pricelists", "list", "--filter", '{"wher": {}}'),
        ("pricelists", "list", "--filter", '{"limit": "all"}'),
        ("pricelists", "count", "--where", "5"),
        ("connections", "list", "--filter", "{bad"),
        ("pricelists", "create", "--name", "x", "--active-from", "soon", "--yes"),
        ("pricelists", "create", "--name", "x", "--custom", "[]", "--yes"),
        ("pricelists", "update", "x", "--yes"),
        ("prices", "create", "x", "--amount", "much", "--yes"),
        ("prices", "sync", "--currency", "euro"),
        ("prices", "sync", "--product", "abc"),
        ("prices", "map", "1|2", "item"),
        ("prices", "map", "1|2|3"),
    ],
)
def test_wrong_words_reach_nobody(shop, words):
    """What makes no sense is one line and exit code 2, and nothing is sent."""
    said = shop(*words)
    assert (said.code, said.out, bool(said.lines), shop.neighbours.requests) == (2, "", True, [])


@pytest.mark.parametrize(
    "words", [("pricelists", "delete", "x"), ("prices", "delete", "x"), ("connections", "delete", "x")]
)
def test_deletes_ask(shop, words):
    """Without a terminal and without --yes nothing is deleted."""
    said = shop(*words)
    assert (said.code, "--yes" in said.err, written(shop.neighbours)) == (2, True, [])


def test_the_remotes_own_words(shop):
    """A refusal is told in Space Invoices' words, with exit code 1."""
    said = shop("pricelists", "show", "nobody")
    assert (said.code, said.err) == (1, 'Space Invoices answered 404: Unknown "PriceList" id "nobody".\n')


def test_a_sync_shows_its_plan_first(shop):
    """Without --apply nothing is sent; the plan names every step, as a table and as JSON."""
    table = shop("prices", "sync")
    [plan] = shop("prices", "sync", "--json").json
    assert (table.code, ADULT in table.out, "184.35" in table.out, written(shop.neighbours)) == (0, True, True, [])
    assert (plan["connection"], plan["changes"], plan["change"], plan["remove"]) == (shop.connection, 7, [], [])
    assert [(each["kind"], each["after"].get("amount")) for each in plan["create"]][:2] == [
        ("list", None),
        ("price", "184.35"),
    ]


def test_apply_does_what_the_plan_says(shop):
    """With --apply the plan is carried out, and the next one is empty."""
    asked = ("--connection", shop.connection, "--product", str(PRODUCT), "--currency", "EUR")
    [first] = shop("prices", "sync", *asked, "--apply", "--yes", "--json").json
    [second] = shop("prices", "sync", *asked, "--apply", "--json").json
    [(_, _, _, prices)] = held(shop.neighbours)
    assert (first["applied"]["created"], len(prices), second["changes"]) == (7, 6, 0)
    passenger(shop.neighbours.world.products[PRODUCT])["price"]["amount"] = 190
    assert shop("prices", "sync", *asked, "--apply").out.splitlines()[-1] == "Done: 1 changed."


def test_what_needs_a_person_is_exit_code_3(shop):
    """A product that cannot be understood is named, and the exit code says that somebody should look."""
    said = shop("prices", "sync", "--product", "99", "--json")
    assert (said.code, said.json[0]["left_alone"][0]["what"]) == (3, "product 99 in EUR")


def test_the_map_takes_a_file(shop, tmp_path):
    """A CSV maps many keys at once; the next sync brings the items across, and the map can be read back."""
    (tmp_path / "items.csv").write_text(f"key,item_id\n{ADULT},item-1\n814165|1565415|789586,item-2\n", "utf-8")
    assert shop("prices", "map", "--csv", "items.csv").out == "2 mapped; 2 in the map of org-1.\n"
    shop("prices", "sync", "--apply")
    [(_, _, _, prices)] = held(shop.neighbours)
    assert [item for _, _, item in prices][:3] == ["item-1", "item-2", None]
    shop("prices", "map", ADULT, "--forget")
    assert shop("prices", "map", "--json").json == [{"key": "814165|1565415|789586", "item_id": "item-2"}]


@pytest.mark.parametrize("text", ["key,item_id\n1|2,x\n", f"{ADULT}\n", f"{ADULT},a\n{ADULT},b\n", f"{ADULT},\n"])
def test_a_wrong_line_stores_nothing(shop, tmp_path, text):
    """One line that cannot be read refuses the whole file and names the line."""
    (tmp_path / "items.csv").write_text(f"814165|1|2,good\n{text}", "utf-8")
    said = shop("prices", "map", "--csv", "items.csv")
    assert (said.code, "items.csv, line " in said.err, shop("prices", "map", "--json").json) == (2, True, [])


@pytest.mark.parametrize("words", [["--forget"], ["--csv", "items.csv", "--forget"], [ADULT], [ADULT, "a", "--forget"]])
def test_what_is_said_by_halves_changes_nothing(shop, tmp_path, words):
    """A key without its item, an item to forget, and nothing or a whole file to forget are refused as wrong use."""
    shop("prices", "map", ADULT, "before")
    (tmp_path / "items.csv").write_text(f"{ADULT},after\n", "utf-8")
    said = shop("prices", "map", *words)
    assert (said.code, said.err.startswith("Say ")) == (2, True)
    assert shop("prices", "map", "--json").json == [{"key": ADULT, "item_id": "before"}]

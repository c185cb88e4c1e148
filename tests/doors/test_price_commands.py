"""The commands about connections, price lists and prices, as a person types them, against the sandbox."""

import io
import json
import shutil
import sys

import pytest
import structlog

from tests.price_lists import ADULT, held, passenger, written
from worker.cli.main import main
from worker.sandbox import Sandbox

PRODUCT = 814165


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """A database file at its newest version."""
    from worker.store.database import Database
    from worker.store.migrate import upgrade

    file = tmp_path_factory.mktemp("migrated") / "sync.db"
    database = Database(f"sqlite:///{file}")
    upgrade(database.engine)
    database.close()
    return file


@pytest.fixture
def sandbox():
    """Both neighbours at the true time, which the commands live by."""
    with Sandbox() as playing:
        yield playing


@pytest.fixture
def connection(sandbox):
    return sandbox.connect("Store")["id"]


@pytest.fixture
def run(sandbox, migrated, tmp_path, monkeypatch, capsys):
    """Runs one command line; gives its exit code, what it printed (read, if it was asked for JSON) and its complaint."""
    file = shutil.copy(migrated, tmp_path / "sync.db")
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": f"sqlite:///{file}",
        "SPACE_INVOICES_URL": sandbox.space_invoices_url,
        "SPACE_INVOICES_TOKEN": sandbox.token,
        "SPACE_INVOICES_ORGANIZATIONS": sandbox.organization,
        "BOKUN_URL": sandbox.bokun_url,
        "BOKUN_ACCESS_KEY": sandbox.access_key,
        "BOKUN_SECRET_KEY": sandbox.secret_key,
        "LOG_LEVEL": "error",
    }.items():
        monkeypatch.setenv(name, value)

    def one(*words):
        monkeypatch.setattr(sys, "argv", ["bokun-sync", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        code = 0
        try:
            main()
        except SystemExit as left:
            code = left.code
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in words and code in (0, 3) else said.out, said.err

    yield one
    structlog.reset_defaults()


def test_a_price_list_from_the_command_line(run, sandbox):
    """Create, show, list, count, update and delete a price list; the properties have the seed's names."""
    _, made, _ = run("pricelists", "create", "--name", "Summer", "--active-from", "2026-05-01", "--active-to",
                     "2026-09-30", "--client-id", "c1", "--custom", '{"erp": 5}', "--yes", "--json")  # fmt: skip
    shown = {name: made[name] for name in ("name", "activeFrom", "activeTo", "clientId", "type", "custom")}
    assert shown == {"name": "Summer", "activeFrom": "2026-05-01T00:00:00.000Z", "clientId": "c1", "type": "sale",
                     "activeTo": "2026-09-30T23:59:59.999Z", "custom": {"erp": 5}}  # fmt: skip
    run("pricelists", "update", made["id"], "--no-active", "--type", "purchase", "--yes")
    _, after, _ = run("pricelists", "show", made["id"], "--json")
    assert (after["active"], after["type"], after["name"]) == (False, "purchase", "Summer")
    counts = [run("pricelists", *words)[1] for words in (["count"], ["delete", made["id"], "--yes"], ["count"])]
    assert counts == ["1\n", "Deleted: 1.\n", "0\n"]


def test_a_price_from_the_command_line(run, sandbox):
    """Create, list, count, update and delete a price; its amount keeps the digits that were typed."""
    list_id = sandbox.world.price_lists.create({"name": "Summer", "organizationId": sandbox.organization})["id"]
    _, made, _ = run("prices", "create", list_id, "--amount", "49.90", "--item", "i1", "--yes", "--json")
    run("prices", "update", made["id"], "--amount", "52.00", "--yes")
    code, table, _ = run("prices", "list", list_id)
    assert (code, table.split()[-5:]) == (0, [made["id"], "52.00", "i1", "-", "-"])
    counts = [run("prices", *words)[1] for words in (["count", list_id], ["delete", made["id"], "--yes"])]
    assert counts == ["1\n", "Deleted: 1.\n"]


def test_a_connection_from_the_command_line(run, sandbox):
    """Every property of the seed can be created and changed from the command line."""
    ids = ("business-premise", "electronic-device", "organization", "unit", "warehouse", "account")
    words = [word for name in ids for word in (f"--{name}-id", f"the-{name}")]
    _, made, _ = run("connections", "create", "--name", "New", "--locale", "sl", "--no-active", *words,
                     "--issue-invoice-on-complete", "--custom", '{"a": 1}', "--yes", "--json")  # fmt: skip
    assert (made["locale"], made["active"], made["unitId"], made["issueInvoiceOnComplete"], made["custom"]) == (
        "sl", False, "the-unit", True, {"a": 1},
    )  # fmt: skip
    _, after, _ = run("connections", "update", made["id"], "--active", "--yes", "--json")
    assert {name for name in made if made[name] != after[name]} <= {"active", "updatedAt"}


def test_lists_are_filtered(run, sandbox):
    """`--where` and `--filter` go out as JSON: what fits, in the order and number asked for."""
    for name in ("b", "a", "c"):
        sandbox.world.price_lists.create({"name": name, "organizationId": sandbox.organization})
    words = ["--where", '{"name": {"neq": "c"}}', "--filter", '{"order": "name ASC", "where": {"active": true}}']
    found = [[each["name"] for each in run("pricelists", "list", *words, *more, "--json")[1]] for more in ([],)]
    one = run("pricelists", "list", "--filter", '{"order": "name DESC", "limit": 1, "skip": 1}', "--json")[1]
    assert (found, [each["name"] for each in one]) == ([["a", "b"]], ["b"])
    assert run("pricelists", "count", "--where", '{"name": "a"}', "--json")[1] == {"count": 1}


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
def test_wrong_words_reach_nobody(run, sandbox, words):
    """What makes no sense is one line and exit code 2, and nothing is sent."""
    code, out, complaint = run(*words)
    assert (code, out, bool(complaint.strip()), sandbox.requests) == (2, "", True, [])


@pytest.mark.parametrize(
    "words", [("pricelists", "delete", "x"), ("prices", "delete", "x"), ("connections", "delete", "x")]
)
def test_deletes_ask(run, sandbox, words):
    """Without a terminal and without --yes nothing is deleted."""
    code, _, complaint = run(*words)
    assert (code, "--yes" in complaint, written(sandbox)) == (2, True, [])


def test_the_remotes_own_words(run, connection):
    """A refusal is told in Space Invoices' words, with exit code 1."""
    code, _, complaint = run("pricelists", "show", "nobody")
    assert (code, complaint) == (1, 'Space Invoices answered 404: Unknown "PriceList" id "nobody".\n')


def test_a_sync_shows_its_plan_first(run, sandbox, connection):
    """Without --apply nothing is sent; the plan names every step, as a table and as JSON."""
    code, table, _ = run("prices", "sync")
    _, [plan], _ = run("prices", "sync", "--json")
    assert (code, ADULT in table, "184.35" in table, written(sandbox)) == (0, True, True, [])
    assert (plan["connection"], plan["changes"], plan["change"], plan["remove"]) == (connection, 7, [], [])
    assert [(each["kind"], each["after"].get("amount")) for each in plan["create"]][:2] == [
        ("list", None),
        ("price", "184.35"),
    ]


def test_apply_does_what_the_plan_says(run, sandbox, connection):
    """With --apply the plan is carried out, and the next one is empty."""
    asked = ("--connection", connection, "--product", str(PRODUCT), "--currency", "EUR")
    _, [first], _ = run("prices", "sync", *asked, "--apply", "--yes", "--json")
    _, [second], _ = run("prices", "sync", *asked, "--apply", "--json")
    [(_, _, _, prices)] = held(sandbox)
    assert (first["applied"]["created"], len(prices), second["changes"]) == (7, 6, 0)
    passenger(sandbox.world.products[PRODUCT])["price"]["amount"] = 190
    assert run("prices", "sync", *asked, "--apply")[1].splitlines()[-1] == "Done: 1 changed."


def test_what_needs_a_person_is_exit_code_3(run, sandbox, connection):
    """A product that cannot be understood is named, and the exit code says that somebody should look."""
    code, [plan], _ = run("prices", "sync", "--product", "99", "--json")
    assert (code, plan["left_alone"][0]["what"]) == (3, "product 99 in EUR")


def test_the_map_takes_a_file(run, sandbox, connection, tmp_path):
    """A CSV maps many keys at once; the next sync brings the items across, and the map can be read back."""
    (tmp_path / "items.csv").write_text(f"key,item_id\n{ADULT},item-1\n814165|1565415|789586,item-2\n", "utf-8")
    assert run("prices", "map", "--csv", "items.csv")[1] == "2 mapped; 2 in the map of org-1.\n"
    run("prices", "sync", "--apply")
    [(_, _, _, prices)] = held(sandbox)
    assert [item for _, _, item in prices][:3] == ["item-1", "item-2", None]
    run("prices", "map", ADULT, "--forget")
    assert run("prices", "map", "--json")[1] == [{"key": "814165|1565415|789586", "item_id": "item-2"}]


@pytest.mark.parametrize("text", ["key,item_id\n1|2,x\n", f"{ADULT}\n", f"{ADULT},a\n{ADULT},b\n", f"{ADULT},\n"])
def test_a_wrong_line_stores_nothing(run, tmp_path, text):
    """One line that cannot be read refuses the whole file and names the line."""
    (tmp_path / "items.csv").write_text(f"814165|1|2,good\n{text}", "utf-8")
    code, _, complaint = run("prices", "map", "--csv", "items.csv")
    assert (code, "items.csv, line " in complaint, run("prices", "map", "--json")[1]) == (2, True, [])

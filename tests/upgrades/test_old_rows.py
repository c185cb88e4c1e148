"""What the release before wrote is understood: rows in every state go on to their documents, and migrations only add."""

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, inspect, text

from tests.builders import Clock, House, furnish
from worker.flow import imports
from worker.flow.poll import rescan
from worker.sandbox import Sandbox, bookings
from worker.sandbox.exact import dumps, parse
from worker.store import looks, tables
from worker.store.database import Database
from worker.store.migrate import head, is_current, upgrade

RELEASES = sorted(path for path in Path(__file__).parent.iterdir() if (path / "store.sql").exists())
KNOBS = {"waiting": {"ends_in": timedelta(days=3)}, "asked": {"status": "ON_HOLD"}, "skipped": {"status": "CANCELLED"},
         "superseded": {"status": "CANCELLED"}}  # fmt: skip
INVOICED = {"confirmed", "accepted", "arrived", "lost", "sending", "planned", "noticed"}


def load(release, folder):
    """The release's database as a file."""
    file = folder / "old.db"
    with closing(sqlite3.connect(file)) as open_:
        open_.executescript((release / "store.sql").read_text())
    return file


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def upgraded(request, built, tmp_path):
    """The house on the release's database, migrated, between the remotes as they then were."""
    remote = parse((request.param / "remote.json").read_text())
    clock = Clock(datetime.fromisoformat(remote["now"]))
    database = Database(f"sqlite:///{load(request.param, tmp_path)}")
    upgrade(database.engine)
    database.run(lambda open_: looks.forget(open_, clock()))  # as `migrate` does
    with Sandbox(clock) as sandbox:
        sandbox.connect("Store")
        second = sandbox.add_account("second", "secret").access_key
        sandbox.connect("Later", account=second, issueInvoiceOnComplete=True)
        for name, number in remote["bookings"].items():
            booking = bookings.deposit(number, clock(), **KNOBS.get(name, {}))
            sandbox.book(booking, account=second if name == "waiting" else None)
        for each in remote["orders"]:
            path = f"{sandbox.space_invoices_url}/Bokun/{each['connection']}/order"
            httpx.post(path, headers={"authorization": sandbox.token}, content=dumps(each["payload"]), trust_env=False)
        house = House(furnish(built, sandbox, database, clock), sandbox, clock)
        yield house, {number: name for name, number in remote["bookings"].items()}
    database.close()


def states(house, names):
    """The state of each delivery by what its booking stands for."""
    return {names[booking]: state for booking, state in house.rows(tables.Delivery, "booking_id", "state")}


def test_rows_of_every_state_are_there(upgraded):
    """The fixture has a delivery in each state that the table knows, and the database is the newest after the upgrade."""
    house, names = upgraded
    assert set(states(house, names).values()) == {
        "confirmed", "accepted", "unknown", "held", "settled", "superseded", "sending", "planned"}  # fmt: skip
    assert is_current(house.services.database.engine)


def test_rows_go_on_to_their_documents(upgraded):
    """Every booking gets exactly the documents that its state calls for: nothing twice, nothing lost, persons' words kept."""
    house, names = upgraded
    house.settle_down()
    house.settle_down()
    found = sorted(names[booking] for _, booking in house.documents)
    assert found == sorted(INVOICED)
    after = states(house, names)
    assert {name: state for name, state in after.items() if name not in INVOICED} == {
        "held": "held", "settled": "settled", "superseded": "superseded"}  # fmt: skip
    assert {after[name] for name in INVOICED} == {"confirmed"}


def test_what_waited_is_woken(upgraded):
    """A booking that waited for its end under the old release is invoiced when the end comes."""
    house, names = upgraded
    house.later(days=4)
    house.drain(2)
    assert "waiting" in {names[booking] for _, booking in house.documents}


def test_an_import_that_was_asked_for_is_sent(upgraded):
    """An import that lay planned is sent once."""
    house, _ = upgraded
    imports.send_due(house.services)
    imports.send_due(house.services)
    assert len(house.sandbox.imports) == 1


def shape(engine):
    """Tables, columns and what forbids, as the database has them."""
    seen = inspect(engine)
    return {
        table: {
            "columns": {each["name"]: each for each in seen.get_columns(table)},
            "unique": {tuple(each["column_names"]) for each in seen.get_unique_constraints(table)}
            | {(each["name"], *each["column_names"]) for each in seen.get_indexes(table) if each["unique"]},
        }
        for table in seen.get_table_names()
    }


def contractions(before, after):
    """What the release before would stumble over in the newer schema."""
    for table, old in before.items():
        if table not in after:
            yield f"{table} is gone"
            continue
        new = after[table]["columns"]
        for name, column in old["columns"].items():
            if name not in new:
                yield f"{table}.{name} is gone"
            elif str(new[name]["type"]) != str(column["type"]):
                yield f"{table}.{name} is a {new[name]['type']} now"
            elif column["nullable"] and not new[name]["nullable"]:
                yield f"{table}.{name} may not be empty any more"
        for name, column in new.items():
            if name not in old["columns"] and not column["nullable"] and column["default"] is None:
                yield f"{table}.{name} is new and has no default"
        yield from (f"{table} forbids {each} now" for each in after[table]["unique"] - old["unique"])


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_migrations_only_add(release, tmp_path):
    """The release before runs on the newest schema: what it knows is there, and what is new is empty or has a default."""
    engine = create_engine(f"sqlite:///{load(release, tmp_path)}")
    before = shape(engine)
    upgrade(engine)
    assert list(contractions(before, shape(engine))) == []
    engine.dispose()


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_rows_of_the_release_before_can_still_be_written(release, tmp_path):
    """Every row of the old release can be inserted into the newest schema by the columns that it knew."""
    old = load(release, tmp_path)
    engine = create_engine(f"sqlite:///{tmp_path / 'new.db'}")
    upgrade(engine)
    with closing(sqlite3.connect(old)) as rows, engine.begin() as open_:
        rows.row_factory = sqlite3.Row
        for table in inspect(create_engine(f"sqlite:///{old}")).get_table_names():
            if table == "alembic_version":
                continue
            for row in rows.execute(f"SELECT * FROM {table}"):  # noqa: S608
                names = row.keys()
                values = ", ".join(f":{name}" for name in names)
                open_.execute(text(f'INSERT INTO "{table}" ({", ".join(names)}) VALUES ({values})'), dict(row))  # noqa: S608
    engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE notice ADD COLUMN extra TEXT NOT NULL",
        "ALTER TABLE notice DROP COLUMN tries",
        "CREATE UNIQUE INDEX ux_new ON notice (booking_id)",
        "DROP TABLE notice",
    ],
)
def test_a_contraction_is_seen(change, tmp_path):
    """What would break the release before is named."""
    engine = create_engine(f"sqlite:///{load(RELEASES[0], tmp_path)}")
    before = shape(engine)
    with engine.begin() as open_:
        open_.execute(text("DELETE FROM notice"))
        open_.execute(text(change))
    assert list(contractions(before, shape(engine)))
    engine.dispose()


def test_every_release_has_its_fixtures():
    """Each release of the changelog left rows and messages here."""
    released = [line.split()[1] for line in (Path(__file__).parents[2] / "CHANGELOG.md").read_text().splitlines()
                if line.startswith("## ") and line.split()[1][0].isdigit()]  # fmt: skip
    assert {path.name for path in RELEASES} >= set(released)
    assert head() is not None
    assert all(json.loads((path / "messages.json").read_text()) for path in RELEASES)


def test_what_was_seen_is_not_noticed_again(upgraded):
    """The first look back over a day after the upgrade notices nothing that the release before had seen, and keeps it."""
    house, _ = upgraded
    seen = dict(house.rows(tables.Sighting, "booking_id", "fingerprint"))
    noticed = house.rows(tables.Notice, "booking_id", "version")
    rescan(house.services)
    house.poll()
    kept = dict(house.rows(tables.Sighting, "booking_id", "fingerprint"))
    assert seen.keys() <= kept.keys()
    assert not set(seen.values()) & set(kept.values())
    assert house.rows(tables.Notice, "booking_id", "version") == noticed

"""`doctor`: what usually is wrong. Each fault is planted for real, is the only thing found, and has its own remedy."""

import importlib.metadata
import shutil
import socket
import sys
import zoneinfo
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import redis as client
from sqlalchemy import text

from tests import servers
from tests.builders import add
from tests.doors.person import A
from tests.edges.peer import Peer
from worker import wiring
from worker.sandbox import bookings
from worker.store import tables
from worker.store.database import Database
from worker.store.migrate import upgrade

SPACE_INVOICES, BOKUN = {"remote": "space-invoices"}, {"remote": "bokun"}
CONNECTION = "connection 65a0c0de0000000000000001"
STORE = "Bokun, connection 65a0c0de0000000000000001 (Our store)"
ORGANIZATION = "Space Invoices, organization org-1"


def examined(shop):
    """The exit code, and what is not well: the sentence and the remedy of each check."""
    said = shop("doctor", "--json")
    return said.code, {each["check"]: (each["finding"], each["do"]) for each in said.json if not each["ok"]}


def only(shop, check, sentence, remedy):
    """That this is found and nothing else, with its sentence and its remedy, and that the exit code says so."""
    code, found = examined(shop)
    assert (code, list(found)) == (1, [check]), found
    assert sentence in found[check][0]
    assert remedy in found[check][1]


@pytest.fixture
def well(mirrored):
    """A shop in which nothing is wrong."""
    mirrored.terminal.set(START_FROM="2025-01-01")
    return mirrored


@pytest.fixture
def database(well):
    """The shop's database, to plant something in it."""
    with closing(Database(f"sqlite:///{well.file}")) as opened:
        yield opened


def change(database, statement, **values):
    with database.transaction() as open_:
        open_.execute(text(statement), values)


def ago(**span):
    return datetime.now(UTC) - timedelta(**span)


def test_all_is_well(well):
    """Set up rightly every check is fine, says what it found, and the exit code is 0."""
    said = well("doctor", "--json")
    assert (said.code, [each for each in said.json if not each["ok"]]) == (0, [])
    assert {"versions", "database", "broker", "START_FROM", "clock against Bokun", STORE} <= {
        each["check"] for each in said.json
    }


def test_it_shows_the_versions(well):
    """What runs here is named with its version: program, Python, Celery, the database's server."""
    said = well("doctor").out
    assert f"Python {sys.version.split()[0]}" in said
    assert f"celery {importlib.metadata.version('celery')}" in said
    assert "SQLite 3." in said


SETTINGS = {
    "no token": ({"SPACE_INVOICES_TOKEN": ""}, "SPACE_INVOICES_TOKEN", "not set", "does not expire"),
    "token refused": ({"SPACE_INVOICES_TOKEN": "wrong"}, ORGANIZATION, "refuses the token", "make a new token"),
    "no organization": ({"SPACE_INVOICES_ORGANIZATIONS": ""}, "SPACE_INVOICES_ORGANIZATIONS", "not set", "ids"),
    "another organization": (
        {"SPACE_INVOICES_ORGANIZATIONS": "org-9"}, "Space Invoices, organization org-9",
        "", "SPACE_INVOICES_ORGANIZATIONS"),
    "Space Invoices away": (
        {"SPACE_INVOICES_URL": "http://127.0.0.1:1/v1"}, "Space Invoices", "does not answer", "SPACE_INVOICES_URL"),
    "no first day": ({"START_FROM": ""}, "START_FROM", "every booking there ever was", "the day you start"),
    "Bokun keys refused": ({"BOKUN_SECRET_KEY": "wrong"}, STORE, "login page (303)", "correct the keys"),
    "no Bokun keys": ({"BOKUN_ACCESS_KEY": ""}, STORE, "no keys of its own", "BOKUN_SECRET_KEY"),
    "Bokun away": ({"BOKUN_URL": "http://127.0.0.1:1"}, "Bokun", "does not answer", "BOKUN_URL"),
    "broker away": ({"REDIS_URL": "redis://127.0.0.1:1/0"}, "broker", "cannot be reached", "REDIS_URL"),
    "database away": (
        {"DATABASE_URL": "postgresql://postgres@127.0.0.1:1/shop"}, "database", "cannot be used", "DATABASE_URL"),
    "never migrated": ({"DATABASE_URL": "sqlite:///empty.db"}, "database", "not at the newest", "migrate"),
    "page without password": (
        {"HOST": "0.0.0.0", "METRICS_TOKEN": "m"}, "page", "HOST is not loopback", "PAGE_PASSWORD"),
    "open metrics": (
        {"HOST": "0.0.0.0", "PAGE_PASSWORD": "p"}, "metrics", "everybody who reaches it reads", "METRICS_TOKEN"),
    "Flower without login": ({"FLOWER_ADDRESS": "0.0.0.0"}, "Flower", "no login", "FLOWER_BASIC_AUTH"),
    "web away": ({"WEB_URL": "http://127.0.0.1:1"}, "web address", "nobody answers", "start `web`"),
}  # fmt: skip


@pytest.mark.parametrize(("said", "check", "sentence", "remedy"), SETTINGS.values(), ids=SETTINGS)
def test_a_wrong_setting_is_named(well, said, check, sentence, remedy):
    """One wrong setting is one finding, with what to do."""
    well.terminal.set(**said)
    only(well, check, sentence, remedy)


ANSWERS = {
    "not an organization of ours": (SPACE_INVOICES, {"code": 403}, ORGANIZATION, "no right", "as a user of it"),
    "Space Invoices busy": (SPACE_INVOICES, {"code": 429}, ORGANIZATION, "come later", "another program uses the token"),
    "Space Invoices broken": (SPACE_INVOICES, {"code": 503}, ORGANIZATION, "fails (503", "goes on by itself"),
    "not Space Invoices": (SPACE_INVOICES, {"code": 200, "body": "<html>"}, ORGANIZATION, "not its API", "version"),
    "Bokun refuses the keys": (BOKUN, {"code": 401}, STORE, "refuses the keys", "connections link"),
    "login page": (BOKUN, {"code": 302}, STORE, "login page (302)", "user role that may read bookings"),
    "Bokun's limit": (BOKUN, {"code": 429}, STORE, "limit of calls is used up", "same account"),
    "Bokun broken": (BOKUN, {"code": 500}, STORE, "fails (500", "polls go on"),
    "not Bokun": (BOKUN, {"code": 200, "body": "<html>"}, STORE, "not its API", "BOKUN_URL"),
}  # fmt: skip


@pytest.mark.parametrize(("where", "answer", "check", "sentence", "remedy"), ANSWERS.values(), ids=ANSWERS)
def test_a_remote_that_answers_otherwise_is_named(well, where, answer, check, sentence, remedy):
    """Each kind of answer that is no answer has its own sentence."""
    well.neighbours.faults.add(**where, kind="status", times=None, **answer)
    only(well, check, sentence, remedy)


def test_an_organization_without_a_connection_is_named(well):
    """Where Space Invoices has no Bokun connection nothing will ever be issued."""
    well.neighbours.add_organization("org-2")
    well.terminal.set(SPACE_INVOICES_ORGANIZATIONS="org-1,org-2")
    only(well, "Space Invoices, organization org-2", "no Bokun connection", "connections create --organization org-2")


@pytest.mark.parametrize(
    ("where", "body", "check"),
    [
        (SPACE_INVOICES, '{"count": 1}', "clock against Space Invoices"),
        (BOKUN, '{"items": [], "totalHits": 0}', "clock against Bokun"),
    ],
)
def test_a_remote_of_another_time_is_named(well, where, body, check):
    """A remote whose Date header is five minutes away."""
    date = {"date": f"{ago(minutes=5):%a, %d %b %Y %H:%M:%S} GMT"}
    well.neighbours.faults.add(**where, kind="status", times=None, code=200, body=body, headers=date)
    only(well, check, "s apart", "NTP")


def test_a_wrong_clock_of_this_machine_shows_against_everybody(well, monkeypatch):
    """Five minutes ahead, this machine differs from both remotes."""
    monkeypatch.setattr(wiring, "now", lambda: ago(minutes=-5))
    code, found = examined(well)
    assert (code, {"clock against Space Invoices", "clock against Bokun"} <= set(found)) == (1, True)


def test_keys_stored_with_another_secret_key_are_named(well):
    """After SECRET_KEY changed a connection's own keys cannot be read any more."""
    assert well("connections", "link", well.connection, "--access-key", "k", stdin="s\n").code == 0
    well.terminal.set(SECRET_KEY="YW5vdGhlciBzaXh0ZWVuIGJ5dGVzIHR3aWNlIG92ZXI=")
    only(well, STORE, "another SECRET_KEY", "several may be given")


def test_no_secret_key_where_keys_are_stored_is_named(well):
    """Without any SECRET_KEY neither."""
    assert well("connections", "link", well.connection, "--access-key", "k", stdin="s\n").code == 0
    well.terminal.set(SECRET_KEY="")
    only(well, STORE, "SECRET_KEY is not set", "set SECRET_KEY")


def test_a_key_that_sees_nothing_any_more_is_named(well):
    """A key that shows none of the bookings it showed before has lost its role or channel."""
    well.book(A)
    assert well("drain", "--yes").code == 0
    well.neighbours.add_account("other", "other-secret")
    well.terminal.set(BOKUN_ACCESS_KEY="other", BOKUN_SECRET_KEY="other-secret")
    only(well, STORE, "none of the 1 bookings", "user role or booking channel")


def test_bookings_without_a_clear_role_are_named(well):
    """Bookings in which we are neither seller, agent nor supplier show the key of another vendor."""
    strange = bookings.own_sale(A, datetime.now(UTC))
    for product in strange["activityBookings"]:
        product["bookingRoles"] = ["SELLER", "AFFILIATE"]
    well.neighbours.book(strange)
    well("drain", "--yes")
    only(well, f"role, {CONNECTION}", "1 bookings", "connections link")


def waits(well, **knobs):
    """A booking that waits for its end."""
    well.neighbours.flags(well.connection, issueInvoiceOnComplete=True)
    assert well("connections", "refresh").code == 0
    booking = bookings.own_sale(A, datetime.now(UTC), **knobs)
    well.neighbours.book(booking)
    return booking


def test_tours_without_a_time_zone_are_named(well):
    """A tour whose supplier has no time zone ends up to 26 hours late."""
    booking = waits(well)
    well.neighbours.book(_without(booking, "timeZone"))
    well("drain", "--yes")
    only(well, f"time zone, {CONNECTION}", "up to 26 hours late", "time zone of the supplier")


def test_tours_without_an_end_are_named(well):
    """A tour that shows no end is never ended by the clock."""
    booking = waits(well)
    well.neighbours.book(_without(booking, "endDateTime"))
    well("drain", "--yes")
    only(well, f"time zone, {CONNECTION}", "Bokun shows no end", "ARRIVED")


def _without(value, name):
    if isinstance(value, dict):
        return {key: _without(each, name) for key, each in value.items() if key != name}
    return [_without(each, name) for each in value] if isinstance(value, list) else value


def test_a_machine_without_time_zones_is_named(well, monkeypatch):
    """A slim image without time zone data ends every tour late."""
    for name in ["tzdata", *(each for each in sys.modules if each.startswith("tzdata."))]:
        monkeypatch.setitem(sys.modules, name, None)
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    try:
        only(well, "time zones", "knows none", "tzdata")
    finally:
        zoneinfo.reset_tzpath()
        zoneinfo.ZoneInfo.clear_cache()


def test_a_package_of_another_version_is_named(well, monkeypatch, tmp_path):
    """A Celery that was not tried is named, because its settings hold for one version only."""
    about = tmp_path / "old" / "celery-5.3.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: celery\nVersion: 5.3.0\n")
    monkeypatch.syspath_prepend(str(about.parent))
    only(well, "versions", "celery 5.3.0 (asked for: ", "requirements.lock")


STORED = {
    "blocked": ("UPDATE connection SET blocked_at = :now, blocked_by = 'bokun'", CONNECTION, "blocked: bokun", "link"),
    "paused": ("UPDATE connection SET paused_at = :now", CONNECTION, "paused", "connections resume"),
    "inactive": ("UPDATE connection SET flags = '{\"active\": false}'", CONNECTION, "not active", "--active"),
    "stopped": ("INSERT INTO stop (id, since, because) VALUES (1, :now, 'wrong tax')", "stop", "wrong tax", "go"),
    "poll stands": ("UPDATE connection SET watermark = :old", "polls", "not polled to the end", "enqueue poll"),
    "webhooks silent": (
        "INSERT INTO silence (connection_id, since, unannounced) VALUES ('65a0c0de0000000000000001', :now, 3)",
        "webhooks", "silent for", "address and its secret"),
    "alerts untold": (
        "INSERT INTO alert (key, said, news, since, last, count) VALUES ('held', 'x', '', :old, :old, 1)",
        "alerts", "1 could not be told", "ALERT_URL"),
    "none mirrored": ("DELETE FROM connection", "connections", "none is mirrored", "connections refresh"),
    "bells late": (
        "INSERT INTO heartbeat (bell, rung_at, done_at) VALUES ('tasks.deliver.due', :old, :old)",
        "bells", "not heard in time", "bokun-sync up"),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "check", "sentence", "remedy"), STORED.values(), ids=STORED)
def test_what_the_database_knows_is_named(well, database, statement, check, sentence, remedy):
    """One state of the store is one finding."""
    now, old = (f"{at:%Y-%m-%d %H:%M:%S.%f}" for at in (ago(), ago(hours=5)))
    asked = {name: value for name, value in {"now": now, "old": old}.items() if f":{name}" in statement}
    change(database, statement, **asked)
    only(well, check, sentence, remedy)


def test_a_newer_programs_database_is_a_hint(well, database):
    """Later versions only add: the program goes on, and is told to follow."""
    change(database, "UPDATE alembic_version SET version_num = '9999'")
    said = well("doctor", "--json")
    [found] = [each for each in said.json if each["check"] == "database"]
    assert (said.code, "a later version" in found["finding"], "same release" in found["do"]) == (0, True, True)


def test_a_brake_that_holds_something_is_named(well):
    """What a brake holds waits for a person: doctor says how many and the command."""
    well.terminal.set(BRAKE_AMOUNT="1")
    well.book(A)
    well("drain", "--yes")
    only(well, CONNECTION, "a brake holds 1 deliveries", "deliveries release")


def test_what_could_be_better_is_a_hint_and_no_fault(well):
    """No brake, mails on, no webhook and no way to tell people are said, with what to do, and the exit code stays 0."""
    said = well("doctor", "--json")
    hints = {each["finding"]: each["do"] for each in said.json if each["ok"] and each["do"]}
    words = ("no brake is set", "Space Invoices mails documents", "polls only", "the log only", "none heard yet")
    assert [any(word in finding for finding in hints) for word in words] == [True] * len(words)


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ({"SPACE_INVOICES_URL": "https://api.spaceinvoices.com/v1"}, "test bookings become real documents"),
        ({"BOKUN_URL": "https://api.bokun.io"}, "real bookings get no real document"),
        ({"BOKUN_URL": "https://api.bokuntest.com"}, None),
        ({"SPACE_INVOICES_URL": "https://bokun-proxy.example/v1"}, None),
        ({"BOKUN_URL": "https://api.bokun.io", "SPACE_INVOICES_URL": "https://api.spaceinvoices.com/v1"}, None),
    ],
)
def test_half_a_test_and_half_production_is_a_hint(well, said, hint):
    """A staging of which one address was forgotten is named by what it would do; what nothing marks is not judged."""
    well.terminal.set(**said)
    found = [each for each in well("doctor", "--json").json if each["check"] == "environments"]
    assert [(each["ok"], hint in each["finding"], "SPACE_INVOICES_URL" in each["do"]) for each in found] == (
        [(True, True, True)] if hint else []
    )


# The broker: a real server of its own.


@pytest.fixture(scope="module")
def server():
    with servers.redis() as url:
        yield url


@pytest.fixture
def broker(well, server):
    """A shop with a real broker that is set up rightly, and a hand to spoil it."""
    well.terminal.set(REDIS_URL=server)
    with client.Redis.from_url(server) as hand:
        hand.flushall()
        yield hand
        hand.replicaof("NO", "ONE")
        for name, value in {"maxmemory-policy": "noeviction", "maxmemory": "0", "appendonly": "yes"}.items():
            hand.config_set(name, value)
        hand.config_set("requirepass", "")


def test_a_broker_that_is_well(well, broker):
    """A real one with an append-only file and without eviction is fine, and its version is shown."""
    said = well("doctor", "--json")
    [found] = [each for each in said.json if each["check"] == "broker"]
    assert (said.code, found["ok"], "append-only file on" in found["finding"]) == (0, True, True)


BROKEN = {
    "evicts": (lambda hand: hand.config_set("maxmemory-policy", "allkeys-lru"), "evicts", "noeviction"),
    "keeps nothing": (lambda hand: hand.config_set("appendonly", "no"), "keeps nothing", "appendonly yes"),
    "full": (lambda hand: hand.config_set("maxmemory", "100000"), "memory is full", "raise maxmemory"),
    "replica": (lambda hand: hand.replicaof("127.0.0.1", "1"), "replica", "name the primary"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "sentence", "remedy"), BROKEN.values(), ids=BROKEN)
def test_a_broker_that_is_set_up_wrongly_is_named(well, broker, spoil, sentence, remedy):
    """Each has its sentence."""
    spoil(broker)
    only(well, "broker", sentence, remedy)


def test_a_broker_that_wants_a_password_is_named(well, broker):
    """A password that is not in REDIS_URL."""
    broker.config_set("requirepass", "hidden")
    try:
        only(well, "broker", "refuses the password", "user and password in REDIS_URL")
    finally:
        broker.execute_command("AUTH", "hidden")


def test_a_broker_that_says_nothing_is_named(well):
    """A broker that takes connections and never answers is found in seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        well.terminal.set(REDIS_URL=f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        only(well, "broker", "cannot be reached (Timeout", "REDIS_URL")


def test_a_silent_worker_is_named(well, broker):
    """Beat rings and nobody listens: the bells wait on the broker."""
    broker.lpush("bokun:bells", *[b"{}"] * 60)
    only(well, "worker", "60 bells wait", "start the worker")


def test_a_silent_beat_is_named(well, broker, database):
    """A worker is there, and nobody rings: the broker is empty and no bell was heard for long."""
    add(database, tables.Heartbeat, bell="tasks.deliver.due", rung_at=ago(hours=5), done_at=ago(hours=5))
    only(well, "beat", "no bell is rung", "start beat")


def test_a_bell_that_never_ends_is_named(well, broker, database):
    """A bell that is rung all the time and never comes to its end."""
    bells = wiring.bells(wiring.Settings(_env_file=None))
    for each in bells:
        add(database, tables.Heartbeat, bell=each, rung_at=ago(), done_at=ago())
    change(database, "UPDATE heartbeat SET done_at = :old WHERE bell = 'tasks.poll.connections'", old=ago(days=1))
    only(well, "bells", "not to their end in time: tasks.poll.connections", "worker's log")


# The database: a real server of its own.


@pytest.fixture(scope="module")
def postgres():
    with servers.postgres() as url:
        yield url


@pytest.fixture
def primary(well, postgres):
    """The shop on a PostgreSQL that is well."""
    with closing(Database(postgres.replace("postgresql:", "postgresql+psycopg:"))) as opened:
        upgrade(opened.engine)
        well.terminal.set(DATABASE_URL=postgres)
        assert well("connections", "refresh").code == 0
        yield opened


def test_a_database_of_another_time_is_named(well, primary):
    """A database server whose clock is five minutes away: both would judge leases differently."""
    later = "RETURNS timestamptz LANGUAGE sql AS $$ SELECT pg_catalog.clock_timestamp() + interval '5 minutes' $$"
    change(primary, f"CREATE OR REPLACE FUNCTION public.clock_timestamp() {later}")
    change(primary, "ALTER DATABASE postgres SET search_path = public, pg_catalog")
    try:
        only(well, "clock against the database", "s apart", "NTP")
    finally:
        change(primary, "ALTER DATABASE postgres RESET search_path")
        change(primary, "DROP FUNCTION public.clock_timestamp()")


def test_a_database_that_only_reads_is_named(well, primary):
    """A stand-by, or a server out of disk, can be read but not written."""
    change(primary, "ALTER DATABASE postgres SET default_transaction_read_only = on")
    try:
        only(well, "database", "read but not written", "primary server")
    finally:
        with primary.engine.connect() as open_:
            open_.execute(text("SET default_transaction_read_only = off"))
            open_.commit()
            open_.execute(text("ALTER DATABASE postgres RESET default_transaction_read_only"))
            open_.commit()


# What answers over HTTP.


@pytest.mark.parametrize(
    ("setting", "answer", "check", "sentence", "remedy"),
    [
        ("WEB_URL", "HTTP/1.1 301 Moved\r\nlocation: https://x/\r\n", "web address", "redirects", "where it leads"),
        ("WEB_URL", "HTTP/1.1 404 Not Found\r\n", "web address", "somebody else answers", "let the proxy pass"),
        ("FLOWER_PORT", "HTTP/1.1 200 OK\r\n", "Flower", "without a login", "bokun-sync flower"),
    ],
)
def test_what_answers_at_an_address_is_judged(well, setting, answer, check, sentence, remedy):
    """A proxy that leads elsewhere, somebody else's page, and a Flower that anybody may operate."""

    def behave(connection):
        peer.request(connection)
        connection.sendall(f"{answer}content-length: 2\r\nconnection: close\r\n\r\n{{}}".encode())

    with closing(Peer(behave)) as peer:
        well.terminal.set(**{setting: str(peer.port) if setting == "FLOWER_PORT" else f"http://127.0.0.1:{peer.port}"})
        only(well, check, sentence, remedy)


def test_one_trouble_does_not_hide_the_others(well):
    """With both the token and the database wrong, both are said."""
    well.terminal.set(SPACE_INVOICES_TOKEN="wrong", DATABASE_URL="sqlite:///empty.db")
    assert set(examined(well)[1]) == {"database", ORGANIZATION}


def test_no_secret_is_printed(well):
    """Neither tokens nor keys stand in what doctor says."""
    well.terminal.set(SPACE_INVOICES_TOKEN="hunter2-token", BOKUN_SECRET_KEY="hunter2-key")
    said = well("doctor")
    assert "hunter2" not in said.out + said.err


def test_it_runs_as_a_process(well):
    """In a process of its own it prints its table, and its exit code says whether all is well."""
    fine = well.terminal.process("doctor")
    shutil.move(well.file, well.file.with_suffix(".away"))
    broken = well.terminal.process("doctor")
    assert (fine.code, broken.code, fine.err) == (0, 1, "")
    assert "run `bokun-sync migrate`" in broken.out

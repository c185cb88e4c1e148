"""The roads of the store and the flow on both databases: what is forbidden is forbidden, and claimed once, on each."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from itertools import count, takewhile

import pytest
from sqlalchemy import create_engine, event, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError

from tests import servers
from tests.builders import NOW, House, add_connection, add_delivery, database_in, furnish, settings
from tests.flow.test_backfill import apply, write
from tests.flow.test_crashes import Killed, mortal
from worker.domain.delivery import Event
from worker.flow import backfill
from worker.flow.audit import audit
from worker.flow.checks import STORE_CHECKS
from worker.sandbox import bookings
from worker.store import claims, database, deliveries, looks, notices, tables
from worker.store.claims import Ended
from worker.store.database import Database
from worker.store.migrate import downgrade, is_current, upgrade
from worker.store.statements import every

LEASE = timedelta(seconds=120)
A = 9_000_001


@pytest.fixture(scope="module")
def postgres():
    """One PostgreSQL server for all tests of this module."""
    with servers.postgres() as url:
        yield settings(database_url=url).database_url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def kept(request, tmp_path_factory):
    """A database of either kind with its tables."""
    if request.param == "sqlite":
        made = database_in(tmp_path_factory.mktemp("both"))
    else:
        made = Database(request.getfixturevalue("postgres"))
        tables.metadata.create_all(made.engine)
    yield made
    made.close()


@pytest.fixture
def either(kept):
    """The same, emptied."""
    empty(kept)
    return kept


def another(url, name):
    """A further database of the server."""
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as open_:
        open_.execute(text(f"CREATE DATABASE {name}"))
    server.dispose()
    return f"{url.rsplit('/', 1)[0]}/{name}"


def empty(database):
    """Takes every row out."""
    with database.transaction() as open_:
        for each in reversed(tables.metadata.sorted_tables):
            open_.execute(each.delete())


@pytest.fixture
def home(built, sandbox, either, clock):
    """The product on it."""
    return House(furnish(built, sandbox, either, clock), sandbox, clock)


def claim(database, most, name="t"):
    """Claims in one transaction; the ids, none where another worker was first."""
    with suppress(IntegrityError):
        claimed = database.run(lambda open_: claims.claim(open_, "c1", NOW, most=most, lease=LEASE, token=name))
        return [each.id for each in claimed]
    return []


def state(database, id_):
    with database.reading() as open_:
        [row] = deliveries.listed(open_, tables.Delivery.__table__.c.id == id_)
    return row.state


def ended(id_, token):
    return Ended(id_, token, Event.ACCEPTED, "accepted", 200, None, NOW, NOW, False, True, True)


def test_many_workers_claim_nothing_twice(either):
    """Eight threads that claim at once, until nothing is left, get every delivery exactly once.

    Without the lock on the connection, which a drain takes first, a claim may find what it picked taken: it gets less.
    """
    add_connection(either)
    for number in range(200):
        add_delivery(either, booking_id=number, key=f"k{number}")
    planned = tables.Delivery.__table__.c.state == "planned"

    def left():
        with either.reading() as open_:
            return deliveries.listed(open_, planned)

    def work(name):
        return [id_ for turn in takewhile(lambda _: left(), count()) for id_ in claim(either, 5, f"{name}.{turn}")]

    with ThreadPoolExecutor(8) as pool:
        found = [id_ for ids in pool.map(work, range(8)) for id_ in ids]
    assert (len(found), len(set(found))) == (200, 200)


def test_what_waits_behind_many_that_may_not_be_sent_is_claimed(either, monkeypatch):
    """A claim looks among the first ones, and at all where none of them may go."""
    monkeypatch.setattr(claims, "FIRST", 3)
    add_connection(either)
    of = [add_delivery(either, booking_id=number, key=f"k{number}", due_at=NOW - timedelta(minutes=9 - number))
          for number in range(1, 8)]  # fmt: skip
    either.run(lambda open_: notices.note(open_, "poll", [("c1", number) for number in (2, 3, 4, 5, 6)], NOW))
    assert [claim(either, 10, name) for name in ("a", "b", "c")] == [of[:1], of[6:], []]


@contextmanager
def explained(database, beginning):
    """The plans of the statements that begin like this."""
    said = []

    def explain(_connection, cursor, statement, parameters, _context, _many):
        if statement.startswith(beginning):
            said.extend(row[0] for row in cursor.connection.execute(f"EXPLAIN {statement}", parameters))

    event.listen(database.engine, "before_cursor_execute", explain)
    yield said
    event.remove(database.engine, "before_cursor_execute", explain)


def multiply(database, **other):
    """Twenty thousand more of the one delivery that is there, in no order."""
    names = [each.name for each in tables.Delivery.__table__.columns if each.name != "id"]
    new = {"booking_id": "n", "key": "n::text", "mark": "repeat('x', 700)", **other}
    chosen = ", ".join(new.get(name, f"delivery.{name}") for name in names)
    more = f"SELECT {chosen} FROM delivery, generate_series(100, 20000) n"  # noqa: S608 - names of ours
    with database.transaction() as open_:
        open_.execute(text(f"INSERT INTO delivery ({', '.join(names)}) {more}"))
        open_.execute(text("ANALYZE delivery"))


NO_ORDER = "n * 7919 % 20011 * interval '1 ms'"


def test_a_claim_reads_the_first_ones_and_not_the_backlog(postgres):
    """PostgreSQL finds them by their index and sorts nothing, however many wait."""
    with closing(Database(another(postgres, "claimed"))) as made:
        tables.metadata.create_all(made.engine)
        add_connection(made)
        add_delivery(made)
        multiply(made, due_at=f"due_at - {NO_ORDER}")
        with explained(made, "SELECT delivery.id") as said:
            assert len(claim(made, 64)) == 64
    assert [line for line in said if "Index Scan using ix_delivery_due" in line]
    assert [line for line in said if "Seq Scan on delivery" in line] == []


def test_a_proof_reads_the_first_ones_and_not_all_that_were_sent(postgres):
    """PostgreSQL finds them in the order in which they were sent and sorts nothing, however many are to be proven."""
    with closing(Database(another(postgres, "proven"))) as made:
        tables.metadata.create_all(made.engine)
        add_delivery(made, state="accepted", called_at=NOW, look_at=NOW)
        multiply(made, called_at=f"called_at - {NO_ORDER}")
        with explained(made, "WITH locked") as said:
            assert len(made.run(lambda open_: looks.to_prove(open_, NOW, most=300))) == 300
    assert [line for line in said if "Index Scan using ix_delivery_unproven" in line]
    assert [line for line in said if "Sort" in line or "Seq Scan on delivery" in line] == []


def statistics(database):
    """What PostgreSQL counted by now, by table; the one connection that was used tells what it kept for later."""
    with database.reading() as open_:
        open_.execute(text("SELECT pg_stat_force_next_flush()"))
    with database.reading() as open_:
        return {row.relname: row for row in open_.execute(text("SELECT * FROM pg_stat_user_tables"))}


def test_no_plan_from_when_tables_were_small_reads_all_of_them(postgres):
    """What is claimed and closed is found by indexes from the first one on: connections keep the plans that they made."""
    with closing(Database(another(postgres, "small"))) as made:
        tables.metadata.create_all(made.engine)
        add_connection(made)
        before = {name: row.seq_scan for name, row in statistics(made).items()}
        for number in range(20):
            id_ = add_delivery(made, booking_id=number, key=f"k{number}")
            assert claim(made, 1, f"t{number}") == [id_]
            made.run(lambda open_, id_=id_, token=f"t{number}-{id_}": claims.record(open_, [ended(id_, token)], NOW))
        assert {name: row.seq_scan for name, row in statistics(made).items()} == before


def test_a_look_costs_no_index_anything(postgres):
    """Leased and looked for, each of many gets its new versions beside the old one, as the migrations make the table."""
    with closing(Database(another(postgres, "looked"))) as made:
        upgrade(made.engine)
        add_connection(made)
        for number in range(100):
            add_delivery(made, booking_id=number, key=f"k{number}", mark="x" * 700, looked_at=None, look_at=NOW)
        rows = made.run(lambda open_: looks.to_look_for_first(open_, NOW, ["c1"], most=100))
        seen = [looks.Looked(row, "absent", None, None, NOW, NOW, False) for row in rows]
        made.run(lambda open_: looks.record_looks(open_, seen, NOW))
        counted = statistics(made)["delivery"]
        assert (counted.n_tup_upd, counted.n_tup_hot_upd) == (200, 200)


def test_a_lease_that_ended_fences_its_worker(either):
    """A worker whose claim expired and was claimed anew records nothing any more."""
    add_connection(either)
    id_ = add_delivery(either)
    claim(either, 1, "old")
    expired = either.run(lambda open_: claims.expire(open_, NOW + LEASE))
    either.run(lambda open_: claims.record(open_, [ended(id_, f"old-{id_}")], NOW))
    assert (expired, state(either, id_)) == (1, "unknown")


def test_one_sale_has_one_invoice(either):
    """The index forbids a second delivery that expects an invoice for a sale, whichever connection plans it."""
    add_connection(either)
    add_delivery(either)
    with pytest.raises(IntegrityError):
        add_delivery(either, connection_id="c2", moment="completed", key="other")


def test_notices_fold_under_many_writers(either):
    """Parallel webhooks of one booking are one notice, and each makes it fresh again."""
    add_connection(either)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: either.run(lambda open_: notices.note(open_, "webhook", [("c1", A)], NOW)), range(40)))
    with either.reading() as open_:
        row = notices.of(open_, "c1", A)
    assert (row.version, row.tries) == (40, 0)


def test_a_page_of_a_search_is_sighted(either):
    """What is new or changed becomes a notice, due at once again where there was one; what a poll saw before does not."""
    add_connection(either)

    def sight(page, now=NOW):
        return either.run(lambda open_: notices.sight(open_, "c1", page, now, ordered={A: "i", A + 1: "j"}.get))

    assert sight({A + 1: "b", A: "a"}) == [A, A + 1]
    assert sight({A: "a", A + 1: "b"}, NOW + LEASE) == []
    with either.transaction() as open_:
        kept = tables.Sighting.__table__.update().where(tables.Sighting.__table__.c.booking_id == A)
        open_.execute(kept.values(fingerprint="a:i"))
    assert sight({A: "x", A + 1: "y", A + 2: "z"}, NOW + LEASE) == [A + 1, A + 2]
    with either.reading() as open_:
        rows = [notices.of(open_, "c1", A + each) for each in range(3)]
        prints = {row.booking_id: row.fingerprint for row in every(open_, tables.Sighting)}
    assert [(row.source, row.noticed_at, row.due_at, row.version) for row in rows] == [
        ("poll", NOW, NOW, 1), ("poll", NOW, NOW + LEASE, 2), ("poll", NOW + LEASE, NOW + LEASE, 1)]  # fmt: skip
    assert prints == {A: "x:i", A + 1: "y:j", A + 2: "z:"}


def test_who_takes_its_notice_out_while_another_connection_gives_way_is_noticed_again(either):
    """A first reading of a sale that is not committed yet hears all the same that it need not stand back any more."""
    ours, theirs = add_connection(either, "ours"), add_connection(either, "theirs")
    with either.transaction() as open_:
        notices.note(open_, "poll", [(ours, A)], NOW)
    with either.reading() as open_:
        read = notices.of(open_, ours, A)

    def gives_way():
        either.run(lambda open_: notices.decided_again(open_, "org-1", A, NOW, but=theirs))

    with ThreadPoolExecutor(1) as pool:
        with either.transaction() as open_:
            notices.done(open_, [(read.id, read.version)])
            waiting = pool.submit(gives_way)
            with suppress(TimeoutError):
                waiting.result(timeout=0.3)
            told = waiting.done()
        waiting.result(timeout=10)
    with either.reading() as open_:  # in SQLite the other transaction began after this one, which stores a booking
        assert (told, notices.of(open_, ours, A) is not None) == (False, not either.is_sqlite)


def test_the_whole_road_with_a_lost_answer(home):
    """Two sales, one of whose answers is lost, become two documents."""
    home.sandbox.connect()
    for id_ in (A, A + 1):
        home.sandbox.book(bookings.own_sale(id_, home.clock()))
    home.sandbox.faults.add(remote="space-invoices", path="/order$", kind="reset", booking=A, after_effect=True)
    home.settle_down()
    assert sorted(home.documents) == [("invoice", A), ("invoice", A + 1)]
    assert [row[2] for row in home.deliveries] == ["confirmed", "confirmed"]


def test_an_estimate_becomes_an_invoice(home):
    """A bank booking is told twice, each with its own document."""
    home.sandbox.connect()
    home.sandbox.book(bookings.own_sale(A, home.clock(), paid=False, payment_type="BANK_TRANSFER"))
    home.drain(2)
    home.sandbox.change(A, pay=True, payment_type="BANK_TRANSFER")
    home.settle_down()
    assert home.documents == [("estimate", A), ("invoice", A)]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_migrations_go_up_and_down(kind, request, tmp_path):
    """The newest version can be reached from nothing, and nothing from it, on both databases."""
    url = f"sqlite:///{tmp_path}/m.db" if kind == "sqlite" else request.getfixturevalue("postgres")
    if kind == "postgresql":
        url = another(url, "migrated")
    database = Database(url)
    upgrade(database.engine)
    current, made = is_current(database.engine), set(inspect(database.engine).get_table_names())
    downgrade(database.engine, "base")
    left = set(inspect(database.engine).get_table_names()) - {"alembic_version"}
    database.close()
    assert (current, {"delivery", "notice"} <= made, left) == (True, True, set())


@pytest.mark.parametrize("lock", ["deadlock", "timeout"])
def test_a_transaction_that_may_work_again_is_tried_again(postgres, lock):
    """Deadlocks and serialization failures of PostgreSQL end in a commit, not in an error."""
    database = Database(postgres)
    tries = []
    codes = {"deadlock": "40P01", "timeout": "40001"}

    def step(open_):
        tries.append(1)
        if len(tries) < 3:
            open_.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '{codes[lock]}'; END $$"))
        return "done"

    found = database.run(step)
    database.close()
    assert (found, len(tries)) == ("done", 3)


def test_a_database_that_is_gone_is_an_operational_error():
    """What cannot be reached fails at once with the error that the edges know as away."""
    database = Database("postgresql+psycopg://postgres@127.0.0.1:1/none")
    with pytest.raises(OperationalError):
        database.run(lambda open_: None)


def test_history_is_planned_carried_out_and_audited(home, tmp_path):
    """A plan file of three old sales is carried out once, killed in the middle and gone on with; the books agree."""
    there = home.with_terms(start_from=NOW - timedelta(days=1))
    there.sandbox.connect()
    for booking in (A, A + 1, A + 2):
        there.sandbox.book(bookings.own_sale(booking, there.clock(), created=NOW - timedelta(days=200)))
    there.mirror()
    made = write(there, tmp_path)
    with pytest.raises(Killed):
        apply(mortal(there, 12), made)
    for minutes in (3, 16, 16):
        there.clock.pass_by(minutes=minutes)
        apply(there, made)
    period = {"since": NOW - timedelta(days=201), "until": NOW}
    clean = audit(there.services, **period)
    assert sorted(there.documents) == [("invoice", A), ("invoice", A + 1), ("invoice", A + 2)]
    assert backfill.states(there.services, made) == {"confirmed": 3}
    assert (clean.differences, {each.count for each in clean.audit.lines}) == ((), {3})
    [first, *_] = there.sandbox.documents
    there.sandbox.world.documents.delete(first["id"])
    [found] = audit(there.services, **period).differences
    assert (found.kind, found.booking) == ("deleted", first["bookingId"])


def test_doctor_reads_either_store(home):
    """What doctor asks the store is understood by both; on a house that is well it finds nothing."""
    home.sandbox.connect()
    home.sandbox.book(bookings.own_sale(A, home.clock()))
    home.drain(2)
    found = [finding for check in STORE_CHECKS for finding in check(home.services)]
    bad = [each.name for each in found if not each.ok]
    assert bad in ([], ["clock against the database"])  # the test's own clock stands still in another year


def synchronous(database, *, durable):
    """Whether the commit of such a transaction waits for the disk."""
    asked = "PRAGMA synchronous" if database.is_sqlite else "SHOW synchronous_commit"
    return database.run(lambda open_: open_.execute(text(asked)).scalar_one(), durable=durable) in (2, "on")


def test_only_what_may_be_done_again_does_not_wait_for_the_disk(kept):
    """A transaction is durable unless it says otherwise, and one that is not leaves nothing behind on its connection."""
    made = Database(str(kept.engine.url.render_as_string(hide_password=False)))
    said = [synchronous(made, durable=durable) for durable in (True, False, True, False, False, True)]
    made.close()
    assert said == [True, False, True, False, False, True]


@pytest.mark.parametrize("sure", [3600, 0])
def test_a_server_that_was_started_again_is_used_again(sure, monkeypatch):
    """Its farewell is noticed before a connection that just worked is used; one that was idle is asked as well."""
    monkeypatch.setattr(database, "_SURE", sure)
    server = servers.Postgres(hasty=True)
    try:
        made = Database(settings(database_url=server.url).database_url)
        tables.metadata.create_all(made.engine)
        for _ in range(2):
            made.run(lambda open_: notices.note(open_, "poll", [("c", 1)], NOW))
            server.crash()
            with made.reading() as open_:
                assert len(notices.since(open_, "c")) == 1
        made.close()
    finally:
        server.stop()


@pytest.mark.parametrize("tries", [1, 2])
def test_a_connection_that_breaks_unseen_is_a_failure_that_everybody_knows(postgres, tries, monkeypatch):
    """A transaction that cannot begin fails as a database that is away, whether the server's farewell was met before or
    nothing could be sent any more, and the next one has a connection that works."""
    monkeypatch.setattr(database, "_still_there", lambda *_: None)
    made = Database(postgres)
    with made.engine.connect() as open_:
        mine = open_.connection.dbapi_connection
    gone = create_engine(postgres)
    with gone.connect() as other:
        other.execute(text(f"SELECT pg_terminate_backend({mine.info.backend_pid}, 5000)"))
    gone.dispose()
    for _ in range(tries - 1):
        mine.pgconn.exec_(b"SELECT 1")
    with pytest.raises(OperationalError) as failed, made.transaction():
        pass
    assert database.is_away(failed.value)
    with made.transaction() as open_:
        assert open_.execute(text("SELECT 1")).scalar_one() == 1
    made.close()


def test_a_durable_commit_keeps_what_was_committed_before_it():
    """After PostgreSQL dies with its buffers, what a claim rested on is there; what came after it may be lost."""
    server = servers.Postgres()
    try:
        made = Database(settings(database_url=server.url).database_url)
        tables.metadata.create_all(made.engine)
        for turn in range(5):
            for number in range(20):
                made.run(
                    lambda open_, n=number, t=turn: notices.note(open_, "poll", [(f"c{t}", n)], NOW), durable=False
                )
            made.run(lambda open_, t=turn: notices.note(open_, "person", [(f"c{t}", 99)], NOW))
            made.run(lambda open_, t=turn: notices.note(open_, "poll", [(f"c{t}", 100)], NOW), durable=False)
            server.crash()
            with made.reading() as open_:
                left = len(notices.since(open_, f"c{turn}"))
            assert left >= 21
        made.close()
    finally:
        server.stop()

"""Answered after the commit and only then: in groups, whatever the broker does, and not at all without a database."""

import asyncio
import threading
from dataclasses import replace

import pytest
from sqlalchemy import event

from tests.builders import add_connection, database_in
from tests.disks import Full
from tests.web.senders import CLASSIC, app_store
from worker.store import tables
from worker.store.database import Database
from worker.web.inbox import Announced, Inbox, InboxAway, store


def test_group_commit(database, clock, house):
    """Webhooks that come during a commit share the next one: fifty of them make a handful of commits."""
    add_connection(database)
    inbox, commits = Inbox(database, clock), []
    count = commits.append
    event.listen(database.engine, "commit", count)

    async def fifty():
        await asyncio.gather(*(inbox.store(Announced(booking, None)) for booking in range(1, 51)))

    asyncio.run(fifty())
    event.remove(database.engine, "commit", count)
    assert {booking for (booking,) in house.rows(tables.Notice, "booking_id")} == set(range(1, 51))
    assert len(commits) <= 5


def test_one_turn_after_another(database, clock, house):
    """Webhooks that come with each turn of the loop share one commit: it begins when no further one comes."""
    add_connection(database)
    inbox, commits = Inbox(database, clock), []
    count = commits.append
    event.listen(database.engine, "commit", count)

    async def later(booking):
        for _ in range(booking):
            await asyncio.sleep(0)
        await inbox.store(Announced(booking, None))

    async def ten():
        await asyncio.gather(*(later(booking) for booking in range(1, 11)))

    asyncio.run(ten())
    event.remove(database.engine, "commit", count)
    assert {booking for (booking,) in house.rows(tables.Notice, "booking_id")} == set(range(1, 11))
    assert len(commits) == 1


def test_signed_and_unsigned_at_once(database, clock, house):
    """Where one commit holds a signed and an unsigned webhook of a booking, it is kept who signed."""
    add_connection(database)
    with database.transaction() as open_:
        store(open_, [Announced(7, "VmVuZG9yOjQ"), Announced(7, None)], clock())
    assert house.rows(tables.Hearing, "booking_id", "vendor") == [(7, "VmVuZG9yOjQ")]


def test_locked(database, clock):
    """While the database is locked the webhook is refused within its patience, so that Bokun sends it again."""
    add_connection(database)
    inbox = Inbox(database, clock, patience=0.03)
    with database.transaction(), pytest.raises(InboxAway):
        asyncio.run(inbox.store(Announced(7, None)))


def test_locked_and_free(database, clock, house):
    """Who comes after a lock that was too long is stored, though those before gave up while the writer hung."""
    add_connection(database)
    inbox = Inbox(database, clock, patience=0.05)

    async def come():
        with database.transaction():
            for booking in (7, 8):
                with pytest.raises(InboxAway):
                    await inbox.store(Announced(booking, None))
        inbox._patience = 5
        await inbox.store(Announced(9, None))

    asyncio.run(come())
    assert 9 in {booking for (booking,) in house.rows(tables.Notice, "booking_id")}


def test_one_gives_up_alone(database, clock, house):
    """A request that is cut off takes nobody of its group with it."""
    add_connection(database)
    inbox = Inbox(database, clock)

    async def two():
        cut, stays = (asyncio.create_task(inbox.store(Announced(booking, None))) for booking in (7, 8))
        await asyncio.sleep(0)
        cut.cancel()
        return await asyncio.gather(cut, stays, return_exceptions=True)

    cut, stays = asyncio.run(two())
    assert (type(cut), stays) == (asyncio.CancelledError, None)
    assert 8 in {booking for (booking,) in house.rows(tables.Notice, "booking_id")}


def test_away_and_back(open_web, told, services, tmp_path, house):
    """Without a database it is 503 and never 200; what is sent again when it is back is stored."""
    away = Database(f"sqlite:///{tmp_path}/test.db")
    lost = house.with_services(database=away)
    web = open_web(told, lost.services)
    assert app_store(web).status_code == 503
    database_in(tmp_path).close()
    add_connection(away)
    assert app_store(web).status_code == 200
    assert lost.rows(tables.Notice, "connection_id", "booking_id") == [("c1", 7)]
    away.close()


def test_full_disk(open_web, told, house, tmp_path):
    """A webhook that cannot be stored is answered 503, so that it comes again; what was answered 200 is stored."""
    database = database_in(tmp_path)
    add_connection(database)
    disk, lost = Full(database), house.with_services(database=database)
    web = open_web(told, lost.services)
    disk.fill()
    answers = {id_: web.post(CLASSIC, json={"id": id_}).status_code for id_ in range(7_000, 7_200)}
    kept = {booking for (booking,) in lost.rows(tables.Notice, "booking_id")}
    assert {id_ for id_, status in answers.items() if status == 200} <= kept
    assert set(answers.values()) <= {200, 503}
    assert 503 in answers.values()
    disk.clear()
    assert web.post(CLASSIC, json={"id": 7_199}).status_code == 200
    database.close()


def test_away_while_uninstalled(open_web, told, services, tmp_path):
    """An uninstall that cannot be stored is 503, so that it comes again."""
    web = open_web(told, replace(services, database=Database(f"sqlite:///{tmp_path}/none.db")))
    assert app_store(web, "apps/uninstall", booking=None).status_code == 503


def test_frozen_broker(open_web, told, services, connected, inbox):
    """A broker that hangs delays no answer: the notice is stored, and the sweep finds it."""
    thaw = threading.Event()
    web = open_web(told, replace(services, ring=lambda _: thaw.wait(10)))
    assert [app_store(web, booking=str(each)).status_code for each in (7, 8, 9)] == [200, 200, 200]
    assert {booking for _, booking, _ in inbox()} == {7, 8, 9}
    thaw.set()


def test_broker_away(open_web, told, services, connected, inbox):
    """A bell that cannot be rung is dropped, and the answer stays 200."""
    heard = threading.Event()

    def away(bell):
        heard.set()
        raise ConnectionError

    assert app_store(open_web(told, replace(services, ring=away))).status_code == 200
    assert heard.wait(5)
    assert len(inbox()) == 2


def test_bell_after_commit(open_web, told, services, connected, inbox):
    """The bell is rung when the notice can be seen, never before."""
    seen, rung = [], threading.Event()

    def ring(bell):
        seen.append((bell, len(inbox())))
        rung.set()

    app_store(open_web(told, replace(services, ring=ring)))
    assert rung.wait(5)
    assert seen == [("tasks.plan.notices", 2)]

"""A backup that is restored goes on with what the remote knows, not with what the backup believes."""

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace

from tests.builders import settings
from worker.flow.look import look_first
from worker.sandbox import bookings
from worker.store import looks
from worker.store.database import Database

A, B = 9_000_001, 9_000_002


def back_up(house, file):
    """As the handbook says it."""
    with closing(sqlite3.connect(house.services.database.engine.url.database)) as open_:
        open_.execute(f"VACUUM INTO '{file}'")


@contextmanager
def restored(house, folder, meanwhile):
    """The house on a copy of its database, restored elsewhere after `meanwhile`; `migrate` has run."""
    file = folder / "backup.db"
    back_up(house, file)
    meanwhile()
    copy = Database(settings(database_url=f"sqlite:///{file}").database_url)
    copy.run(lambda open_: looks.forget(open_, house.clock()))
    try:
        yield replace(house, services=replace(house.services, database=copy))
    finally:
        copy.close()


def planned(house):
    """A connection and a booking whose invoice is planned."""
    house.sandbox.connect("Store")
    house.sandbox.book(bookings.own_sale(A, house.clock()))
    house.mirror()
    house.poll()
    house.plan()


def test_what_was_sent_after_the_backup_is_found(house, tmp_path):
    """An invoice that was planned and just looked for in the backup, and sent after it, is found and not sent again."""
    planned(house)
    looked = look_first(house.services)
    assert (looked.looked, looked.ended) == (1, 0)
    with restored(house, tmp_path, house.deliver) as after:
        after.drain(2)
        assert (after.documents, after.posts) == ([("invoice", A)], 1)
        assert after.deliveries == [("received", "invoice", "confirmed")]


def test_what_was_booked_after_the_backup_is_issued(house, tmp_path):
    """A booking that came after the backup and has no document yet gets one; the one before is not touched."""
    planned(house)
    house.deliver()

    def meanwhile():
        house.sandbox.book(bookings.own_sale(B, house.clock()))

    with restored(house, tmp_path, meanwhile) as after:
        after.drain(2)
        after.settle_down()
        assert sorted(after.documents) == [("invoice", A), ("invoice", B)]


def test_what_was_under_way_in_the_backup_is_looked_up(house, tmp_path):
    """A delivery that was being sent at the moment of the backup is looked for, not sent again."""
    planned(house)
    kept = {}

    real = house.services.space_invoices

    class Watched(type(real)):
        """Takes the backup while the claim is committed and the call has not left yet."""

        def send(self, call, **more):
            if call.path.endswith("/order") and "file" not in kept:
                kept["file"] = tmp_path / "under-way.db"
                back_up(house, kept["file"])
            return super().send(call, **more)

    watched = Watched(**{name: getattr(real, name) for name in real.__dataclass_fields__})
    house.with_services(space_invoices=watched).drain(2)
    copy = Database(f"sqlite:///{kept['file']}")
    copy.run(lambda open_: looks.forget(open_, house.clock()))
    after = house.with_services(database=copy)
    assert after.deliveries == [("received", "invoice", "sending")]
    after.settle_down()
    assert (after.documents, after.deliveries) == ([("invoice", A)], [("received", "invoice", "confirmed")])
    copy.close()

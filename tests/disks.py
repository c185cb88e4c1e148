"""Disks without room."""

from contextlib import suppress

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from worker.store import tables

NO_LIMIT = 2**30


class Full:
    """A database that may not grow, while it is full."""

    def __init__(self, database):
        self.database, self.pages = database, NO_LIMIT
        event.listen(database.engine, "checkout", lambda raw, *_: raw.execute(f"PRAGMA max_page_count={self.pages}"))

    def fill(self):
        """From now on no page more; what is free in the last ones is taken up."""
        self.pages = 1
        with suppress(DBAPIError):
            for number in range(10_000):
                self.write(number)

    def write(self, number):
        with self.database.transaction() as open_:
            open_.execute(tables.Heartbeat.__table__.insert().values(bell=f"{number:-<200}"))

    def clear(self):
        self.pages = NO_LIMIT

"""A later migration comes while workers of the earlier release run: they go on, and nothing is doubled or lost."""

import shutil
import threading

import pytest

from tests import servers
from tests.builders import House, furnish, settings
from worker.sandbox import bookings
from worker.store import migrate
from worker.store.database import Database

FIRST, MANY = 9_500_001, 40
LATER = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "later", "HEAD"


def upgrade():
    for table in ("delivery", "booking", "connection", "notice", "attempt"):
        op.add_column(table, sa.Column("later", sa.String(), nullable=True))
        op.add_column(table, sa.Column("counted", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_delivery_later", "delivery", ["later"])
    op.create_table("later", sa.Column("id", sa.Integer(), primary_key=True))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated(request, tmp_path):
    """A database of the release before, made by its migrations."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path}/rolling.db")
        migrate.upgrade(database.engine)
        yield database
        database.close()
        return
    with servers.postgres() as url:
        database = Database(settings(database_url=url).database_url)
        migrate.upgrade(database.engine)
        yield database
        database.close()


@pytest.fixture
def later(monkeypatch, tmp_path):
    """Brings a database to the version of the next release, as that release would."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate._MIGRATIONS, folder)
    (folder / "versions" / "9999_later.py").write_text(LATER.replace("HEAD", migrate.head()))

    def upgrade(database):
        with monkeypatch.context() as patch:
            patch.setattr(migrate, "_MIGRATIONS", folder)
            return migrate.upgrade(database.engine)

    return upgrade


def test_a_migration_under_running_workers(built, sandbox, clock, migrated, later):
    """Forty sales are planned and sent while the tables grow under them: each gets its one invoice, and no step fails."""
    house = House(furnish(built, sandbox, migrated, clock), sandbox, clock)
    sandbox.connect()
    house.mirror()
    grown, failed = threading.Event(), []

    def work():
        for number in range(FIRST, FIRST + MANY):
            sandbox.book(bookings.own_sale(number, clock()))
            try:
                house.drain()
            except Exception as wrong:  # noqa: BLE001 - whatever it is, it is shown
                failed.append(wrong)
            if number == FIRST + MANY // 2:
                grown.wait(60)

    worker = threading.Thread(target=work)
    worker.start()
    assert later(migrated) == (migrate.head(), "later")
    grown.set()
    worker.join(100)
    house.settle_down()
    assert failed == []
    assert sorted(house.documents) == [("invoice", number) for number in range(FIRST, FIRST + MANY)]


def test_the_earlier_release_is_at_home_in_a_later_database(migrated, later):
    """It counts a later version as new enough, and its own migration changes nothing."""
    assert migrate.is_current(migrated.engine)
    later(migrated)
    assert migrate.is_current(migrated.engine)
    assert migrate.upgrade(migrated.engine) == ("later", "later")


def test_an_earlier_database_is_not_current(tmp_path):
    """Without its tables a database is not what this release needs."""
    database = Database(f"sqlite:///{tmp_path}/empty.db")
    assert not migrate.is_current(database.engine)
    database.close()

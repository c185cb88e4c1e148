"""SQLite's one write lock: whoever wants it waits for whoever has it, within patience."""

import sqlite3
import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from worker.store import database as store
from worker.store.database import Database


@pytest.fixture
def held(tmp_path):
    """A database whose write lock somebody else has, and how they give it back."""
    path = tmp_path / "held.sqlite"
    ours = Database(f"sqlite:///{path}")
    with ours.transaction() as open_:
        open_.execute(text("CREATE TABLE t (n INTEGER)"))
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    yield ours, other
    other.close()
    ours.close()


def test_a_writer_waits_longer_than_sqlite_does_by_itself(held):
    """A lock that is given back after twenty of SQLite's own waits is taken then, and the row is there."""
    ours, other = held
    back = threading.Timer(store._GLANCE * 20 / 1000, other.execute, ["COMMIT"])
    back.start()
    with ours.transaction() as open_:
        open_.execute(text("INSERT INTO t VALUES (1)"))
    back.join()
    assert other.execute("SELECT n FROM t").fetchall() == [(1,)]


def test_a_writer_gives_up_after_its_patience(held, monkeypatch):
    """What holds the lock for good is an error that names it, and the connection still works afterwards."""
    ours, other = held
    monkeypatch.setattr(store, "_PATIENCE", 0)
    with pytest.raises(OperationalError, match="locked"), ours.transaction():
        pass
    other.execute("ROLLBACK")
    with ours.transaction() as open_:
        assert open_.execute(text("SELECT count(*) FROM t")).scalar_one() == 0

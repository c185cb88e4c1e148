"""The engine and its transactions: short, guarded, and the same on SQLite and PostgreSQL."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError

T = TypeVar("T")
_open = ContextVar("_open", default=False)
_AGAIN = {"40001", "40P01", "55P03"}
"""SQLSTATEs that mean "the same again may work": serialization failure, deadlock, lock not available."""
_TRIES = 5
_PATIENCE = 15
"""Seconds that a transaction waits for SQLite's one write lock."""
_GLANCE = 8
"""Milliseconds of it that SQLite waits by itself."""
_COMMAND_OK = 1
"""PGRES_COMMAND_OK of libpq."""
_SURE = 1.0
"""Seconds in which a connection that worked, and over which nothing came since, is not asked whether it still does."""


class TransactionOpen(AssertionError):
    """Somebody wants to use the wire while a transaction is open."""


class Database:
    """One engine of one process; to be made after a fork."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self, *, durable: bool = True, whole: bool = False) -> Iterator[Connection]:
        """One short write transaction; it commits at the end and must be closed before the wire is used.

        One that need not be durable does not wait for the disk: a power cut may take it back, with all that were
        committed after it, and the work is done again. The next durable one keeps it (ADR 13). One that says so may
        read whole tables; PostgreSQL finds the rows of all others by an index.
        """
        with self._connected({"durable": durable, "whole": whole}) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent read; on SQLite it does not wait for writers."""
        with self._connected({"reading": True, "whole": True}) as connection:
            yield connection

    def run(self, step: Callable[[Connection], T], *, durable: bool = True, whole: bool = False) -> T:
        """The step in one transaction, tried again where the database asks for it (deadlock, lock, serialization)."""
        for left in reversed(range(_TRIES)):
            try:
                with self.transaction(durable=durable, whole=whole) as connection:
                    return step(connection)
            except OperationalError as failed:
                if left == 0 or not _may_work_again(failed):
                    raise
                time.sleep(0.02 * (_TRIES - left))
        raise AssertionError("unreachable")

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _connected(self, options: dict[str, Any]) -> Iterator[Connection]:
        mark = _open.set(True)
        try:
            with self.engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection
        finally:
            _open.reset(mark)


def clock(open_: Connection) -> datetime | None:
    """The time as the database's own machine has it; None where it has no clock of its own (SQLite)."""
    if open_.dialect.name == "sqlite":
        return None
    return open_.execute(text("SELECT clock_timestamp()")).scalar_one().astimezone(UTC)  # type: ignore[no-any-return]


def server(open_: Connection) -> str:
    """Its name and version."""
    name = "SQLite" if open_.dialect.name == "sqlite" else "PostgreSQL"
    return f"{name} {'.'.join(str(each) for each in open_.dialect.server_version_info or ())}"


def must_be_closed() -> None:
    """Raises where a transaction of this context is open: no wire is used inside one (house, state table)."""
    if _open.get():
        raise TransactionOpen("a transaction is open while the wire is used")


def is_away(failed: BaseException) -> bool:
    """Whether this failure means that the database cannot be used now, rather than that a statement is wrong."""
    return isinstance(failed, OperationalError) or (isinstance(failed, DBAPIError) and failed.connection_invalidated)


def _may_work_again(failed: OperationalError) -> bool:
    state = getattr(failed.orig, "sqlstate", None)
    return state in _AGAIN or "database is locked" in str(failed.orig)


def _engine(url: str) -> Engine:
    if url.startswith("sqlite"):
        return _sqlite(url)
    settings = "-c statement_timeout=15000 -c lock_timeout=4000 -c idle_in_transaction_session_timeout=15000"
    engine = create_engine(
        url,
        use_native_hstore=False,  # nothing is one, and asking for its type costs each new connection a query
        pool_size=4,
        max_overflow=8,
        pool_timeout=5,
        # A network that drops silently ends a statement after seconds, not when TCP gives up.
        connect_args={
            "connect_timeout": 3,
            "options": settings,
            "keepalives_idle": 5,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
        },
        hide_parameters=True,
    )
    event.listen(engine, "connect", _plain)
    event.listen(engine, "connect", _used)
    event.listen(engine, "checkin", _used)
    event.listen(engine, "checkout", _still_there)
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _sqlite(url: str) -> Engine:
    if (file := url.removeprefix("sqlite:///")) and file != ":memory:":
        with suppress(OSError):  # then SQLite cannot open it either, which is a database that is away
            Path(file).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _PATIENCE}, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    """WAL for readers beside a writer; FULL, because a claim that a power cut forgets would be sent twice."""
    connection.isolation_level = None
    for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    """Without IMMEDIATE two of three read-modify-writes are lost silently (dependencies.md 3)."""
    options = connection.get_execution_options()
    if options.get("reading"):
        connection.exec_driver_sql("BEGIN")
        return
    synchronous = "FULL" if options.get("durable", True) else "NORMAL"
    if connection.info.get("synchronous", "FULL") != synchronous:
        connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")  # cannot be changed inside a transaction
        connection.info["synchronous"] = synchronous
    _lock(connection, time.monotonic() + _PATIENCE)


def _lock(connection: Connection, until: float) -> None:
    """Looks again after 1, 2 and 5 ms, over and over: SQLite's own patience grows to 100 ms, while writers that hold the
    lock for two pass it by."""
    plain: Any = connection.connection.dbapi_connection
    plain.execute(f"PRAGMA busy_timeout={_GLANCE}")
    try:
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except OperationalError as failed:
                if "database is locked" not in str(failed.orig) or time.monotonic() > until:
                    raise
            else:
                return
    finally:
        plain.execute(f"PRAGMA busy_timeout={_PATIENCE * 1000}")


def _plain(connection: Any, _record: Any) -> None:
    """Transactions are begun by `_begin_postgresql`: a begin of the driver's own would be a round trip more."""
    connection.autocommit = True


def _used(_connection: Any, record: Any) -> None:
    record.info["used"] = time.monotonic()


def _still_there(connection: Any, record: Any, _proxy: Any) -> None:
    """Asks a connection whether it still works, if it was idle for a while or the server said something that nobody
    asked for, which is mostly farewell; the pool replaces one that does not."""
    idle = time.monotonic() - record.info["used"]
    try:
        if idle >= _SURE or _said_something(connection):
            connection.execute("")
    except Exception as failed:
        raise DisconnectionError from failed


def _said_something(connection: Any) -> bool:
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


def _begin_postgresql(connection: Connection) -> None:
    """By libpq itself: a statement that has neither parameters nor rows needs no cursor, which costs as much again.

    Who writes finds rows by an index. A connection keeps the plans it made, and one that was made while a table was
    small would go on reading all of it: of the ledger, for each group of attempts that is closed.
    """
    options = connection.get_execution_options()
    begin = "BEGIN" if options.get("whole") else "BEGIN; SET LOCAL enable_seqscan TO OFF"
    if not options.get("durable", True):
        begin += "; SET LOCAL synchronous_commit TO OFF"
    if not _done(connection.connection.dbapi_connection, begin):
        connection.exec_driver_sql(begin)  # fails as well, as a failure that everybody knows


def _done(connection: Any, command: str) -> bool:
    try:
        return bool(connection.pgconn.exec_(command.encode()).status == _COMMAND_OK)
    except Exception:  # noqa: BLE001 - the driver's, where nothing could be sent
        return False

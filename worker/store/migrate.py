"""Brings the database to the newest version, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7_210_041  # any number, the same for every release process


def upgrade(engine: Engine, revision: str = "head") -> tuple[str | None, str | None]:
    """Runs what is missing, one release process at a time; returns the versions before and after."""
    with engine.connect() as connection:
        before = _version(connection)
        if _is_later(before):
            return before, before
        _alone(connection)
        command.upgrade(_config(connection), revision)
        connection.commit()
        return before, _version(connection)


def downgrade(engine: Engine, revision: str) -> None:
    """Goes back to a version; `base` is the empty database."""
    with engine.connect() as connection:
        _alone(connection)
        command.downgrade(_config(connection), revision)
        connection.commit()


def is_current(engine: Engine) -> bool:
    """Whether the database has the newest version that this code knows, or a later one."""
    with engine.connect() as connection:
        version = _version(connection)
    return version == head() or _is_later(version)


def is_known(engine: Engine) -> bool:
    """Whether this code knows the version that the database has; an empty database counts as known."""
    with engine.connect() as connection:
        found = _version(connection)
    return found is None or found in {each.revision for each in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}


def head() -> str | None:
    """The newest version that this code knows."""
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head()


def _is_later(version: str | None) -> bool:
    """One that this code does not know: later versions only add, so that the earlier code goes on during a release."""
    known = {each.revision for each in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    return version is not None and version not in known


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _alone(connection: Connection) -> None:
    """SQLite locks the file by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET statement_timeout = 0; SET lock_timeout = '30s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config

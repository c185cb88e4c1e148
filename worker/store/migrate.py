"""Brings the database to the newest version, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7_210_041  # any number, the same for every release process


def upgrade(engine: Engine, revision: str = "head") -> tuple[str | None, str | None]:
    """Runs what is missing, one release process at a time; returns the versions before and after."""
    from alembic import command  # noqa: PLC0415 - only where it is needed: see head()

    with engine.connect() as connection:
        before = _version(connection)
        _alone(connection)
        command.upgrade(_config(connection), revision)
        connection.commit()
        return before, _version(connection)


def downgrade(engine: Engine, revision: str) -> None:
    """Goes back to a version; `base` is the empty database."""
    from alembic import command  # noqa: PLC0415 - only where it is needed: see head()

    with engine.connect() as connection:
        _alone(connection)
        command.downgrade(_config(connection), revision)
        connection.commit()


def is_current(engine: Engine) -> bool:
    """Whether the database has the newest version."""
    with engine.connect() as connection:
        return _version(connection) == head()


_NAMES = re.compile(r"""^(down_revision|revision)\b[^=]*= ["'](\w+)["']""", re.MULTILINE)


def head() -> str:
    """The newest version that this code knows: the one that no other comes after.

    Read from the files' own two lines, because every command asks, and loading alembic for that costs a person a
    third of a second.
    """
    found = [_NAMES.findall(each.read_text()) for each in (_MIGRATIONS / "versions").glob("*.py")]
    before = {name for lines in found for kind, name in lines if kind == "down_revision"}
    (newest,) = {name for lines in found for kind, name in lines if kind == "revision"} - before
    return newest


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _alone(connection: Connection) -> None:
    """SQLite locks the file by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET statement_timeout = 0; SET lock_timeout = '30s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - only where it is needed: see head()

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config

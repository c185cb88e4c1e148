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
        if _is_later(before):
            return before, before
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
    """Whether the database has the newest version that this code knows, or a later one."""
    with engine.connect() as connection:
        version = _version(connection)
    return version == head() or _is_later(version)


def is_known(engine: Engine) -> bool:
    """Whether this code knows the version that the database has; an empty database counts as known."""
    with engine.connect() as connection:
        found = _version(connection)
    return found is None or found in _known()


def head() -> str:
    """The newest version that this code knows: the one that no other comes after."""
    known = _known()
    newest: set[str] = set(known) - set(known.values())
    return newest.pop()


def _is_later(version: str | None) -> bool:
    """One that this code does not know: later versions only add, so that the earlier code goes on during a release."""
    return version is not None and version not in _known()


_NAMES = re.compile(r"""^(down_revision|revision)\b[^=]*= ["'](\w+)["']""", re.MULTILINE)


def _known() -> dict[str, str]:
    """The versions that this code knows, each with the one before it (empty: none).

    Read from the files' own two lines, because every command asks, and loading alembic for that costs a person a
    third of a second.
    """
    files = (_MIGRATIONS / "versions").glob("*.py")
    found = [dict(_NAMES.findall(each.read_text())) for each in files]
    return {each["revision"]: each.get("down_revision", "") for each in found if "revision" in each}


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

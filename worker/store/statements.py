"""The few statements that SQLite and PostgreSQL spell differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    String,
    Table,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    select,
)
from sqlalchemy.engine import Row
from sqlmodel import SQLModel

Rows = Sequence[Mapping[str, Any]]


def table(model: type[SQLModel]) -> Table:
    """The Core table of a model: lists of parameters cost a fortieth of a session a row (performance.md 1)."""
    return model.__table__  # type: ignore[attr-defined, no-any-return]


def insert(connection: Connection, into: type[SQLModel]) -> Any:
    """An INSERT that knows ON CONFLICT."""
    return insert_into(connection.dialect.name, into)


def insert_into(dialect: str, into: type[SQLModel]) -> Any:
    """The same for a statement that is made before there is a connection; the other dialect is not loaded for it."""
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table(into))


def pairs(dialect: str, name: str) -> tuple[Any, Any]:
    """The members of a JSON object that is bound under this name, as rows, and their keys as numbers."""
    if dialect == "sqlite":
        rows = func.json_each(bindparam(name, type_=String)).table_valued("key", "value", name="pair")
    else:
        given = cast(bindparam(name, type_=String), JSON)
        rows = func.json_each_text(given).table_valued("key", "value", name="pair")
    return rows, cast(rows.c.key, BigInteger)


def insert_missing(connection: Connection, into: type[SQLModel], rows: Rows) -> None:
    """Inserts the rows that no unique index forbids; the others are left out, whichever index it was."""
    if rows:
        connection.execute(_missing(connection.dialect.name, into), list(rows))


@lru_cache(maxsize=64)
def _missing(dialect: str, into: type[SQLModel]) -> Any:
    return insert_into(dialect, into).on_conflict_do_nothing()


def every(connection: Connection, model: type[SQLModel], *where: Any) -> Sequence[Row[Any]]:
    """All rows that fit, as plain rows."""
    return connection.execute(select(table(model)).where(*where)).all()


def in_words(column: Any, *words: str) -> Any:
    """The column is one of these words of ours, which stand in the statement itself: bound, they are unknown when the
    statement is planned, and no partial index is used for them."""
    literals: list[Any] = [literal_column(f"'{word}'") for word in words]
    return column == literals[0] if len(words) == 1 else column.in_(literals)


def any_row(model: type[SQLModel], *where: Any) -> Any:
    """EXISTS over a model's rows."""
    return exists(select(1).select_from(table(model)).where(*where))

"""The few statements that SQLite and PostgreSQL spell differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
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
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
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


class among(FunctionElement[bool]):  # noqa: N801 - it reads like SQLAlchemy's own functions
    """A column is one of a list that is bound under this name as JSON.

    One parameter and one statement whatever the number: SQLAlchemy would write an IN anew for each list, and drivers
    adapt each member.
    """

    type = Boolean()
    name = "among"
    inherit_cache = True

    def __init__(self, column: Any, name: str) -> None:
        super().__init__(column, bindparam(name, type_=String))

    def self_group(self, against: object = None) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """As it is: SQLite would be told `... = 1`, and then uses no index."""
        return self


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **how: Any) -> str:
    column, given = (compiler.process(each, **how) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({given}))"  # noqa: S608 - column and parameter, as compiled


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: SQLCompiler, **how: Any) -> str:
    column, given = (compiler.process(each, **how) for each in element.clauses)
    kind = "bigint" if next(iter(element.clauses)).type.python_type is int else "text"
    return f"{column} = ANY (ARRAY(SELECT json_array_elements_text(CAST({given} AS json))::{kind}))"


class among_pairs(FunctionElement[bool]):  # noqa: N801 - it reads like SQLAlchemy's own functions
    """A text and a number are one of a list of pairs that is bound under this name as JSON.

    An IN of a hundred pairs, which SQLAlchemy writes anew each time, took a tenth of the time of a batch of readings.
    """

    type = Boolean()
    name = "among_pairs"
    inherit_cache = True

    def __init__(self, first: Any, second: Any, name: str) -> None:
        super().__init__(first, second, bindparam(name, type_=String))

    def self_group(self, against: object = None) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """As it is, like `among`."""
        return self


@compiles(among_pairs, "sqlite")
def _among_pairs_sqlite(element: among_pairs, compiler: SQLCompiler, **how: Any) -> str:
    first, second, given = (compiler.process(each, **how) for each in element.clauses)
    pair = "json_extract(value, '$[0]'), json_extract(value, '$[1]')"
    return f"({first}, {second}) IN (SELECT {pair} FROM json_each({given}))"  # noqa: S608 - columns and parameter


@compiles(among_pairs, "postgresql")
def _among_pairs_postgresql(element: among_pairs, compiler: SQLCompiler, **how: Any) -> str:
    first, second, given = (compiler.process(each, **how) for each in element.clauses)
    pairs = f"json_array_elements(CAST({given} AS json)) AS pair"
    return f"({first}, {second}) IN (SELECT pair ->> 0, CAST(pair ->> 1 AS bigint) FROM {pairs})"  # noqa: S608 - the same


def any_row(model: type[SQLModel], *where: Any) -> Any:
    """EXISTS over a model's rows."""
    return exists(select(1).select_from(table(model)).where(*where))

"""What all commands share: settings, services, tables, JSON, questions, and one place where errors become exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from config.settings import Settings
    from worker.flow.services import Services
    from worker.store.database import Database

DONE, FAILED, WRONG_USE, NEEDS_A_PERSON = 0, 1, 2, 3

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Because = Annotated[str, typer.Option("--because", help="Why, for the ledger. Required.")]


class Failed(Exception):
    """A command that could not do what it was asked; its text is what the person reads."""


class WrongUse(Exception):
    """Arguments that make no sense together or do not exist."""


def group(help_: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(
        help=help_, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
    )


def settings() -> Settings:
    """The settings of this process, with logging set up."""
    from config import logs
    from config.settings import read

    found = read()
    logs.configure("console" if sys.stderr and sys.stderr.isatty() else found.log_format, found.log_level)
    return found


@contextmanager
def services(*required: str, found: Settings | None = None) -> Iterator[Services]:
    """The services of this process on a database that is at its newest version."""
    from config.settings import require
    from worker.wiring import build

    now = found or settings()
    require(now, *required)
    built = build(now, ring=_no_broker if now.embedded else _through(now))
    try:
        _must_be_current(built.database)
        yield built
    finally:
        built.close()


@contextmanager
def database() -> Iterator[Database]:
    """The database alone, for what neither sends, rings nor logs: loading the rest takes as long again."""
    from config.settings import read
    from worker.store.database import Database

    opened = Database(read().database_url)
    try:
        _must_be_current(opened)
        yield opened
    finally:
        opened.close()


def _must_be_current(opened: Database) -> None:
    from worker.store.migrate import is_current

    if not is_current(opened.engine):
        raise Failed("The database is not at the newest version: run `bokun-sync migrate`.")


def _no_broker(_name: str, *_ids: str | int) -> None:
    """Without a broker nobody hears a bell: what is due waits for the next drain or beat."""


def _through(found: Settings) -> Callable[..., None]:
    """Rings through the app, which is loaded with the first ring: most commands ring nothing."""

    def rung(name: str, *ids: str | int) -> None:
        from worker.app import celery_app, ring

        celery_app(found)
        ring(name, *ids)

    return rung


def say(text: str) -> None:
    """One line for people, on standard output."""
    typer.echo(text)


def warn(text: str) -> None:
    """One line for people, on standard error."""
    typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """JSON with exact numbers; what reads it needs nothing else on standard output."""
    from worker.calls import json

    typer.echo(json.dumps(value))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "Nothing there.") -> None:
    """A table that fits the terminal; piped, it is wide enough for its content."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    found = [[Text(_cell(cell)) for cell in row] for row in rows]
    if not found:
        say(empty)
        return
    table = Table(*columns, box=None, header_style="bold", pad_edge=False, show_edge=False)
    for row in found:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False, soft_wrap=False).print(table)


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case _:
            return str(value)


def show(value: Any, as_json: bool, columns: Mapping[str, str], *, empty: str = "Nothing there.") -> None:
    """A list of records as JSON, or as a table with these members under these headings."""
    if as_json:
        print_json(value)
        return
    print_table(list(columns.values()), [[each.get(name) for name in columns] for each in value], empty=empty)


def ask(question: str, yes: bool, *, routine: bool = False) -> None:
    """Asks before anything that causes an effect; without a terminal only --yes will do.

    `routine` is what the service does by itself all day: without a terminal (a cron line) it goes ahead.
    """
    if yes or (routine and not sys.stdin.isatty()):
        return
    if not sys.stdin.isatty():
        raise WrongUse(f"{question} Say --yes to do it without being asked.")
    if not typer.confirm(question):
        raise Failed("Nothing was done.")


def json_object(text: str | None, option: str) -> dict[str, Any] | None:
    """A JSON object from an option, checked before anything is sent."""
    from worker.calls import json

    if text is None:
        return None
    try:
        value = json.loads(text)
    except json.NotJson:
        raise WrongUse(f"{option} is not JSON") from None
    if not isinstance(value, dict):
        raise WrongUse(f'{option} must be a JSON object such as {{"active": true}}')
    return value


def exit_code(failed: BaseException) -> int:
    """Prints one line about what went wrong and returns the exit code that goes with it."""
    from sqlalchemy.exc import DatabaseError, DBAPIError

    from config.settings import WrongSettings
    from worker.calls.sending import CallFailed
    from worker.store.database import is_away
    from worker.store.secrets import NoSecretKey

    match failed:
        case WrongSettings() | WrongUse() | NoSecretKey():
            warn(str(failed))
            return WRONG_USE
        case Failed():
            warn(str(failed))
            return FAILED
        case CallFailed():
            warn(_capital(failed.sentence))
            return FAILED
        case DBAPIError() if is_away(failed) or type(failed) is DatabaseError:  # a file that is no database
            warn(f"The database cannot be used now ({type(failed.orig).__name__}). Nothing was lost; see DATABASE_URL.")
            return FAILED
        case KeyboardInterrupt():
            warn("Stopped.")
            return FAILED
        case _:
            raise failed


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]

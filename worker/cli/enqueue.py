"""Commands that put a task on the broker, or do it here."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.console import (
    DONE,
    FAILED,
    NEEDS_A_PERSON,
    Failed,
    WrongUse,
    Yes,
    ask,
    group,
    say,
    services,
    settings,
    warn,
)

if TYPE_CHECKING:
    from worker.flow.services import Services, Until

app = group("Puts a task on the broker and prints its id; --wait follows it, --now runs it here without a broker.")
Wait = Annotated[bool, typer.Option("--wait", help="Follow the run's row in the database to its end.")]
Now = Annotated[bool, typer.Option("--now", help="Do it here, without a broker.")]
Connection = Annotated[str | None, typer.Argument(help="A connection's id; all of them if left out.")]
WAIT_SECONDS = 300.0


@app.command()
def poll(connection: Connection = None, wait: Wait = False, now: Now = False) -> None:
    """Asks Bokun what was modified.

    Example: bokun-sync enqueue poll --wait
    """
    from worker.flow.drain import poll_all
    from worker.flow.poll import poll_one

    if connection is None:
        _go("tasks.poll.connections", (), wait, now, lambda built: poll_all(built, _for_long(built)))
    else:
        one = connection
        _go(
            "tasks.poll.connection",
            (one,),
            wait,
            now,
            lambda built: poll_one(built, one, _for_long(built)),
            connection=one,
        )


@app.command()
def refresh(wait: Wait = False, now: Now = False) -> None:
    """Mirrors the connections and their flags from Space Invoices.

    Example: bokun-sync enqueue refresh --now
    """
    from worker.flow.refresh import refresh as mirror

    _go("tasks.refresh.connections", (), wait, now, mirror)


@app.command()
def plan(wait: Wait = False, now: Now = False) -> None:
    """Reads noticed bookings again and decides them.

    Example: bokun-sync enqueue plan --now
    """
    from worker.app import drain_time
    from worker.flow.plan import plan as drain

    _go("tasks.plan.notices", (), wait, now, lambda built: drain(built, drain_time(built)))


@app.command()
def deliver(wait: Wait = False, now: Now = False, yes: Yes = False) -> None:
    """Sends what is due: documents are issued.

    Example: bokun-sync enqueue deliver --yes
    """
    from worker.app import drain_time
    from worker.flow.deliver import deliver as drain

    ask("Send everything that is due to Space Invoices?", yes, routine=True)
    _go("tasks.deliver.due", (), wait, now, lambda built: drain(built, drain_time(built)))


@app.command()
def reconcile(wait: Wait = False, now: Now = False) -> None:
    """Looks for what was sent among Space Invoices' orders.

    Example: bokun-sync enqueue reconcile --wait
    """
    from worker.app import drain_time
    from worker.flow.reconcile import reconcile as drain

    _go("tasks.reconcile.due", (), wait, now, lambda built: drain(built, drain_time(built)))


@app.command()
def booking(connection: str, booking: int, wait: Wait = False, now: Now = False) -> None:
    """Reads one booking again and decides it; what it calls for is then sent.

    Example: bokun-sync enqueue booking 65a0c0de0000000000000001 80368889 --wait
    """
    from worker.app import drain_time
    from worker.flow.plan import plan_booking

    def here(built: Services) -> str:
        return plan_booking(built, connection, booking, drain_time(built))

    _go("tasks.plan.booking", (connection, booking), wait, now, here, connection=connection, booking=booking)


@app.command("import")
def import_(
    connection: str,
    type_: Annotated[str, typer.Option("--type", help="What to import; its values are not documented.")],
    options: Annotated[str | None, typer.Option("--options", help="importOptions, passed through unchanged.")] = None,
    wait: Wait = False,
    now: Now = False,
    yes: Yes = False,
) -> None:
    """Asks Space Invoices to import by itself. It is sent once and never repeated without you.

    Example: bokun-sync enqueue import 65a0c0de0000000000000001 --type orders --yes
    """
    from worker.flow import imports

    warn("An import lets Space Invoices issue documents by itself, possibly for bookings that are told one by one too.")
    ask(f"Start an import of type {type_} for {connection}?", yes)
    with services() as built:
        asked = imports.ask(built, connection, type_, options)
    if isinstance(asked, str):
        raise Failed(asked)
    number = asked

    def here(built: Services) -> str:
        return imports.send(built, number)

    _go("tasks.imports.run", (number,), wait, now, here, connection=connection, import_=number)
    if now:
        _say_what_became_of(number)


def _say_what_became_of(number: int) -> None:
    """An import that is held needs a person: its reason, and the command that settles it."""
    from worker.store import imports

    with services() as built, built.database.reading() as open_:
        row = imports.get(open_, number)
    if row is not None and row.state == "held":
        warn(f"It is held: {row.reason}. Look at Space Invoices, then:"
             f" bokun-sync connections settle-import {number} --because ...")  # fmt: skip
        raise typer.Exit(NEEDS_A_PERSON)


def _for_long(built: Services) -> Until:
    """A person waits for it here."""
    from worker.flow.services import Until

    return Until.seconds(built, 3600.0)


def _go(
    task: str,
    ids: tuple[str | int, ...],
    wait: bool,
    now: bool,
    here: Callable[[Services], object],
    *,
    connection: str | None = None,
    booking: int | None = None,
    import_: int | None = None,
) -> None:
    about = {"connection_id": connection, "booking_id": booking, "import_id": import_}
    if now:
        _do_here(here, connection)
    else:
        _put_on_broker(task, ids, wait, about)


def _do_here(here: Callable[[Services], object], connection: str | None) -> None:
    from worker.app import summary
    from worker.flow.poll import PollFailed

    with services("space_invoices_token", "space_invoices_organizations") as built:
        _must_be_known(built, connection)
        try:
            say(summary(here(built)))
        except PollFailed as failed:
            raise Failed(str(failed)) from None


def _put_on_broker(task: str, ids: tuple[str | int, ...], wait: bool, about: dict[str, Any]) -> None:
    from kombu.exceptions import KombuError

    from worker.app import celery_app
    from worker.app import enqueue as publish
    from worker.store import runs

    found = settings()
    if found.embedded:
        raise WrongUse("REDIS_URL is not set: say --now to do it here, or point REDIS_URL at the broker.")
    run = str(uuid.uuid4())
    with services(found=found) as built:
        _must_be_known(built, about["connection_id"])
        built.database.run(lambda open_: runs.ask(open_, run, task, built.clock(), **about))
        try:
            publish(celery_app(found), task, *ids, run=run)
        except (KombuError, OSError):
            raise Failed("The broker is away (REDIS_URL). Nothing was lost; say --now to do it here.") from None
        say(run)
        if wait:
            _follow(built, run)


def _must_be_known(built: Services, connection: str | None) -> None:
    from worker.store import connections

    if connection is None:
        return
    with built.database.reading() as open_:
        if connections.get(open_, connection) is None:
            raise Failed(f"No connection {connection}: see `bokun-sync connections list`, or refresh first.")


def _follow(built: Services, run: str) -> None:
    """The row in the database says how it went: there is no result backend."""
    from worker.store import runs

    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        with built.database.reading() as open_:
            row = runs.get(open_, run)
        if row is not None and row.ended_at is not None:
            say(f"{row.result}: {row.summary}")
            raise typer.Exit(DONE if row.result == "done" else FAILED)
        time.sleep(0.2)
    raise Failed(f"Run {run} has not ended after {WAIT_SECONDS:.0f} s. Is a worker running? See `bokun-sync status`.")

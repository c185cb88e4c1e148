"""Commands that run the program: migrate, drain, up, demo, sandbox, doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli.console import (
    DONE,
    FAILED,
    NEEDS_A_PERSON,
    Failed,
    Json,
    Yes,
    ask,
    group,
    print_json,
    say,
    services,
    settings,
    warn,
)

app = group("")


@app.command()
def migrate() -> None:
    """Brings the database to the newest version, and has what is planned looked for anew; harmless to repeat.

    Example: bokun-sync migrate
    """
    from worker.store import looks
    from worker.store.database import Database
    from worker.store.migrate import upgrade
    from worker.wiring import now

    database = Database(settings().database_url)
    before, after = upgrade(database.engine)
    database.run(lambda open_: looks.forget(open_, now()))  # it may be a backup that was restored a minute ago
    database.close()
    say(f"The database is at version {after}." if before == after else f"The database went from {before} to {after}.")


@app.command()
def drain(
    seconds: Annotated[float, typer.Option(help="Take nothing new after so many seconds.")] = 600.0,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Polls, plans, delivers and reconciles here and now, without a broker.

    Example: bokun-sync drain --yes
    """
    from worker.flow import overview
    from worker.flow.drain import drain as walk
    from worker.flow.services import Until

    ask("Poll Bokun and send everything that is due to Space Invoices?", yes, routine=True)
    with services("space_invoices_token", "space_invoices_organizations") as built:
        done = walk(built, Until.seconds(built, seconds))
        found = overview.status(built.database, built.clock())
    held, asked = found["deliveries"]["held"], found["bookings"].get("ask", 0)
    if as_json:
        print_json({"polled": done.polled, "notices": done.notices, "read": done.read, "sent": done.sent,
                    "looked": done.looked, "failed": done.failed, "held": held, "asked": asked})  # fmt: skip
    else:
        say(f"{done.polled} connections polled, {done.read} bookings read, {done.sent} sent, {done.looked} looked for.")
    for each in done.failed:
        warn(each)
    if done.failed:
        raise typer.Exit(FAILED)
    if held or asked:
        warn(f"{held} deliveries are held and {asked} bookings ask for a person: see `deliveries list --state held`"
             " and `bookings list --state ask`.")  # fmt: skip
        raise typer.Exit(NEEDS_A_PERSON)


@app.command()
def web() -> None:
    """Serves webhooks, health, metrics and the operator's page on HOST and PORT.

    Example: PORT=8000 bokun-sync web
    """
    from worker.web import serve

    found = settings()
    try:
        code = serve(found)
    except SystemExit:  # uvicorn has said why; its own code would mean "needs a person" here
        raise Failed(f"Nothing can listen on {found.host}:{found.port} (HOST, PORT).") from None
    raise typer.Exit(code)


@app.command()
def flower() -> None:
    """Flower on FLOWER_ADDRESS and FLOWER_PORT: the workers and every task by its name.

    Example: FLOWER_BASIC_AUTH=me:secret bokun-sync flower
    """
    from worker.cli.supervise import flower as run

    raise typer.Exit(run(settings()))


@app.command()
def up(with_flower: Annotated[bool, typer.Option("--flower", help="Flower too, on FLOWER_PORT.")] = False) -> None:
    """Everything for one machine: broker, worker, beat, web; stops in the right order on Ctrl-C.

    Example: bokun-sync up --flower
    """
    from worker.cli.supervise import up as run

    raise typer.Exit(run(settings(), with_flower=with_flower))


@app.command()
def demo(
    bookings: Annotated[int, typer.Option(min=200, max=5000, help="How many bookings.")] = 216,
) -> None:
    """The whole road against the shipped stand-ins, with a real worker and beat on the embedded broker.

    Example: bokun-sync demo
    """
    from worker.cli.demo import run

    raise typer.Exit(run(bookings=bookings))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def sandbox(context: typer.Context) -> None:
    """The stand-ins of Bokun and Space Invoices alone.

    Example: bokun-sync sandbox --bokun-port 9001 --space-invoices-port 9002 --scenario demo --json
    """
    from worker.sandbox.cli import serve

    raise typer.Exit(serve(context.args))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Checks settings, database, broker, clocks and both remotes, and says what to do.

    Example: bokun-sync doctor
    """
    from worker.cli.doctor import examine

    found = examine(settings())
    if as_json:
        print_json([{"check": each.name, "ok": each.ok, "finding": each.finding, "do": each.do} for each in found])
    else:
        for each in found:
            say(f"{'ok' if each.ok else '!!'}  {each.name}: {each.finding}")
            if each.do:
                say(f"      {'could be better' if each.ok else 'do'}: {each.do}")
    raise typer.Exit(DONE if all(each.ok for each in found) else FAILED)

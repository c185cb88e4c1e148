"""Commands by which a person decides about deliveries."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.console import Because, Failed, Json, WrongUse, Yes, ask, group, print_table, say, services, show
from worker.cli.looking import bookings
from worker.cli.periods import moment

if TYPE_CHECKING:
    from worker.domain.delivery import Event
    from worker.flow.people import Wanted

app = group("What is held and why; send it after all, or mark it as dealt with.")
Ids = Annotated[list[int] | None, typer.Argument(help="Deliveries' ids, as `deliveries list` shows them.")]
InState = Annotated[str | None, typer.Option("--state", help="All in this state; only held ones can be decided.")]
OfConnection = Annotated[str | None, typer.Option("--connection", help="All of this connection.")]
WithReason = Annotated[str | None, typer.Option("--reason", help="All whose reason has these words in it.")]
PlannedSince = Annotated[str | None, typer.Option("--since", help="All that were planned from this day on.")]


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="planned, sending, accepted, unknown, held, confirmed ...")] = None,
    as_json: Json = False,
) -> None:
    """Deliveries with their state and reason, newest first.

    Example: bokun-sync deliveries list --state held
    """
    from worker.flow.overview import delivery_record
    from worker.store import deliveries
    from worker.store.tables import Delivery

    _known_state(state)
    with services() as built, built.database.reading() as open_:
        rows = deliveries.listed(open_, *(() if state is None else (Delivery.state == state,)))
    columns = {"id": "id", "booking_id": "booking", "connection": "connection", "moment": "moment",
               "document": "document", "amount": "amount", "currency": "", "state": "state", "attempts": "attempts",
               "reason": "reason"}  # fmt: skip
    show([delivery_record(row) for row in rows], as_json, columns, empty="No such deliveries.")


@app.command()
def release(
    because: Because,
    delivery: Ids = None,
    state: InState = None,
    connection: OfConnection = None,
    reason: WithReason = None,
    since: PlannedSince = None,
    yes: Yes = False,
) -> None:
    """Sends held deliveries after all, past the brakes. What did arrive before becomes a second document by this.

    Example: bokun-sync deliveries release --reason "documents an hour" --because "a busy day, checked"
    """
    from worker.domain.delivery import Event

    done = _decide(_wanted(delivery, state, connection, reason, since), Event.RELEASED, because, yes)
    each = "it is" if len(done) == 1 else "each is"
    say(f"{_named(done)} planned again; {each} looked for once more before it is sent.")


@app.command()
def settle(
    because: Because,
    delivery: Ids = None,
    state: InState = None,
    connection: OfConnection = None,
    reason: WithReason = None,
    since: PlannedSince = None,
    yes: Yes = False,
) -> None:
    """Marks held deliveries as dealt with by hand: nothing is sent, and their bookings count as told.

    Example: bokun-sync deliveries settle 17 --because "invoice 2026-114 was written by hand"
    """
    from worker.domain.delivery import Event

    done = _decide(_wanted(delivery, state, connection, reason, since), Event.SETTLED, because, yes)
    say(f"{_named(done)} settled.")


@bookings.command("settle")
def settle_booking(
    booking: Annotated[str, typer.Argument(help="Booking id or confirmation code.")], because: Because
) -> None:
    """Marks what a booking asks for as dealt with; once anything about the booking changes it asks again.

    Example: bokun-sync bookings settle VNDA-80368889 --because "credit note 2026-115 was written by hand"
    """
    from worker.flow import people
    from worker.flow.overview import booking_records

    if not because.strip():
        raise WrongUse("--because must say why")
    with services() as built:
        done = people.answer(built, booking, because=because.strip())
        held = [each["id"] for record in booking_records(built, word=booking) for each in record["deliveries"]
                if each["state"] == "held"]  # fmt: skip
    if not done and held:
        raise Failed(
            f"Booking {booking} asks for nothing, but its delivery {held[0]} is held: deliveries settle {held[0]}."
        )
    if not done:
        raise Failed(
            f"Booking {booking} asks for nothing, so there is nothing to settle: bokun-sync explain {booking}."
        )
    say(f"Booking {booking} is dealt with; it asks again once anything about it changes.")


def _named(done: list[int]) -> str:
    return f"Delivery {done[0]} is" if len(done) == 1 else f"{len(done)} deliveries are"


def _wanted(
    ids: list[int] | None, state: str | None, connection: str | None, reason: str | None, since: str | None
) -> Wanted:
    from worker.flow.people import Wanted

    if not any((ids, state, connection, reason, since)):
        raise WrongUse("Name deliveries, or say which by --state, --connection, --reason or --since.")
    _known_state(state)
    at = None if since is None else moment(since, "--since")
    # Without ids only what is held is meant; a named one that is not held is an error that names it.
    return Wanted(tuple(ids or ()), state or (None if ids else "held"), connection, reason, at)


def _known_state(state: str | None) -> None:
    from worker.domain.delivery import State

    if state is not None and state not in {each.value for each in State}:
        raise WrongUse(f"--state must be one of {', '.join(State)}")


def _decide(wanted: Wanted, event: Event, because: str, yes: bool) -> list[int]:
    from worker.flow import people

    if not because.strip():
        raise WrongUse("--because must say why")
    with services() as built:
        rows = people.choose(built, wanted)
        if yes or sys.stdin.isatty():  # a question that nobody can answer comes before what is wrong with it
            _must_be_held(wanted, rows)
        _show(rows, people.sums(rows))
        verb = "Send" if event.value == "released" else "Mark as dealt with by hand:"
        ask(f"{verb} {'this delivery' if len(rows) == 1 else f'these {len(rows)} deliveries'}?", yes)
        done = people.decide_all(built, [row.id for row in rows], event, because=because.strip())
    if not done:
        raise Failed("They are not held any more, so there is nothing to decide.")
    return done


def _must_be_held(wanted: Wanted, rows: list[Any]) -> None:
    free = [str(row.id) for row in rows if row.state != "held"]
    free += [str(each) for each in wanted.ids if each not in {row.id for row in rows}]
    if free:
        what = f"Delivery {free[0]} is" if len(free) == 1 else f"Deliveries {', '.join(free)} are"
        raise Failed(f"{what} not held, so there is nothing to decide.")
    if not rows:
        raise Failed("No held delivery fits, so there is nothing to decide.")


MOST_SHOWN = 20


def _show(rows: list[Any], sums: list[dict[str, Any]]) -> None:
    if not rows:
        return
    cells = [(row.id, row.booking_id, row.document, f"{row.amount} {row.currency}", row.reason) for row in rows]
    print_table(["id", "booking", "document", "amount", "held because"], cells[:MOST_SHOWN])
    if len(cells) > MOST_SHOWN:
        say(f"... and {len(cells) - MOST_SHOWN} more")
    print_table(["connection", "document", "currency", "count", "amount"], [tuple(each.values()) for each in sums])

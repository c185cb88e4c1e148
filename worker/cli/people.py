"""Commands by which a person decides about deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.console import Because, Failed, Json, WrongUse, Yes, ask, group, say, services, show

if TYPE_CHECKING:
    from worker.domain.delivery import Event

app = group("What is held and why; send it after all, or mark it as dealt with.")
Id = Annotated[int, typer.Argument(help="The delivery's id, as `deliveries list` shows it.")]


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="planned, sending, accepted, unknown, held, confirmed ...")] = None,
    as_json: Json = False,
) -> None:
    """Deliveries with their state and reason, newest first.

    Example: bokun-sync deliveries list --state held
    """
    from worker.domain.delivery import State
    from worker.flow.overview import delivery_record
    from worker.store import deliveries
    from worker.store.tables import Delivery

    if state is not None and state not in {each.value for each in State}:
        raise WrongUse(f"--state must be one of {', '.join(State)}")
    with services() as built, built.database.reading() as open_:
        rows = deliveries.listed(open_, *(() if state is None else (Delivery.state == state,)))
    columns = {"id": "id", "booking_id": "booking", "connection": "connection", "moment": "moment",
               "document": "document", "amount": "amount", "currency": "", "state": "state", "attempts": "attempts",
               "reason": "reason"}  # fmt: skip
    show([delivery_record(row) for row in rows], as_json, columns, empty="No such deliveries.")


@app.command()
def release(delivery: Id, because: Because, yes: Yes = False) -> None:
    """Sends a held delivery after all. If it did arrive before, this makes a second document.

    Example: bokun-sync deliveries release 17 --because "the customer's tax number was missing and is there now"
    """
    from worker.domain.delivery import Event

    ask(f"Send delivery {delivery} again?", yes)
    _decide(delivery, Event.RELEASED, because)
    say(f"Delivery {delivery} is planned again; it is looked for once more before it is sent.")


@app.command()
def settle(delivery: Id, because: Because, yes: Yes = False) -> None:
    """Marks a held delivery as dealt with by hand: nothing is sent, and its booking counts as told.

    Example: bokun-sync deliveries settle 17 --because "invoice 2026-114 was written by hand"
    """
    from worker.domain.delivery import Event

    ask(f"Mark delivery {delivery} as dealt with by hand?", yes)
    _decide(delivery, Event.SETTLED, because)
    say(f"Delivery {delivery} is settled.")


def _decide(delivery: int, event: Event, because: str) -> None:
    from worker.flow.people import decide_by_hand

    if not because.strip():
        raise WrongUse("--because must say why")
    with services() as built:
        if not decide_by_hand(built, delivery, event, because=because.strip()):
            raise Failed(f"Delivery {delivery} is not held, so there is nothing to decide.")

"""`prices sync`: what would bring Bokun's prices to Space Invoices, and doing it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.console import (
    FAILED,
    NEEDS_A_PERSON,
    Failed,
    Json,
    WrongUse,
    Yes,
    ask,
    group,
    print_json,
    say,
    services,
    warn,
)
from worker.cli.listing import REMOTE

if TYPE_CHECKING:
    from worker.flow.services import Services
    from worker.store.connections import Stored

app = group("")


@app.command()
def sync(
    connection: Annotated[str | None, typer.Option(help="One connection; all of them if left out.")] = None,
    product: Annotated[list[int] | None, typer.Option(help="A product's id in Bokun; all on sale if left out.")] = None,
    currency: Annotated[list[str] | None, typer.Option(help="A currency; PRICES_CURRENCIES if left out.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do what the plan says; without it nothing is sent.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Shows what would bring Bokun's prices to Space Invoices, and with --apply does exactly that.

    Example: bokun-sync prices sync --product 814165 --currency EUR --apply
    """
    from worker.cli.price_plan import applied_record, applied_sentence, plan_record, print_plan
    from worker.flow.price_hold import PricesFailed
    from worker.flow.prices import apply as carry_out
    from worker.flow.prices import plan_prices

    currencies = None if currency is None else [_currency(each) for each in currency]
    with services(*REMOTE) as built:
        try:
            plans = [
                (each, plan_prices(built, each, products=product or None, currencies=currencies))
                for each in _connections(built, connection)
            ]
            if not as_json:
                for each, plan in plans:
                    print_plan(each, plan)
            if apply:
                _ask_on_a_terminal(sum(plan.size for _, plan in plans), yes)
            done = [carry_out(built, each, plan) if apply else None for each, plan in plans]
        except PricesFailed as failed:
            raise Failed(f"{failed}. What was done stays done; the next sync goes on from there.") from None
    if as_json:
        print_json([plan_record(*each) | applied_record(how) for each, how in zip(plans, done, strict=True)])
    applied = [how for how in done if how is not None]
    refused = [sentence for how in applied for sentence in how.refused]
    if apply and not as_json:
        say(f"Done: {'; '.join(map(applied_sentence, applied))}.")
    for sentence in refused:
        warn(f"Refused: {sentence}")
    if refused:
        raise typer.Exit(FAILED)
    if any(plan.left_alone for _, plan in plans):
        raise typer.Exit(NEEDS_A_PERSON)


def _currency(text: str) -> str:
    from worker.domain.money import NotMoney, currency

    try:
        return currency(text)
    except NotMoney:
        raise WrongUse("--currency must be a code such as EUR") from None


def _connections(built: Services, connection: str | None) -> Sequence[Stored]:
    """The mirrored connections; a fresh database mirrors them first."""
    from worker.flow.refresh import refresh
    from worker.store import connections

    def known() -> list[Stored]:
        with built.database.reading() as open_:
            found = [each for each in connections.load(open_) if each.gone_at is None]
        return found if connection is None else [each for each in found if each.id == connection]

    found = known()
    if not found:
        refresh(built)
        found = known()
    if not found:
        raise Failed(
            f"No connection{'' if connection is None else f' {connection}'}: see `bokun-sync connections list`."
        )
    return found


def _ask_on_a_terminal(steps: int, yes: bool) -> None:
    """`--apply` is said on purpose: where nobody sits at a terminal it is enough."""
    if steps and sys.stdin.isatty():
        ask(f"Send these {steps} changes to Space Invoices?", yes)

"""Commands about the prices in price lists: Space Invoices' own, the sync from Bokun, and the map of items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    show,
    warn,
)
from worker.cli.listing import (
    REMOTE,
    Custom,
    Filter,
    Listing,
    Organization,
    Where,
    organizations,
    print_count,
    properties,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.flow.services import Services
    from worker.store.connections import Stored

app = group("The prices in price lists, and their sync from Bokun.")
InList = Annotated[str, typer.Argument(help="The price list's id.", metavar="PRICE_LIST")]
Id = Annotated[str, typer.Argument(help="The price's id.", metavar="PRICE")]
Amount = Annotated[str | None, typer.Option(help="The price, such as 49.90.")]
Item = Annotated[str | None, typer.Option("--item", "--item-id", help="The item that it is the price of.")]
Moved = Annotated[str | None, typer.Option("--price-list", "--price-list-id", help="Another list to put it into.")]


@app.command("list")
def list_(price_list: InList, where: Where = None, filter_: Filter = None, as_json: Json = False) -> None:
    """The prices of a price list, page by page to the end.

    Example: bokun-sync prices list 65a0c0de0000000000000002 --where '{"amount": {"gt": 100}}'
    """
    from worker.domain.pricelist import mark
    from worker.spaceinvoices.prices import find_prices, shown_price

    listing = Listing(where, filter_)
    with services(*REMOTE) as built:
        found = listing.all(built, find_prices, price_list)
    if as_json:
        print_json(found)
        return
    rows = [{**each, **mark(shown_price(each).custom)} for each in found]
    columns = {"id": "id", "amount": "amount", "itemId": "item", "key": "Bokun's key", "title": "Bokun's title"}
    show(rows, as_json, columns, empty="No prices.")


@app.command()
def count(price_list: InList, where: Where = None, as_json: Json = False) -> None:
    """How many prices a price list has.

    Example: bokun-sync prices count 65a0c0de0000000000000002
    """
    from worker.spaceinvoices.prices import count_prices

    criteria = Listing(where).where
    with services(*REMOTE) as built:
        total = built.space_invoices.fetch(count_prices(price_list, where=criteria))
    print_count(total, as_json)


@app.command()
def create(
    price_list: InList,
    amount: Annotated[str, typer.Option(help="The price, such as 49.90.")],
    item: Item = None,
    custom: Custom = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Puts a price into a price list.

    Example: bokun-sync prices create 65a0c0de0000000000000002 --amount 49.90 --item 65a0c0de00000000000000aa --yes
    """
    from worker.spaceinvoices.prices import create_price

    given = properties({"amount": _amount(amount), "itemId": item}, custom)
    with services(*REMOTE) as built:
        ask(f"Create a price of {amount} in price list {price_list}?", yes)
        made = built.space_invoices.fetch(create_price(price_list, given))
    print_json(made.record) if as_json else say(f"Created {made.id}.")


@app.command()
def update(
    price: Id,
    amount: Amount = None,
    item: Item = None,
    price_list: Moved = None,
    custom: Custom = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Changes a price; what is not named stays as it is.

    Example: bokun-sync prices update 65a0c0de0000000000000003 --amount 52.00 --yes
    """
    from worker.spaceinvoices.prices import patch_price

    given = properties({"amount": _amount(amount), "priceListId": price_list, "itemId": item}, custom)
    if not given:
        raise WrongUse("Nothing to change: name at least one property.")
    with services(*REMOTE) as built:
        ask(f"Change {', '.join(given)} of price {price}?", yes)
        changed = built.space_invoices.fetch(patch_price(price, given))
    print_json(changed.record) if as_json else say(f"Price {price} is changed.")


@app.command()
def delete(price: Id, yes: Yes = False, as_json: Json = False) -> None:
    """Deletes a price (softly).

    Example: bokun-sync prices delete 65a0c0de0000000000000003
    """
    from worker.spaceinvoices.prices import delete_price

    ask(f"Delete price {price}?", yes)
    with services(*REMOTE) as built:
        gone = built.space_invoices.fetch(delete_price(price))
    print_json({"count": gone}) if as_json else say(f"Deleted: {gone}.")


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


@app.command("map")
def map_(
    key: Annotated[str | None, typer.Argument(help="PRODUCT|RATE|CATEGORY, as `prices sync` shows it.")] = None,
    item_id: Annotated[str | None, typer.Argument(help="The item in Space Invoices.", metavar="ITEM_ID")] = None,
    csv: Annotated[Path | None, typer.Option(help="A file with lines of KEY,ITEM_ID.", dir_okay=False)] = None,
    organization: Organization = None,
    forget: Annotated[bool, typer.Option("--forget", help="Take KEY out of the map.")] = False,
    as_json: Json = False,
) -> None:
    """Says which item each price stands for; without arguments it shows the map. The next sync brings it across.

    Example: bokun-sync prices map "814165|1565415|789585" 65a0c0de00000000000000aa
    """
    from worker.store import prices as store

    found = _items(key, item_id, csv, forget=forget)
    with services("space_invoices_organizations") as built:
        [where] = organizations(built, organization, one=True)
        if found:
            built.database.run(lambda open_: store.map_items(open_, where, found))
        elif forget and not built.database.run(lambda open_: store.forget_item(open_, where, str(key))):
            raise Failed(f"{key} is not in the map.")
        with built.database.reading() as open_:
            mapped = store.items(open_, where)
    if (found or forget) and not as_json:
        say(f"{len(found)} mapped; {len(mapped)} in the map of {where}." if found else f"{key} is forgotten.")
        return
    rows = [{"key": each, "item_id": item} for each, item in mapped.items()]
    show(rows, as_json, {"key": "key", "item_id": "item"}, empty="No price has an item yet.")


def _amount(text: str | None) -> Any:
    from worker.domain.money import NotMoney, amount

    try:
        return None if text is None else amount(text)
    except NotMoney:
        raise WrongUse("--amount must be an amount such as 49.90") from None


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
    import sys

    if steps and sys.stdin.isatty():
        ask(f"Send these {steps} changes to Space Invoices?", yes)


def _items(key: str | None, item: str | None, csv: Path | None, *, forget: bool) -> dict[str, str]:
    """The keys to map and their items, all of them checked before any is stored."""
    if csv is not None and key is not None:
        raise WrongUse("Say either KEY and ITEM_ID, or --csv.")
    if csv is not None:
        return _read_csv(csv)
    if key is not None and (item is None) is not forget:
        raise WrongUse("Say KEY and ITEM_ID, or KEY and --forget.")
    return {} if key is None or item is None else dict([_pair(key, item, "KEY")])


def _read_csv(path: Path) -> dict[str, str]:
    import csv

    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = [(number, row) for number, row in enumerate(csv.reader(lines), start=1) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as wrong:
        raise WrongUse(f"{path} cannot be read: {wrong}") from None
    found: dict[str, str] = {}
    for number, row in rows:
        if number == 1 and row[0].strip().lower() == "key":
            continue
        if len(row) < 2:
            raise WrongUse(f"{path}, line {number}: KEY,ITEM_ID is expected")
        key, item = _pair(row[0], row[1], f"{path}, line {number}")
        if found.setdefault(key, item) != item:
            raise WrongUse(f"{path}, line {number}: {key} has two items")
    return found


def _pair(key: str, item: str, where: str) -> tuple[str, str]:
    from worker.domain.pricelist import PriceKey

    found = PriceKey.parse(key.strip())
    if found is None or not item.strip():
        raise WrongUse(f"{where}: a key such as 814165|1565415|789585 and an item are expected")
    return str(found), item.strip()

"""Commands about the prices in price lists: the prices of Space Invoices."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from worker.cli.console import (
    Json,
    WrongUse,
    Yes,
    ask,
    group,
    print_json,
    say,
    services,
    show,
)
from worker.cli.listing import (
    REMOTE,
    Custom,
    Filter,
    Listing,
    Where,
    change,
    print_count,
    properties,
    remove,
)

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
    change(patch_price, "price", price, given, yes=yes, as_json=as_json)


@app.command()
def delete(price: Id, yes: Yes = False, as_json: Json = False) -> None:
    """Deletes a price (softly).

    Example: bokun-sync prices delete 65a0c0de0000000000000003
    """
    from worker.spaceinvoices.prices import delete_price

    remove(delete_price, "price", price, yes=yes, as_json=as_json)


def _amount(text: str | None) -> Any:
    from worker.domain.money import NotMoney, amount

    try:
        return None if text is None else amount(text)
    except NotMoney:
        raise WrongUse("--amount must be an amount such as 49.90") from None

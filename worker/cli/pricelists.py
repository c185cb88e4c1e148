"""Commands about price lists: the PriceList resource of Space Invoices."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from worker.cli.console import Json, WrongUse, Yes, ask, group, print_json, say, services, show
from worker.cli.listing import (
    REMOTE,
    Custom,
    Filter,
    Listing,
    OnOff,
    Organization,
    Where,
    change,
    organizations,
    print_count,
    print_record,
    properties,
    remove,
)

app = group("The price lists of Space Invoices.")
Id = Annotated[str, typer.Argument(help="The price list's id.", metavar="PRICE_LIST")]
From = Annotated[str | None, typer.Option(help="From when it holds: 2026-05-01, or a time with zone.")]
To = Annotated[str | None, typer.Option(help="Until when it holds; a day is meant to its end.")]
Type = Annotated[str | None, typer.Option("--type", help="sale (the default) or purchase.")]
Client = Annotated[str | None, typer.Option("--client-id", "--client", help="The client that it holds for.")]


@app.command("list")
def list_(
    organization: Organization = None, where: Where = None, filter_: Filter = None, as_json: Json = False
) -> None:
    """Price lists, page by page to the end.

    Example: bokun-sync pricelists list --where '{"type": "sale"}' --filter '{"order": "name ASC"}'
    """
    from worker.spaceinvoices.pricelists import find_price_lists

    listing = Listing(where, filter_)
    with services(*REMOTE) as built:
        found = listing.all(built, find_price_lists, *organizations(built, organization))
    columns = {"id": "id", "name": "name", "active": "active", "activeFrom": "from", "activeTo": "to", "type": "type",
               "clientId": "client", "organizationId": "organization"}  # fmt: skip
    show(found, as_json, columns, empty="No price lists.")


@app.command("show")
def show_(price_list: Id, filter_: Filter = None, as_json: Json = False) -> None:
    """One price list, with everything that Space Invoices shows of it.

    Example: bokun-sync pricelists show 65a0c0de0000000000000002
    """
    from worker.cli.console import json_object
    from worker.spaceinvoices.pricelists import get_price_list

    more = json_object(filter_, "--filter")
    with services(*REMOTE) as built:
        record = built.space_invoices.fetch(get_price_list(price_list, more=more)).record
    print_record(record, as_json)


@app.command()
def count(organization: Organization = None, where: Where = None, as_json: Json = False) -> None:
    """How many price lists there are.

    Example: bokun-sync pricelists count --where '{"active": true}'
    """
    from worker.spaceinvoices.pricelists import count_price_lists

    criteria = Listing(where).where
    with services(*REMOTE) as built:
        fetch = built.space_invoices.fetch
        total = sum(fetch(count_price_lists(each, where=criteria)) for each in organizations(built, organization))
    print_count(total, as_json)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Name of the price list.")],
    organization: Organization = None,
    active: OnOff = None,
    active_from: From = None,
    active_to: To = None,
    type_: Type = None,
    client: Client = None,
    custom: Custom = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Creates a price list.

    Example: bokun-sync pricelists create --name "Summer 2026" --active-from 2026-05-01 --active-to 2026-09-30 --yes
    """
    from worker.spaceinvoices.pricelists import create_price_list

    given = _properties(name, active, active_from, active_to, type_, client, custom)
    with services(*REMOTE) as built:
        [where] = organizations(built, organization, one=True)
        ask(f"Create the price list {name} in organization {where}?", yes)
        made = built.space_invoices.fetch(create_price_list(where, given))
    print_json(made.record) if as_json else say(f"Created {made.id}.")


@app.command()
def update(
    price_list: Id,
    name: str | None = None,
    active: OnOff = None,
    active_from: From = None,
    active_to: To = None,
    type_: Type = None,
    client: Client = None,
    custom: Custom = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Changes a price list; what is not named stays as it is.

    Example: bokun-sync pricelists update 65a0c0de0000000000000002 --no-active --yes
    """
    from worker.spaceinvoices.pricelists import patch_price_list

    given = _properties(name, active, active_from, active_to, type_, client, custom)
    change(patch_price_list, "price list", price_list, given, yes=yes, as_json=as_json)


@app.command()
def delete(price_list: Id, yes: Yes = False, as_json: Json = False) -> None:
    """Deletes a price list (softly).

    Example: bokun-sync pricelists delete 65a0c0de0000000000000002
    """
    from worker.spaceinvoices.pricelists import delete_price_list

    remove(delete_price_list, "price list", price_list, yes=yes, as_json=as_json)


def _properties(
    name: str | None,
    active: bool | None,
    active_from: str | None,
    active_to: str | None,
    type_: str | None,
    client: str | None,
    custom: str | None,
) -> dict[str, Any]:
    return properties(
        {
            "name": name,
            "active": active,
            "activeFrom": _time(active_from, "--active-from"),
            "activeTo": _time(active_to, "--active-to", last=True),
            "type": type_,
            "clientId": client,
        },
        custom,
    )


def _time(text: str | None, option: str, *, last: bool = False) -> Any:
    """A time with zone, or a day: its first instant, or its last."""
    from datetime import timedelta

    from worker.spaceinvoices.loopback import date

    if text is None:
        return None
    found = date(text)
    if found is None:
        raise WrongUse(f"{option} must be a day such as 2026-05-01, or a time such as 2026-05-01T08:00:00Z")
    return found + timedelta(days=1, milliseconds=-1) if last and len(text) == len("2026-05-01") else found

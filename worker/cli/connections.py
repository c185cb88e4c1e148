"""Commands about connections: the Bokun resource of Space Invoices, and our own fields beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.console import (
    Failed,
    Json,
    WrongUse,
    Yes,
    ask,
    group,
    print_json,
    print_table,
    say,
    services,
    show,
)
from worker.cli.listing import (
    REMOTE,
    Custom,
    Filter,
    Listing,
    OnOff,
    Organization,
    Where,
    organizations,
    print_count,
    properties,
)

if TYPE_CHECKING:
    from worker.flow.services import Services
    from worker.spaceinvoices.connections import Shown

app = group("The Bokun connections of Space Invoices, and what only we know about them.")
Id = Annotated[str, typer.Argument(help="The connection's id.")]


@app.command("list")
def list_(
    organization: Organization = None, where: Where = None, filter_: Filter = None, as_json: Json = False
) -> None:
    """The connections as Space Invoices shows them now.

    Example: bokun-sync connections list --where '{"active": true}'
    """
    from worker.spaceinvoices.connections import find_connections

    listing = Listing(where, filter_)
    with services(*REMOTE) as built:
        found = listing.all(built, find_connections, *organizations(built, organization))
    columns = {"id": "id", "name": "name", "organizationId": "organization", "active": "active",
               "issueInvoiceOnComplete": "on complete", "issueInvoiceForBankPayment": "for bank payment",
               "sendInvoiceAutomatically": "mails invoices", "sendEstimateAutomatically": "mails estimates"}  # fmt: skip
    show(found, as_json, columns, empty="No connections.")


@app.command("show")
def show_(connection: Id, as_json: Json = False) -> None:
    """Everything about one connection: what Space Invoices shows, and our own state.

    Example: bokun-sync connections show 65a0c0de0000000000000001
    """
    from worker.flow.overview import connection_record

    with services(*REMOTE) as built:
        shown = _remote(built, connection)
        with built.database.reading() as open_:
            from worker.store import connections

            stored = connections.get(open_, connection)
        ours = None if stored is None else connection_record(stored, built.clock())
    record = {**shown.record, "bokunSync": ours}
    if as_json:
        print_json(record)
        return
    rows = [(name, value) for name, value in shown.record.items() if value not in (None, {}, "")]
    print_table(["property", "value"], rows)
    print_table(["ours", "value"], [] if ours is None else ours.items(), empty="Not mirrored yet.")


@app.command()
def count(organization: Organization = None, where: Where = None, as_json: Json = False) -> None:
    """How many connections there are.

    Example: bokun-sync connections count
    """
    from worker.spaceinvoices.connections import count_connections

    criteria = Listing(where).where
    with services(*REMOTE) as built:
        fetch = built.space_invoices.fetch
        total = sum(fetch(count_connections(each, where=criteria)) for each in organizations(built, organization))
    print_count(total, as_json)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Name of the store, for your own identification.")],
    organization: Organization = None,
    active: bool = True,
    send_invoice_automatically: bool = True,
    send_estimate_automatically: bool = True,
    issue_invoice_for_bank_payment: OnOff = None,
    issue_invoice_on_complete: OnOff = None,
    locale: str | None = None,
    business_premise_id: str | None = None,
    electronic_device_id: str | None = None,
    organization_id: str | None = None,
    unit_id: str | None = None,
    warehouse_id: str | None = None,
    account_id: str | None = None,
    custom: Custom = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Creates a connection in Space Invoices.

    Example: bokun-sync connections create --name "Our store" --issue-invoice-on-complete --yes
    """
    from worker.spaceinvoices.connections import create_connection

    given = _properties(locals(), custom)
    with services(*REMOTE) as built:
        [where] = organizations(built, organization, one=True)
        ask(f"Create the connection {name} in organization {where}?", yes)
        made = built.space_invoices.fetch(create_connection(where, given))
    print_json(made.record) if as_json else say(
        f"Created {made.id}. Run `bokun-sync connections refresh` to mirror it."
    )


@app.command()
def update(
    connection: Id,
    name: str | None = None,
    active: OnOff = None,
    send_invoice_automatically: OnOff = None,
    send_estimate_automatically: OnOff = None,
    issue_invoice_for_bank_payment: OnOff = None,
    issue_invoice_on_complete: OnOff = None,
    locale: str | None = None,
    business_premise_id: str | None = None,
    electronic_device_id: str | None = None,
    organization_id: str | None = None,
    unit_id: str | None = None,
    warehouse_id: str | None = None,
    account_id: str | None = None,
    custom: Custom = None,
    on_change: Annotated[str | None, typer.Option(help="Ours: ask or tell; `default` takes the setting.")] = None,
    on_cancel: Annotated[str | None, typer.Option(help="Ours: ask or tell; `default` takes the setting.")] = None,
    brake_per_hour: Annotated[int | None, typer.Option(help="Ours: documents an hour; 0 takes the setting.")] = None,
    brake_amount: Annotated[str | None, typer.Option(help="Ours: largest amount; 0 takes the setting.")] = None,
    brake_age_days: Annotated[int | None, typer.Option(help="Ours: oldest booking, days; 0 takes the setting.")] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Changes a connection in Space Invoices, and what only we know about it.

    Example: bokun-sync connections update 65a0c0de0000000000000001 --no-active --yes
    """
    from worker.flow.refresh import refresh
    from worker.spaceinvoices.connections import patch_connection
    from worker.store import connections

    own = _own({"on_change": on_change, "on_cancel": on_cancel, "brake_per_hour": brake_per_hour,
                "brake_amount": brake_amount, "brake_age_days": brake_age_days})  # fmt: skip
    given = _properties(locals(), custom)
    if not given and not own:
        raise WrongUse("Nothing to change: name at least one property.")
    with services(*REMOTE) as built:
        if given:
            ask(f"Change {', '.join(given)} of connection {connection} in Space Invoices?", yes)
            built.space_invoices.fetch(patch_connection(connection, given))
            refresh(built)
        if own and not built.database.run(lambda open_: connections.change(open_, connection, **own)):
            raise Failed(f"Connection {connection} is not mirrored: run `bokun-sync connections refresh`.")
        shown = _remote(built, connection)
    print_json(shown.record) if as_json else say(f"Connection {connection} is changed.")


@app.command()
def delete(connection: Id, yes: Yes = False, as_json: Json = False) -> None:
    """Deletes a connection in Space Invoices (softly); its bookings are told no more.

    Example: bokun-sync connections delete 65a0c0de0000000000000001
    """
    from worker.flow.refresh import refresh
    from worker.spaceinvoices.connections import delete_connection

    ask(f"Delete connection {connection} in Space Invoices?", yes)
    with services(*REMOTE) as built:
        gone = built.space_invoices.fetch(delete_connection(connection))
        refresh(built)
    print_json({"count": gone}) if as_json else say(f"Deleted: {gone}.")


@app.command()
def refresh(as_json: Json = False) -> None:
    """Mirrors the connections and their flags now.

    Example: bokun-sync connections refresh
    """
    from worker.flow.refresh import refresh as mirror

    with services(*REMOTE) as built:
        done = mirror(built)
    facts = {"connections": done.connections, "changed": done.changed, "failed": list(done.failed)}
    print_json(facts) if as_json else say(f"{done.connections} connections, {done.changed} changed.")
    if done.failed:
        raise Failed("; ".join(done.failed))


def _remote(built: Services, connection: str) -> Shown:
    """There is no GET of one Bokun object, so it is looked for in the lists (space-invoices.md 2)."""
    from worker.spaceinvoices.connections import find_connections, shown

    for organization in built.terms.organizations:
        page = built.space_invoices.fetch(find_connections(organization, where={"id": connection}))
        for record in page.records:
            if record.get("id") == connection:
                return shown(record)
    raise Failed(f"Space Invoices shows no connection {connection} in {', '.join(built.terms.organizations)}.")


def _properties(given: dict[str, Any], custom: str | None) -> dict[str, Any]:
    """The options that were given, under the seed's names."""
    from worker.spaceinvoices.connections import OPTIONAL, REQUIRED

    snake = {"".join(f"_{c.lower()}" if c.isupper() else c for c in name): name for name in (*REQUIRED, *OPTIONAL)}
    return properties({name: given.get(option) for option, name in snake.items()}, custom)


def _own(given: dict[str, Any]) -> dict[str, Any]:
    """Our own fields; `default` and 0 take them out."""
    from worker.domain.money import NotMoney, amount, plain

    for name in ("on_change", "on_cancel"):
        if given[name] not in (None, "ask", "tell", "default"):
            raise WrongUse(f"--{name.replace('_', '-')} must be ask, tell or default")
    try:
        if given["brake_amount"] is not None:
            given["brake_amount"] = plain(amount(given["brake_amount"]))
    except NotMoney:
        raise WrongUse("--brake-amount must be an amount such as 1000.00") from None
    return {
        name: None if value in ("default", 0, "0.00") else value for name, value in given.items() if value is not None
    }

"""Puts the commands together."""

from __future__ import annotations

import atexit
import gc
import sys

import typer

from worker.cli import (
    audit,
    connections,
    control,
    enqueue,
    export,
    keys,
    linking,
    looking,
    pausing,
    people,
    planning,
    price_map,
    price_sync,
    pricelists,
    prices,
    service,
)
from worker.cli.console import exit_code, group

app = group("Bokun bookings become Space Invoices documents: the right one, at the right moment, exactly once.")
for module in (service, looking, planning, control, export, audit):
    app.registered_commands += module.app.registered_commands
connections.app.registered_commands += linking.app.registered_commands + pausing.app.registered_commands
prices.app.registered_commands += price_sync.app.registered_commands + price_map.app.registered_commands
app.add_typer(enqueue.app, name="enqueue")
app.add_typer(connections.app, name="connections")
app.add_typer(keys.app, name="keys")
app.add_typer(looking.bookings, name="bookings")
app.add_typer(people.app, name="deliveries")
app.add_typer(pricelists.app, name="pricelists")
app.add_typer(prices.app, name="prices")


def main() -> None:
    """The entry of `bokun-sync`: every failure is one line and an exit code."""
    # What is imported stays: looking for garbage in it, at the end too, is a fifth of a short command.
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
    try:
        # Outside of its standalone mode click returns the code of an Exit.
        sys.exit(app(prog_name="bokun-sync", standalone_mode=False) or 0)
    except typer.Abort:
        sys.exit(1)
    except Exception as failed:
        if (shown := getattr(failed, "show", None)) is not None:  # a usage error of the parser
            shown()
            sys.exit(2)
        sys.exit(exit_code(failed))
    except KeyboardInterrupt as stopped:
        sys.exit(exit_code(stopped))

"""Commands by which a person stops one connection, and lets it go on."""

from __future__ import annotations

from worker.cli.connections import Id
from worker.cli.console import Because, Failed, group, print_table, say, services

app = group("")


@app.command()
def pause(connection: Id) -> None:
    """Stops polling and sending for a connection; nothing is lost.

    Example: bokun-sync connections pause 65a0c0de0000000000000001
    """
    _set_pause(connection, paused=True)
    say(f"Connection {connection} is paused. Go on with `bokun-sync connections resume {connection}`.")


@app.command()
def resume(connection: Id) -> None:
    """Shows what has piled up, then goes on; the changes of a booking are read and decided as one.

    Example: bokun-sync connections resume 65a0c0de0000000000000001
    """
    from worker.flow.backlog import backlog
    from worker.store import connections

    with services() as built:
        with built.database.reading() as open_:
            known = connections.get(open_, connection) is not None
        if not known:
            raise Failed(f"Connection {connection} is not mirrored: run `bokun-sync connections refresh`.")
        found = backlog(built, connection)
    ages = [(age, count, found["planned_by_age"][age]) for age, count in found["notices_by_age"].items()]
    say(f"{found['notices']} bookings to read again, {found['planned']} deliveries to send.")
    print_table(
        ["waiting for", "bookings", "deliveries"], [row for row in ages if row[1] or row[2]], empty="Nothing waits."
    )
    print_table(["document", "currency", "count", "amount"],
                [(each["document"], each["currency"], each["count"], each["amount"]) for each in found["sums"]],
                empty="Nothing is planned.")  # fmt: skip
    _set_pause(connection, paused=False)
    say(f"Connection {connection} goes on.")


@app.command("settle-import")
def settle_import(number: int, because: Because) -> None:
    """Marks an unanswered or refused import as dealt with, so that the next one may start.

    Example: bokun-sync connections settle-import 3 --because "its orders are in Space Invoices"
    """
    from worker.domain.delivery import Event
    from worker.flow import imports

    with services() as built:
        if not imports.settle(built, number, Event.SETTLED, because=because):
            raise Failed(f"Import {number} is not held, so there is nothing to settle.")
    say(f"Import {number} is settled.")


def _set_pause(connection: str, *, paused: bool) -> None:
    from worker.flow import blocks
    from worker.store import connections

    with services() as built:
        at = built.clock() if paused else None
        if not built.database.run(lambda open_: connections.change(open_, connection, paused_at=at)):
            raise Failed(f"Connection {connection} is not mirrored: run `bokun-sync connections refresh`.")
        if not paused:
            blocks.unblock(built, [connection], by=connections.ORDERS)
            built.ring("tasks.plan.notices")

"""POST /import: a person starts it, never the clock; an unanswered one is never repeated without a person."""

from __future__ import annotations

import structlog
from sqlalchemy import Connection as Open

from worker.domain.delivery import Event
from worker.domain.outcome import EVENT, Outcome, outcome
from worker.flow.answers import met, why
from worker.flow.blocks import block
from worker.flow.services import Services
from worker.spaceinvoices.connections import import_
from worker.store import connections, stopping
from worker.store import imports as store

log = structlog.get_logger()


def ask(services: Services, connection: str, type_: str, options: str | None) -> int | str:
    """Writes down that a person wants an import: its id, or the sentence why not now."""
    with services.database.transaction() as open_:
        if connections.get(open_, connection) is None:
            return f"No connection {connection}: see `bokun-sync connections list`, or refresh first."
        asked = store.ask(open_, connection, type_, options, services.clock())
        if asked is not None:
            return asked
        open_one = store.unsettled(open_, connection)
    state = "open" if open_one is None else f"{open_one.state} ({open_one.reason or 'no answer yet'})"
    number = "" if open_one is None else f" {open_one.id}"
    return f"Import{number} of this connection is {state}; settle it first: `bokun-sync connections settle-import{number} --because ...`."


def send(services: Services, import_id: int) -> str:
    """Sends a planned import once; returns the state it ended in."""
    now, token = services.clock(), services.token()
    with services.database.reading() as open_:
        asked = store.get(open_, import_id)
        connection = None if asked is None else connections.get(open_, asked.connection_id)
    if asked is None or connection is None:
        return "gone"
    if not connection.works:
        return str(asked.state)

    def claim(open_: Open) -> bool:
        return stopping.get(open_) is None and store.claim(open_, import_id, token, now, lease=services.terms.lease)

    claimed = services.database.run(claim)
    if not claimed:
        return str(asked.state)
    call = import_(asked.connection_id, asked.type, asked.options)
    answer = services.space_invoices.send(call, send_until=services.monotonic() + services.terms.send_guard)
    which = outcome(met(answer))
    reason = why(answer, which)
    services.database.run(
        lambda open_: store.record(open_, import_id, token, EVENT[which], reason=reason, now=services.clock())
    )
    log.info("import.sent", connection=asked.connection_id, outcome=which.value)
    if which is Outcome.CREDENTIALS:
        block(services, [asked.connection_id], by="space-invoices", because=reason or "")
    expire(services)
    with services.database.reading() as open_:
        after = store.get(open_, import_id)
    return "gone" if after is None else str(after.state)


def send_due(services: Services) -> int:
    """Imports whose bell was lost, or whose first try never left."""
    with services.database.reading() as open_:
        planned = [row.id for row in store.due(open_)]
    for import_id in planned:
        send(services, import_id)
    return len(planned)


def expire(services: Services) -> None:
    """What went unanswered, or lost its worker, is held: no list of the remote shows imports."""
    now = services.clock()

    def step(open_: Open) -> None:
        store.expire(open_, now)
        store.hold(open_, now)

    services.database.run(step)


def settle(services: Services, import_id: int, event: Event, *, because: str) -> bool:
    """Released or settled by a person."""
    now = services.clock()
    return services.database.run(lambda open_: store.by_person(open_, import_id, event, because=because, now=now))

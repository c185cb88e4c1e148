"""What the store says is not well, each with a sentence and a remedy: bells, connections, mail flags, brakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from worker.flow.services import Services
from worker.store import connections, hearings
from worker.store.connections import Stored
from worker.store.runs import heartbeats


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was found, and what to do where it is not well."""

    name: str
    ok: bool
    finding: str
    do: str = ""


def check_store(services: Services) -> Iterator[Finding]:
    """All checks that need nothing but the database and the clock."""
    now = services.clock()
    with services.database.reading() as open_:
        heard = {row.bell: row.done_at or row.rung_at for row in heartbeats(open_)}
        known = [each for each in connections.load(open_) if each.gone_at is None]
        silent = sorted(hearings.silent(open_))
    late = sorted(
        bell for bell, limit in services.terms.bells.items() if bell not in heard or heard[bell] < now - limit
    )
    start = "start worker and beat, or `bokun-sync up`"
    if not heard:
        yield Finding("bells", True, "none heard yet: no worker has run on this database", start)
    else:
        yield Finding("bells", not late, f"not heard in time: {', '.join(late)}" if late else "all heard in time",
                      start if late else "")  # fmt: skip
    yield Finding("webhooks", not silent, f"silent for {', '.join(silent)}" if silent else "none looks broken",
                  "check the webhook's address and secret in Bokun" if silent else "")  # fmt: skip
    for each in known:
        yield from _connection(services, each)


def _connection(services: Services, each: Stored) -> Iterator[Finding]:
    name, terms = f"connection {each.id}", services.terms
    if each.blocked_at is not None:
        yield Finding(name, False, f"blocked: {each.blocked_by} refuses the credentials",
                      "correct them (`connections link`, SPACE_INVOICES_TOKEN); it goes on by itself")  # fmt: skip
    if each.paused_at is not None:
        yield Finding(name, False, "paused, nothing is sent", f"`bokun-sync connections resume {each.id}`")
    if not each.flags.active:
        yield Finding(name, False, "not active in Space Invoices, nothing is issued",
                      f"`bokun-sync connections update {each.id} --active`")  # fmt: skip
    if each.flags.sendInvoiceAutomatically or each.flags.sendEstimateAutomatically:
        yield Finding(name, True, "Space Invoices mails documents to customers", "switch it off before a back-fill")
    braked = (each.brake_per_hour, each.brake_amount, each.brake_age_days,
              terms.brake_per_hour, terms.brake_amount, terms.brake_age_days)  # fmt: skip
    if not any(braked):
        yield Finding(name, True, "no brake is set", "set BRAKE_PER_HOUR, BRAKE_AMOUNT or BRAKE_AGE_DAYS")

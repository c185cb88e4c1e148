"""Brings Bokun's prices to Space Invoices' price lists: a plan first, then exactly that, by a person or by the clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from worker.bokun.bookings import get_active_products, get_price_list
from worker.bokun.prices import Reading, read_price_list
from worker.calls.call import UnexpectedShape
from worker.calls.sending import CallFailed, Failure
from worker.domain.pricelist import Price, PriceList, Scope, Unmapped
from worker.domain.prices import Plan, difference
from worker.domain.retry import again_at
from worker.flow.price_hold import Holding, PricesBusy, PricesFailed, asking, hold, together
from worker.flow.price_steps import Applied, Existing, carry_out, existing
from worker.flow.services import Services, Until
from worker.spaceinvoices.pricelists import ShownList
from worker.spaceinvoices.prices import ShownPrice
from worker.store import connections
from worker.store import prices as store
from worker.store.connections import Stored
from worker.store.tables import Connection

log = structlog.get_logger()
NOTHING_ON_SALE = Unmapped("", "", "all products", "Bokun names no product that is on sale, so nothing is removed")
PRODUCT_ONLY = frozenset({Failure.GONE, Failure.REFUSED, Failure.STRANGE})
"""Failures that say something about one product; any other says that Bokun cannot be read now."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync by the clock did."""

    created: int = 0
    changed: int = 0
    removed: int = 0
    refused: int = 0
    left: int = 0
    unmapped: int = 0


def plan_prices(
    services: Services,
    connection: Stored,
    *,
    products: Sequence[int] | None = None,
    currencies: Sequence[str] | None = None,
) -> Plan:
    """What would be created, changed and removed for these products (all that are on sale) in these currencies."""
    wanted = tuple(dict.fromkeys(currencies or services.terms.prices_currencies))
    with asking(services, connection, "bokun"):
        asked = services.bokun(connection).fetch(get_active_products()) if products is None else tuple(products)
        answers = _read(services, connection, [(product, currency) for currency in wanted for product in asked])
    scope = Scope(
        currencies=frozenset(wanted),
        products=None if products is None and asked else frozenset(map(str, asked)),
        left_alone=frozenset((each.product, each.currency) for each in answers if isinstance(each, Unmapped)),
    )
    with asking(services, connection, "space-invoices"):
        there = existing(services, connection, scope.currencies)
    plan = _plan(services, connection, [each for each in answers if isinstance(each, Reading)], there, scope)
    alone = [each for each in answers if isinstance(each, Unmapped)] or ([] if asked else [NOTHING_ON_SALE])
    return replace(plan, left_alone=tuple(alone))


def apply(services: Services, connection: Stored, plan: Plan) -> Applied:
    """Exactly the plan; PricesBusy where a sync of this connection is under way."""
    if not plan.size:
        return Applied()
    with hold(services, connection) as holding:
        return carry_out(holding, plan)


def due(services: Services) -> list[str]:
    """The working connections whose prices are due and nobody is syncing."""
    now = services.clock()
    with services.database.reading() as open_:
        found = connections.load(open_, Connection.gone_at.is_(None), Connection.paused_at.is_(None))  # type: ignore[union-attr]
        rows = {each.id: store.get(open_, each.id) for each in found if each.works and each.flags.active}
    return [id_ for id_, row in rows.items() if row is None or _is_due(row, now)]


def sync(services: Services, connection: str, until: Until) -> Synced | str:
    """Plans and applies for one connection, or says why not; how it went decides when it is due again."""
    with services.database.reading() as open_:
        stored = connections.get(open_, connection)
    if stored is None or not stored.works:
        return "the connection is gone, paused or blocked"
    try:
        with hold(services, stored) as holding:
            return _sync(replace(holding, until=until))
    except PricesBusy as busy:
        return str(busy)
    except PricesFailed as failed:
        return str(failed)


def _sync(holding: Holding) -> Synced:
    services, connection = holding.services, holding.connection
    try:
        plan = plan_prices(services, connection)
        done = carry_out(holding, plan)
    except PricesFailed as failed:
        holding.note(**_again(holding, failed))
        raise
    now = services.clock()
    every = services.terms.prices_every
    holding.note(due_at=now if done.left or every is None else now + every, failures=0, synced_at=now,
                 reason=done.refused[0] if done.refused else None)  # fmt: skip
    if done.left:
        services.ring("tasks.prices.sync")
    log.info("prices.synced", connection=connection.id, created=done.created, changed=done.changed,
             removed=done.removed, refused=len(done.refused), left=done.left, count=len(plan.unmapped))  # fmt: skip
    return Synced(done.created, done.changed, done.removed, len(done.refused), done.left, len(plan.unmapped))


def _again(holding: Holding, failed: PricesFailed) -> dict[str, Any]:
    services = holding.services
    with services.database.reading() as open_:
        row = store.get(open_, holding.connection.id)
    failures = 1 if row is None else row.failures + 1
    at = again_at(services.clock(), failures, chance=services.chance(), asked=failed.asked)
    return {"due_at": at, "failures": failures, "reason": str(failed)}


def _is_due(row: Any, now: datetime) -> bool:
    return row.due_at <= now and (row.lease_until is None or row.lease_until <= now)


def _plan(services: Services, connection: Stored, readings: Sequence[Reading], there: Existing, scope: Scope) -> Plan:
    with services.database.reading() as open_:
        items = store.items(open_, connection.organization)
    plan = difference(
        connection.id,
        (offer for each in readings for offer in each.offers),
        [_list(each, prices) for each, prices in there],
        name=connection.name,
        scope=scope,
        items=items,
    )
    return replace(plan, unmapped=tuple(each for reading in readings for each in reading.unmapped))


def _read(services: Services, connection: Stored, wanted: Iterable[tuple[int, str]]) -> list[Reading | Unmapped]:
    remote = services.bokun(connection)

    def one(pair: tuple[int, str]) -> Reading | Unmapped:
        product, currency = pair
        try:
            return read_price_list(product, currency, remote.fetch(get_price_list(product, currency=currency)))
        except UnexpectedShape as wrong:
            because = str(wrong)
        except CallFailed as failure:
            if failure.failure not in PRODUCT_ONLY:
                raise
            because = failure.sentence
        return Unmapped(str(product), currency, f"product {product} in {currency}", because)

    return together(services, one, wanted)


def _list(shown: ShownList, prices: Iterable[ShownPrice]) -> PriceList:
    held = tuple(Price(each.id, each.amount, each.item, each.custom) for each in prices)
    return PriceList(shown.id, shown.name, shown.active_from, shown.active_to, shown.type, shown.custom, held)

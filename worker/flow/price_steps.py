"""Carries out a plan of price lists, with a look before anything is created."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from worker.calls.sending import CallFailed, Failure
from worker.domain.pricelist import MARK, Season
from worker.domain.prices import Change, NewList, NewPrice, Plan, Removal, Step
from worker.flow.price_hold import Holding, PricesFailed, asking, together
from worker.flow.services import Services
from worker.flow.stop import sentence
from worker.spaceinvoices.loopback import pages
from worker.spaceinvoices.pricelists import (
    ShownList,
    create_price_list,
    delete_price_list,
    find_price_lists,
    patch_price_list,
    shown_list,
)
from worker.spaceinvoices.prices import (
    ShownPrice,
    create_price,
    delete_price,
    find_prices,
    patch_price,
    shown_price,
)
from worker.store.connections import Stored

Existing = Sequence[tuple[ShownList, Sequence[ShownPrice]]]
ONE_STEP_ONLY = frozenset({Failure.GONE, Failure.REFUSED})
"""Failures that say something about one list or price; after any other nothing more is sent."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the steps of a plan."""

    created: int = 0
    changed: int = 0
    removed: int = 0
    found: int = 0
    """Already as planned when it was their turn: created or removed in the meantime."""
    left: int = 0
    """Not begun, because the time was up."""
    refused: tuple[str, ...] = ()


def existing(services: Services, connection: Stored, currencies: Collection[str]) -> Existing:
    """This connection's price lists in these currencies, each with all its prices."""
    fetch, organization = services.space_invoices.fetch, connection.organization
    records = pages(lambda skip: find_price_lists(organization, skip=skip), fetch)
    lists = [each for record in records if _is_ours(each := shown_list(record), connection, currencies)]

    def prices(of: ShownList) -> list[ShownPrice]:
        held = map(shown_price, pages(lambda skip: find_prices(of.id, skip=skip), fetch))
        return [each for each in held if not each.deleted]

    return list(zip(lists, together(services, prices, lists), strict=True))


def _is_ours(shown: ShownList, connection: Stored, currencies: Collection[str]) -> bool:
    season = Season.parse(_key(shown), connection.id)
    return season is not None and season.currency in currencies and not shown.deleted


def carry_out(holding: Holding, plan: Plan) -> Applied:
    """Every step of the plan in its order; what is already as planned is left alone."""
    with asking(holding.services, holding.connection, "space-invoices"):
        return _Steps(holding, _look(holding, plan)).all(plan)


def _look(holding: Holding, plan: Plan) -> Existing:
    keys = [each.list_key for group in (plan.change_lists, plan.create_prices, plan.change_prices, plan.remove_prices,
            plan.remove_lists) for each in group]  # fmt: skip
    keys += [each.key for each in plan.create_lists]
    seasons = (Season.parse(key, holding.connection.id) for key in keys)
    currencies = {season.currency for season in seasons if season is not None}
    return existing(holding.services, holding.connection, currencies)


class _Steps:
    """The steps of one plan, over what there was when it was looked at last."""

    def __init__(self, holding: Holding, there: Existing) -> None:
        self._holding = holding
        self._fetch = holding.services.space_invoices.fetch
        self._lists = {_key(each): each.id for each, _ in reversed(there)}
        self._held = {each.id: {price.id: _key(price) for price in prices} for each, prices in there}
        self._counts: dict[str, int] = {}
        self._refused: list[str] = []

    def all(self, plan: Plan) -> Applied:
        """Lists before the prices in them, and the other way round for what goes."""
        self._in_turn(self._change_list, plan.change_lists)
        self._in_turn(self._create_list, plan.create_lists)
        self._side_by_side(self._create_price, plan.create_prices)
        self._side_by_side(self._change_price, plan.change_prices)
        self._side_by_side(self._remove_price, plan.remove_prices)
        self._in_turn(self._remove_list, plan.remove_lists)
        return Applied(**self._counts, refused=tuple(self._refused))

    def _in_turn(self, step: Callable[[Any], str], items: Sequence[Step]) -> None:
        for item in items:
            self._count(self._try(step, item))

    def _side_by_side(self, step: Callable[[Any], str], items: Sequence[Step]) -> None:
        for ended in together(self._holding.services, partial(self._try, step), items):
            self._count(ended)

    def _try(self, step: Callable[[Any], str], item: Step) -> str:
        until = self._holding.until
        if until is not None and until.over:
            return "left"
        self._holding.keep()
        if stopped := sentence(self._holding.services):
            raise PricesFailed(stopped)
        try:
            return step(item)
        except CallFailed as failure:
            if failure.failure not in ONE_STEP_ONLY:
                raise
            return self._no(item, failure.sentence)

    def _create_list(self, new: NewList) -> str:
        if new.key in self._lists:
            return "found"
        made = self._fetch(create_price_list(self._holding.connection.organization, new.properties))
        self._lists[new.key] = made.id
        self._held[made.id] = {}
        return "created"

    def _change_list(self, change: Change) -> str:
        if change.id not in self._held:
            return self._no(change, "it is not there any more")
        self._fetch(patch_price_list(change.id, change.after))
        self._lists[change.key] = change.id
        return "changed"

    def _create_price(self, new: NewPrice) -> str:
        list_id = new.list_id or self._lists.get(new.list_key)
        if list_id not in self._held:
            return self._no(new, "its list is not there")
        if new.key in self._held[list_id].values():
            return "found"
        self._fetch(create_price(list_id, new.properties))
        return "created"

    def _change_price(self, change: Change) -> str:
        if not any(held.get(change.id) == change.key for held in self._held.values()):
            return self._no(change, "it is not there any more")
        self._fetch(patch_price(change.id, change.after))
        return "changed"

    def _remove_price(self, removal: Removal) -> str:
        held = self._held.get(removal.list_id, {})
        if held.get(removal.id) != removal.key:
            return "found"
        self._fetch(delete_price(removal.id))
        held.pop(removal.id)
        return "removed"

    def _remove_list(self, removal: Removal) -> str:
        """Only an empty one: what a person put into it meanwhile would vanish with it."""
        if removal.id not in self._held:
            return "found"
        if self._held[removal.id]:
            return self._no(removal, "there are prices in it that are not in the plan")
        self._fetch(delete_price_list(removal.id))
        return "removed"

    def _no(self, item: Step, because: str) -> str:
        self._refused.append(f"{item.key}: {because}")
        return ""

    def _count(self, ended: str) -> None:
        if ended:
            self._counts[ended] = self._counts.get(ended, 0) + 1


def _key(shown: ShownList | ShownPrice) -> str:
    """Our key in a record; empty for what a person made."""
    mark = shown.custom.get(MARK)
    found = mark.get("key") if isinstance(mark, dict) else None
    return found if isinstance(found, str) else ""

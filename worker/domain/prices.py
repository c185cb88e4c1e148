"""The difference between the price lists that a connection should have and those it has, as a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from worker.domain.pricelist import MARK, Offer, Price, PriceKey, PriceList, Scope, Season, Unmapped, mark

GONE = "Bokun does not have it any more"
DOUBLE = "a second one with the same key"


@dataclass(frozen=True, slots=True)
class NewList:
    """A price list to create, with the properties of the seed."""

    key: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price to create in the list with this key; `list_id` is None for a list that is yet to be created."""

    list_key: str
    list_id: str | None
    key: str
    title: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A list or price to patch: what these properties are and what they are to be."""

    id: str
    list_key: str
    key: str
    title: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Removal:
    """A list or price of ours to delete, and why."""

    id: str
    list_id: str
    list_key: str
    key: str
    title: str
    because: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Exactly what a sync does, in this order, and what it cannot do."""

    change_lists: tuple[Change, ...] = ()
    create_lists: tuple[NewList, ...] = ()
    create_prices: tuple[NewPrice, ...] = ()
    change_prices: tuple[Change, ...] = ()
    remove_prices: tuple[Removal, ...] = ()
    remove_lists: tuple[Removal, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    left_alone: tuple[Unmapped, ...] = ()
    """Products whose prices were not understood: a person should look."""
    kept: tuple[str, ...] = ()
    """Lists of ours that are not wanted any more and stay, because a person put prices of their own into them."""
    without_item: tuple[tuple[str, str], ...] = ()
    """Keys and titles of prices that are synced without `itemId`, because no item is mapped to them."""

    @property
    def size(self) -> int:
        """How many calls it takes."""
        lists = len(self.change_lists) + len(self.create_lists) + len(self.remove_lists)
        return lists + len(self.create_prices) + len(self.change_prices) + len(self.remove_prices)


Step = NewList | NewPrice | Change | Removal


def difference(
    connection: str,
    offers: Iterable[Offer],
    there: Sequence[PriceList],
    *,
    name: str,
    scope: Scope,
    items: Mapping[str, str],
) -> Plan:
    """What to do so that this connection's lists hold these offers and nothing else of ours, within the scope."""
    wanted = _by_season(offers)
    lists, doubles = _ours(connection, there, scope)
    unwanted = {season: each for season, each in lists.items() if season not in wanted}
    moved = _moved({season: keys for season, keys in wanted.items() if season not in lists}, unwanted, scope)
    here = {season: each for season, each in lists.items() if season in wanted} | moved
    taken = {each.id for each in moved.values()}
    left = [each for each in unwanted.values() if each.id not in taken]
    work = _Work(connection, name, scope, items)
    steps = [step for season in sorted(wanted, key=str) for step in work.want(season, wanted[season], here.get(season))]
    steps += [step for each in left for step in work.leave(each, GONE)]
    steps += [step for each in doubles for step in work.leave(each, DOUBLE)]
    return _plan(
        steps,
        without_item={
            (str(key), offer.title) for each in wanted.values() for key, offer in each.items() if str(key) not in items
        },
        kept=[each.name for each in (*left, *doubles) if any(price.key is None for price in each.prices)],
    )


def _by_season(offers: Iterable[Offer]) -> dict[Season, dict[PriceKey, Offer]]:
    found: dict[Season, dict[PriceKey, Offer]] = {}
    for each in offers:
        found.setdefault(each.season, {})[each.key] = each
    return found


def _ours(connection: str, there: Sequence[PriceList], scope: Scope) -> tuple[dict[Season, PriceList], list[PriceList]]:
    """This connection's lists by season; of two with one key (an unanswered create arrived late) the older counts."""
    found: dict[Season, PriceList] = {}
    doubles = []
    for each in sorted(there, key=lambda each: each.id):
        season = each.season(connection)
        if season is None or season.currency not in scope.currencies:
            continue
        if found.setdefault(season, each) is not each:
            doubles.append(each)
    return found, doubles


def _moved(
    missing: Mapping[Season, Mapping[PriceKey, Offer]], unwanted: Mapping[Season, PriceList], scope: Scope
) -> dict[Season, PriceList]:
    """Lists whose dates moved: Bokun's open season is the year from today on, so every day brings another range.

    A list that is not wanted any more becomes the missing one with which it shares most prices, where all of it is ours.
    """
    pairs = [
        (-len(shared), str(new), str(old), new, each)
        for new, offers in missing.items()
        for old, each in unwanted.items()
        if old.currency == new.currency and all(scope.covers(old.currency, price.key) for price in each.prices)
        if (shared := offers.keys() & {price.key for price in each.prices})
    ]
    found: dict[Season, PriceList] = {}
    for *_, new, each in sorted(pairs, key=lambda pair: pair[:3]):
        if new not in found and each not in found.values():
            found[new] = each
    return found


@dataclass(frozen=True, slots=True)
class _Work:
    """Turns one season's wanted prices and its list, if there is one, into steps."""

    connection: str
    name: str
    scope: Scope
    items: Mapping[str, str]

    def want(self, season: Season, offers: Mapping[PriceKey, Offer], there: PriceList | None) -> Iterator[Step]:
        """Makes this season's list and its prices what they should be."""
        key = season.key(self.connection)
        if there is None:
            yield NewList(key, self._list(key, season, {}) | {"name": season.name(self.name), "active": True})
            yield from (self._new(key, None, offers[each]) for each in sorted(offers))
            return
        if (change := self._moved_or_bent(key, season, there)) is not None:
            yield change
        found: dict[PriceKey, Price] = {}
        for price in sorted(there.prices, key=lambda price: price.id):
            if price.key is None or not self.scope.covers(season.currency, price.key):
                continue
            if price.key not in offers or price.key in found:
                yield _removal(key, there, price, GONE if price.key not in offers else DOUBLE)
            found.setdefault(price.key, price)
        for each in sorted(offers):
            if each not in found:
                yield self._new(key, there.id, offers[each])
            elif (changed := self._changed(key, offers[each], found[each])) is not None:
                yield changed

    def leave(self, there: PriceList, because: str) -> Iterator[Step]:
        """Removes what is ours in a list that is not wanted, and the list if nothing else is in it."""
        season = there.season(self.connection)
        if season is None:
            return
        key = season.key(self.connection)
        going = [price for price in there.prices if self.scope.covers(season.currency, price.key)]
        yield from (_removal(key, there, price, because) for price in going)
        if len(going) == len(there.prices):
            yield Removal(there.id, there.id, key, key, there.name, because)

    def _list(self, key: str, season: Season, custom: Mapping[str, Any]) -> dict[str, Any]:
        mark_ = {**custom, MARK: {"key": key}}
        return {"activeFrom": season.active_from, "activeTo": season.active_to, "type": "sale", "custom": mark_}

    def _moved_or_bent(self, key: str, season: Season, there: PriceList) -> Change | None:
        """`name` and `active` are ours only at first: a person may rename a list or switch it off."""
        wanted = self._list(key, season, there.custom)
        now = {"activeFrom": there.active_from, "activeTo": there.active_to, "type": there.type,
               "custom": there.custom, "name": there.name}  # fmt: skip
        old = there.season(self.connection)
        if old is not None and there.name == old.name(self.name):
            wanted["name"] = season.name(self.name)
        return _change(Change(there.id, key, key, there.name), now, wanted)

    def _new(self, list_key: str, list_id: str | None, offer: Offer) -> NewPrice:
        return NewPrice(list_key, list_id, str(offer.key), offer.title, self._price(offer, {}))

    def _changed(self, list_key: str, offer: Offer, there: Price) -> Change | None:
        now = {"amount": there.amount, "itemId": there.item, "custom": there.custom}
        where = Change(there.id, list_key, str(offer.key), offer.title)
        return _change(where, now, self._price(offer, there.custom))

    def _price(self, offer: Offer, custom: Mapping[str, Any]) -> dict[str, Any]:
        """Without a mapped item `itemId` is not named at all: one that a person set stays."""
        key = str(offer.key)
        properties: dict[str, Any] = {"amount": offer.amount}
        if key in self.items:
            properties["itemId"] = self.items[key]
        return properties | {"custom": {**custom, MARK: {"key": key, "title": offer.title}}}


def _change(where: Change, now: Mapping[str, Any], wanted: Mapping[str, Any]) -> Change | None:
    after = {name: value for name, value in wanted.items() if now[name] != value}
    return replace(where, before={name: now[name] for name in after}, after=after) if after else None


def _removal(list_key: str, list_: PriceList, price: Price, because: str) -> Removal:
    title = mark(price.custom).get("title")
    return Removal(price.id, list_.id, list_key, str(price.key), title if isinstance(title, str) else "", because)


def _plan(steps: Sequence[Step], *, without_item: Iterable[tuple[str, str]], kept: Sequence[str]) -> Plan:
    changes = [step for step in steps if isinstance(step, Change)]
    removals = [step for step in steps if isinstance(step, Removal)]
    return Plan(
        change_lists=tuple(step for step in changes if step.key == step.list_key),
        create_lists=tuple(step for step in steps if isinstance(step, NewList)),
        create_prices=tuple(step for step in steps if isinstance(step, NewPrice)),
        change_prices=tuple(step for step in changes if step.key != step.list_key),
        remove_prices=tuple(step for step in removals if step.id != step.list_id),
        remove_lists=tuple(step for step in removals if step.id == step.list_id),
        kept=tuple(kept),
        without_item=tuple(sorted(without_item)),
    )

"""How a plan of price lists is shown: as records, and as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from worker.cli.console import print_table, say
from worker.domain.money import plain
from worker.domain.prices import Change, NewList, NewPrice, Plan, Removal
from worker.flow.price_steps import Applied
from worker.spaceinvoices.loopback import stamp
from worker.store.connections import Stored

LISTS, PRICES = "list", "price"


def plan_record(connection: Stored, plan: Plan) -> dict[str, Any]:
    """A plan as JSON: every step with the key of its list and its own, amounts as decimal strings."""
    return {
        "connection": connection.id,
        "organization": connection.organization,
        "changes": plan.size,
        "create": [_new_list(each) for each in plan.create_lists] + [_new_price(each) for each in plan.create_prices],
        "change": [*_changes(LISTS, plan.change_lists), *_changes(PRICES, plan.change_prices)],
        "remove": [*_removals(PRICES, plan.remove_prices), *_removals(LISTS, plan.remove_lists)],
        "unmapped": [
            {"product": each.product, "currency": each.currency, "what": each.what, "because": each.because}
            for each in plan.unmapped
        ],
        "left_alone": [{"what": each.what, "because": each.because} for each in plan.left_alone],
        "kept": list(plan.kept),
        "without_item": [{"key": key, "title": title} for key, title in plan.without_item],
    }


def applied_record(done: Applied | None) -> dict[str, Any]:
    """What became of a plan; nothing where it was only shown."""
    return {} if done is None else {"applied": {**_counts(done), "refused": list(done.refused)}}


def applied_sentence(done: Applied) -> str:
    """The same for people."""
    return ", ".join(f"{number} {word}" for word, number in _counts(done).items() if number) or "nothing to do"


def _counts(done: Applied) -> dict[str, int]:
    return {"created": done.created, "changed": done.changed, "removed": done.removed, "found": done.found}


def print_plan(connection: Stored, plan: Plan) -> None:
    """A plan for people: the steps, then what is left out and why."""
    record = plan_record(connection, plan)
    say(f"Connection {connection.id} ({connection.name}), changes: {plan.size}")
    rows = [
        (
            does,
            each["kind"],
            each["list"].removeprefix(f"{connection.id}|"),
            _own_key(each),
            each["title"],
            _detail(each),
        )
        for does in ("create", "change", "remove")
        for each in record[does]
    ]
    if rows:
        print_table(["", "what", "list", "key", "title", "detail"], rows)
    _section("not mapped", "because", [(each.what, each.because) for each in plan.unmapped])
    _section("left as it is", "because", [(each.what, each.because) for each in plan.left_alone])
    _section("list kept", "because", [(each, "a person put prices of their own into it") for each in plan.kept])
    _section("synced without an item", "title", plan.without_item)


def _section(heading: str, second: str, rows: Sequence[tuple[str, str]]) -> None:
    if rows:
        say("")
        print_table([heading, second], rows)


def _new_list(new: NewList) -> dict[str, Any]:
    shown = _shown(new.properties)
    return {"kind": LISTS, "list": new.key, "key": new.key, "title": shown["name"], "after": shown}


def _new_price(new: NewPrice) -> dict[str, Any]:
    return {"kind": PRICES, "list": new.list_key, "key": new.key, "title": new.title, "after": _shown(new.properties)}


def _changes(kind: str, changes: Iterable[Change]) -> Iterator[dict[str, Any]]:
    for each in changes:
        yield {"kind": kind, "list": each.list_key, "key": each.key, "title": each.title, "id": each.id,
               "before": _shown(each.before), "after": _shown(each.after)}  # fmt: skip


def _removals(kind: str, removals: Iterable[Removal]) -> Iterator[dict[str, Any]]:
    for each in removals:
        yield {"kind": kind, "list": each.list_key, "key": each.key, "title": each.title, "id": each.id,
               "because": each.because}  # fmt: skip


def _shown(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(each) for name, each in properties.items()}


def _value(value: Any) -> Any:
    match value:
        case datetime():
            return stamp(value)
        case Decimal():
            return plain(value)
        case _:
            return value


def _own_key(record: Mapping[str, Any]) -> str:
    return record["key"] if record["kind"] == PRICES else ""


def _detail(record: Mapping[str, Any]) -> str:
    """What changes; our mark says nothing to people that the key does not."""
    if "because" in record:
        return str(record["because"])
    before, after = record.get("before", {}), {name: each for name, each in record["after"].items() if name != "custom"}
    if "before" not in record and record["kind"] == PRICES:
        return ", ".join(str(each) for each in after.values())
    if "before" not in record:
        return f"{after['activeFrom'] or '…'} – {after['activeTo'] or '…'}"
    return ", ".join(f"{name} {before[name] or '-'} → {each}" for name, each in after.items()) or "its title"

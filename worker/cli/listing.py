"""What the commands on Space Invoices' own records share: which organization, `--where` and `--filter`, and one record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.console import WrongUse, ask, json_object, print_json, print_table, say, services

if TYPE_CHECKING:
    from worker.calls.call import Call
    from worker.flow.services import Services

REMOTE = ("space_invoices_token", "space_invoices_organizations")
Organization = Annotated[str | None, typer.Option(help="An organization's id; those of the settings if left out.")]
Where = Annotated[str | None, typer.Option(help='Criteria as JSON, such as {"active": true}.')]
Filter = Annotated[
    str | None, typer.Option("--filter", help='where, order, limit, skip, fields as JSON: {"order": "name ASC"}.')
]
Custom = Annotated[str | None, typer.Option(help="Free data as a JSON object; it replaces the whole field.")]
OnOff = bool | None
_MEMBERS = {"where", "order", "limit", "skip", "offset", "fields", "include", "deleted"}


def organizations(built: Services, organization: str | None, *, one: bool = False) -> tuple[str, ...]:
    """The organization that was named, else those of the settings; `one` where only one makes sense."""
    if organization is not None:
        return (organization,)
    if one and len(built.terms.organizations) != 1:
        raise WrongUse("Several organizations are set up: say which one with --organization.")
    return built.terms.organizations


class Listing:
    """What `--where` and `--filter` ask of a list, checked before anything is sent."""

    def __init__(self, where: str | None, filter_: str | None = None) -> None:
        asked = json_object(filter_, "--filter") or {}
        if unknown := set(asked) - _MEMBERS:
            raise WrongUse(f"--filter knows no {', '.join(sorted(unknown))}; it knows {', '.join(sorted(_MEMBERS))}")
        inner = asked.pop("where", None) or {}
        if not isinstance(inner, dict):
            raise WrongUse("--filter: where must be a JSON object")
        parts = [part for part in (json_object(where, "--where"), inner) if part]
        self.where = {"and": parts} if len(parts) > 1 else next(iter(parts), None)
        self.limit = _whole(asked.pop("limit", None), "limit")
        self._skip = _whole(asked.pop("skip", asked.pop("offset", None)), "skip") or 0
        self._more = asked

    def all(self, built: Services, find: Callable[..., Any], *of: str) -> list[dict[str, Any]]:
        """The records of these organizations or lists, page by page to the end or the limit."""
        from worker.spaceinvoices.loopback import pages

        def one(each: str) -> Any:
            return pages(
                lambda skip: find(each, where=self.where, skip=self._skip + skip, more=self._more),
                built.space_invoices.fetch,
            )

        return list(islice((dict(record) for each in of for record in one(each)), self.limit))


def properties(given: Mapping[str, Any], custom: str | None = None) -> dict[str, Any]:
    """The properties that were given; `custom` is JSON."""
    found = {name: value for name, value in given.items() if value is not None}
    free = json_object(custom, "--custom")
    return found if free is None else {**found, "custom": free}


def change(
    patch: Callable[[str, Mapping[str, Any]], Call[Any]],
    what: str,
    id_: str,
    given: Mapping[str, Any],
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Changes what was given of one record; the rest stays as it is."""
    if not given:
        raise WrongUse("Nothing to change: name at least one property.")
    with services(*REMOTE) as built:
        ask(f"Change {', '.join(given)} of {what} {id_}?", yes)
        changed = built.space_invoices.fetch(patch(id_, given))
    print_json(changed.record) if as_json else say(f"{what.capitalize()} {id_} is changed.")


def remove(delete: Callable[[str], Call[int]], what: str, id_: str, *, yes: bool, as_json: bool) -> None:
    """Deletes one record, softly."""
    ask(f"Delete {what} {id_}?", yes)
    with services(*REMOTE) as built:
        gone = built.space_invoices.fetch(delete(id_))
    print_json({"count": gone}) if as_json else say(f"Deleted: {gone}.")


def print_record(record: Mapping[str, Any], as_json: bool) -> None:
    """One record, as a table of what it says."""
    from worker.calls.json import dumps

    if as_json:
        print_json(record)
        return
    said = ((name, each) for name, each in record.items() if each not in (None, {}, ""))
    print_table(["property", "value"], [(name, dumps(each) if isinstance(each, dict) else each) for name, each in said])


def print_count(count: int, as_json: bool) -> None:
    """How many there are."""
    print_json({"count": count}) if as_json else say(str(count))


def _whole(value: Any, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise WrongUse(f"--filter: {name} must be a whole number")
    return value

"""`prices map`: which item of Space Invoices each of Bokun's prices stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.console import Failed, Json, WrongUse, group, say, services, show
from worker.cli.listing import Organization, organizations

app = group("")


@app.command("map")
def map_(
    key: Annotated[str | None, typer.Argument(help="PRODUCT|RATE|CATEGORY, as `prices sync` shows it.")] = None,
    item_id: Annotated[str | None, typer.Argument(help="The item in Space Invoices.", metavar="ITEM_ID")] = None,
    csv: Annotated[Path | None, typer.Option(help="A file with lines of KEY,ITEM_ID.", dir_okay=False)] = None,
    organization: Organization = None,
    forget: Annotated[bool, typer.Option("--forget", help="Take KEY out of the map.")] = False,
    as_json: Json = False,
) -> None:
    """Says which item each price stands for; without arguments it shows the map. The next sync brings it across.

    Example: bokun-sync prices map "814165|1565415|789585" 65a0c0de00000000000000aa
    """
    from worker.store import prices as store

    found = _items(key, item_id, csv, forget=forget)
    with services("space_invoices_organizations") as built:
        [where] = organizations(built, organization, one=True)
        if found:
            built.database.run(lambda open_: store.map_items(open_, where, found))
        elif forget and not built.database.run(lambda open_: store.forget_item(open_, where, str(key))):
            raise Failed(f"{key} is not in the map.")
        with built.database.reading() as open_:
            mapped = store.items(open_, where)
    if (found or forget) and not as_json:
        say(f"{len(found)} mapped; {len(mapped)} in the map of {where}." if found else f"{key} is forgotten.")
        return
    rows = [{"key": each, "item_id": item} for each, item in mapped.items()]
    show(rows, as_json, {"key": "key", "item_id": "item"}, empty="No price has an item yet.")


def _items(key: str | None, item: str | None, csv: Path | None, *, forget: bool) -> dict[str, str]:
    """The keys to map and their items, all of them checked before any is stored."""
    match key, item, csv, forget:
        case (None, None, None, False) | (str(), None, None, True):
            return {}
        case str(), str(), None, False:
            return dict([_pair(key, item, "KEY")])
        case None, None, Path(), False:
            return _read_csv(csv)
        case _:
            raise WrongUse("Say KEY and ITEM_ID, or KEY and --forget, or --csv and its file.")


def _read_csv(path: Path) -> dict[str, str]:
    import csv

    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = [(number, row) for number, row in enumerate(csv.reader(lines), start=1) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as wrong:
        raise WrongUse(f"{path} cannot be read: {wrong}") from None
    found: dict[str, str] = {}
    for number, row in rows:
        if number == 1 and row[0].strip().lower() == "key":
            continue
        if len(row) < 2:
            raise WrongUse(f"{path}, line {number}: KEY,ITEM_ID is expected")
        key, item = _pair(row[0], row[1], f"{path}, line {number}")
        if found.setdefault(key, item) != item:
            raise WrongUse(f"{path}, line {number}: {key} has two items")
    return found


def _pair(key: str, item: str, where: str) -> tuple[str, str]:
    from worker.domain.pricelist import PriceKey

    found = PriceKey.parse(key.strip())
    if found is None or not item.strip():
        raise WrongUse(f"{where}: a key such as 814165|1565415|789585 and an item are expected")
    return str(found), item.strip()

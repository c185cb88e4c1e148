"""The item map of prices, and the lease and due time of each connection's price sync."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import delete, or_, select, update
from sqlalchemy.engine import Row

from worker.store.statements import every, insert, table
from worker.store.tables import PriceItem, PriceSync

_i, _s = table(PriceItem).c, table(PriceSync).c


def items(open_: Open, organization: str) -> dict[str, str]:
    """The item of each mapped key, in the order of the keys."""
    return {row.key: row.item_id for row in sorted(every(open_, PriceItem, _i.organization == organization))}


def map_items(open_: Open, organization: str, found: Mapping[str, str]) -> None:
    """Maps these keys; a key that was mapped before gets its new item."""
    if not found:
        return
    statement = insert(open_, PriceItem)
    again = statement.on_conflict_do_update(
        index_elements=["organization", "key"], set_={"item_id": statement.excluded.item_id}
    )
    open_.execute(again, [{"organization": organization, "key": key, "item_id": item} for key, item in found.items()])


def forget_item(open_: Open, organization: str, key: str) -> bool:
    """Takes a key out of the map; False where it was not there."""
    return open_.execute(delete(PriceItem).where(_i.organization == organization, _i.key == key)).rowcount == 1


def take(open_: Open, connection: str, token: str, now: datetime, *, lease: timedelta) -> bool:
    """Takes the connection's prices for one sync; False while another one is at it."""
    row = {"connection_id": connection, "due_at": now, "failures": 0}
    open_.execute(insert(open_, PriceSync).on_conflict_do_nothing(), row)
    free = or_(_s.lease_until.is_(None), _s.lease_until <= now)
    taken = update(PriceSync).where(_s.connection_id == connection, free)
    return open_.execute(taken.values(token=token, lease_until=now + lease)).rowcount == 1


def keep(open_: Open, connection: str, token: str, now: datetime, *, lease: timedelta) -> bool:
    """Goes on holding them; False where the lease ran out and somebody else took them."""
    mine = update(PriceSync).where(_s.connection_id == connection, _s.token == token)
    return open_.execute(mine.values(lease_until=now + lease)).rowcount == 1


def leave(open_: Open, connection: str, token: str, **values: Any) -> None:
    """Lets go, and writes down how it went."""
    mine = update(PriceSync).where(_s.connection_id == connection, _s.token == token)
    open_.execute(mine.values(token=None, lease_until=None, **values))


def get(open_: Open, connection: str) -> Row[Any] | None:
    """When a connection is due, and how its last sync ended; None before the first."""
    return open_.execute(select(table(PriceSync)).where(_s.connection_id == connection)).first()

"""When the last product of a booking ends (behaviour 5, complete)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from worker.bokun.reading import Json, record, text, wall_clock
from worker.bokun.statuses import checked_in, live
from worker.domain.booking import Completion

# Where the zone is missing or unreadable, the end is the one of the last place on Earth where that day ends:
# up to 26 hours late, never early, and no booking waits for ever.
_LAST_PLACE_ON_EARTH = timezone(timedelta(hours=-12))
_BLOBS = ("activity", "accommodation", "route", "carRental", "product")


def completion(products: tuple[Json, ...], *, seller: Json) -> Completion:
    """Done by check-in, or at the latest end of the products that are not cancelled; never by a clock nobody knows."""
    open_ended = [product for product in live(products) if not checked_in(product)]
    ends = [_ended_at(product, seller) for product in open_ended]
    known = [end for end in ends if end is not None]
    if len(known) < len(ends):
        return Completion(done=False, at=None)
    return Completion(done=not ends and bool(live(products)), at=max(known, default=None))


def ends_locally(product: Json) -> datetime | None:
    """The product's end on its own wall clock; an end before its start is no end."""
    start, end = wall_clock(product.get("startDateTime")), wall_clock(product.get("endDateTime"))
    return None if start is not None and end is not None and end < start else end


def guesses_zone(products: tuple[Json, ...], *, seller: Json) -> bool:
    """Whether a product that the clock ends comes without a time zone that this machine knows."""
    named = (_zone_name(product, seller) for product in live(products) if not checked_in(product))
    return any(name is None or _zone(name) is _LAST_PLACE_ON_EARTH for name in named)


def _ended_at(product: Json, seller: Json) -> datetime | None:
    end = ends_locally(product)
    return None if end is None else _in_utc(end, _zone_of(product, seller))


def _in_utc(local: datetime, zone: tzinfo) -> datetime:
    """The later of the two readings: an hour that comes twice ends the second time, one that is skipped after the gap."""
    return max(local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def _zone_of(product: Json, seller: Json) -> tzinfo:
    """The product's own zone, else its supplier's, else the seller's, which may be far away (bokun.md 3.3)."""
    name = _zone_name(product, seller)
    return _LAST_PLACE_ON_EARTH if name is None else _zone(name)


def _zone_name(product: Json, seller: Json) -> str | None:
    holders = _holders(product, seller)
    return next((name for holder in holders if (name := text(holder.get("timeZone"))) is not None), None)


def _holders(product: Json, seller: Json) -> Iterator[Json]:
    blobs = [record(product[name]) for name in _BLOBS if name in product]
    yield from blobs
    yield record(product.get("supplier"))
    yield from (record(blob.get(name)) for blob in blobs for name in ("actualVendor", "vendor"))
    yield record(product.get("seller"))
    yield seller


@lru_cache(maxsize=512)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return _LAST_PLACE_ON_EARTH

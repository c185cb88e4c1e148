"""The products of a booking, and the status they have together (behaviour 5)."""

from __future__ import annotations

from worker.bokun.reading import Json, rows
from worker.domain.booking import Status

_LISTS = (
    "activityBookings",
    "accommodationBookings",
    "routeBookings",
    "carRentalBookings",
    "giftCardBookings",
    "productBookings",  # the search item's one list of all kinds
)
_PENDING = frozenset({"CART", "REQUESTED", "RESERVED", "PENDING"})
_VOID = frozenset({"TIMEOUT", "ABORTED", "ERROR", "REJECTED"})
_CAME_OR_NOT = frozenset({"ARRIVED", "NO_SHOW"})
_SOLD = _CAME_OR_NOT | {"CONFIRMED"}
_KNOWN = _PENDING | _VOID | _SOLD


def products(booking: Json) -> tuple[Json, ...]:
    """Every product of the booking, cancelled ones included; what is no object counts as a product nobody can read."""
    return tuple(product for name in _LISTS for product in rows(booking.get(name)))


def cancelled(product: Json) -> bool:
    return product.get("status") == "CANCELLED"


def checked_in(product: Json) -> bool:
    """ARRIVED or NO_SHOW: staff have seen the end of it, whatever the clock says."""
    return _word(product) in _CAME_OR_NOT


def live(of: tuple[Json, ...]) -> tuple[Json, ...]:
    """The products that are not cancelled."""
    return tuple(product for product in of if not cancelled(product))


def billable(of: tuple[Json, ...]) -> tuple[Json, ...]:
    """The products that are or may be sold; all of them where none is, so that a cancelled booking can still be told."""
    return tuple(product for product in live(of) if _word(product) not in _VOID) or of


def status(of: tuple[Json, ...]) -> Status:
    """What the products' statuses say together; an unknown word is never taken for a sale."""
    words = {_word(product) for product in live(of)}
    if not of or not words <= _KNOWN:
        return Status.UNKNOWN
    if not words:
        return Status.CANCELLED
    if words & _PENDING:
        return Status.PENDING
    return Status.VOID if words <= _VOID else Status.CONFIRMED


def _word(product: Json) -> str:
    word = product.get("status")
    return word if isinstance(word, str) else ""

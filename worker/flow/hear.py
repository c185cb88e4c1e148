"""What a webhook is worth: it is a hint that a change is coming, in an account that it may not even be about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection as Open
from sqlalchemy.engine import Row

from worker.calls.sending import CallFailed, Failure
from worker.flow.services import Services
from worker.store import bookings, connections, hearings, notices
from worker.store.bookings import Place
from worker.store.hearings import Looked
from worker.store.tables import Connection

WAITS = tuple(timedelta(seconds=each) for each in (8, 16, 32, 64))
"""Between looks at a booking that shows no change yet: two minutes together; after that the poll will see it."""
_NOT_HERE = frozenset({Failure.GONE, Failure.REFUSED, Failure.CREDENTIALS})
"""What Bokun answers when a booking is none of this account's: 404, and 303 for a missing permission (bokun.md 1.5)."""


class Read(Protocol):
    """A notice with what Bokun answered to it."""

    @property
    def notice(self) -> Row[Any]: ...
    @property
    def content(self) -> str | None: ...
    @property
    def failure(self) -> CallFailed | None: ...
    @property
    def place(self) -> Place: ...


def look_again(open_: Open, read: Sequence[Read], before: Mapping[Place, Row[Any]], now: datetime) -> None:
    """Puts down another look for every announced booking that reads as it was stored.

    It is not a notice meanwhile: a repeated webhook changes nothing either, and must not hold up what is planned.
    """
    waited = hearings.waited_for(open_, (each.place for each in read))
    hearings.looked(open_, [_looked(each, waited, before, now) for each in read if each.place in waited])


def _looked(each: Read, waited: Mapping[Place, Row[Any]], before: Mapping[Place, Row[Any]], now: datetime) -> Looked:
    began = each.notice.due_at - notices.LEASE
    stored = before.get(each.place)
    made = waited[each.place].looks
    if stored is None or stored.content != each.content or made >= len(WAITS):
        return Looked(each.place, began, None, None)
    return Looked(each.place, began, made + 1, now + WAITS[made])


def guesses(services: Services, read: Sequence[Read]) -> list[Place]:
    """Where only a webhook says that a booking is this connection's, and Bokun does not show it there.

    No webhook names the account it is about, so with several accounts it is tried in all of them: an account that
    does not know the booking is neither blocked for it nor asks a person about it.
    """
    tried = [each for each in read if _is_not_here(each) and each.notice.source == "webhook"]
    if not tried or not _several_accounts(services):
        return []
    places = [each.place for each in tried]
    with services.database.reading() as open_:
        known = {*bookings.at(open_, places), *notices.sighted(open_, places)}
    return [place for place in places if place not in known]


def foreign(services: Services, guessed: Sequence[Read], *, enough: int) -> list[Read]:
    """Of the guesses, those that are settled: the booking is another account's, or was tried often enough."""
    if not guessed:
        return []
    with services.database.reading() as open_:
        elsewhere = bookings.readable(open_, {each.notice.booking_id for each in guessed})
    return [each for each in guessed if each.notice.booking_id in elsewhere or each.notice.tries >= enough]


def _is_not_here(each: Read) -> bool:
    return each.failure is not None and each.failure.failure in _NOT_HERE


def _several_accounts(services: Services) -> bool:
    with services.database.reading() as open_:
        reading = connections.load(open_, Connection.gone_at.is_(None))  # type: ignore[union-attr]
    return len({services.account(each) for each in reading}) > 1

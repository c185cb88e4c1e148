"""Stores what webhooks announce in groups: whoever comes during a commit shares the next one.

One writing thread; a request waits for the commit that holds its notice and for nothing else. Measured against a
commit a request this is 13 to 17 thousand webhooks a second instead of 1 to 5 thousand (performance.md 1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from queue import SimpleQueue
from threading import Thread

import structlog
from sqlalchemy import Connection as Open

from worker.store import hearings
from worker.store.database import Database

log = structlog.get_logger()
PATIENCE = 2.5
"""Seconds for the commit: with 2 s for the body it stays inside the 5 s that Bokun waits (bokun.md 4.2)."""
SETTLED = 3
"""So many turns of the loop bring a request from its socket to here: those that come at once are here after as many
turns without another one. Commits of fewer, beside the loop's own work, cost a sixth more processor time a webhook."""


class InboxAway(Exception):
    """The notice is not stored; whoever announced it must announce it again."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A webhook says that this booking may have changed."""

    booking: int
    vendor: str | None
    """Whom it was signed for; None: a classic notification."""


@dataclass(slots=True)
class _Group:
    """What one commit stores, and who waits for it."""

    announced: list[Announced] = field(default_factory=list)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    answered: bool = False

    def answer(self, *, stored: bool) -> None:
        self.answered = True
        for one in self.waiting:
            if one.done():
                continue
            if stored:
                one.set_result(None)
            else:
                one.set_exception(InboxAway)


class Inbox:
    """The receiving end of the webhooks, on one event loop: `store` returns when the notice is committed, never before.

    Requests gather on the loop; the group goes to the writing thread as a whole, once the commit before it is done.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime], *, patience: float = PATIENCE) -> None:
        self._database = database
        self._clock = clock
        self._patience = patience
        self._gathering: _Group | None = None
        self._writing = False
        self._groups: SimpleQueue[tuple[asyncio.AbstractEventLoop, _Group] | None] = SimpleQueue()
        self._thread: Thread | None = None

    async def store(self, announced: Announced) -> None:
        """Waits for the commit; InboxAway where none came in time, or none can."""
        loop = asyncio.get_running_loop()
        group = self._gathering
        if group is None or group.answered:
            group = self._gathering = _Group()
            loop.call_later(self._patience, partial(group.answer, stored=False))
            loop.call_soon(self._hand_over, loop)
        group.announced.append(announced)
        group.waiting.append(loop.create_future())
        await group.waiting[-1]

    def close(self) -> None:
        """Returns when what was handed over is committed."""
        self._groups.put(None)
        if self._thread is not None:
            self._thread.join(self._patience)

    def _hand_over(self, loop: asyncio.AbstractEventLoop, seen: int = 0, turns: int = 0) -> None:
        """Hands the group over once it does not grow any more, unless another one is being written."""
        if self._writing or self._gathering is None:
            return
        there = len(self._gathering.waiting)
        if left := SETTLED if there > seen else turns - 1:
            loop.call_soon(self._hand_over, loop, there, left)
            return
        if self._thread is None:
            self._thread = Thread(target=self._work, name="inbox", daemon=True)
            self._thread.start()
        self._groups.put((loop, self._gathering))
        self._gathering, self._writing = None, True

    def _work(self) -> None:
        while (next_ := self._groups.get()) is not None:
            loop, group = next_
            stored = self._commit(group.announced)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._written, loop, group, stored)

    def _commit(self, group: Sequence[Announced]) -> bool:
        try:
            self._database.run(lambda open_: store(open_, group, self._clock()))
        except Exception as failed:  # noqa: BLE001 - whatever it was: nothing is stored, so nobody may be told that it is
            log.error("inbox.away", exc_type=type(failed).__name__, count=len(group))  # noqa: TRY400 - one line is enough
            return False
        return True

    def _written(self, loop: asyncio.AbstractEventLoop, group: _Group, stored: bool) -> None:
        group.answer(stored=stored)
        self._writing = False
        self._hand_over(loop)


def store(open_: Open, group: Sequence[Announced], now: datetime) -> None:
    """A notice for every connection that may read the booking's account: all that are not gone.

    No webhook says which account it is about in words that we know: the app's key is the same for every vendor, a
    classic notification has none at all (bokun.md 4). Reading a booking once too often is harmless, missing one is not.
    """
    signed_last = sorted(group, key=lambda one: one.vendor is not None)  # a hint beside it must not hide who signed
    hearings.heard(open_, {one.booking: one.vendor for one in signed_last}, now)

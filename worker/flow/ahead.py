"""What a drain sends next is looked for while the wire is busy with what was found before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass, field

from worker.flow.look import MOST, Round
from worker.flow.services import Services


@dataclass
class Ahead:
    """Looks for what is sent next while the wire is busy with what was found before: one round at a time."""

    services: Services
    look: Callable[[], Round]
    over: Callable[[], None]
    """Called by the thread of a round that is over, for whoever waits."""
    stock: int = 0
    """So many were looked for and wait to be claimed, as far as this drain knows."""
    live: Counter[str] = field(default_factory=Counter)
    """Of which connections those of them are that are live."""
    full: bool = True
    """The last round brought as many as a round takes: there are probably more."""
    dry: bool = False
    """Since the last answer there was nothing to be looked for, or less to be claimed than had room."""
    in_vain: bool = False
    """Nothing could be claimed of what was just looked for: everybody is asked for next, before any other look."""
    found: int = 0
    _round: Future[Round] | None = None

    @property
    def under_way(self) -> bool:
        return self._round is not None

    def ready(self, load: int, *, alone: bool) -> bool:
        """Whether it is worth claiming; what comes after the next claim is looked for meanwhile, or now if nothing else
        is under way."""
        wanted = self.stock < (2 * load if self.full else 1)  # its calls wait behind the load
        if wanted and self._round is None and not (self.dry or self.in_vain):
            if alone and not self.stock:
                self._take(self.look())
            else:
                self._round = self.services.aside.submit(copy_context().run, self.look)
                self._round.add_done_callback(lambda _: self.over())
        return self.stock > 0 or self.dry or self.in_vain

    def claimed(self, of: Sequence[str], room: int) -> None:
        """Of these connections; where there was less than room, the stock is used up, whatever was thought of it."""
        less = len(of) < room
        self.in_vain = bool(self.live) and not of
        self.stock = 0 if less else max(0, self.stock - len(of))
        self.live = Counter() if less else self.live - Counter(of)
        self.dry = self.dry or (less and not self.in_vain)

    def count(self) -> None:
        """Takes note of a round that is over."""
        if self._round is not None and self._round.done():
            self._take(self._round.result())
            self._round = None

    def _take(self, round_: Round) -> None:
        self.found += round_.ended
        self.stock += round_.looked - round_.ended
        self.live = self.live + round_.live if round_.looked else Counter()  # nothing new: then everybody is asked for
        self.dry, self.full = round_.looked == 0, round_.looked == MOST

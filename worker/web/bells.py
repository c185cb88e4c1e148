"""Rings bells beside the requests: a frozen broker makes a ring last seconds, an answer must not (reliability.md C18)."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger()
REST = 0.1
"""Seconds between two rounds of rings. The first webhook rings at once; those of a burst share the next round, because
a ring costs more processor time than a webhook."""


class Bells:
    """One thread that rings; a bell that waits to be rung is rung once, however often it was asked for."""

    def __init__(self, ring: Callable[[str], None]) -> None:
        self._ring = ring
        self._asked: set[str] = set()
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def ring(self, bell: str) -> None:
        """Asks for the bell and returns at once."""
        if bell in self._asked:  # whoever takes it out rings it afterwards
            return
        with self._changed:
            self._asked.add(bell)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="bells", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Lets the thread end; a bell that was not rung is rung by beat."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _work(self) -> None:
        while bells := self._next():
            for bell in sorted(bells):
                self._try(bell)
            with self._changed:
                self._changed.wait_for(lambda: self._closed, timeout=REST)

    def _next(self) -> set[str]:
        with self._changed:
            self._changed.wait_for(lambda: self._asked or self._closed)
            if self._closed:
                return set()
            asked, self._asked = self._asked, set()
            return asked

    def _try(self, bell: str) -> None:
        try:
            self._ring(bell)
        except Exception as failed:  # noqa: BLE001 - whatever the broker's client raises, beat rings again
            log.warning("bell.dropped", bell=bell, exc_type=type(failed).__name__)

"""Many workers, one of whom moves at a time: at every commit and every call the scheduler says who goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any


class Killed(BaseException):
    """The worker's process is no more; nothing in the product catches this."""


class Worker:
    """One step of the flow on a thread of its own that waits for the baton at every commit and call."""

    def __init__(self, name: str, step: Callable[[], object]) -> None:
        self.name = name
        self.over = False
        self.failed: BaseException | None = None
        self.last_commit = 0
        self._killed = False
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._thread = threading.Thread(target=self._run, args=(step,), daemon=True)
        self._thread.start()

    def move(self) -> None:
        """Hands the baton over and waits until it comes back."""
        self._go.release()
        self._back.acquire()

    def kill(self) -> None:
        """Ends the worker where it stands."""
        self._killed = True
        self.move()

    def pause(self) -> None:
        """Gives the baton back; called by the worker itself."""
        self._back.release()
        self._wait()

    def _wait(self) -> None:
        self._go.acquire()
        if self._killed:
            raise Killed

    def _run(self, step: Callable[[], object]) -> None:
        try:
            self._wait()
            step()
        except BaseException as failed:  # noqa: BLE001 - a worker may end in any way
            self.failed = failed
        self.over = True
        self._back.release()


class Inline(Executor):
    """Runs what is submitted at once, on the worker's own thread: its calls are steps like its commits."""

    def submit(self, step: Callable[..., Any], /, *rest: Any, **more: Any) -> Future[Any]:
        """The future is done when it comes back; a killed worker does not come back."""
        future: Future[Any] = Future()
        try:
            future.set_result(step(*rest, **more))
        except Exception as failed:  # noqa: BLE001 - as ThreadPoolExecutor does
            future.set_exception(failed)
        return future

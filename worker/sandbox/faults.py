"""The switchboard: which call goes wrong next, and how."""

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from worker.sandbox.exact import Json

KINDS = ("status", "delay", "reset", "close", "truncate", "html", "garbage", "redirect", "huge", "drip")


@dataclass(kw_only=True)
class Fault:
    """One thing that goes wrong, for the calls that it fits, so many times."""

    kind: str
    remote: str | None = None
    method: str | None = None
    path: str | None = None
    booking: int | None = None
    times: int | None = 1
    after_effect: bool = False
    details: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault of kind {self.kind}; there are {', '.join(KINDS)}")
        try:
            re.compile(self.path or "")
        except re.error as error:
            raise ValueError(f"{self.path} is no regular expression: {error}") from error

    def fits(self, remote: str, method: str, target: str) -> bool:
        """Tells whether the fault is meant for a call, its booking aside."""
        wanted = (self.remote in {None, remote}, self.method in {None, method})
        return all(wanted) and re.search(self.path or "", target) is not None and self.times != 0


class Switchboard:
    """The faults that wait for a call and those that have fired."""

    def __init__(self) -> None:
        self.fired: list[Json] = []
        self._armed: list[Fault] = []
        self._lock = threading.Lock()

    def add(
        self,
        *,
        kind: str,
        remote: str | None = None,
        method: str | None = None,
        path: str | None = None,
        booking: int | None = None,
        times: int | None = 1,
        after_effect: bool = False,
        **details: object,
    ) -> None:
        """Arms a fault; the first that fits a call fires, `times=None` means always."""
        call: Json = {"remote": remote, "method": method, "path": path, "booking": booking}
        fault = Fault(kind=kind, times=times, after_effect=after_effect, details=details, **call)
        with self._lock:
            self._armed.append(fault)

    def clear(self) -> None:
        """Disarms everything; what has fired stays readable."""
        with self._lock:
            self._armed.clear()

    def armed(self) -> list[Json]:
        """Gives the faults that still wait."""
        with self._lock:
            return [asdict(fault) for fault in self._armed if fault.times != 0]

    def take(
        self, remote: str, method: str, target: str, *, bookings: Callable[[], Sequence[int]], at: datetime
    ) -> Fault | None:
        """Gives the fault that this call must suffer and counts it."""
        with self._lock:
            for fault in self._armed:
                if fault.fits(remote, method, target) and (fault.booking is None or fault.booking in bookings()):
                    fault.times = fault.times and fault.times - 1
                    record = asdict(fault) | {"at": at, "remote": remote, "method": method, "path": target}
                    self.fired.append(record)
                    return fault
        return None

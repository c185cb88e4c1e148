"""A log that cannot be written is dropped: nothing fails for it, nothing waits for it."""

import fcntl
import os
import sys
import threading
from contextlib import contextmanager, suppress

import pytest
import structlog

from config import logs
from worker.sandbox import bookings

A = 9_000_001


class Pipe:
    """A small pipe that is read only when somebody says so."""

    def __init__(self):
        self.out, inside = os.pipe()
        fcntl.fcntl(inside, fcntl.F_SETPIPE_SZ, 8192)
        os.set_blocking(self.out, False)
        self.file = os.fdopen(inside, "w", buffering=1)

    def read(self):
        """Everything that is in it."""
        return os.read(self.out, 65536).decode()

    def close(self):
        with suppress(OSError):
            self.read()
        self.file.close()
        os.close(self.out)


@contextmanager
def blocked():
    pipe = Pipe()
    yield pipe.file
    pipe.close()


@contextmanager
def closed():
    with open(os.devnull, "w") as file:  # noqa: PTH123 - a file that is closed
        pass
    yield file


@contextmanager
def full():
    file = open("/dev/full", "w", buffering=1)  # noqa: PTH123, SIM115 - closing it fails too
    yield file
    with suppress(OSError):
        file.close()


@contextmanager
def none():
    yield None


@contextmanager
def gone():
    """A pipe whose reader ended."""
    out, inside = os.pipe()
    os.close(out)
    file = os.fdopen(inside, "w", buffering=1)
    yield file
    with suppress(OSError):
        file.close()


BROKEN = {"blocked": blocked, "closed": closed, "full": full, "none": none, "gone": gone}


@pytest.fixture(params=BROKEN)
def broken(request, monkeypatch):
    """Standard error that takes nothing."""
    if request.param == "full" and not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("no /dev/full here")
    with BROKEN[request.param]() as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        logs.configure("json", "debug")
        yield request.param
    structlog.reset_defaults()


def ends(step):
    """Whether the step comes to its end, and raises nothing."""
    said = []
    thread = threading.Thread(target=lambda: said.append(step()), daemon=True)
    thread.start()
    thread.join(60)
    return bool(said)


def test_a_log_that_takes_nothing_holds_nobody_up(broken):
    """A thousand lines for a standard error that is blocked, closed, full or not there at all."""
    log = structlog.get_logger()
    assert ends(lambda: [log.warning("delivery.held", delivery=number) for number in range(1000)])


def test_the_road_goes_on_without_a_log(broken, house):
    """A sale becomes its one invoice, proven, whatever became of the log."""
    house.sandbox.connect()
    house.sandbox.book(bookings.own_sale(A, house.clock()))
    assert ends(lambda: house.drain(2))
    assert (house.documents, house.deliveries) == ([("invoice", A)], [("received", "invoice", "confirmed")])


def test_a_pipe_that_is_read_again_gets_the_lines_again(monkeypatch):
    """What came while it was blocked is lost, what comes then is not."""
    pipe = Pipe()
    monkeypatch.setattr(sys, "stderr", pipe.file)
    logs.configure("json", "info")
    log = structlog.get_logger()
    for number in range(500):
        log.info("delivery.held", delivery=number)
    before = pipe.read()
    log.info("delivery.held", delivery=777)
    after = pipe.read()
    pipe.close()
    structlog.reset_defaults()
    assert ("0" in before, '"delivery": 777' in before, '"delivery": 777' in after) == (True, False, True)

"""`apply` in a process of its own at a terminal: its progress is shown, Ctrl-C ends it, and it goes on from there."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from tests.doors.person import A
from worker.sandbox import bookings

MANY = 120


class AtTerminal:
    """A command whose standard error is a terminal."""

    def __init__(self, *words: str) -> None:
        self._reader, writer = pty.openpty()
        command = [sys.executable, "-c", "from worker.cli import main; main()", *words]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=writer, stdin=subprocess.DEVNULL, text=True
        )
        os.close(writer)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str, str]:
        """Exit code, what was printed, and what the terminal showed besides."""
        shown = b""
        with suppress(OSError):  # a terminal whose other side is closed ends so
            while piece := os.read(self._reader, 65536):
                shown += piece
        os.close(self._reader)
        out, _ = self.process.communicate(timeout=60)
        return self.process.returncode, out, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())


@pytest.fixture
def history(mirrored):
    """A plan of a hundred and twenty sales of the past, and a Space Invoices that takes its time."""
    now = datetime.now(UTC)
    for booking in range(A, A + MANY):
        mirrored.neighbours.book(bookings.own_sale(booking, now, created=now - timedelta(days=100)))
    days = [f"{now - timedelta(days=ago):%Y-%m-%d}" for ago in (101, 99)]
    said = mirrored("backfill", "--since", days[0], "--until", days[1], "plan.jsonl")
    assert (said.code, f"{MANY} documents" in said.out) == (0, True)
    mirrored.neighbours.faults.add(kind="delay", seconds=0.2, remote="space-invoices", path="/order$", times=None)
    return mirrored


def wait_for_posts(shop, count):
    until = time.monotonic() + 60
    while len(shop.posts) < count:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_ctrl_c_in_the_middle_and_the_same_command_again(history):
    """Stopped after some documents it says so and how to go on; the same command ends it, and each document is there once."""
    first = AtTerminal("apply", "plan.jsonl", "--mail", "no", "--yes")
    wait_for_posts(history, 60)
    first.interrupt()
    code, out, shown = first.end()
    between = len(history.posts)
    assert (code, 60 <= between < MANY) == (1, True)
    assert "Say the same command again to go on" in shown
    assert re.search(rf"\d+/{MANY}", shown)
    assert f"of {MANY} lines done now" in out
    code, out, shown = AtTerminal("apply", "plan.jsonl", "--mail", "no", "--yes").end()
    assert (code, f"{MANY}/{MANY}" in shown, f"deliveries of this plan: {MANY} confirmed" in out) == (0, True, True)
    assert Counter(booking for _, booking in history.documents) == dict.fromkeys(range(A, A + MANY), 1)
    assert len(history.posts) == MANY
    assert {each["mailed"] for each in history.neighbours.documents} == {False}

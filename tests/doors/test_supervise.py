"""Processes that are started, watched and stopped."""

import os
import signal
import sys
import time

from worker.cli.supervise import Process

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"


def test_a_process_that_does_not_end_is_killed_and_gone(tmp_path):
    """After its grace period nothing is left of it, not even an entry in the table of processes."""
    log = tmp_path / "log"
    process = Process("deaf", [sys.executable, "-c", DEAF], os.environ, log)
    process.start()
    until = time.monotonic() + 20
    while not log.read_text() and time.monotonic() < until:
        time.sleep(0.01)
    process.stop(0.1)
    assert process.running.returncode == -signal.SIGKILL

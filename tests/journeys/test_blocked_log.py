"""A worker whose log nobody reads any more: its pipe is full, and the bookings get their documents all the same."""

import fcntl
import shlex
import subprocess

from tests.journeys.company import PROCFILE, bare
from worker.sandbox import bookings

FIRST, MANY = 9_400_001, 40
ALL = range(FIRST, FIRST + MANY)


def test_a_worker_whose_log_is_not_read(company):
    """Standard error of worker and children is a small pipe without a reader: forty sales get one invoice each."""
    company.neighbours.connect("Our store")
    for number in ALL:
        company.neighbours.book(bookings.own_sale(number, company.neighbours.world.clock()))
    company.start("beat")
    said = {**bare(), **company.said, "LOG_LEVEL": "debug"}
    worker = subprocess.Popen(shlex.split(PROCFILE["worker"]), cwd=company.folder, env=said, start_new_session=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # fmt: skip
    company.running.append(worker)
    fcntl.fcntl(worker.stderr, fcntl.F_SETPIPE_SZ, 8192)
    company.until(lambda: company.at_rest(MANY), "rest", 60)
    assert company.documents == dict.fromkeys(ALL, 1)
    assert len(worker.stderr.read1(65536)) > 3000
    company.kill(worker)
    worker.stderr.close()

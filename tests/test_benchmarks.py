"""The benchmarks run and have every row that was promised; how fast anything is, no test says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import report, stolen
from benchmarks.goals import GOALS, SQLITE
from benchmarks.measures import GROUPS
from benchmarks.stolen import Moment

ROOT = Path(__file__).resolve().parent.parent
PROMISED = {
    "deliver-over-empty-tasks", "deliver-over-usual-requests", "deliver-over-usual-httpx", "deliver-over-posters",
    "deliver-cpu", "deliver-little", "road-cpu", "road-calls", "road-unchanged", "rate-use", "rate-refused",
    "poll-over-first", "poll-cpu", "poll-memory", "webhook-rate", "webhook-p99", "webhook-to-order", "row-to-outcome",
    "large-due", "large-claim", "large-page", "worker-memory", "start-help", "start-status", "fair-lanes",
}  # fmt: skip


def test_every_promised_row_is_there():
    """No row was dropped because it was inconvenient, and each belongs to a group that is measured."""
    assert {goal.key for goal in GOALS} == PROMISED
    assert {goal.group for goal in GOALS} == set(GROUPS)


def test_every_row_names_a_file_that_exists():
    """What is to be opened when a figure falls can be opened."""
    assert [goal.file for goal in GOALS if not (ROOT / goal.file).is_file()] == []


def test_what_other_guests_disturbed_is_measured_again():
    """Those measurements count of which least was taken, whatever they said; where little was, none is repeated."""
    ticks = iter([(0, 0), (10, 100), (10, 100), (11, 200), (11, 200), (61, 300)])
    said = iter([1.0, 99.0, 2.0])
    assert stolen.least(lambda: next(said), 2, more=1, clock=lambda: next(ticks)) == [(0.01, 99.0), (0.1, 1.0)]
    calm = iter([(0, 0), (3, 100)])
    assert stolen.least(lambda: 7.0, 1, clock=lambda: next(calm)) == [(0.03, 7.0)]


@pytest.mark.parametrize(
    ("later", "theirs"),
    [
        (Moment(5, 109, 164), False),
        (Moment(6, 100, 100), True),
        (Moment(5, 110, 164), True),
        (Moment(5, 500, 4000), False),
    ],
    ids=["two flushes", "a tick was taken", "the disk stood still", "the disk had much to write"],
)
def test_a_sample_is_theirs_by_what_was_taken_of_it(later, theirs):
    """Of the processors or of the disk, and never by how long the sample took."""
    assert Moment(5, 100, 100).disturbed(later) is theirs


def test_the_disks_of_this_machine_are_read(tmp_path):
    """Writes and flushes of whole disks count, partitions not once more; a system without such a file has none."""
    said = tmp_path / "diskstats"
    fields = "523033 39104 27097706 534161 1426532 381147 121881568 987736 0 426044 1585062 315840 87 55981168 39656 409962 23508"
    said.write_text(f" 254 0 vda {fields}\n 254 1 vda1 {fields}\n")
    (tmp_path / "vda").mkdir()
    found = stolen.moment(said, tmp_path)
    assert (found.disk_ms, found.sectors) == (987736 + 23508, 121881568)
    assert stolen.moment(tmp_path / "none", tmp_path).disk_ms == 0


def test_a_run_of_which_nothing_came_to_its_end_is_shown():
    """What failed is printed, though there is no figure beside it."""
    run = {"figures": {SQLITE: {}}, "taken": {SQLITE: {}}, "failed": {SQLITE: {"idle": "a proof: not within 300 s"}}}
    with (console := Console(width=120)).capture() as shown:
        report.show(run, None, console)
    assert "sqlite: idle did not come to its end: a proof: not within 300 s" in shown.get()


@pytest.mark.timeout(900)
def test_a_quick_run_measures_every_row(tmp_path):
    """Real worker, real Redis, the stand-in: each row comes out with a figure."""
    said = tmp_path / "run.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--database", SQLITE, "--json", str(said)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=850)
    run = json.loads(said.read_text())
    assert (done.returncode, run["failed"][SQLITE]) == (0, {}), done.stdout[-3000:] + done.stderr[-3000:]
    assert PROMISED.issubset(run["figures"][SQLITE])

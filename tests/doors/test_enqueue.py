"""`enqueue` with a real Celery worker: the task's id is printed, --wait follows it to its end, the work is done."""

import os
import shutil
import subprocess
import uuid

import pytest

from tests.doors.person import KEY, ROOT, A, B, Shop
from tests.servers import redis
from worker.cli.supervise import WORKER, celery
from worker.sandbox import Sandbox


@pytest.fixture(scope="module")
def environment(migrated, tmp_path_factory):
    """One broker, one worker and two neighbours for all tests of this module."""
    folder = tmp_path_factory.mktemp("enqueue")
    shutil.copyfile(migrated, folder / "shop.db")
    with redis() as url, Sandbox() as neighbours:
        said = settings_for(neighbours, folder, url)
        environment = {**os.environ, **said, "PYTHONPATH": str(ROOT)}
        with (folder / "worker.log").open("wb") as log:
            command = celery(*WORKER, "--concurrency", "1")
            worker = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log,
                                      start_new_session=True)  # fmt: skip
        yield neighbours, said, folder
        worker.terminate()
        worker.wait(20)


def settings_for(neighbours, folder, url):
    return {
        "REDIS_URL": url,
        "DATABASE_URL": f"sqlite:///{folder / 'shop.db'}",
        "SPACE_INVOICES_URL": neighbours.space_invoices_url,
        "SPACE_INVOICES_TOKEN": neighbours.token,
        "SPACE_INVOICES_ORGANIZATIONS": neighbours.organization,
        "BOKUN_URL": neighbours.bokun_url,
        "BOKUN_ACCESS_KEY": neighbours.access_key,
        "BOKUN_SECRET_KEY": neighbours.secret_key,
        "SECRET_KEY": KEY,
        "LOG_LEVEL": "error",
    }


@pytest.fixture
def busy(environment, terminal):
    """A terminal beside the running worker, and a connection that is mirrored by it."""
    neighbours, said, folder = environment
    terminal.set(**said)
    known = neighbours.connections or [neighbours.connect("Our store")]
    shop = Shop(terminal, neighbours, known[0]["id"], folder / "shop.db")
    assert shop("enqueue", "refresh", "--wait").code == 0
    return shop


def test_the_road_by_single_tasks(busy):
    """Poll, plan, deliver and reconcile, each by the worker and followed to its end, make one document."""
    busy.book(A)
    for words in ("poll", "plan", "deliver --yes", "reconcile"):
        said = busy("enqueue", *words.split(), "--wait")
        assert (words, said.code, said.out.splitlines()[1].split(":")[0]) == (words, 0, "done")
    assert busy.documents.count(("invoice", A)) == 1


def test_the_id_of_the_task_is_printed_at_once(busy):
    """Without --wait the command prints the id and ends."""
    said = busy("enqueue", "reconcile")
    assert (said.code, str(uuid.UUID(said.out.strip()))) == (0, said.out.strip())


def test_one_booking_is_read_decided_and_sent(busy):
    """`enqueue booking` brings one booking from Bokun to its document, without any poll."""
    busy.book(B)
    assert busy("enqueue", "booking", busy.connection, str(B), "--wait").code == 0
    assert busy("enqueue", "deliver", "--yes", "--wait").code == 0
    assert busy.documents.count(("invoice", B)) == 1


def test_a_booking_that_bokun_does_not_know_is_said(busy):
    """A number that is no booking's is said with Bokun's answer."""
    said = busy("enqueue", "booking", busy.connection, "77", "--wait")
    assert said.out.splitlines()[1].startswith("done: not read yet: ")


def test_an_import_goes_through_the_worker_once(busy):
    """`enqueue import --wait` has the worker send the import, and says what became of it."""
    said = busy("enqueue", "import", busy.connection, "--type", "orders", "--yes", "--wait")
    assert (said.code, said.out.splitlines()[1]) == (0, "done: accepted")
    assert [each["type"] for each in busy.neighbours.imports] == ["orders"]


def test_doctor_finds_the_broker(busy):
    """With a broker that answers, does not evict and keeps what it holds, doctor says so."""
    [found] = [each for each in busy("doctor", "--json").json if each["check"] == "broker"]
    assert found["ok"]
    assert found["finding"].endswith("answers, noeviction, append-only file on")


def test_status_tells_when_bells_were_heard(busy):
    """`status --json` shows each bell that a worker has heard, and when its work ended."""
    bells = busy("status", "--json").json["bells"]
    assert bells["tasks.refresh.connections"]["done_seconds_ago"] >= 0

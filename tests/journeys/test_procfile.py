"""The lines of the Procfile, run for real with Redis and PostgreSQL between the stand-ins."""

import re

import httpx
import pytest

from tests.journeys.company import Company, surroundings
from tests.servers import answers, postgres, redis
from worker.cli import broker
from worker.sandbox import Sandbox, bookings
from worker.sandbox.scenario import Scenario

MANY = 60
LATE = 89_000_001
LIMIT = 60
LOGIN = ("me", "swordfish")
BELLS = {"tasks.deliver.due", "tasks.imports.due", "tasks.plan.notices", "tasks.poll.connection",
         "tasks.poll.connections", "tasks.reconcile.due", "tasks.refresh.connections", "tasks.poll.rescan",
         "tasks.audit.watch", "tasks.audit.daily", "tasks.audit.digest"}  # fmt: skip


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """Everything of the Procfile, two workers and two beats, on the demonstration's bookings."""
    with redis() as url, postgres() as database, Sandbox() as neighbours:
        Scenario.demo(neighbours.world.clock(), MANY).fill(neighbours)
        ports = {"PORT": str(broker.free_port()), "FLOWER_PORT": str(broker.free_port())}
        said = surroundings(neighbours, database=database, redis=url) | ports
        said |= {"FLOWER_BASIC_AUTH": ":".join(LOGIN), "WEBHOOK_TOKEN": "open-sesame", "POLL_EVERY": "3600"}
        made = Company(tmp_path_factory.mktemp("procfile"), neighbours, said)
        released = made.run("release")
        assert released.returncode == 0, released.stderr
        made.link()
        made.start("flower")
        made.until(lambda: answers(ports["FLOWER_PORT"]), "Flower")  # it shows what happened since it came
        for line in ("web", "worker", "worker", "beat", "beat"):
            made.start(line)
        yield made
        made.close()


@pytest.fixture(scope="module")
def settled(company):
    """The same company after everything came to rest."""
    company.until(lambda: company.at_rest(MANY), "rest")
    return company


def flower(company, path):
    port = company.said["FLOWER_PORT"]
    return httpx.get(f"http://127.0.0.1:{port}{path}", auth=LOGIN, trust_env=False, timeout=10).json()


def test_the_remotes_hold_exactly_what_the_flags_call_for(settled):
    """Two workers and two beats leave what one of each would: every booking has its documents, none too many."""
    assert [each for each in settled.differences() if str(LATE) not in each] == []
    assert set(settled.documents.values()) == {1}


def test_web_says_that_everything_is_there(settled):
    """`/readyz` finds database, broker and migrations."""
    answer = httpx.get(f"http://127.0.0.1:{settled.said['PORT']}/readyz", trust_env=False)
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "broker": "ok", "migrations": "ok"})


def test_a_webhook_becomes_a_document(settled):
    """A booking that only the webhook tells of goes through web, worker and both remotes to its invoice."""
    target = f"http://127.0.0.1:{settled.said['PORT']}/webhooks/bokun/open-sesame"
    settled.neighbours.webhooks.configure(target, kind="classic")
    [account] = {each["access_key"] for each in settled.neighbours.connections if "arrival" in each["access_key"]}
    settled.neighbours.book(bookings.own_sale(LATE, settled.neighbours.world.clock()), account=account)
    settled.until(lambda: settled.documents[LATE] == 1 and settled.at_rest(MANY + 1), "the invoice")
    assert settled.documents[LATE] == 1


def test_flower_shows_every_task_by_its_name(settled):
    """Flower's list has the bells of the contract by name, and all of them succeeded."""
    assert settled.person("enqueue", "poll", "--wait").returncode == 0
    settled.until(lambda: {each["name"] for each in flower(settled, "/api/tasks").values()} >= BELLS, "all names")
    tasks = flower(settled, "/api/tasks").values()
    assert {each["name"] for each in tasks} <= BELLS | {None}  # None: sent before Flower listened
    assert {each["state"] for each in tasks} <= {"SUCCESS", "STARTED", "RECEIVED", "PENDING", "REVOKED"}


def test_flower_shows_ids_and_nothing_else(settled):
    """The arguments in Flower are ids of connections; no result, no name of a traveller, no key."""
    known = {f"('{each['id']}',)" for each in settled.neighbours.connections} | {"()"}
    tasks = flower(settled, "/api/tasks").values()
    assert {re.sub(r"^\[(.*)\]$", r"(\1,)", each["args"] or "()") for each in tasks} <= known
    assert {each["kwargs"] for each in tasks} <= {"{}", None}
    assert {each["result"] for each in tasks} <= {"None", None}


def test_flower_shows_both_workers(settled):
    """Two workers of one host are two in Flower, each under a name of its own."""
    asked = "/api/workers?refresh=true"  # it keeps who answered when it started
    settled.until(lambda: len(flower(settled, asked)) == 2, "both workers")
    names = flower(settled, asked)
    assert all(re.match(r"worker-\d+@", each) for each in names)


def test_flower_asks_for_its_login(settled):
    """Without the login Flower shows nothing."""
    answer = httpx.get(f"http://127.0.0.1:{settled.said['FLOWER_PORT']}/api/tasks", trust_env=False)
    assert answer.status_code == 401


def test_flower_has_a_login_that_nobody_set(tmp_path, neighbours):
    """Without FLOWER_BASIC_AUTH Flower makes a login, keeps it in a file of its owner's, and lets nobody in without it."""
    with redis() as url:
        said = surroundings(neighbours, database=f"sqlite:///{tmp_path / 'company.db'}", redis=url)
        company = Company(tmp_path, neighbours, said | {"FLOWER_PORT": str(broker.free_port())})
        company.start("flower")
        company.until(lambda: answers(company.said["FLOWER_PORT"]), "Flower")
        address = f"http://127.0.0.1:{company.said['FLOWER_PORT']}/workers"
        file = tmp_path / "var/flower-login"
        found = [httpx.get(address, auth=auth, trust_env=False).status_code
                 for auth in (None, ("operator", "guess"), tuple(file.read_text().strip().split(":")))]  # fmt: skip
        company.close()
    assert (found, file.stat().st_mode & 0o777) == ([401, 401, 200], 0o600)


def test_flower_is_not_shown_to_others_by_default(tmp_path, neighbours):
    """Beyond loopback Flower does not start without a login that somebody set."""
    said = surroundings(neighbours, database=f"sqlite:///{tmp_path / 'company.db'}", redis="redis://127.0.0.1:1/0")
    company = Company(tmp_path, neighbours, said | {"FLOWER_ADDRESS": "0.0.0.0"})
    ended = company.run("flower")
    company.close()
    assert (ended.returncode, "FLOWER_BASIC_AUTH" in ended.stderr) == (2, True)


def test_every_process_stops_within_its_limit(tmp_path, neighbours):
    """SIGTERM ends each line of the Procfile in an orderly way within the sixty seconds that a supervisor gives."""
    with redis() as url:
        said = surroundings(neighbours, database=f"sqlite:///{tmp_path / 'company.db'}", redis=url)
        said |= {"PORT": str(broker.free_port()), "FLOWER_PORT": str(broker.free_port())}
        company = Company(tmp_path, neighbours, said)
        company.run("release")
        processes = {line: company.start(line) for line in ("web", "worker", "beat", "flower")}
        company.until(lambda: answers(said["PORT"]) and answers(said["FLOWER_PORT"]) and heard(company), "all up")
        codes = {line: company.stop(process, LIMIT) for line, process in processes.items()}
        company.close()
    assert codes == dict.fromkeys(codes, 0)


def heard(company):
    """A worker has heard a bell that beat rang."""
    return bool(company.status["bells"])


@pytest.mark.parametrize("line", ["worker", "beat", "flower"])
def test_without_a_broker_nothing_starts(line, tmp_path, neighbours):
    """A worker, a beat or Flower with an empty REDIS_URL is one line and exit code 2 (behaviour 3)."""
    said = surroundings(neighbours, database=f"sqlite:///{tmp_path / 'company.db'}", redis="")
    company = Company(tmp_path, neighbours, said)
    ended = company.run(line)
    company.close()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "REDIS_URL is not set; see README.md, Settings, or .env.example\n"


def test_wrong_settings_stop_a_worker_in_one_line(tmp_path, neighbours):
    """What is wrong with the settings is what a worker says, and nothing else."""
    said = surroundings(neighbours, database="sqlite:///company.db", redis="redis://127.0.0.1:1/0")
    company = Company(tmp_path, neighbours, said)
    company.said["LEASE"] = "long"
    ended = company.run("worker")
    company.close()
    assert (ended.returncode, len(ended.stderr.splitlines()), ended.stderr[:6]) == (2, 1, "LEASE:")

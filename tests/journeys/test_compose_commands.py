"""docker-compose.yml without an engine: the very commands, environments, secrets and health checks, addresses aside.

A container's name and port become a free port of this machine, and the folders of a container those of the test.
"""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql
from ruamel.yaml import YAML

import bootstrap
from config.settings import Settings
from tests.servers import answers, postgres
from worker.cli import broker

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT = 60


class Compose:
    """The services of the file as processes of this machine."""

    def __init__(self, folder, database):
        self.folder = folder
        self.said = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / "demo.env").read_text(), re.MULTILINE))
        ports = {name: str(broker.free_port()) for name in ("redis", "bokun", "invoices", "web", "flower")}
        self.ports = ports
        self.here = {
            "postgres:5432": database, "redis:6379": f"127.0.0.1:{ports['redis']}",
            "not-bokun:9001": f"127.0.0.1:{ports['bokun']}", "not-spaceinvoices:9002": f"127.0.0.1:{ports['invoices']}",
            "6379": ports["redis"], "9001": ports["bokun"], "9002": ports["invoices"], "8000": ports["web"], "5555": ports["flower"],
            "/run/secrets": str(folder / "secrets"), "--dir /data": f"--dir {folder / 'data'}", "0.0.0.0": "127.0.0.1",
        }  # fmt: skip
        bootstrap.secrets(folder / "secrets", {"space_invoices_token": "sandbox-token"})
        for each in (folder / "secrets").iterdir():
            each.write_text(self.moved(each.read_text()) if each.name.endswith("_url") else each.read_text())
        (folder / "data").mkdir()
        (folder / "bin").mkdir()
        (folder / "bin/valkey-server").symlink_to(broker.executable())
        self.services = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())["services"]
        self.running = {}

    def moved(self, text):
        """The text with what names a place in a container replaced by the place here."""
        text = re.sub(r"(?<!\$)\$\{(\w+):-([^}]*)\}", lambda found: self.said.get(found[1], found[2]), str(text))
        pattern = "|".join(rf"(?<!\d){re.escape(each)}(?!\d)" for each in self.here)
        text = re.sub(pattern, lambda found: self.here[found[0]], text)
        return text.replace("$$", "$")

    def environment(self, name):
        """What the container would have: the env_file, the service's own, and nothing of this process but its paths."""
        service = self.services[name]
        said = self.said if service.get("env_file") else {}
        own = service.get("environment") or {}
        path = f"{self.folder / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        mine = {"PATH": path, "PYTHONPATH": str(ROOT), "HOSTNAME": socket.gethostname()}
        return mine | {key: self.moved(value) for key, value in {**said, **own}.items()}

    def command(self, name, words=None):
        words = words or self.services[name]["command"]
        return [self.moved(word) for word in (shlex.split(words) if isinstance(words, str) else words)]

    def run(self, name, words=None):
        """A command of the service to its end."""
        return subprocess.run(self.command(name, words), env=self.environment(name), cwd=self.folder, text=True,
                              capture_output=True, check=False, timeout=90)  # fmt: skip

    def start(self, name):
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(self.command(name), env=self.environment(name), cwd=self.folder,
                                                  stdout=log, stderr=log, start_new_session=True)  # fmt: skip

    def is_healthy(self, name):
        """What the engine would ask."""
        image = re.search(r"^    CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[1]
        own = self.services[name].get("healthcheck")
        kind, *words = own["test"] if own else ["CMD", *json.loads(image)]
        return self.run(name, ["sh", "-c", *words] if kind == "CMD-SHELL" else words).returncode == 0

    def state(self, what):
        answer = httpx.get(f"http://127.0.0.1:{self.ports['bokun']}/_sandbox/{what}", trust_env=False, timeout=10)
        return answer.json()

    def until(self, reached, what, seconds):
        end = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > end:
                logs = {log.name: log.read_text()[-1500:] for log in self.folder.glob("*.log")}
                raise AssertionError(f"{what} not reached in {seconds} s: {logs}")
            time.sleep(0.5)

    def is_open(self):
        """Whether Flower and the page can be reached."""
        return answers(self.ports["flower"]) and answers(self.ports["web"])

    def close(self):
        for each in reversed(self.running.values()):
            each.kill()
            each.wait()


@pytest.fixture(scope="module")
def compose(tmp_path_factory):
    """Everything of the demo profile, started in the order of depends_on."""
    with postgres() as url:
        made = Compose(tmp_path_factory.mktemp("compose"), url.split("@")[1].split("/")[0])
        own = made.services["postgres"]["environment"]
        password = Path(made.moved(own["POSTGRES_PASSWORD_FILE"])).read_text()
        with psycopg.connect(url, autocommit=True) as admin:
            role, database = sql.Identifier(own["POSTGRES_USER"]), sql.Identifier(own["POSTGRES_DB"])
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
        try:
            made.start("redis")
            assert made.run("release").returncode == 0
            made.start("not-bokun")
            made.until(lambda: made.is_healthy("not-bokun"), "the stand-ins", 20)
            for name in ("web", "worker", "beat", "flower"):
                made.start(name)
            made.until(lambda: linked(made), "the link", 60)
            made.until(made.is_open, "Flower and the page", 60)
            yield made
        finally:
            made.close()


def linked(compose):
    """`demo-link` ends with 0; until Redis listens it may not, and the engine would start it again."""
    done = compose.run("demo-link")
    return done.returncode == 0 and done.stdout.count("has its own Bokun keys") == 6


def documents(compose):
    """How many documents of each type each booking has."""
    return Counter((each["bookingId"], each["type"]) for each in compose.state("state")["documents"])


def in_flight(compose):
    found = compose.run("demo-link", "bokun-sync status --json")
    counts = httpx.Response(200, text=found.stdout).json()
    moving = sum(counts["deliveries"][each] for each in ("planned", "sending", "accepted", "unknown"))
    return moving + counts["notices"]


def test_the_demo_s_bookings_pass_through(compose):
    """With nothing but the file's commands, every booking of the demo gets exactly what its flags call for."""
    expected = Counter()
    for each in compose.state("expectations"):
        expected |= {(each["booking"], kind): each[kind] for kind in ("invoice", "estimate") if each[kind]}
    compose.until(lambda: documents(compose).keys() >= expected.keys(), "all documents", 90)
    compose.until(lambda: in_flight(compose) == 0, "rest", 90)
    assert documents(compose) == expected
    assert len(expected) > 200


@pytest.mark.parametrize("name", ["web", "worker", "flower", "not-bokun"])
def test_a_service_tells_its_health(compose, name):
    """The health check of each service of ours says yes while it runs."""
    compose.until(lambda: compose.is_healthy(name), f"the health of {name}", 30)


def test_a_dead_worker_is_not_healthy(compose):
    """The worker's health check asks this very worker, not any other."""
    own = compose.services["worker"]["healthcheck"]["test"]
    asked = [own[0].replace("CMD-SHELL", "sh"), "-c", own[1].replace("worker@", "somebody@").replace("10", "2")]
    assert compose.run("worker", asked).returncode != 0


def test_redis_asks_for_its_password_and_keeps_its_bells(compose):
    """Nobody reads the broker without the secret; it appends every write and evicts nothing."""
    url = (compose.folder / "secrets/redis_url").read_text()
    import redis

    with redis.Redis(port=int(compose.ports["redis"])) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    with redis.Redis.from_url(url, decode_responses=True) as known:
        wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction"}
        assert {name: known.config_get(name)[name] for name in wanted} == wanted
    assert (compose.folder / "secrets/redis_password").read_text() not in (
        Path(f"/proc/{compose.running['redis'].pid}/cmdline").read_text()
    )


def test_flower_and_the_page_ask_for_their_logins(compose):
    """Both doors that a browser can open are closed without the secret."""
    shown = [httpx.get(f"http://127.0.0.1:{compose.ports[name]}/", trust_env=False) for name in ("flower", "web")]
    assert shown[0].status_code == 401
    assert (shown[1].status_code, "/login" in shown[1].headers.get("location", "") + shown[1].text) in {
        (303, True), (200, True), (401, True)}  # fmt: skip


def test_sigterm_ends_everything_in_time(compose):
    """Each process of ours ends with 0 within its stop_grace_period, and when it is started again the doors open."""
    names = ("web", "worker", "beat", "flower")
    for name in names:
        compose.running[name].terminate()
    assert {name: compose.running[name].wait(LIMIT) for name in names} == dict.fromkeys(names, 0)
    for name in names:
        compose.start(name)
    compose.until(compose.is_open, "Flower and the page", 60)


def test_no_setting_of_the_demo_is_unknown():
    """Whatever demo.env says is a setting of ours, or one of compose's three."""
    said = set(re.findall(r"^(\w+)=", (ROOT / "demo.env").read_text(), re.MULTILINE))
    assert said - {name.upper() for name in Settings.model_fields} == {"COMPOSE_PROFILES", "SETTINGS", "SECRETS"}

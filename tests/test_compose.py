"""docker-compose.yml and Dockerfile, as far as they can be looked at without an engine: nothing here runs a container."""

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from pydantic import SecretStr
from ruamel.yaml import YAML

import bootstrap
from config.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docker-compose.yml"
TEXT = FILE.read_text()
COMPOSE = YAML(typ="safe").load(TEXT)
SERVICES = COMPOSE["services"]
OURS = {name: each for name, each in SERVICES.items() if "build" in each}
PROCFILE = dict(re.findall(r"^(\w+): (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE))
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_the_file_follows_the_compose_specification():
    """The published schema takes the file."""
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_services_are_those_of_the_house():
    """Stores, the processes of the Procfile, and the stand-ins in a profile of their own."""
    assert set(SERVICES) == {"redis", "postgres", *PROCFILE, "not-bokun", "demo-link"}
    assert {name for name, each in SERVICES.items() if each.get("profiles")} == {"not-bokun", "demo-link"}
    assert SERVICES["not-bokun"]["networks"]["outside"]["aliases"] == ["not-spaceinvoices"]


def test_the_commands_are_those_of_the_procfile():
    """What compose runs is what the Procfile runs, so that it is run for real without an engine."""
    assert {name: SERVICES[name]["command"] for name in PROCFILE} == PROCFILE


@pytest.mark.parametrize("what", ["networks", "volumes", "secrets"])
def test_what_a_service_names_exists(what):
    """Every network, volume and secret that a service names is defined, and each defined one is used."""
    named = {name for each in SERVICES.values() for name in _names(each.get(what, ()))}
    assert named == set(COMPOSE[what])


def _names(said):
    return {word.split(":")[0] for word in said}


def test_who_waits_for_whom_exists():
    """A service waits only for services that exist, and for health only of those that tell it."""
    for each in SERVICES.values():
        for name, how in each.get("depends_on", {}).items():
            told = {"service_healthy": "healthcheck" in SERVICES[name],
                    "service_completed_successfully": name == "release"}  # fmt: skip
            assert told[how["condition"]]


def test_everything_starts_after_the_release():
    """Web, worker, beat and flower wait for the migrations and for a broker that answers."""
    for name in ("web", "worker", "beat", "flower"):
        assert SERVICES[name]["depends_on"] == {
            "release": {"condition": "service_completed_successfully"},
            "redis": {"condition": "service_healthy"},
        }


def test_every_variable_is_in_the_example():
    """What the file takes from the environment stands in .env.example or demo.env."""
    said = (ROOT / ".env.example").read_text() + (ROOT / "demo.env").read_text()
    known = set(re.findall(r"^#?([A-Z_]+)=", said, re.MULTILINE))
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT)) - known == set()


def test_every_variable_that_it_sets_is_a_setting():
    """A service of ours is given settings and nothing else."""
    said = {name.removesuffix("_FILE") for each in OURS.values() for name in each.get("environment", ())}
    assert said <= {name.upper() for name in Settings.model_fields}


def test_services_are_confined():
    """Ours run read-only, without capabilities; every service has limits, a restart policy and bounded logs."""
    for each in OURS.values():
        assert (each["read_only"], each["cap_drop"]) == (True, ["ALL"])
    for each in SERVICES.values():
        assert each["security_opt"] == ["no-new-privileges:true"]
        assert set(each["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
        assert each["restart"].startswith(("unless-stopped", "on-failure"))
        assert each["logging"]["options"]


def test_what_is_being_sent_may_be_finished():
    """Every process that is stopped has the sixty seconds that a drain and its last call can take."""
    assert {SERVICES[name]["stop_grace_period"] for name in ("web", "worker", "beat", "flower", "postgres")} == {"60s"}


def test_stores_are_not_reachable_from_outside():
    """Redis and PostgreSQL live in a network without a way out and publish no port; what is published is on loopback."""
    for name in ("redis", "postgres"):
        assert (SERVICES[name]["networks"], "ports" in SERVICES[name]) == (["inside"], False)
    published = [port for each in SERVICES.values() for port in each.get("ports", ())]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_redis_keeps_its_bells():
    """The broker has an append-only file, a password and no eviction (reliability.md 1.3)."""
    command = " ".join(SERVICES["redis"]["command"])
    for words in ("--appendonly yes", "--appendfsync everysec", "--maxmemory-policy noeviction", "requirepass"):
        assert words in command


def test_passwords_come_by_file_where_the_image_can_read_one():
    """No password of a store stands in a command line or in the environment of the store."""
    assert SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/postgres_password"
    secret = {name.upper() for name, field in Settings.model_fields.items() if field.annotation is SecretStr}
    for each in OURS.values():
        assert {"DATABASE_URL", "REDIS_URL", *secret} & set(each.get("environment", ())) == set()
    assert "environment" not in SERVICES["redis"]
    assert "_PASSWORD" not in " ".join(SERVICES["redis"]["command"])


def test_each_process_is_given_only_the_secrets_it_reads():
    """Beat and Flower see neither the accounts nor the database, and a secret that a service names is one that it reads."""
    for name in ("beat", "flower"):
        assert set(SERVICES[name]["secrets"]) <= {"redis_url", "flower_basic_auth", "smtp_url"}
    for each in OURS.values():
        read = {value.rpartition("/")[2] for key, value in each.get("environment", {}).items() if key.endswith("_FILE")}
        assert read == set(each.get("secrets", ()))


def test_make_secrets_writes_what_the_file_reads(tmp_path):
    """`bootstrap.py secrets` makes every secret once: a second time nothing changes, and what is to be filled in is named."""
    wanted = ["space_invoices_token", "bokun_access_key", "bokun_secret_key"]
    assert bootstrap.secrets(tmp_path / "s", {}) == wanted
    first = {path.name: path.read_text() for path in (tmp_path / "s").iterdir()}
    bootstrap.secrets(tmp_path / "s", {})
    assert {path.name: path.read_text() for path in (tmp_path / "s").iterdir()} == first
    assert set(first) == set(COMPOSE["secrets"])
    assert first["redis_password"] in first["redis_url"]
    assert first["postgres_password"] in first["database_url"]


def test_the_image_is_locked_and_runs_as_nobody_in_particular():
    """Packages come by hash, the last stage has no installer in use, and the user is not root."""
    first, last = re.split(r"^FROM .*$", DOCKERFILE, flags=re.MULTILINE)[1:]
    assert "--require-hashes --only-binary :all: -r requirements.lock" in first
    assert "pip install" not in last
    assert "rm -rf /usr/local/lib/python3*/site-packages" in last
    assert re.search(r"^USER (\d+):\d+$", last, re.MULTILINE)[1] != "0"
    assert "HEALTHCHECK" in last


def test_what_the_image_copies_is_there():
    """Every file that the Dockerfile copies exists and is let through by .dockerignore."""
    copied = [
        word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()
    ]
    through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(copied) == sorted(through)
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert not any(fnmatch(".env", pattern) for pattern in through)


def test_no_container_was_started_here():
    """Without an engine the image cannot be built; where there is one, `docker compose config` takes the file."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker engine with compose here: the files were read, the commands are run by the journeys")
    said = {"PATH": "/usr/bin:/bin"}
    subprocess.run([docker, "compose", "-f", FILE, "config", "--quiet"], env=said, check=True)

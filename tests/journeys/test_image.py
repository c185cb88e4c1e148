"""The Dockerfile without an engine: its first stage is carried out here, and what comes of it runs and tells its health."""

import json
import re
import shutil
import subprocess
import time

import pytest

from tests.journeys.company import ROOT, bare
from worker.cli import broker

FIRST, LAST = re.split(r"^FROM .*$", (ROOT / "Dockerfile").read_text().replace("\\\n", ""), flags=re.MULTILINE)[1:]


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The virtual environment that the image would have, made by the very instructions of the Dockerfile."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "build").mkdir()
    moved = {"/venv": str(folder / "venv"), "/build": str(folder / "build")}
    environment = {name: value for name, value in bare().items() if name != "PYTHONPATH"}
    for word, rest in re.findall(r"^(COPY|RUN|ENV) (.*)$", FIRST, re.MULTILINE):
        if word == "ENV":
            environment |= dict(each.split("=", 1) for each in rest.split())
        elif word == "COPY":
            *sources, target = rest.split()
            for each in sources:
                copy(ROOT / each, folder / "build" / (target if len(sources) == 1 and target != "./" else each))
        else:
            command = re.sub("|".join(moved), lambda found: moved[found[0]], rest)
            done = subprocess.run(["sh", "-c", command], cwd=folder / "build", env=environment, text=True,
                                  capture_output=True, check=False)  # fmt: skip
            if "Could not fetch" in done.stderr or "No matching distribution" in done.stderr:
                pytest.skip("the package index cannot be reached, so nothing can be installed")
            assert done.returncode == 0, done.stderr[-2000:]
    return folder


def copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    else:
        shutil.copyfile(source, target)


def test_what_is_installed_is_what_the_lock_says(image):
    """The environment holds the locked packages and this program, and no installer."""
    asked = "import importlib.metadata as m; print(*{each.metadata['Name'].lower() for each in m.distributions()})"
    done = subprocess.run([image / "venv/bin/python", "-c", asked], capture_output=True, text=True, check=True)
    found = set(done.stdout.split())
    assert "bokun-sync" in found
    assert {"pip", "setuptools", "wheel", "pytest", "ruff"} & found == set()


def test_its_command_runs_and_tells_its_health(image):
    """CMD starts the web process with nothing but the image's environment, and HEALTHCHECK says yes."""
    [command] = re.findall(r"^CMD (\[.*\])$", LAST, re.MULTILINE)
    [check] = re.findall(r"HEALTHCHECK .*?CMD (\[.*\])$", LAST, re.MULTILINE)
    port = str(broker.free_port())
    environment = {
        "PATH": f"{image / 'venv/bin'}:/usr/bin:/bin",
        "PORT": port,
        "DATABASE_URL": f"sqlite:///{image}/i.db",
    }
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(["bokun-sync", "migrate"], env=environment, cwd=image, check=True, capture_output=True)
    with (image / "log").open("wb") as log:
        web = subprocess.Popen(json.loads(command), env=environment, cwd=image, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 30
        while subprocess.run(json.loads(check), env=environment, capture_output=True, check=False).returncode:
            assert time.monotonic() < end, (image / "log").read_text()
            time.sleep(0.5)
    finally:
        web.terminate()
    assert web.wait(30) == 0

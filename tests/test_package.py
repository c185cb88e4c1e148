"""The package: what its wheel holds, that it is typed, and that version and changelog agree."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version

from docs.generate import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CHANGES = (ROOT / "CHANGELOG.md").read_text()
RELEASES = re.findall(r"^## (\d[\w.]*) - \d{4}-\d\d-\d\d$", CHANGES, re.MULTILINE)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names in the wheel that is built from what git keeps."""
    pytest.importorskip("setuptools", reason="setuptools is not here, so no wheel can be built")
    folder = tmp_path_factory.mktemp("wheel")
    kept = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, kept.split("\0")):
        if name.startswith(("worker/", "tasks/", "config/")) or name in {"pyproject.toml", "README.md", "LICENSE"}:
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "source" / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation", "--no-index",
               "--wheel-dir", str(folder), str(folder / "source")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    [file] = folder.glob("*.whl")
    with zipfile.ZipFile(file) as opened:
        return opened.namelist()


def test_the_wheel_holds_what_the_program_reads(wheel):
    """Samples, page, migrations and the mark that it is typed are in the wheel, as they are in the folder."""
    wanted = [path.relative_to(ROOT).as_posix() for part in ("worker", "tasks", "config")
              for path in (ROOT / part).rglob("*") if path.is_file() and "__pycache__" not in path.parts]  # fmt: skip
    assert [name for name in wanted if name not in wheel] == []
    assert "worker/py.typed" in wheel


def test_the_wheel_holds_nothing_else(wheel):
    """No test, no document and no secret travels with it."""
    tops = {name.split("/")[0] for name in wheel}
    assert {each for each in tops if not each.endswith(".dist-info")} == {"worker", "tasks", "config"}


def test_version_and_changelog_agree():
    """The version is the newest release of the changelog, or is under way to the next one and says so."""
    version = Version(PROJECT["version"])
    newest = Version(RELEASES[0])
    assert sorted(RELEASES, key=Version, reverse=True) == RELEASES
    assert version == newest or (version.is_devrelease and version > newest and "## Unreleased" in CHANGES)


def test_every_python_that_is_promised_is_tried():
    """The wheel is tried on each Python that the package is made for."""
    assert PROJECT["requires-python"] == ">=3.11"
    assert "for minor in 11 12 13 14" in (ROOT / ".ci/pythons").read_text()


def test_no_development_package_is_needed_to_run():
    """Nothing that runs imports a package of the development group."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    names = {re.split(r"[\[><=]", each)[0].replace("-", "_") for each in groups["dev"]}
    imported = set()
    for part in ("worker", "tasks", "config"):
        for path in Path(ROOT / part).rglob("*.py"):
            imported |= set(re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), re.MULTILINE))
    assert imported & names == set()

"""Breaks worker/domain in one small place at a time; each broken copy must fail a test, or say why it need not."""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import importlib.abc
import importlib.util
import os
import select
import signal
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.mutation.mutants import Mutant, members, mutants

ROOT = Path(__file__).resolve().parent.parent.parent
DOMAIN = ROOT / "worker" / "domain"
ACCEPTED = Path(__file__).with_name("accepted.toml")
LOADED = ("pytest", "hypothesis", "sqlmodel", "sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql", "psycopg",
          "httpx", "celery", "structlog", "pydantic_settings", "starlette.applications", "uvicorn", "alembic.command",
          "redis", "cryptography.fernet", "tests.mutation.mutants")  # fmt: skip
"""What a test run imports that is not ours: loaded once, before the processes part."""
BEYOND = {
    "audit": ("tests/flow/test_audit.py",),
    "books": ("tests/flow/test_audit.py",),
    "booking": ("tests/edges/test_bokun_completion.py", "tests/edges/test_bokun_sales.py"),
    "changes": ("tests/flow/test_explain.py", "tests/doors/test_decisions.py", "tests/web/test_page.py"),
    "connection": ("tests/flow/test_roads.py",),
    "decision": ("tests/flow/test_roads.py", "tests/flow/test_preview.py"),
    "delivery": ("tests/store", "tests/flow/test_attempts.py"),
    "money": ("tests/edges/test_bokun_sales.py", "tests/edges/test_price_reading.py"),
    "outcome": ("tests/flow/test_attempts.py",),
    "pricelist": ("tests/flow/test_price_sync.py", "tests/edges/test_price_reading.py"),
    "prices": ("tests/flow/test_price_sync.py", "tests/doors/test_price_commands.py"),
    "proof": ("tests/flow/test_attempts.py", "tests/flow/test_roads.py"),
    "retry": ("tests/flow/test_attempts.py",),
    "sighting": ("tests/store/test_notices.py",),
    "watermark": ("tests/flow/test_reading.py", "tests/flow/test_standing_still.py"),
}
"""Tests of other folders that a module is asked of when its own let it pass."""
HOW = ("-x", "-q", "--tb=no", "--assert=plain", "-p", "no:randomly", "-p", "no:xdist",
       "--deselect", "tests/domain/test_books.py::test_ten_thousand_bookings")  # fmt: skip
SECONDS = 120


class Broken(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the broken module in the place of the whole one."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant, self.name = mutant, f"worker.domain.{mutant.module}"

    def find_spec(self, name: str, *_: Any) -> Any:
        file = DOMAIN / f"{self.mutant.module}.py"
        return importlib.util.spec_from_file_location(name, file, loader=self) if name == self.name else None

    def create_module(self, _spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.mutant.tree(), str(module.__file__), "exec"), module.__dict__)  # noqa: S102


def rounds(module: str, *, own: bool) -> Iterator[list[str]]:
    """What is asked one after the other: the domain's tests that name the module, its other tests, those beyond."""
    files = {str(each): each.read_text() for each in sorted((ROOT / "tests" / "domain").glob("test_*.py"))}
    named = [each for each, text in files.items() if f"domain.{module} import" in text]
    for tests in (named, [each for each in files if each not in named]):
        if tests:
            yield [*tests, "--noconftest"]  # they need nothing of the house, whose import takes most of the time
    if not own:
        yield [str(ROOT / each) for each in BEYOND[module]]


def whole(module: str) -> Mutant:
    """The module as it is: tests that do not pass it prove nothing."""
    return Mutant(module, "whole", 0, lambda: ast.parse((DOMAIN / f"{module}.py").read_text()))


def passes(mutant: Mutant, tests: Sequence[str]) -> bool:
    """Whether the tests, run in a process of their own, do not notice; one that never ends is noticed."""
    child = os.fork()
    if not child:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        import hypothesis
        import pytest

        hypothesis.settings.register_profile("mutation", derandomize=True, database=None, deadline=None)
        hypothesis.settings.load_profile("mutation")
        sys.meta_path.insert(0, Broken(mutant))
        os._exit(0 if pytest.main([*tests, *HOW]) == 0 else 1)
    return _ended(child)


def _ended(child: int) -> bool:
    ending = os.pidfd_open(child)
    in_time, _, _ = select.select([ending], [], [], SECONDS)
    os.close(ending)
    if not in_time:
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1] == 0


def survives(mutant: Mutant, *, own: bool) -> bool:
    """Whether neither the domain's own tests nor those beyond notice."""
    return all(passes(mutant, tests) for tests in rounds(mutant.module, own=own))


def chosen(modules: Sequence[str], part: str | None) -> Iterator[Mutant]:
    """The mutants of these modules whose name has this part."""
    sources = {file.stem: file.read_text() for file in sorted(DOMAIN.glob("*.py")) if file.stem != "__init__"}
    enumerations = members([ast.parse(source) for source in sources.values()])
    for module in modules or sources:
        yield from (
            each for each in mutants(module, sources[module], enumerations) if part is None or part in each.name
        )


def accepted() -> dict[str, str]:
    """Names of mutants that need not be noticed, with the reason."""
    return {name: reason for reason, names in tomllib.loads(ACCEPTED.read_text()).items() for name in names["mutants"]}


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="modules of worker/domain; all without")
    parser.add_argument("--own", action="store_true", help="ask the domain's own tests only")
    parser.add_argument("--only", metavar="TEXT", help="mutants whose name has this text")
    wanted = parser.parse_args()
    for each in LOADED:
        importlib.import_module(each)
    gc.freeze()  # what is loaded stays as it is, in every process that parts from here
    excused, started, count, noticed, silent = accepted(), time.monotonic(), 0, 0, 0
    if failing := [each for each in wanted.modules or BEYOND if not survives(whole(each), own=wanted.own)]:
        sys.exit(f"the tests fail without any change: {', '.join(failing)}")
    met: set[str] = set()
    for mutant in chosen(wanted.modules, wanted.only):
        count += 1
        met.add(mutant.name)
        lives = mutant.name not in excused and survives(mutant, own=wanted.own)
        noticed += not lives and mutant.name not in excused
        if lives:
            silent += 1
            print(f"worker/domain/{mutant.module}.py:{mutant.line} {mutant.name}", flush=True)
    stale = sorted(set(excused) - met) if not wanted.modules and wanted.only is None else []
    for name in stale:
        print(f"excused, but there is no such mutant any more: {name}")
    minutes = (time.monotonic() - started) / 60
    print(
        f"{count} mutants, {noticed} noticed, {count - noticed - silent} excused, {silent} not noticed, {minutes:.1f} minutes"
    )
    return 1 if silent or stale else 0


if __name__ == "__main__":
    sys.exit(main())

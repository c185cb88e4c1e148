"""A person at a terminal: words in; exit code, standard output and standard error out."""

import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from worker.calls import json
from worker.cli import main
from worker.sandbox import Sandbox, bookings

ROOT = Path(__file__).resolve().parent.parent.parent
A, B, C = 9_000_001, 9_000_002, 9_000_003
KEY = "c2l4dGVlbiBieXRlcyB0d2ljZSBpcyBzaGlwLXNoYXA="


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """What a person reads on standard error."""
        return [line for line in self.err.splitlines() if not line.startswith("{")]


class Terminal:
    """Runs commands in this process under an environment that a test changes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def set(self, **environment: str) -> None:
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *words: str, stdin: str = "") -> Said:
        self._monkeypatch.setattr(sys, "argv", ["bokun-sync", *words])
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        self._capsys.readouterr()
        code = _left_with()
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)

    def process(self, *words: str, stdin: str = "") -> Said:
        """The same in a process of its own."""
        command = [sys.executable, "-c", "from worker.cli import main; main()", *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        return Said(done.returncode, done.stdout, done.stderr)


def _left_with() -> int:
    """The exit code of the command that stands in argv."""
    try:
        main()
    except SystemExit as left:
        return int(left.code or 0)
    return 0


@dataclass(frozen=True)
class Shop:
    """A person at a terminal, the remotes it is set up for, and one connection."""

    terminal: Terminal
    neighbours: Sandbox
    connection: str
    file: Path

    def __call__(self, *words: str, stdin: str = "") -> Said:
        return self.terminal(*words, stdin=stdin)

    def book(self, booking: int = A, build: Any = bookings.own_sale, **knobs: Any) -> int:
        return self.neighbours.book(build(booking, self.neighbours.world.clock(), **knobs))

    @property
    def documents(self) -> list[tuple[Any, ...]]:
        return [(each["type"], each["bookingId"]) for each in self.neighbours.documents]

    @property
    def posts(self) -> list[str]:
        """What changed something at a remote, the search of Bokun aside."""
        return [
            each["path"]
            for each in self.neighbours.requests
            if each["method"] != "GET" and "booking" not in each["path"]
        ]

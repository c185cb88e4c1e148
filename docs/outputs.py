"""Plays some days of a small shop against the stand-ins and writes what the commands print into the documents.

Between `<!-- output:NAME -->` and `<!-- /output -->` stands what was printed. `--check` only says what is stale. The
clock, the ids and the order of calls are fixed, so the same program prints the same; what depends on the machine
(versions) is masked when two outputs are compared.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from config.settings import Settings, read
from worker import wiring
from worker.cli import looking
from worker.cli.main import main as command_line
from worker.flow import alerts
from worker.sandbox import Sandbox, bookings

ROOT = Path(__file__).resolve().parent.parent
FILES = ("README.md", "docs/*.md")
BLOCK = re.compile(r"(?P<begin><!-- output:(?P<name>[\w-]+) -->\n).*?(?P<end><!-- /output -->)", re.DOTALL)
VERSION = re.compile(r"\d+(?:\.\d+)+\S*")
FIRST = 9_000_001
ORDER = {"remote": "space-invoices", "method": "POST", "path": "/order$"}


class Shop:
    """A person at a terminal of a small tour operator, on days that a script moves."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.printed: dict[str, str] = {}

    def run(self, line: str) -> str:
        """What a command prints, its complaint below it."""
        out = io.StringIO()
        typed, nobody = swapped(sys, "argv", shlex.split(line)), swapped(sys, "stdin", io.StringIO())
        with redirect_stdout(out), redirect_stderr(out), typed, nobody, suppress(SystemExit):
            command_line()
        lines = [each.rstrip() for each in out.getvalue().strip("\n").splitlines() if not each.startswith('{"')]
        return "\n".join(lines)

    def show(self, name: str, *lines: str) -> None:
        """Runs the commands and keeps what a reader shall see under a name."""
        said = "\n".join(f"$ {line}\n{self.run(line)}".rstrip() for line in lines)
        self.printed[name] = f"```console\n{said}\n```\n"

    def quietly(self, *lines: str) -> None:
        for line in lines:
            self.run(line)


class Clock:
    """A clock that a script moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)


@contextmanager
def swapped(of: Any, name: str, value: Any) -> Iterator[None]:
    """Something else in this place for a while."""
    before = getattr(of, name)
    setattr(of, name, value)
    try:
        yield
    finally:
        setattr(of, name, before)


@contextmanager
def opened() -> Iterator[tuple[Shop, Clock]]:
    """The shop in an empty folder, with nothing of this machine's environment."""
    clock, before = Clock(), Path.cwd()
    with tempfile.TemporaryDirectory() as folder, Sandbox(clock) as sandbox:
        said = {
            "DATABASE_URL": "sqlite:///shop.db",
            "SPACE_INVOICES_URL": sandbox.space_invoices_url,
            "SPACE_INVOICES_TOKEN": sandbox.token,
            "SPACE_INVOICES_ORGANIZATIONS": sandbox.organization,
            "BOKUN_URL": sandbox.bokun_url,
            "BOKUN_ACCESS_KEY": sandbox.access_key,
            "BOKUN_SECRET_KEY": sandbox.secret_key,
            "START_FROM": "2026-11-25",
            "BRAKE_AMOUNT": "1000",
            "IN_FLIGHT": "1",
            "LOG_LEVEL": "error",
        }
        rest = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
        with swapped(os, "environ", rest | said), swapped(wiring, "now", clock), swapped(looking, "now", clock):
            os.chdir(folder)
            try:
                yield Shop(sandbox, Path(folder)), clock
            finally:
                os.chdir(before)


def play() -> dict[str, str]:
    """All outputs by their names."""
    with opened() as (shop, clock):
        _before(shop, clock)
        _held(shop, clock)
        _why(shop, clock)
        _stopped(shop, clock)
        _books(shop, clock)
        _history(shop, clock)
        return shop.printed


def _book(shop: Shop, number: int, **knobs: Any) -> None:
    now = shop.sandbox.world.clock()
    knobs = {"created": now - timedelta(days=1), "code": f"VNDA-{number}", **knobs}
    shop.sandbox.book(bookings.own_sale(FIRST + number, now, **knobs))


def _before(shop: Shop, clock: Clock) -> None:
    """Set up, and what would be issued."""
    shop.sandbox.connect("Rome walks")
    _book(shop, 1, total="51.10")
    _book(shop, 2, total="20.00", paid=False, payment_type="BANK_TRANSFER")
    _book(shop, 3, total="35.50")
    shop.show("setup", "bokun-sync migrate", "bokun-sync connections refresh", "bokun-sync doctor")
    shop.show("plan", "bokun-sync plan --since 2026-11-30")
    shop.show("what-if", "bokun-sync plan --since 2026-11-30 --what-if issueInvoiceOnComplete=true")
    shop.sandbox.faults.add(kind="reset", after_effect=True, **ORDER)  # the first answer is lost on its way
    shop.show("drain", "bokun-sync drain")
    clock.later(minutes=1)
    shop.quietly("bokun-sync drain")
    shop.show("explain", "bokun-sync explain VNDA-1")


def _held(shop: Shop, clock: Clock) -> None:
    """A brake, a refusal, and what a person does about them."""
    _book(shop, 4, total="1200.00")
    _book(shop, 5, total="1500.00")
    _book(shop, 6, total="60.00")
    refusal = {"error": {"statusCode": 422, "name": "ValidationError", "message": "the tax number is not valid"}}
    shop.sandbox.faults.add(kind="status", code=422, body=refusal, **ORDER)
    clock.later(minutes=10)
    shop.quietly("bokun-sync drain")
    shop.show("held", "bokun-sync deliveries list --state held")
    shop.show("explain-held", "bokun-sync explain VNDA-6")
    shop.show(
        "release", 'bokun-sync deliveries release --reason "amount brake" --because "checked with the shop" --yes'
    )
    refused = shop.run("bokun-sync deliveries list --state held").splitlines()[-1].split()[0]
    shop.show("settle", f'bokun-sync deliveries settle {refused} --because "written by hand as 2026-114" --yes')
    shop.quietly("bokun-sync drain")
    clock.later(minutes=10)
    shop.quietly("bokun-sync drain")


def _why(shop: Shop, clock: Clock) -> None:
    """A booking that waits, one whose credentials are refused, and one that changed after its document."""
    [rome] = shop.sandbox.connections
    shop.sandbox.flags(rome["id"], issueInvoiceOnComplete=True)
    shop.quietly("bokun-sync connections refresh")
    _book(shop, 7, total="40.00", ends_in=timedelta(days=11))
    clock.later(minutes=10)
    shop.quietly("bokun-sync drain")
    shop.show("explain-waiting", "bokun-sync explain VNDA-7")
    shop.sandbox.flags(rome["id"], issueInvoiceOnComplete=False)
    shop.quietly("bokun-sync connections refresh", "bokun-sync drain")
    clock.later(hours=2)
    shop.sandbox.change(FIRST + 1, reprice="80.00")
    [payment, *_] = shop.sandbox.booking(FIRST + 3)["customerPayments"]
    shop.sandbox.change(FIRST + 3, fields={"customerPayments": [payment | {"totalRefundedAmount": Decimal("20.00")}]})
    shop.quietly("bokun-sync drain")
    shop.show("explain-changed", "bokun-sync explain VNDA-1")
    shop.show("explain-at", "bokun-sync explain VNDA-1 --at 2026-12-01T10:00")
    shop.show("asks", "bokun-sync bookings list --state ask")


def _stopped(shop: Shop, clock: Clock) -> None:
    """The global stop, a pause, and a token that is refused."""
    [rome] = shop.sandbox.connections
    shop.show("stop", 'bokun-sync stop --because "wrong tax rate in the shop"', "bokun-sync status")
    shop.show("go", "bokun-sync go")
    _book(shop, 8, total="44.00")
    shop.sandbox.faults.add(kind="status", code=429, times=9, **ORDER)
    clock.later(hours=3)
    shop.quietly("bokun-sync drain")
    shop.show("pause", f"bokun-sync connections pause {rome['id']}")
    shop.sandbox.faults.clear()
    clock.later(hours=3)
    shop.show("doctor-fault", "bokun-sync doctor")
    shop.printed["doctor-fault"] = _only(shop.printed["doctor-fault"], "!!")
    shop.show("resume", f"bokun-sync connections resume {rome['id']}")
    shop.quietly("bokun-sync drain")
    clock.later(minutes=10)
    shop.quietly("bokun-sync drain")


def _only(block: str, sign: str) -> str:
    """The lines that begin so, with the line below each; the rest as three dots."""
    lines = block.splitlines()
    kept = [lines[0], lines[1], "..."]
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        kept += [line, below] if line.startswith(sign) else []
    return "\n".join([*kept, "```", ""])


def _books(shop: Shop, clock: Clock) -> None:
    """Damage in Space Invoices, the audit that finds it, the digest, and the accountant's file."""
    papers = list(shop.sandbox.world.documents.rows.values())
    papers[2]["total"] += Decimal("0.01")
    shop.sandbox.world.documents.create({**papers[3], "number": "2026-900000"})
    shop.sandbox.world.documents.delete(papers[4]["id"])
    clock.later(hours=2)
    shop.show("audit", "bokun-sync audit --since 2026-11-25 --until 2026-12-01 --html audit.html")
    key = next(line for line in shop.printed["audit"].splitlines() if "0.01 off" not in line and "--accept" in line)
    accepted = shlex.split(key)[3]
    shop.show("accept", f'bokun-sync audit --accept {accepted} --because "rounded by hand"')
    shop.printed["digest"] = f"```text\n{_digest()}\n```\n"
    shop.show("settle-booking", 'bokun-sync bookings settle VNDA-1 --because "credit note and invoice written by hand"')
    shop.show("export", "bokun-sync export --since 2026-11-25 books.csv", "bokun-sync export --verify books.csv")
    books = shop.folder / "books.csv"
    books.write_text(books.read_text().replace("51.10", "15.10", 1))
    shop.show("tampered", "bokun-sync export --verify books.csv")


def _digest() -> str:
    """What the digest of this day would tell people."""
    services = wiring.build(read())
    try:
        return "\n".join(alerts.needs(services))
    finally:
        services.close()


def _history(shop: Shop, clock: Clock) -> None:
    """Sales of the past, brought across by a plan file."""
    for number, total in ((20, "10.00"), (21, "35.50")):
        _book(shop, number, total=total, created=datetime(2026, 10, 4, 12, tzinfo=UTC))
    _book(shop, 22, total="20.00", paid=False, payment_type="BANK_TRANSFER", created=datetime(2026, 10, 5, tzinfo=UTC))
    clock.later(minutes=10)
    shop.show("backfill", "bokun-sync backfill --since 2026-10-01 --until 2026-10-31 october.jsonl")
    shop.show("apply-refused", "bokun-sync apply october.jsonl --yes")
    shop.sandbox.change(FIRST + 21, cancel=True)
    shop.show("apply", "bokun-sync apply october.jsonl --mail no --yes")


def filled(text: str, printed: dict[str, str]) -> str:
    """The text with every output block made anew; an unknown name is an error."""
    return BLOCK.sub(lambda found: f"{found['begin']}{printed[found['name']]}{found['end']}", text)


def masked(text: str) -> str:
    """What two runs on two machines have in common."""
    return "\n".join(VERSION.sub("N", line) if "versions:" in line or "SQLite " in line else line
                     for line in text.splitlines())  # fmt: skip


def stale(printed: dict[str, str]) -> dict[Path, str]:
    """The files that show other outputs than these, with what they should show."""
    texts = {path: path.read_text() for pattern in FILES for path in sorted(ROOT.glob(pattern))}
    fresh = {path: filled(text, printed) for path, text in texts.items()}
    return {path: new for path, new in fresh.items() if masked(new) != masked(texts[path])}


def main() -> int:
    """Writes what is stale, or with `--check` names it and fails."""
    printed = play()
    if "--print" in sys.argv:
        sys.stdout.write("\n".join(f"== {name}\n{block}" for name, block in printed.items()))
        return 0
    found = stale(printed)
    for path, text in found.items():
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
        if "--check" not in sys.argv:
            path.write_text(text)
    return 1 if found and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())

"""The command that compares the three books."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.console import (
    FAILED,
    NEEDS_A_PERSON,
    Failed,
    Json,
    WrongUse,
    group,
    print_json,
    print_table,
    say,
    services,
    warn,
)
from worker.cli.periods import period
from worker.cli.report import page, summary

if TYPE_CHECKING:
    from worker.flow.audit import Audited

app = group("")
MOST_SHOWN = 100


@app.command()
def audit(
    since: Annotated[
        str | None, typer.Option(help="Bookings made from this day on (2026-11-01); AUDIT_DAYS ago if left out.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Last day, which belongs to it; now if left out.")] = None,
    as_json: Json = False,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write the differences to this file.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write the whole report to this file.")] = None,
    accept: Annotated[str | None, typer.Option(help="Let the difference with this key stand; needs --because.")] = None,
    because: Annotated[str, typer.Option(help="Why it may stand, for the ledger.")] = "",
) -> None:
    """Bokun's bookings, our ledger and Space Invoices' documents side by side; every difference named.

    Exit code 0 only when nothing differs, 3 with differences.

    Example: bokun-sync audit --since 2026-11-01 --until 2026-11-30 --html audit.html
    """
    if accept is not None:
        _accept(accept, because)
        return
    done = _audit(since, until)
    _write(done, csv_file, html_file)
    _print(done, as_json)
    if done.failed:
        raise typer.Exit(FAILED)
    if done.differences:
        raise typer.Exit(NEEDS_A_PERSON)


def _accept(key: str, because: str) -> None:
    from worker.flow.audit import accept

    if not because.strip():
        raise WrongUse("--because must say why the difference may stand")
    with services() as built:
        if not accept(built, key, because=because.strip()):
            raise Failed(f"No audit of the last 90 days names a difference {key}: see `bokun-sync audit`.")
    say(f"Difference {key} may stand; it is named again once anything about it changes.")


def _audit(since: str | None, until: str | None) -> Audited:
    from worker.flow.audit import audit

    with services("space_invoices_token", "space_invoices_organizations") as built:
        usual = f"{built.clock() - built.terms.audit_span:%Y-%m-%d}"
        first, last = period(since or usual, until, built.clock())
        return audit(built, since=first, until=last)


def _write(done: Audited, csv_file: Path | None, html_file: Path | None) -> None:
    from worker.flow.audit import difference_record

    if html_file is not None:
        html_file.write_text(page(done), encoding="utf-8")
    if csv_file is not None:
        columns = ["key", "kind", "organization", "connection", "booking_id", "confirmation_code", "because", "ours",
                   "theirs", "settle"]  # fmt: skip
        with csv_file.open("w", encoding="utf-8", newline="") as file:
            written = csv.DictWriter(file, columns)
            written.writeheader()
            written.writerows(_harmless(difference_record(each)) for each in done.differences)


def _harmless(row: dict[str, Any]) -> dict[str, Any]:
    """A cell that a spreadsheet would take for a formula is text."""
    return {name: f"'{value}" if str(value)[:1] in tuple("=+-@\t\r") else value for name, value in row.items()}


def _print(done: Audited, as_json: bool) -> None:
    from worker.flow.audit import record

    if as_json:
        print_json(record(done))
        return
    print_table(["connection", "", "book", "count", "total", "tax"],
                [(each.connection, each.currency, each.book, each.count, f"{each.total:,.2f}", f"{each.tax:,.2f}")
                 for each in done.audit.lines], empty="Nothing was booked in this period.")  # fmt: skip
    say("")
    for each in done.differences[:MOST_SHOWN]:
        say(f"{each.code}  {each.kind}: {each.because}")
        say(f"    {each.settle}    (key {each.key})")
    if len(done.differences) > MOST_SHOWN:
        say(f"... and {len(done.differences) - MOST_SHOWN} more: use --json, --csv or --html.")
    for failed in done.failed:
        warn(f"Not compared: {failed}")
    say(summary(done))

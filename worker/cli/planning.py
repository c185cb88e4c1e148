"""Commands that say before what will happen: plan, backfill and apply."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.applying import follow
from worker.cli.console import (
    NEEDS_A_PERSON,
    Failed,
    Json,
    WrongUse,
    Yes,
    ask,
    group,
    print_json,
    print_table,
    say,
    services,
    warn,
)
from worker.cli.periods import Since, Until, period

if TYPE_CHECKING:
    from worker.flow.finding import Found, Unread
    from worker.flow.preview import Line
    from worker.flow.services import Services

app = group("")
BOKUN = ("space_invoices_organizations",)
Of = Annotated[str | None, typer.Option("--connection", help="Only this connection.")]
TOTALS = {"connection": "connection", "name": "name", "document": "document", "currency": "currency",
          "count": "count", "amount": "amount", "mails": "mailed"}  # fmt: skip


@app.command()
def plan(
    booking: Annotated[str | None, typer.Argument(help="One booking: its id or confirmation code.")] = None,
    since: Annotated[str | None, typer.Option(help="Bookings made from this day on (2025-07-01).")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, which belongs to it; now if left out.")] = None,
    what_if: Annotated[
        list[str] | None, typer.Option("--what-if", help="FLAG=true or FLAG=false; shows the difference to today.")
    ] = None,
    connection: Of = None,
    csv_: Annotated[Path | None, typer.Option("--csv", help="Write each booking's line to this file too.")] = None,
    as_json: Json = False,
) -> None:
    """What would be issued for a period or a booking, decided by the code that issues. Nothing is sent or written.

    Example: bokun-sync plan --since 2025-07-01 --until 2025-07-31 --what-if issueInvoiceOnComplete=true
    """
    from worker.flow import preview

    flags = _flags(what_if or [])
    with services(*BOKUN) as built:
        found = _found(built, booking, since, until, connection)
        as_is = preview.preview(built, found.seen)
        then = preview.preview(built, found.seen, flags=flags) if flags else None
    if csv_ is not None:
        _write_csv(csv_, as_is if then is None else then)
    if as_json:
        print_json(_as_json(as_is, then, flags, found.unread))
    else:
        _print(as_is, then, flags)
    _end(found.unread, quiet=as_json)


@app.command()
def backfill(
    file: Annotated[Path, typer.Argument(help="The plan file to write.")],
    since: Since,
    until: Until,
    connection: Of = None,
    as_json: Json = False,
) -> None:
    """Writes down what to do for bookings of the past, START_FROM aside; `apply` does exactly that. Nothing is sent.

    Example: bokun-sync backfill --since 2025-01-01 --until 2025-06-30 history.jsonl
    """
    from worker.flow import finding, planfile, preview
    from worker.store.bookings import History

    if file.exists():
        raise WrongUse(f"{file} is there already: a plan is never written over")
    with services(*BOKUN) as built:
        first, last = period(since, until, built.clock())
        found = finding.of_period(built, first, last, connection=connection)
        lines = preview.preview(built, found.seen, history=History(""))
        try:
            made = planfile.write(file, lines, found.unread, since=first, until=last, now=built.clock())
        except OSError as failed:
            raise Failed(f"{file} cannot be written: {failed.strerror}") from None
    if as_json:
        print_json(made.header)
    else:
        print_table(list(TOTALS.values()), _cells(made.header["totals"]), empty="Nothing would be issued.")
        say(f"{file}: {len(lines)} lines, {len(made.issuing)} documents. Do it with `bokun-sync apply {file}`.")
    _end(found.unread, quiet=as_json)


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="A plan file of `backfill`.")],
    mail: Annotated[
        str | None, typer.Option(help="yes: Space Invoices may mail; no: sent with its mail flags off.")
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Does exactly what a plan file says; what changed since is skipped and named. Say it again to go on after a stop.

    Example: bokun-sync apply history.jsonl --mail no
    """
    from worker.flow import backfill as work
    from worker.flow import planfile
    from worker.flow.refresh import refresh

    if mail not in (None, "yes", "no"):
        raise WrongUse("--mail must be yes or no")
    try:
        made = planfile.read(file)
    except OSError as failed:
        raise WrongUse(f"{file} cannot be read: {failed.strerror}") from None
    except planfile.WrongPlan as wrong:
        raise WrongUse(str(wrong)) from None
    with services("space_invoices_token", *BOKUN) as built:
        if failed_ := refresh(built).failed:
            raise Failed(f"The flags cannot be read now: {'; '.join(failed_)}")
        if mail is None and (mailing := work.mailing(built, made)):
            raise WrongUse(f"Space Invoices mails documents of {', '.join(mailing)} by itself: say --mail yes, or"
                           " --mail no to send the orders with sendInvoiceAutomatically and"
                           " sendEstimateAutomatically off.")  # fmt: skip
        if not as_json:
            quiet = {"mails": 0} if mail == "no" else {}
            sums = [{**each, **quiet} for each in made.header["totals"]]
            print_table(list(TOTALS.values()), _cells(sums), empty="Nothing is to be issued.")
        ask(f"Issue {len(made.issuing)} documents, mailed: {mail or 'no'}?", yes)
        follow(built, made, mail=None if mail is None else mail == "yes", as_json=as_json)


def _found(built: Services, booking: str | None, since: str | None, until: str | None, connection: str | None) -> Found:
    from worker.flow import finding

    if (booking is None) == (since is None):
        raise WrongUse("Name a booking, or a period by --since and --until.")
    if booking is not None:
        found = finding.of_booking(built, booking, connection=connection)
        if not found.seen:
            because = "; ".join(sorted({each.because for each in found.unread})) or "no connection is mirrored"
            raise Failed(f"Booking {booking} cannot be read: {because}")
        return found
    first, last = period(since or "", until, built.clock())
    return finding.of_period(built, first, last, connection=connection)


def _flags(said: Sequence[str]) -> dict[str, bool]:
    from worker.domain.connection import Flags

    names = tuple(Flags.__dataclass_fields__)
    found = {}
    for each in said:
        name, _, value = each.partition("=")
        if name not in names or value not in ("true", "false"):
            raise WrongUse(f"--what-if must be FLAG=true or FLAG=false; FLAG is one of {', '.join(names)}")
        found[name] = value == "true"
    return found


def _as_json(
    as_is: list[Line], then: list[Line] | None, flags: dict[str, bool], unread: Sequence[Unread]
) -> dict[str, Any]:
    from dataclasses import asdict

    from worker.flow.preview import difference, record, totals

    answer = {
        "totals": totals(as_is),
        "bookings": [record(each) for each in as_is],
        "unread": [asdict(each) for each in unread],
    }
    if then is None:
        return answer
    return {**answer, "what_if": {"flags": flags, "totals": totals(then), "changed": difference(as_is, then)}}


def _print(as_is: list[Line], then: list[Line] | None, flags: dict[str, bool]) -> None:
    from worker.flow.preview import difference, totals

    rows = [(each.verdict.booking.confirmation_code, each.connection.id, *_outcome(each)) for each in as_is]
    print_table(["booking", "connection", "would be", "rule", "because"], rows, empty="No bookings.")
    say("")
    print_table(list(TOTALS.values()), _cells(totals(as_is)), empty="Nothing would be issued.")
    if then is None:
        return
    said = ", ".join(f"{name}={str(value).lower()}" for name, value in flags.items())
    say(f"\nWith {said}:")
    print_table(list(TOTALS.values()), _cells(totals(then)), empty="Nothing would be issued.")
    changed = [(each["confirmation_code"], each["connection"], _words(each["today"]), _words(each["then"]))
               for each in difference(as_is, then)]  # fmt: skip
    print_table(["booking", "connection", "today", "then"], changed, empty="No booking would be decided differently.")


def _outcome(line: Line) -> tuple[str, str, str]:
    from worker.flow.preview import record

    shown = record(line)
    amount = f" {shown['amount']} {shown['currency']}" if line.issues else ""
    what = f"{shown['document']}{amount}" if line.issues else "nothing" if line.tell else shown["decision"]
    return what, shown["rule"], shown["instead"] or shown["because"]


def _words(outcome: dict[str, Any]) -> str:
    what = f"{outcome['decision']} {outcome['document'] or ''}".strip()
    return f"{what} ({outcome['rule']}){', mailed' if outcome['mails'] else ''}"


def _cells(totals: Sequence[dict[str, Any]]) -> list[list[Any]]:
    return [[each[name] for name in TOTALS] for each in totals]


def _write_csv(file: Path, lines: Sequence[Line]) -> None:
    from worker.flow.preview import record

    records = [record(each) for each in lines]
    try:
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, list(records[0]) if records else ["booking_id"])
            writer.writeheader()
            writer.writerows(records)
    except OSError as failed:
        raise Failed(f"{file} cannot be written: {failed.strerror}") from None


def _end(unread: Sequence[Unread], *, quiet: bool) -> None:
    """What could not be read needs a person: the plan is not whole."""
    for each in () if quiet else unread:
        what = "its bookings" if each.booking is None else f"booking {each.booking}"
        warn(f"Connection {each.connection}: {what} could not be read: {each.because}")
    if unread:
        raise typer.Exit(NEEDS_A_PERSON)

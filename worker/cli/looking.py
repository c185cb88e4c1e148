"""Commands that only look: status, bookings, explain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from worker.cli.console import (
    DONE,
    FAILED,
    Json,
    WrongUse,
    database,
    group,
    print_json,
    print_table,
    say,
    services,
    show,
    warn,
)


def now() -> datetime:
    """The time, in UTC; `status` loads no services, which would know it."""
    return datetime.now(UTC)


app = group("")
bookings = group("What each booking is waiting for.")


@app.command()
def status(as_json: Json = False) -> None:
    """Counts by state, lag, what is due longest, blocked connections.

    Example: bokun-sync status --json
    """
    from worker.flow import overview

    with database() as opened:
        found = overview.status(opened, now())
    if as_json:
        print_json(found)
        return
    if found["stopped"]:
        warn(f"Everything is stopped since {found['stopped']['since'][:16]} ({found['stopped']['because']}):"
             " bokun-sync go")  # fmt: skip
    counted = [(state, count) for state, count in found["deliveries"].items() if count]
    print_table(["deliveries", ""], counted, empty="No deliveries yet.")
    print_table(["bookings", ""], sorted(found["bookings"].items()), empty="No bookings yet.")
    say(f"notices to read: {found['notices']}, oldest due: {_seconds(found['oldest_due_seconds'])}")
    rows = [(each["id"], each["name"], _state(each), _seconds(each["lag_seconds"])) for each in found["connections"]]
    print_table(["connection", "name", "state", "lag"], rows, empty="No connections yet: run `enqueue refresh --now`.")


@bookings.command("list")
def list_(
    state: Annotated[
        str | None, typer.Option(help="A decision (tell, wait, skip, ask) or a delivery's state (held, unknown ...).")
    ] = None,
    as_json: Json = False,
) -> None:
    """One line per booking and connection, with the rule that decided.

    Example: bokun-sync bookings list --state ask
    """
    from worker.domain.delivery import State
    from worker.flow import overview

    known = ("tell", "wait", "skip", "ask", *State)
    if state is not None and state not in known:
        raise WrongUse(f"--state must be one of {', '.join(known)}")
    with services() as built:
        found = overview.booking_records(built, state=state)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["confirmation_code"],
            each["connection"],
            each["status"],
            each["decision"],
            each["rule"],
            _documents(each),
        )
        for each in found
    ]
    print_table(["booking", "connection", "status", "decision", "rule", "documents"], rows, empty="No such bookings.")
    for each in found:
        for sentence in each["since_document"]:
            say(f"{each['confirmation_code']}: {sentence}")


@app.command()
def explain(
    booking: Annotated[str, typer.Argument(help="Booking id or confirmation code.")],
    at: Annotated[str | None, typer.Option(help="As it stood then: 2026-11-20 or 2026-11-20T14:30 (UTC).")] = None,
    as_json: Json = False,
) -> None:
    """Facts, flags, the rule that decided, every attempt with its outcome, what happens next and when.

    Example: bokun-sync explain VNDA-80368889
    """
    from worker.cli.periods import moment
    from worker.flow.explain import explain as tell

    with services() as built:
        stories = tell(built, booking, at=None if at is None else moment(at, "--at"))
    if not stories and at is not None:
        warn(f"Nothing was known of booking {booking} at {at}.")
        raise typer.Exit(FAILED)
    if not stories:
        warn(f"No booking {booking} was ever noticed: it may be of before START_FROM, or not polled yet (`bokun-sync"
             f" status` shows the lag). `bokun-sync plan {booking}` asks Bokun for it and says what it calls for.")  # fmt: skip
        raise typer.Exit(FAILED)
    if as_json:
        records = [each.record for each in stories]
        print_json(records[0] if len(records) == 1 else records)
        raise typer.Exit(DONE)
    for each in stories:
        _print_story(each.record)


def _print_story(story: dict[str, Any]) -> None:
    then = f" as it stood at {story['at'][:19]}" if "at" in story else ""
    say(f"\nBooking {story['confirmation_code']} ({story['booking_id']}) for connection {story['connection']}{then}")
    facts, flags = story["facts"], story["flags"]
    sale = facts["sale"]
    amount = f"{sale['total']} {sale['currency']} to the {sale['role']}" if "total" in sale else sale["because"]
    say(f"  facts     {facts['status']}, {_words(facts)}, {amount}  (read {story['read_at'][:19]} UTC)")
    say(f"  flags     {', '.join(f'{name}={str(value).lower()}' for name, value in flags.items())}")
    what = f"{story['decision']} {story['document'] or ''}".strip()
    say(f"  decision  {what}, rule {story['rule']}: {story['because']}")
    if brakes := _brakes(story.get("brakes")):
        say(f"  brakes    {brakes}")
    if not story["history"][-1:] or not story["history"][-1]["repeated"]:
        say(
            "  repeated  deciding once more with the same facts and flags gives another answer: the rules are others now"
        )
    for each in story["deliveries"]:
        _print_delivery(each)
    if stands := story.get("standing"):
        say(f"  stands    {stands['document']} {stands['document_id'] or '(not seen yet)'}, {stands['amount']}"
            f" {stands['currency']}")  # fmt: skip
    for sentence in story.get("since_document", ()):
        say(f"  since     {sentence}")
    if story["nothing_issued_because"]:
        say(f"  nothing   nothing was issued because {story['nothing_issued_because']}")
    if len(story["history"]) > 1:
        for each in story["history"]:
            say(f"  decided   {each['at'][:19]}  {each['decision']} {each['document'] or ''} {each['rule']}")
    for sentence in story["next"]:
        say(f"  next      {sentence}")


def _brakes(set_: dict[str, Any] | None) -> str:
    """The brakes in force, in words; empty where all are off."""
    words = {
        "per_hour": "{} documents an hour",
        "amount": "amounts up to {}",
        "age_days": "bookings of the last {} days",
    }
    return ", ".join(words[name].format(value) for name, value in (set_ or {}).items() if value is not None)


def _print_delivery(each: dict[str, Any]) -> None:
    amount = f"{each['amount']} {each['currency']}"
    say(f"  delivery  #{each['id']} {each['document']} ({each['moment']}), {amount}: {each['state']}"
        + (f", {each['reason']}" if each["reason"] else ""))  # fmt: skip
    events = [
        (a["begun_at"], f"attempt   {a['outcome'] or 'not answered yet'}{_because(a)}") for a in each["attempts_made"]
    ]
    events += [(a["at"], f"look      {a['saw']}{_because(a)}") for a in each["looks_made"]]
    events += [(a["at"], f"person    {a['event']}: {a['because']}") for a in each["by_person"]]
    for at, text in sorted(events):
        say(f"            {at[:19]}  {text}")
    if each["document_id"]:
        say(f"            order {each['order_id']} carries {each['document']} {each['document_id']}")


def _because(event: dict[str, Any]) -> str:
    return f" ({event['reason']})" if event.get("reason") else ""


def _words(facts: dict[str, Any]) -> str:
    paid = "paid" if facts["paid"] else "not paid"
    how = " by bank" if facts["bank_payment"] else ""
    ends = "ended" if facts["ended"] else f"ends {facts['ends_at'][:19]} UTC" if facts["ends_at"] else "no end known"
    return f"{paid}{how}, {ends}"


def _documents(record: dict[str, Any]) -> str:
    return ", ".join(f"{each['document']} {each['state']}" for each in record["deliveries"]) or "-"


def _state(connection: dict[str, Any]) -> str:
    if connection["gone"]:
        return "gone"
    if connection["blocked"]:
        return f"blocked: {connection['blocked_because']}"
    return "paused" if connection["paused"] else "active" if connection["active"] else "not active"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} s"


__all__ = ["app", "bookings", "show"]

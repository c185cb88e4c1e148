"""The whole road in front of one's eyes: the stand-ins, a real worker and beat, and the check at the end."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from config import logs
from config.settings import Settings, read
from worker.calls import json
from worker.cli import broker, supervise
from worker.cli.console import DONE, FAILED, Failed, WrongUse, print_table, say
from worker.cli.supervise import Supervisor
from worker.domain.money import plain, total
from worker.flow import overview
from worker.flow.refresh import refresh
from worker.flow.services import Services
from worker.store import connections
from worker.store.migrate import is_current
from worker.wiring import build, vault

FOLDER = supervise.VAR / "demo"
LONGEST = 240.0
GRACE = 20.0
_FAST = {  # the contract's times are for real remotes; the stand-ins answer at once
    "POLL_EVERY": "5", "DELIVER_EVERY": "1", "RECONCILE_EVERY": "1", "REFRESH_EVERY": "30", "CALL_TIMEOUT": "5",
    "SEND_GUARD": "5", "LEASE": "12", "ABSENCE_AFTER": "20", "BOKUN_CALLS_PER_MINUTE": "12000",
    "SPACE_INVOICES_CALLS_PER_SECOND": "500", "START_FROM": "", "BANK_PAYMENT_TYPES": "BANK_TRANSFER,INVOICED",
    "ON_CHANGE": "ask", "ON_CANCEL": "ask", "LOG_FORMAT": "json", "LOG_LEVEL": "info", "BRAKE_PER_HOUR": "",
    "BRAKE_AMOUNT": "", "BRAKE_AGE_DAYS": "", "MAX_ATTEMPTS": "12", "ABSENCE_LOOKS": "3",
}  # fmt: skip


@dataclass(frozen=True)
class Played:
    """What the stand-ins hold, beside what the flags call for."""

    documents: list[dict[str, Any]]
    expectations: list[dict[str, Any]]


def run(*, bookings: int) -> int:
    """Plays the demonstration; 0 only if each booking got exactly what the flags call for.

    Database and logs stay to be looked at until the next one.
    """
    started = time.monotonic()
    FOLDER.mkdir(parents=True, exist_ok=True)
    logs.configure("console", "error")
    given = read()
    for old in () if _is_given(given) else FOLDER.glob("demo.db*"):
        old.unlink()
    supervisor = Supervisor()
    supervisor.listen()
    server = None
    try:
        say(f"Starting the stand-ins of Bokun and Space Invoices with {bookings} bookings ...")
        stands, box = _stand_ins(bookings)
        supervisor.processes.append(stands)
        environment = _environment(given, box)
        if given.embedded:
            say("Starting the embedded broker ...")
            server, environment["REDIS_URL"] = broker.start(FOLDER / "broker", FOLDER / "broker.log")
        supervise.migrate(environment)
        settings = _settings(environment)
        services = build(settings)
        _link(services, settings, box)
        say("Starting a Celery worker and beat ...")
        supervise.start_all(supervisor, environment, logs=FOLDER, concurrency=2)
        finished = _watch(supervisor, services, box, started)
        played = _played(box)
        records = overview.booking_records(services)
        _stop(supervisor, services)
        code = _report(services, played, records, finished=finished, seconds=time.monotonic() - started)
        _next_steps(settings, records)
        return code
    finally:
        for each in reversed(supervisor.processes):
            each.stop(GRACE)
        supervise.stop_broker(server)


def _is_given(settings: Settings) -> bool:
    """Whether a person chose the database."""
    return "DATABASE_URL" in os.environ or settings.database_url != Settings.model_fields["database_url"].default


def _stand_ins(bookings: int) -> tuple[supervise.Process, dict[str, Any]]:
    command = supervise.bokun_sync("sandbox", "--scenario", "demo", "--bookings", str(bookings), "--json")
    out = FOLDER / "sandbox.json"
    with out.open("wb") as described, (FOLDER / "sandbox.log").open("ab") as log:
        running = subprocess.Popen(command, stdout=described, stderr=log, stdin=subprocess.DEVNULL,
                                   start_new_session=True)  # fmt: skip
    process = supervise.Process("stand-ins", command, os.environ, FOLDER / "sandbox.log", running, 1, time.monotonic())
    until = time.monotonic() + 60
    while time.monotonic() < until and not process.ended:
        if (text := out.read_bytes()).endswith(b"\n"):
            return process, json.loads(text)
        time.sleep(0.05)
    process.stop(1)
    raise Failed(f"The stand-ins did not start; their own words are in {FOLDER / 'sandbox.log'}.")


def _environment(given: Settings, box: Mapping[str, Any]) -> dict[str, str]:
    database = given.database_url if _is_given(given) else f"sqlite:///{FOLDER / 'demo.db'}"
    own = {name: value for name, value in os.environ.items() if not name.endswith("_FILE")}  # the stand-ins' keys count
    return {
        **own,
        **_FAST,
        "DATABASE_URL": database,
        "REDIS_URL": given.redis_url,
        "SPACE_INVOICES_URL": box["space_invoices_url"],
        "SPACE_INVOICES_TOKEN": box["token"],
        "SPACE_INVOICES_ORGANIZATIONS": ",".join(box["organizations"]),
        "BOKUN_URL": box["bokun_url"],
        "BOKUN_ACCESS_KEY": "",
        "BOKUN_SECRET_KEY": "",
        "SECRET_KEY": Fernet.generate_key().decode(),
    }


def _settings(environment: Mapping[str, str]) -> Settings:
    """The settings that the child processes read from this environment."""
    mine = {name: environment[name.upper()] for name in Settings.model_fields if name.upper() in environment}
    return read(_env_file=None, **mine)


def _link(services: Services, settings: Settings, box: Mapping[str, Any]) -> None:
    """Mirrors the connections and stores each one's Bokun keys, as `connections refresh` and `link` do."""
    if not is_current(services.database.engine):
        raise Failed("The demo's database could not be brought to the newest version.")
    with services.database.reading() as open_:
        if connections.load(open_):
            raise WrongUse("The demo needs an empty database, and DATABASE_URL names one that is in use.")
    failed = refresh(services).failed
    if failed:
        raise Failed("; ".join(failed))
    closed = vault(settings)
    for each in box["connections"]:
        keys = {name: closed.close(each[name]) for name in ("access_key", "secret_key")}
        with services.database.transaction() as open_:
            connections.change(open_, each["id"], **keys)


def _watch(supervisor: Supervisor, services: Services, box: Mapping[str, Any], started: float) -> bool:
    """Shows the bookings on their way until nothing is in flight; False where it takes too long."""
    wanted = len(_get(box, "/_sandbox/expectations"))
    still = 0
    steps = ("noticed", "decided", "sent", "confirmed")
    console = Console(force_terminal=sys.stdout.isatty() or None)
    columns = (SpinnerColumn(), TextColumn("{task.description:<10}"), BarColumn(),
               TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=console, disable=not sys.stdout.isatty()) as progress:
        bars = {step: progress.add_task(step, total=wanted) for step in steps}
        while still < 3 and not supervisor.asked_to_stop:
            if time.monotonic() - started > LONGEST:
                return False
            supervisor.watch()
            found = overview.status(services.database, services.clock())
            decided, counted = sum(found["bookings"].values()), found["deliveries"]
            planned = sum(count for state, count in counted.items() if state != "superseded")
            sent = planned - counted["planned"] - counted["sending"]
            for step, done in zip(
                steps, (decided + found["notices"], decided, sent, counted["confirmed"]), strict=True
            ):
                progress.update(bars[step], completed=done, total=wanted if step in steps[:2] else planned or wanted)
            quiet = decided >= wanted and not found["notices"]
            in_flight = sum(counted[state] for state in ("planned", "sending", "accepted", "unknown"))
            still = still + 1 if quiet and not in_flight else 0
            time.sleep(0.4)
    return not supervisor.asked_to_stop


def _get(box: Mapping[str, Any], path: str) -> Any:
    answer = httpx.get(f"{box['bokun_url']}{path}", trust_env=False, timeout=10)
    return json.loads(answer.content)


def _played(box: Mapping[str, Any]) -> Played:
    expected = _get(box, "/_sandbox/expectations")
    rows = expected["expectations"] if isinstance(expected, dict) else expected
    return Played(_get(box, "/_sandbox/state")["documents"], rows)


def _stop(supervisor: Supervisor, services: Services) -> None:
    for each in reversed(supervisor.processes):
        each.stop(GRACE)
    services.pool.shutdown(wait=False)


def _report(
    services: Services, played: Played, records: list[dict[str, Any]], *, finished: bool, seconds: float
) -> int:
    say("")
    _print_documents(played.documents)
    say("")
    _print_waiting(records)
    wrong = list(_differences(played, records))
    say("")
    if not finished:
        say(f"Not everything came to rest within {LONGEST:.0f} s; the logs are in {FOLDER}.")
    for each in wrong[:20]:
        say(f"WRONG  {each}")
    unanswered = overview.status(services.database, services.clock())["deliveries"]
    if wrong or not finished:
        say(f"{len(wrong)} of {len(played.expectations)} bookings did not get what the flags call for.")
        return FAILED
    say(f"{len(played.expectations)} bookings, {len(played.documents)} documents, {unanswered['confirmed']} deliveries"
        f" confirmed: the stand-ins hold exactly what the flags call for. {seconds:.0f} s.")  # fmt: skip
    return DONE


def _print_documents(documents: list[dict[str, Any]]) -> None:
    kinds = sorted({(each["type"], each["currency"]) for each in documents})
    rows = []
    for kind, currency in kinds:
        amounts = [
            Decimal(str(each["total"])) for each in documents if (each["type"], each["currency"]) == (kind, currency)
        ]
        rows.append((kind, currency, len(amounts), plain(total(amounts))))
    say("Documents that Space Invoices issued:")
    print_table(["document", "currency", "count", "sum"], rows, empty="None.")


def _print_waiting(records: list[dict[str, Any]]) -> None:
    rows = [
        (each["confirmation_code"], each["decision"], each["rule"], each["because"])
        for each in records
        if not any(delivery["state"] == "confirmed" for delivery in each["deliveries"])
    ]
    say("Bookings without a document, and why:")
    print_table(["booking", "decision", "rule", "because"], rows, empty="None.")


def _differences(played: Played, records: list[dict[str, Any]]) -> Any:
    """Every booking whose documents, or whose rule, are not the expected ones."""
    held: dict[tuple[int, str], dict[str, int]] = {}
    for each in played.documents:
        counted = held.setdefault((int(each["bookingId"]), each["connection"]), {"invoice": 0, "estimate": 0})
        counted[each["type"]] += 1
    ours = {(each["booking_id"], each["connection"]): each for each in records}
    for each in played.expectations:
        place = (each["booking"], each["connection"])
        counted = held.pop(place, {"invoice": 0, "estimate": 0})
        wanted = {"invoice": each["invoice"], "estimate": each["estimate"]}
        if counted != wanted:
            yield f"booking {place[0]}: {counted} instead of {wanted}"
        rule = ours[place]["rule"] if place in ours else "never seen"
        if rule not in (each["rule"], "already-invoiced"):
            yield f"booking {place[0]}: decided by {rule} instead of {each['rule']}"
    for place in held:
        yield f"booking {place[0]}: documents that nothing called for"
    yield from _wrong_amounts(played, ours)


def _wrong_amounts(played: Played, ours: Mapping[tuple[int, str], dict[str, Any]]) -> Any:
    """Every document whose amount or currency is not what its delivery told."""
    for each in played.documents:
        record = ours.get((int(each["bookingId"]), each["connection"]), {"deliveries": []})
        told = [(one["amount"], one["currency"]) for one in record["deliveries"] if one["document"] == each["type"]]
        shown = (plain(Decimal(str(each["total"]))), each["currency"])
        if told and shown not in told:
            yield f"booking {each['bookingId']}: {each['type']} of {' '.join(shown)} instead of {' '.join(told[0])}"


def _next_steps(settings: Settings, records: list[dict[str, Any]]) -> None:
    """What to type next."""
    command = "bokun-sync" if Path(sys.argv[0]).name == "bokun-sync" else sys.argv[0]
    command = str(Path(sys.executable).parent / command) if "/" not in command else command
    told = next((each for each in records if each["deliveries"]), None)
    lost = next((each for each in records if any(d["attempts"] > 1 or d["reason"] for d in each["deliveries"])), told)
    given = "DATABASE_URL" in os.environ  # then it is known, and may hold a password
    where = _short(command) if given else f"DATABASE_URL={shlex.quote(settings.database_url)} {_short(command)}"
    say("\nType next:")
    if lost is not None:
        say(f"  {where} explain {lost['confirmation_code']}")
    say(f"  {where} status")
    say(f"  {where} bookings list --state ask")


def _short(command: str) -> str:
    path = Path(command)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else command

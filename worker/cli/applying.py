"""How `apply` shows its progress, lets itself be stopped, and tells what became of everything."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from threading import Event
from typing import TYPE_CHECKING, Any

import typer

from worker.cli.console import FAILED, NEEDS_A_PERSON, print_json, print_table, say, warn

if TYPE_CHECKING:
    from worker.flow.backfill import Applied
    from worker.flow.planfile import PlanFile
    from worker.flow.services import Services


def follow(built: Services, made: PlanFile, *, mail: bool | None, as_json: bool) -> None:
    """Carries the plan out with a progress bar on standard error; the first Ctrl-C ends it at the next safe place."""
    from worker.flow import backfill
    from worker.flow.services import Until

    with _stoppable() as stopped, _bar(len(made.lines)) as show:
        until = Until(lambda: math.inf if stopped.is_set() else 0.0, 1.0)
        done = backfill.apply(built, made, until, mail=mail, show=show, sleep=time.sleep)
    states = backfill.states(built, made)
    _tell(done, states, as_json)
    if done.stopped:
        raise typer.Exit(FAILED)
    if done.skipped or states.get("held") or states.get("planned"):
        raise typer.Exit(NEEDS_A_PERSON)


@contextmanager
def _stoppable() -> Iterator[Event]:
    stopped = Event()

    def stop(_signal: int, _frame: object) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()
        warn("Stopping when what is on the wire is answered. Say the same command again to go on.")

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _bar(total: int) -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=total)

        def show(done: Applied) -> None:
            progress.update(task, completed=done.seen, description=f"{len(done.skipped)} skipped")

        yield show


def _tell(done: Applied, states: dict[str, int], as_json: bool) -> None:
    if as_json:
        print_json({**asdict(done), "deliveries": states})
        return
    rows = [(each.line["confirmation_code"], each.line["connection"], each.because) for each in done.skipped]
    if rows:
        print_table(["skipped", "connection", "because"], rows)
    say(f"{done.taken_up} of {done.total} lines done now, {done.before} before, {len(done.skipped)} skipped;"
        f" deliveries of this plan: {_counted(states)}.")  # fmt: skip
    if states.get("held"):
        say("See `bokun-sync deliveries list --state held` for what is held and why.")
    if states.get("planned"):
        say("What is planned is sent by the workers, or by the same command again.")
    if done.stopped:
        warn(f"Ended before the end: {done.stopped}. Say the same command again to go on.")


def _counted(states: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"

"""The table, its JSON, and the comparison with the run before."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.goals import GOALS, Goal

Run = dict[str, Any]
"""`machine`, `quick`, `at`, and by kind of database the figures of each row, one a repetition."""


def machine() -> dict[str, str]:
    """The machine in general words: nothing that names it."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    names = (
        "celery",
        "kombu",
        "redis",
        "httpx",
        "h11",
        "requests",
        "sqlalchemy",
        "psycopg",
        "starlette",
        "uvicorn",
    )
    return {"processor": f"{os.cpu_count()} cores, {model}", "memory": f"{memory / 1024**2:.0f} GiB",
            "system": f"{platform.system()} {platform.release().partition('-')[0]}",
            "python": platform.python_version(),
            **{name: version(name) for name in names}}  # fmt: skip


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def commit(root: Path) -> str:
    said = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True, check=False
    )
    return said.stdout.strip() or "?"


def spread(values: Sequence[float]) -> float | None:
    """Half of what lies between the extremes, in percent of the median."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / 2 / abs(middle) * 100 if len(values) > 1 and middle else None


def rows(run: Run) -> Iterator[tuple[Goal, str, float, float | None]]:
    """Each goal that was measured, with its database, median and spread."""
    for goal in GOALS:
        for kind, figures in run["figures"].items():
            if values := figures.get(goal.key):
                yield goal, kind, statistics.median(values), spread(values)


def show(run: Run, before: Run | None, console: Console) -> None:
    """Prints the table; a row below what it must reach is red, one that reaches its aim green."""
    table = Table(title=None, expand=False, show_lines=False)
    for name in ("what", "database", "measured", "must", "aim", "±%", "before", "file"):
        table.add_column(
            name, justify="left" if name in ("what", "database", "file") else "right", no_wrap=name != "what"
        )
    old = {(goal.key, kind): value for goal, kind, value, _ in rows(before)} if before else {}
    for goal, kind, value, wide in rows(run):
        must, aim = goal.bar(kind)
        style = "green" if goal.reached(value, aim) else "" if goal.reached(value, must) else "bold red"
        sign = "≤" if goal.most else "≥"
        was = old.get((goal.key, kind))
        table.add_row(goal.what, kind, f"{number(value)} {goal.unit}".strip(), f"{sign} {number(must)}", number(aim),
                      "" if wide is None else f"{wide:.0f}", "" if was is None else number(was), goal.file,
                      style=style)  # fmt: skip
    console.print(table)
    for kind, figures in run["figures"].items():
        made = [
            f"{name[1:]} {number(statistics.median(values))}"
            for name, values in figures.items()
            if name.startswith(".")
        ]
        console.print(f"{kind}: " + ", ".join(made), style="dim", highlight=False)
    console.print(taken(run), style="dim", highlight=False)
    for kind, failed in run.get("failed", {}).items():
        for group, why in failed.items():
            console.print(f"{kind}: {group} did not come to its end: {why}", style="bold red")


def below(run: Run) -> list[str]:
    """The rows that do not reach what they must."""
    return [f"{goal.key} ({kind})" for goal, kind, value, _ in rows(run) if not goal.reached(value, goal.bar(kind)[0])]


def taken(run: Run) -> str:
    """What other guests of the machine took of the processors while it was measured."""
    shares = {f"{group} ({kind})": max(each) for kind, all_ in run["taken"].items() for group, each in all_.items()}
    if not shares:
        return "Nothing was measured to its end."
    most = max(shares, key=lambda group: shares[group])
    middle = statistics.median(shares.values())
    return (f"Other guests of the machine took {middle:.0%} of it during the middle one of these measurements,"
            f" {shares[most]:.0%} during {most}.")  # fmt: skip


def number(value: float) -> str:
    """Three digits that matter."""
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:,.{digits}f}"


def markdown(run: Run) -> str:
    """The table for the documentation."""
    lines = [
        "| what | database | measured | must reach | aim | ± | open when it falls |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for goal, kind, value, wide in rows(run):
        must, aim = goal.bar(kind)
        sign, unit = "≤" if goal.most else "≥", f" {goal.unit}" if goal.unit else ""
        mark = "" if goal.reached(value, must) else " **below**"
        lines.append(f"| {goal.what} | {'PostgreSQL' if kind == 'postgresql' else 'SQLite'} | {number(value)}{unit}{mark} "
                     f"| {sign} {number(must)} | {number(aim)} | {'' if wide is None else f'{wide:.0f} %'} | `{goal.file}` |")  # fmt: skip
    return "\n".join(lines) + "\n"


def publish(run: Run, *pages: Path) -> None:
    """Writes the table and the machine it comes from between the marks of these pages."""
    at = run["machine"]
    others = ", ".join(f"{name} {at[name]}" for name in at if name not in ("processor", "memory", "system", "python"))
    said = (f"Measured {run['at'][:10]} at {run['commit']} on {at['processor']}, {at['memory']}, {at['system']}, "
            f"CPython {at['python']}, {others}. {taken(run)}")  # fmt: skip
    block = f"<!-- bench -->\n{said}\n\n{markdown(run)}<!-- /bench -->"
    for page in pages:
        before = page.read_text()
        page.write_text(re.sub(r"<!-- bench -->.*?<!-- /bench -->", lambda _: block, before, flags=re.DOTALL))


def store(run: Run, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run['at'].replace(':', '').replace('-', '')}.json"
    path.write_text(json.dumps(run, indent=1) + "\n")
    return path


def last(folder: Path, *, quick: bool) -> Run | None:
    """The newest stored run of the same thoroughness."""
    for path in sorted(folder.glob("*.json"), reverse=True):
        run: Run = json.loads(path.read_text())
        if run["quick"] is quick:
            return run
    return None


def merge(into: Mapping[str, list[float]], found: Mapping[str, float]) -> dict[str, list[float]]:
    return {**into, **{name: [*into.get(name, []), value] for name, value in found.items()}}

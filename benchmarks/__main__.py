"""Measures, prints the table, stores it: `make bench`, or `python -m benchmarks --only deliver --database sqlite`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks import plot, report, stolen
from benchmarks.goals import GOALS, POSTGRESQL, SQLITE
from benchmarks.ground import ROOT, Failed, ground
from benchmarks.measures import GROUPS

RUNS = ROOT / "benchmarks" / "runs"
PLOTS = ROOT / "docs" / "benchmarks"


def main(words: list[str] | None = None) -> int:
    options = _options(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    console = Console(stderr=False, width=None if sys.stdout.isatty() else 200)
    wanted = _groups(options.only)
    before = report.last(RUNS, quick=options.quick)
    run: report.Run = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "quick": options.quick,
                       "commit": report.commit(ROOT), "machine": report.machine(), "figures": {}, "failed": {},
                       "taken": {}}  # fmt: skip
    for kind in (SQLITE, POSTGRESQL) if options.database == "both" else (options.database,):
        run["figures"][kind], run["failed"][kind], run["taken"][kind] = {}, {}, {}
        done = [name for name in wanted if kind == SQLITE or options.database != "both" or not _once(name)]
        with ground(kind, quick=options.quick) as at:
            for name in done:
                console.print(f"{kind}: {name} ...", style="dim")
                times = 1 if options.quick else options.times or GROUPS[name].times
                try:
                    more = 0 if options.quick else options.more
                    had = stolen.least(partial(GROUPS[name].measure, at), times, more=more)
                except Failed as why:
                    run["failed"][kind][name] = str(why)
                else:
                    run["taken"][kind][name] = [taken for taken, _ in had]
                    for _, found in had:
                        run["figures"][kind] = report.merge(run["figures"][kind], found)
                if options.json:  # an hour's run that is stopped leaves what it has
                    Path(options.json).write_text(json.dumps(run, indent=1))
    report.show(run, before, console)
    if not options.quick and not options.only and options.database == "both":
        report.store(run, RUNS)
        plot.draw(run, PLOTS)
        report.publish(run, ROOT / "README.md", ROOT / "docs" / "performance.md")
    missed = report.below(run)
    if missed:
        console.print(f"Below what it must reach: {', '.join(missed)}", style="bold red")
    return 1 if any(run["failed"].values()) or (missed and not options.quick) else 0


def _once(group: str) -> bool:
    return all(goal.once for goal in GOALS if goal.group == group)


def _groups(only: list[str] | None) -> list[str]:
    if not only:
        return list(GROUPS)
    groups = {goal.key: goal.group for goal in GOALS}
    unknown = [name for name in only if name not in GROUPS and name not in groups]
    if unknown:
        raise SystemExit(f"No row {', '.join(unknown)}; there are: {', '.join([*GROUPS, *groups])}")
    return list(dict.fromkeys(name if name in GROUPS else groups[name] for name in only))


def _options(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", metavar="ROW", help="this row or group alone; may come several times"
    )
    parser.add_argument("--database", choices=(SQLITE, POSTGRESQL, "both"), default="both")
    parser.add_argument("--quick", action="store_true", help="tiny amounts: that it runs, not how fast")
    parser.add_argument("--times", type=int, help="repetitions of each group")
    parser.add_argument(
        "--more", type=int, default=stolen.MORE, help="so often what other guests of the machine disturbed is repeated"
    )
    parser.add_argument("--json", help="write the run to this file too, group by group")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())

"""The command for the accountant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.console import FAILED, Failed, WrongUse, group, say, services, warn
from worker.cli.periods import period

app = group("")
FORMATS = ("csv", "jsonl")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The file to write, or to verify.")],
    since: Annotated[str | None, typer.Option(help="First day (2025-07-01), or a time with zone.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, which belongs to it; now if left out.")] = None,
    format_: Annotated[str, typer.Option("--format", help="csv or jsonl.")] = "csv",
    verify: Annotated[bool, typer.Option("--verify", help="Show where the file was changed.")] = False,
) -> None:
    """Documents and decisions of a period for the accountant, each line chained to the one before it.

    Example: bokun-sync export --since 2025-07-01 --until 2025-07-31 july.csv
    """
    if verify:
        _verify(file)
        return
    if since is None:
        raise WrongUse("--since must say from when on")
    if format_ not in FORMATS:
        raise WrongUse(f"--format must be one of {', '.join(FORMATS)}")
    _write(file, since, until, format_)


def _write(file: Path, since: str, until: str | None, format_: str) -> None:
    from worker.flow import export as chain

    with services() as built:
        first, last = period(since, until, built.clock())
        found = chain.records(built, first, last)
    texts = chain.sealed(found, first, last, format_=format_)
    try:
        file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8", newline="\n")
    except OSError as failed:
        raise Failed(f"{file} cannot be written: {failed.strerror}") from None
    counts = {kind: sum(each["kind"] == kind for each in found) for kind in ("document", "decision")}
    say(f"{file}: {counts['document']} documents, {counts['decision']} decisions.")
    say(f"Seal: {chain.seal_of(texts)} (keep it elsewhere: it proves the whole file)")


def _verify(file: Path) -> None:
    from worker.flow import export as chain

    try:
        texts = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as failed:
        raise Failed(f"{file} cannot be read: {failed}") from None
    texts = texts[:-1] if texts[-1] == "" else texts
    broken = chain.verify(texts)
    for each in broken:
        warn(f"{file}:{each.line}: {each.because}")
    if broken:
        raise typer.Exit(FAILED)
    say(f"{file}: {len(texts)} lines, as they were written. Seal: {chain.seal_of(texts)}")

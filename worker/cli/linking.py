"""`connections link`: the Bokun keys of connections, which never stand on a command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from worker.cli.console import Failed, WrongUse, group, say, services, settings

app = group("")


@app.command()
def link(
    connection: Annotated[str | None, typer.Argument(help="The connection's id.")] = None,
    access_key: Annotated[str | None, typer.Option(help="Bokun access key; asked for if left out.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Use BOKUN_ACCESS_KEY again.")] = False,
    keys: Annotated[
        str | None, typer.Option("--keys", help="Many at once: a CSV of connection,access key,secret key; - is stdin.")
    ] = None,
) -> None:
    """Stores the Bokun keys of a connection, encrypted. The secret key is read from standard input, never from argv.

    Example: bokun-sync connections link 65a0c0de0000000000000001 --access-key de235a6a < secret.txt
    """
    from worker.flow.keys import link as store
    from worker.store import connections
    from worker.wiring import vault

    if (connection is None) == (keys is None):
        raise WrongUse("Name one connection, or many in a file with --keys.")
    found = settings()
    closed = vault(found)
    pairs: dict[str, tuple[str, str]] = {}
    if keys is not None:
        pairs = _pairs(keys)
    elif not remove:
        pairs[str(connection)] = (access_key or _secret("Bokun access key: "), _secret("Bokun secret key: "))
    with services(found=found) as built:
        unknown = store(built, closed, pairs)
        if remove:
            none = {"access_key": None, "secret_key": None, "watermark": None}
            changed = built.database.run(lambda open_: connections.change(open_, str(connection), **none))
            unknown = [] if changed else [str(connection)]
    if unknown:
        raise Failed(f"Connection {', '.join(unknown)} is not mirrored: run `bokun-sync connections refresh`.")
    for each in pairs:
        say(f"Connection {each} has its own Bokun keys.")
    if remove:
        say(f"Connection {connection} reads the account of BOKUN_ACCESS_KEY.")


def _pairs(path: str) -> dict[str, tuple[str, str]]:
    """Connection, access key and secret key of each line; what is wrong is named by its line, not by its content."""
    import csv

    try:
        lines = sys.stdin.readlines() if path == "-" else Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as failed:
        raise WrongUse(f"--keys {path} cannot be read ({type(failed).__name__}).") from None
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    for number, row in enumerate(rows, 1):
        if row and (len(row) != 3 or not all(row)):
            raise WrongUse(f"Line {number} of --keys is not connection,access key,secret key.")
    return {id_: (access, secret) for id_, access, secret in filter(None, rows)}


def _secret(prompt: str) -> str:
    """From the terminal without echo, else the next line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt(prompt, hide_input=True))
    line = sys.stdin.readline().strip()
    if not line:
        raise WrongUse("The Bokun keys are read from standard input, one a line; it was empty.")
    return line

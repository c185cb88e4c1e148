"""Commands that hold everything and let it go on."""

from __future__ import annotations

from worker.cli.console import Because, WrongUse, group, say, services

app = group("")


@app.command()
def stop(because: Because) -> None:
    """Holds all sends at once: documents, imports and prices. Nothing is lost; what is on the wire now ends.

    Example: bokun-sync stop --because "wrong tax rate in the shop"
    """
    from worker.flow import stop as stopping

    if not because.strip():
        raise WrongUse("--because must say why")
    with services() as built:
        fresh = stopping.stop(built, because=because.strip())
        said = stopping.sentence(built)
    say("Everything is stopped. Go on with `bokun-sync go`." if fresh else f"It was stopped before: {said}.")


@app.command()
def go() -> None:
    """Lets everything go on after a stop.

    Example: bokun-sync go
    """
    from worker.flow import stop as stopping

    with services() as built:
        lifted = stopping.go(built)
    say("Everything goes on." if lifted else "Nothing was stopped.")

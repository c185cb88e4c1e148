"""Commands about SECRET_KEY, which encrypts the Bokun keys in the database."""

from __future__ import annotations

from worker.cli.console import Failed, Json, group, print_json, say, services, settings

app = group("The key that encrypts the Bokun keys in the database.")


@app.command("new")
def new() -> None:
    """Prints a new key for SECRET_KEY; nothing is stored.

    Example: bokun-sync keys new
    """
    from cryptography.fernet import Fernet

    say(Fernet.generate_key().decode())


@app.command("rotate")
def rotate(as_json: Json = False) -> None:
    """Encrypts the stored Bokun keys with the first key of SECRET_KEY; say it again to go on after a stop.

    Example: SECRET_KEY=NEW,OLD bokun-sync keys rotate
    """
    from config.settings import require
    from worker.flow import keys
    from worker.wiring import vault

    found = settings()
    require(found, "secret_key")
    with services(found=found) as built:
        done = keys.rotate(built, vault(found))
    if as_json:
        print_json({"renewed": done.renewed, "current": done.current, "unreadable": done.unreadable})
    else:
        say(f"{done.renewed} connections' keys encrypted anew, {done.current} were already.")
    if done.unreadable:
        raise Failed(
            f"Stored with a key that is not in SECRET_KEY: {', '.join(done.unreadable)}."
            " Add that key at its end, or run `bokun-sync connections link ID`."
        )
    if not as_json:
        say("SECRET_KEY may now be its first key alone.")

"""The command that plays both remotes until it is told to stop."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from worker.sandbox.exact import Json, dumps
from worker.sandbox.sandbox import Sandbox
from worker.sandbox.scenario import Scenario


def serve(argv: Sequence[str]) -> int:
    """Opens the ports, prints where and with which keys, and plays until SIGTERM or SIGINT."""
    wanted = _parser().parse_args(argv)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    ports = {"bokun_port": wanted.bokun_port, "space_invoices_port": wanted.space_invoices_port}
    sandbox = Sandbox(host=wanted.host, **ports)
    try:
        sandbox.start()
    except (OSError, OverflowError) as error:
        print(f"cannot open the ports: {error}", file=sys.stderr)
        return 1
    try:
        _play(sandbox, wanted, stopped)
    finally:
        sandbox.stop()
    return 0


def _play(sandbox: Sandbox, wanted: argparse.Namespace, stopped: threading.Event) -> None:
    if wanted.scenario == "demo":
        Scenario.demo(sandbox.world.clock(), wanted.bookings).fill(sandbox)
    described = sandbox.describe()
    print(dumps(described) if wanted.json else _for_people(described), flush=True)
    stopped.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox",
        description=serve.__doc__,
        epilog="example: python -m worker.sandbox --scenario demo --json",
    )
    parser.add_argument("--bokun-port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--space-invoices-port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--scenario", choices=("empty", "demo"), default="empty")
    parser.add_argument("--bookings", type=int, default=216, help="how many the demo has (default 216)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser


def _for_people(described: Json) -> str:
    connections = described.pop("connections")
    lines = [f"{name:<20} {value}" for name, value in described.items()]
    lines += [
        f"connection {row['id']}  {row['name']}  ({row['access_key']}, {row['secret_key']})" for row in connections
    ]
    return "\n".join([*lines, f"{'play with it':<20} {described['bokun_url']}/_sandbox/"])

"""Real HTTP servers on one thread, up and down within milliseconds."""

import asyncio
import socket
import threading
from collections.abc import Sequence

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from worker.sandbox.exact import Json
from worker.sandbox.wire import Wire


class Servers:
    """Serves each application on a port of its own until it is told to stop."""

    def __init__(self, host: str, apps: Sequence[tuple[int, ASGIApp]]) -> None:
        """Binds at once, so that the ports are known before the first call."""
        self._sockets = [_bound(host, port) for port, _ in apps]
        self._apps = [app for _, app in apps]
        self.ports = [int(bound.getsockname()[1]) for bound in self._sockets]
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    def start(self) -> None:
        """Returns when every port answers."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Hangs up on everybody and returns when the ports are free again."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        states = [ServerState() for _ in self._apps]
        servers = [
            await self._listen(app, bound, state)
            for app, bound, state in zip(self._apps, self._sockets, states, strict=True)
        ]
        self._ready.set()
        await self._stop.wait()
        for server in servers:
            server.close()
        for state in states:
            await _hang_up(state)

    async def _listen(self, app: ASGIApp, bound: socket.socket, state: ServerState) -> asyncio.Server:
        # Without uvicorn's own Server: it keeps a beat of 100 ms and waits for idle connections when it stops.
        # The long patience with idle connections keeps a pooled client from meeting one that is just being closed.
        quiet: Json = {
            "log_config": None,
            "log_level": "critical",
            "access_log": False,
            "lifespan": "off",
            "ws": "none",
        }
        config = Config(app, http=Wire, timeout_keep_alive=75, **quiet)
        config.load()

        def wire() -> Wire:
            return Wire(config, state, {}, self._loop)

        return await self._loop.create_server(wire, sock=bound, backlog=config.backlog)


def _bound(host: str, port: int) -> socket.socket:
    # Only for a socket that says it speaks TCP does asyncio switch Nagle's 40 ms off (base_events._set_nodelay).
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


async def _hang_up(state: ServerState) -> None:
    tasks = list(state.tasks)
    for connection in list(state.connections):
        connection.transport.abort()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)

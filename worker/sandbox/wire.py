"""The wire: real sockets whose answers can be spoiled, cut off or reset."""

import asyncio
import re
import socket
import struct
from email.utils import format_datetime
from typing import cast
from urllib.parse import unquote_plus

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from worker.sandbox.exact import dumps, parse
from worker.sandbox.faults import Fault
from worker.sandbox.world import World

TRANSPORT = "sandbox.transport"


class Wire(H11Protocol):
    """Uvicorn's protocol that hands its transport to the application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Uvicorn's own names for ASGI's types are private, Starlette's mean the same.
        self.app = _with_transport(cast("ASGIApp", self.app), transport)


def _with_transport(app: ASGIApp, transport: asyncio.Transport) -> ASGIApp:
    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, TRANSPORT: transport}, receive, send)

    return call


class Reply:
    """An answer that is kept until it is known what becomes of it."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def keep(self, message: Message) -> None:
        """Stands in for ASGI's send."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def say(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        """Says something else instead."""
        self.status, self.body = status, body
        self.headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        self.headers += [(name.encode(), value.encode()) for name, value in headers.items()]


class Playground:
    """Around one remote's application: records each call and lets the switchboard spoil its answer."""

    def __init__(self, app: ASGIApp, world: World, remote: str) -> None:
        self.app = app
        self.world = world
        self.remote = remote

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Plays one call."""
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox"):
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        fault = self._fault(scope, body)
        reply = Reply()
        if fault is None or fault.after_effect or fault.kind in {"delay", "truncate", "drip"}:
            await self._run(fault, scope, body, reply)
        if fault is not None:
            _substitute(fault, reply)
        self._record(scope, reply, fault)
        if not any(name == b"date" for name, _ in reply.headers):  # a fault may tell another time
            reply.headers.append((b"date", format_datetime(self.world.clock(), usegmt=True).encode()))
        if fault is None:
            await _answer(reply, send)
        else:
            await _spoil(fault, reply, scope=scope, receive=receive, send=send)

    async def _run(self, fault: Fault | None, scope: Scope, body: bytes, reply: Reply) -> None:
        if fault is not None and fault.kind == "delay" and not fault.after_effect:
            await _pause(fault)
        await self.app(scope, _given(body), reply.keep)

    def _fault(self, scope: Scope, body: bytes) -> Fault | None:
        def bookings() -> list[int]:
            return _bookings(scope["path"], body)

        faults, now = self.world.faults, self.world.clock()
        return faults.take(self.remote, scope["method"], _target(scope), bookings=bookings, at=now)

    def _record(self, scope: Scope, reply: Reply, fault: Fault | None) -> None:
        silent = fault is not None and fault.kind in {"reset", "close"}
        seen = {"at": self.world.clock(), "remote": self.remote, "method": scope["method"], "path": _target(scope)}
        with self.world.lock:
            self.world.requests.append(
                {**seen, "status": None if silent else reply.status, "fault": fault.kind if fault else None}
            )


def _target(scope: Scope) -> str:
    """Gives the path with its query, decoded, as a person would write it."""
    query = unquote_plus(scope["query_string"].decode("latin-1"))
    return f"{scope['path']}?{query}" if query else str(scope["path"])


def _bookings(path: str, body: bytes) -> list[int]:
    named = [int(step) for step in re.findall(r"\d+", path)]
    try:
        booking = parse(body).get("bookingId") if body else None
    except ValueError:
        booking = None
    return [*named, booking] if isinstance(booking, int) else named


async def _read(receive: Receive) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _given(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _answer(reply: Reply, send: Send) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _spoil(fault: Fault, reply: Reply, *, scope: Scope, receive: Receive, send: Send) -> None:
    transport: asyncio.Transport = scope[TRANSPORT]
    if fault.kind in {"reset", "close", "truncate"}:
        if fault.kind == "truncate":
            await _half(reply, send)
        _hang_up(transport, rudely=fault.kind == "reset")
        await _gone(receive)
    elif fault.kind == "drip":
        await _drip(fault, reply, transport, send=send)
    else:
        if fault.kind == "delay" and fault.after_effect:
            await _pause(fault)
        await _answer(reply, send)


def _substitute(fault: Fault, reply: Reply) -> None:
    details = fault.details
    if fault.kind == "status":
        body = details.get("body", "")
        text = body if isinstance(body, str) else dumps(body)
        reply.say(details.get("code", 503), text.encode(), **details.get("headers", {}))
    elif fault.kind == "html":
        reply.say(200, b"<!doctype html><title>Please wait</title><p>One moment.", "text/html")
    elif fault.kind == "garbage":
        reply.say(200, b'{"this is": not JSON \xff')
    elif fault.kind == "redirect":
        reply.say(details.get("code", 302), b"", location=details.get("location", "/somewhere-else"))
    elif fault.kind == "huge":
        reply.say(200, b'{"filler": "' + b"x" * details.get("size", 64 * 1024 * 1024) + b'"}')


async def _pause(fault: Fault) -> None:
    await asyncio.sleep(float(fault.details.get("seconds", 1)))


async def _half(reply: Reply, send: Send) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})


async def _drip(fault: Fault, reply: Reply, transport: asyncio.Transport, *, send: Send) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    for index in range(len(reply.body)):
        if transport.is_closing():
            return
        await send({"type": "http.response.body", "body": reply.body[index : index + 1], "more_body": True})
        await asyncio.sleep(float(fault.details.get("every", 1)))
    await send({"type": "http.response.body", "body": b""})


def _hang_up(transport: asyncio.Transport, *, rudely: bool) -> None:
    if not rudely:
        transport.close()
        return
    # Closing with a linger time of nothing makes the kernel send RST instead of FIN (socket(7), SO_LINGER).
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


async def _gone(receive: Receive) -> None:
    """Waits until the connection is lost, so that nobody sends a polite 500 after all."""
    while (await receive())["type"] != "http.disconnect":
        pass

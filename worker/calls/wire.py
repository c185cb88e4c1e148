"""The only door to the network: one connection a thread, one deadline a call, and the word whether anything left.

httpx's timeouts are per read: a remote that drips a byte a second holds a call for ever. So its requests go by a
transport of our own, whose every wait ends at the call's deadline. Each thread has such a transport, with one
connection to each remote: a socket, and h11 (httpx's own) for what is spoken on it. The client and the pools, which
follow redirects, keep cookies and look for a free connection, would cost more than everything else about a call
(docs/adr/0005, 0014).
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import h11
import httpx

KEEP_SECONDS = 2.0
"""An idle connection is used again only this long: shorter than servers keep theirs, so a POST does not meet a
connection that is being closed and become an unknown (docs/adr/0004)."""
_site = lru_cache(maxsize=256)(httpx.URL)
_PARTS = re.compile("(https?://[^/?#]*)/?([^#]*)")
"""Of an address: its site, and what is asked for there, without the first slash."""
_PIECE = 64 * 1024
_PORTS = {"http": 80, "https": 443}


class NotInTime(Exception):
    """The guard refused: too long ago was this call claimed. Nothing left."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The remote answered. `body` is None where it was cut, broken or larger than the limit."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer came. `began` says whether sending the request head began; `why` is the kind of failure only."""

    began: bool
    why: str


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire, all of it text that is ready to send."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str | None = None
    send_until: float | None = None
    """Monotonic seconds after which the head must not be sent any more (SEND_GUARD)."""
    largest: int = 16 * 1024 * 1024


class Wire:
    """Sends requests; safe to share between threads, to be made after a fork."""

    def __init__(
        self,
        *,
        timeout: float,
        monotonic: Callable[[], float] = time.monotonic,
        may_send: Callable[[], None] = lambda: None,
    ) -> None:
        self._timeout = timeout
        self._monotonic = monotonic
        self._may_send = may_send
        self._ssl = ssl.create_default_context()
        self._ssl.set_alpn_protocols(["http/1.1"])
        self._local = threading.local()
        self._transports: set[_Transport] = set()

    def close(self) -> None:
        """Closes the kept connections of all threads, once no call is under way."""
        while self._transports:
            self._transports.pop().close()

    def send(self, request: Request) -> Reply | Silence:
        """One try, without redirects, retries or proxies; never raises for what the network does."""
        self._may_send()
        transport = self._transport()
        call = transport.call = _Call(self._monotonic, self._monotonic() + self._timeout, request.send_until)
        try:
            response = transport.handle_request(_prepared(request))
            try:
                body = _read(response, request.largest)
            finally:
                response.close()
            return Reply(response.status_code, _lower(response.headers), body)
        except Exception as failed:  # noqa: BLE001 - what the call went through decides, not the class (reliability.md 2.3)
            transport.close()  # a connection that failed once is not used again
            return Silence(call.began, type(failed).__name__)

    def _transport(self) -> _Transport:
        if not hasattr(self._local, "transport"):
            self._local.transport = _Transport(self._ssl, self._monotonic)
            self._transports.add(self._local.transport)
        mine: _Transport = self._local.transport
        return mine


@dataclass(slots=True)
class _Call:
    """When the call that a thread makes now must be over, and whether its head began to leave."""

    monotonic: Callable[[], float]
    until: float
    send_until: float | None = None
    began: bool = False

    def begin(self) -> None:
        """The next thing is the head's first byte: only while the guard allows it."""
        if self.send_until is not None and self.monotonic() > self.send_until:
            raise NotInTime
        self.began = True

    def left(self) -> float:
        """Seconds that one wait may take; past the deadline none may begin, even if the next byte is there already."""
        left = self.until - self.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Transport(httpx.BaseTransport):
    """One thread's connections, one to each remote; it makes the call that it was given last."""

    def __init__(self, ssl_context: ssl.SSLContext, monotonic: Callable[[], float]) -> None:
        self.call = _Call(monotonic, 0.0)
        self._ssl = ssl_context
        self._connections: dict[str, _Connection] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer's head; its body comes from `stream`."""
        connection = self._connection(request.url)
        head = connection.ask(request, self.call)
        return httpx.Response(head.status_code, headers=list(head.headers), stream=connection)

    def close(self) -> None:
        """Closes the connections; the next request opens its own."""
        while self._connections:
            self._connections.popitem()[1].leave()

    def _connection(self, url: httpx.URL) -> _Connection:
        """The kept one, unless it is old or was closed meanwhile."""
        name = f"{url.scheme}://{url.netloc.decode('ascii')}"
        kept = self._connections.get(name)
        if kept is not None and kept.usable():
            return kept
        if kept is not None:
            kept.leave()
        fresh = self._connections[name] = _Connection(url, self._ssl, self.call)
        return fresh


class _Connection(httpx.SyncByteStream):
    """One kept connection; while it is read, the body of its answer."""

    def __init__(self, url: httpx.URL, context: ssl.SSLContext, call: _Call) -> None:
        self._call = call
        self._socket = _connected(url, context, call)
        self._http = h11.Connection(our_role=h11.CLIENT)
        self._idle_since = call.monotonic()

    def usable(self) -> bool:
        """It is not in use, was not idle for long, and the other side neither closed it nor said what nobody asked."""
        fresh = self._call.monotonic() - self._idle_since < KEEP_SECONDS
        return fresh and self._http.our_state is h11.IDLE and not _readable(self._socket)

    def ask(self, request: httpx.Request, call: _Call) -> h11.Response:
        """Sends the request, unless the guard refuses, and returns the head of its answer."""
        self._call = call
        head = h11.Request(method=request.method, target=request.extensions["target"], headers=request.headers.raw)
        pieces = [self._http.send(each) for each in (head, h11.Data(data=request.read()), h11.EndOfMessage())]
        call.begin()
        self._socket.settimeout(call.left())
        with suppress(OSError):  # who does not want to read on may have answered all the same
            self._socket.sendall(b"".join(piece or b"" for piece in pieces))
        while not isinstance(event := self._event(), h11.Response):
            if not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError("no answer")
        return event

    def __iter__(self) -> Iterator[bytes]:
        while isinstance(event := self._event(), h11.Data):
            yield bytes(event.data)
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE and not self._http.trailing_data[0]:
            self._http.start_next_cycle()
            self._idle_since = self._call.monotonic()

    def close(self) -> None:
        """The answer is done with: the connection stays where it may be used again."""
        if self._http.our_state is not h11.IDLE:
            self.leave()

    def leave(self) -> None:
        """Closes it."""
        self._socket.close()

    def _event(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(self._received())
        except h11.RemoteProtocolError as strange:
            raise httpx.RemoteProtocolError(str(strange)) from None
        return event

    def _received(self) -> bytes:
        try:
            self._socket.settimeout(self._call.left())
            return self._socket.recv(_PIECE)
        except TimeoutError:
            raise httpx.ReadTimeout("the call's time is up") from None
        except OSError as failed:
            raise httpx.ReadError(str(failed)) from None


def _prepared(request: Request) -> httpx.Request:
    """Whole as it leaves: httpx adds nothing, which it would take three times as long for.

    Of the address it reads the site alone, once; what comes behind is ready to send, and another one for each call.
    """
    parts = _PARTS.match(request.url)
    if parts is None:
        raise httpx.UnsupportedProtocol("neither http:// nor https://")
    url, target = _site(parts[1]), parts[2]
    headers = [(b"Host", url.netloc), *((name.encode(), value.encode()) for name, value in request.headers.items())]
    content = b"" if request.body is None else request.body.encode()
    if content or request.method in {"POST", "PATCH"}:
        headers.append((b"Content-Length", b"%d" % len(content)))
    extensions = {"target": f"/{target}".encode("ascii")}
    return httpx.Request(request.method, url, headers=headers, stream=httpx.ByteStream(content), extensions=extensions)


def _connected(url: httpx.URL, context: ssl.SSLContext, call: _Call) -> socket.socket:
    host, port = url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]
    try:
        plain = socket.create_connection((host, port), call.left())
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if url.scheme == "http":
            return plain
        try:
            plain.settimeout(call.left())
            return context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
    except TimeoutError:
        raise httpx.ConnectTimeout("the call's time is up") from None
    except OSError as failed:
        raise httpx.ConnectError(str(failed)) from None


def _readable(kept: socket.socket) -> bool:
    poll = select.poll()
    poll.register(kept, select.POLLIN)
    return bool(poll.poll(0))


def _read(response: httpx.Response, largest: int) -> bytes | None:
    """The body as it came (nothing is unpacked), or None: the status counts even where the body broke."""
    pieces, size = [], 0
    try:
        for piece in response.iter_raw():
            pieces.append(piece)
            size += len(piece)
            if size > largest:
                return None
    except httpx.TransportError:
        return None
    return b"".join(pieces)


def _lower(headers: httpx.Headers) -> dict[str, str]:
    return {name.decode("ascii").lower(): value.decode("iso-8859-1") for name, value in headers.raw}

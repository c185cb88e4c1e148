"""The only door to the network: one connection a thread, one deadline a call, and the trace that says what left.

httpx's timeouts are per read: a remote that drips a byte a second holds a call for ever. So its transport here has
connections (httpcore's) whose every wait ends at the call's deadline. Each thread has such a transport with one
connection to each remote and hands httpx's requests to it: the client and the pool, which follow redirects, keep
cookies and look for a free connection, would cost more than everything else about a call (docs/adr/0005).
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

KEEP_SECONDS = 2.0
"""An idle connection is used again only this long: shorter than servers keep theirs, so a POST does not meet a
connection that is being closed and become an unknown (docs/adr/0004)."""
_BEGAN = "http11.send_request_headers.started"


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
        transport.deadline.at = self._monotonic() + self._timeout
        trace = _Trace(request.send_until, self._monotonic)
        try:
            response = transport.handle_request(self._prepared(request, trace))
            try:
                body = _read(response, request.largest)
            finally:
                response.close()
            return Reply(response.status_code, _lower(response.headers), body)
        except Exception as failed:  # noqa: BLE001 - the trace decides, not the class (reliability.md 2.3)
            transport.close()  # a connection that failed once is not used again
            return Silence(trace.began, type(failed).__name__)

    def _prepared(self, request: Request, trace: _Trace) -> httpx.Request:
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)
        return httpx.Request(
            request.method,
            request.url,
            headers=dict(request.headers),
            content=None if request.body is None else request.body.encode(),
            extensions={"timeout": timeouts, "trace": trace},
        )

    def _transport(self) -> _Transport:
        if not hasattr(self._local, "transport"):
            self._local.transport = _Transport(self._ssl, _Deadline(self._monotonic))
            self._transports.add(self._local.transport)
        mine: _Transport = self._local.transport
        return mine


class _Transport(httpx.BaseTransport):
    """One thread's connections, one to each remote."""

    def __init__(self, ssl_context: ssl.SSLContext, deadline: _Deadline) -> None:
        self.deadline = deadline
        self._ssl = ssl_context
        self._connections: dict[str, httpcore.HTTPConnection] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer's head; its body comes from `stream`."""
        to = request.url
        url = httpcore.URL(scheme=to.raw_scheme, host=to.raw_host, port=to.port, target=to.raw_path)
        content = request.stream if isinstance(request.stream, httpx.SyncByteStream) else None
        answer = self._connection(url.origin).handle_request(
            httpcore.Request(
                request.method, url, headers=request.headers.raw, content=content, extensions=request.extensions
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        """Closes the connections; the next request opens its own."""
        while self._connections:
            self._connections.popitem()[1].close()

    def _connection(self, origin: httpcore.Origin) -> httpcore.HTTPConnection:
        """The kept one, unless it is old or was closed meanwhile."""
        name = str(origin)
        kept = self._connections.get(name)
        if kept is not None and kept.is_available() and not kept.has_expired():
            return kept
        if kept is not None:
            kept.close()
        backend = _Backend(self.deadline)
        fresh = httpcore.HTTPConnection(
            origin, ssl_context=self._ssl, keepalive_expiry=KEEP_SECONDS, network_backend=backend
        )
        self._connections[name] = fresh
        return fresh


class _Body(httpx.SyncByteStream):
    """What is still to be read of an answer."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer.iter_stream())

    def close(self) -> None:
        self._answer.close()


class _Trace:
    """Called by httpcore at each step; the head may begin only while the guard allows it."""

    def __init__(self, send_until: float | None, monotonic: Callable[[], float]) -> None:
        self.began = False
        self._send_until = send_until
        self._monotonic = monotonic

    def __call__(self, step: str, _info: Mapping[str, Any]) -> None:
        if step != _BEGAN:
            return
        if self._send_until is not None and self._monotonic() > self._send_until:
            raise NotInTime
        self.began = True


class _Deadline:
    """When the call that this thread makes now must be over."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.at = 0.0
        self._monotonic = monotonic

    def left(self, timeout: float | None) -> float:
        """Seconds that one wait may take; past the deadline none may begin, even if the next byte is there already."""
        left = self.at - self._monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the call's time is up")
        return left if timeout is None else min(left, timeout)


class _Backend(httpcore.NetworkBackend):
    """httpcore's own sockets, each wait cut at the deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout)
        stream = self._sockets.connect_tcp(host, port, left, local_address, socket_options)
        return _Stream(stream, self._deadline)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _Stream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _read(response: httpx.Response, largest: int) -> bytes | None:
    """The body as it came (nothing is unpacked), or None: the status counts even where the body broke."""
    pieces, size = [], 0
    try:
        for piece in response.iter_raw():
            pieces.append(piece)
            size += len(piece)
            if size > largest:
                return None
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError):
        return None
    return b"".join(pieces)


def _lower(headers: httpx.Headers) -> dict[str, str]:
    return {name.decode("ascii").lower(): value.decode("iso-8859-1") for name, value in headers.raw}

"""The only door to the network: one connection a thread, one deadline a call, and the trace that says what left.

httpx's timeouts are per read: a remote that drips a byte a second holds a call for ever. So its connections
(httpcore's) get a network backend whose every wait ends at the call's deadline. They are used without httpx's client
and pool, which cost more than everything else about a call together (docs/adr/0005): a thread has one connection to
each remote, and nobody looks for a free one.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpcore

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
        self._kept: set[httpcore.HTTPConnection] = set()

    def close(self) -> None:
        """Closes the kept connections of all threads, once no call is under way."""
        while self._kept:
            self._kept.pop().close()

    def send(self, request: Request) -> Reply | Silence:
        """One try, without redirects, retries or proxies; never raises for what the network does."""
        self._may_send()
        deadline = self._deadline()
        deadline.at = self._monotonic() + self._timeout
        trace = _Trace(request.send_until, self._monotonic)
        origin = None
        try:
            prepared = self._prepared(request, trace)
            origin = prepared.url.origin
            response = self._connection(origin, deadline).handle_request(prepared)
            try:
                body = _read(response, request.largest)
            finally:
                response.close()
            return Reply(response.status, _lower(response.headers), body)
        except Exception as failed:  # noqa: BLE001 - the trace decides, not the class (reliability.md 2.3)
            self._forget(origin)
            return Silence(trace.began, type(failed).__name__)

    def _prepared(self, request: Request, trace: _Trace) -> httpcore.Request:
        url = httpcore.URL(request.url)
        body = b"" if request.body is None else request.body.encode()
        headers = [(b"host", _host(url)), (b"connection", b"keep-alive")]
        headers += [(name.encode(), value.encode()) for name, value in request.headers.items()]
        if request.body is not None or request.method in ("POST", "PUT", "PATCH"):
            headers.append((b"content-length", str(len(body)).encode()))
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)
        return httpcore.Request(
            request.method, url, headers=headers, content=body, extensions={"timeout": timeouts, "trace": trace}
        )

    def _deadline(self) -> _Deadline:
        if not hasattr(self._local, "deadline"):
            self._local.deadline = _Deadline(self._monotonic)
            self._local.connections = {}
        deadline: _Deadline = self._local.deadline
        return deadline

    def _connection(self, origin: httpcore.Origin, deadline: _Deadline) -> httpcore.HTTPConnection:
        """This thread's connection to a remote: the kept one, unless it is old or was closed meanwhile."""
        mine: dict[str, httpcore.HTTPConnection] = self._local.connections
        kept = mine.get(str(origin))
        if kept is not None and kept.is_available() and not kept.has_expired():
            return kept
        self._forget(origin)
        fresh = httpcore.HTTPConnection(
            origin, ssl_context=self._ssl, keepalive_expiry=KEEP_SECONDS, network_backend=_Backend(deadline)
        )
        mine[str(origin)] = fresh
        self._kept.add(fresh)
        return fresh

    def _forget(self, origin: httpcore.Origin | None) -> None:
        """A connection that failed once is not used again."""
        if origin is not None and (failed := self._local.connections.pop(str(origin), None)) is not None:
            self._kept.discard(failed)
            failed.close()


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


def _read(response: httpcore.Response, largest: int) -> bytes | None:
    """The body as it came (nothing is unpacked), or None: the status counts even where the body broke."""
    pieces, size = [], 0
    try:
        for piece in response.iter_stream():
            pieces.append(piece)
            size += len(piece)
            if size > largest:
                return None
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError):
        return None
    return b"".join(pieces)


def _host(url: httpcore.URL) -> bytes:
    host = b"[" + url.host + b"]" if b":" in url.host else url.host
    return host if url.port is None else host + b":" + str(url.port).encode()


def _lower(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("ascii").lower(): value.decode("iso-8859-1") for name, value in headers}

"""The only door to the network: one connection a thread, one deadline a call, and the trace that says what left.

httpx is frozen upstream and its timeouts are per read: a remote that drips a byte a second holds a call for ever. So
the connection pool gets a network backend whose every wait ends at the call's deadline. One client with many
connections scans its pool for each request; a client of one connection per thread costs a ninth (performance.md 2).
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
        self._clients: set[httpx.Client] = set()

    def close(self) -> None:
        """Closes the kept connections of all threads, once no call is under way."""
        while self._clients:
            self._clients.pop().close()

    def send(self, request: Request) -> Reply | Silence:
        """One try, without redirects, retries or proxies; never raises for what the network does."""
        self._may_send()
        client, deadline = self._client()
        deadline.at = self._monotonic() + self._timeout
        trace = _Trace(request.send_until, self._monotonic)
        try:
            with client.stream(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=None if request.body is None else request.body.encode(),
                extensions={"trace": trace},
            ) as response:
                body = _read(response, request.largest)
                return Reply(response.status_code, _lower(response.headers.multi_items()), body)
        except Exception as failed:  # noqa: BLE001 - the trace decides, not the class (reliability.md 2.3)
            self._forget()
            return Silence(trace.began, type(failed).__name__)

    def _client(self) -> tuple[httpx.Client, _Deadline]:
        if not hasattr(self._local, "client"):
            self._local.deadline = _Deadline(self._monotonic)
            pool = _Pool(self._ssl, self._local.deadline)
            self._local.client = httpx.Client(transport=pool, timeout=self._timeout, trust_env=False)
            self._clients.add(self._local.client)
        return self._local.client, self._local.deadline

    def _forget(self) -> None:
        """A connection that failed once is not used again."""
        self._clients.discard(self._local.client)
        self._local.client.close()
        del self._local.client


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


class _Pool(httpx.BaseTransport):
    """One kept connection, with our backend (httpx offers no way to hand one in)."""

    def __init__(self, context: ssl.SSLContext, deadline: _Deadline) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=1,
            keepalive_expiry=KEEP_SECONDS,
            network_backend=_Backend(deadline),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


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


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}

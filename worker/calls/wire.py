"""The only door to the network: connections of each thread's own, one deadline a call, and the word whether anything left.

httpx's timeouts are per read: a remote that drips a byte a second holds a call for ever. So its requests go by sockets of
our own, with h11 (httpx's own) for what is spoken on them, and every wait ends at the call's deadline. The client and the
pools, which follow redirects, keep cookies and look for a free connection, would cost more than everything else about a
call (docs/adr/0005, 0014). A thread makes one call or has many under way at once (docs/adr/0017).
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
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
_NOT_CONNECTED = frozenset({httpx.ConnectError.__name__, httpx.ConnectTimeout.__name__})
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
        self._of_threads: list[_Kept] = []

    def close(self) -> None:
        """Closes the kept connections of all threads, once no call is under way."""
        for kept in self._of_threads:
            kept.close()

    def send(self, request: Request) -> Reply | Silence:
        """One try, without redirects, retries or proxies; never raises for what the network does."""
        [(_, answer)] = self.send_all([request])
        return answer

    def send_all(self, requests: Iterable[Request], *, at_once: int = 1) -> Iterator[tuple[int, Reply | Silence]]:
        """One try for each, so many of them at once by this thread alone: each answer as it comes, with its request's place.

        The next request is asked for once there is room for it, and none any more once a remote could not be connected
        to: each of them would wait as long for the same.
        """
        self._may_send()
        under_way, poll = dict[int, _Call](), select.poll()
        try:
            for place, request in enumerate(requests):
                call = _Call(place, request, self._kept(), self._monotonic, self._monotonic() + self._timeout)
                if (ended := call.begin()) is not None:
                    yield place, ended
                    if isinstance(ended, Silence) and ended.why in _NOT_CONNECTED:
                        break
                    continue
                under_way[call.number] = call
                poll.register(call.number, select.POLLIN)
                yield from self._answers(under_way, poll, wait=len(under_way) >= at_once)
                while len(under_way) >= at_once:
                    yield from self._answers(under_way, poll, wait=True)
            while under_way:
                yield from self._answers(under_way, poll, wait=True)
        finally:
            for call in under_way.values():
                call.give_up()

    def _answers(
        self, under_way: dict[int, _Call], poll: select.poll, *, wait: bool
    ) -> Iterator[tuple[int, Reply | Silence]]:
        """Those that are there by now; with `wait`, once something came or the oldest call's time is up.

        What lay there in time counts, however late it is looked at: only a poll without it ends a call.
        """
        now = self._monotonic()
        left = next(iter(under_way.values())).until - now if wait else 0.0
        for number, _ in poll.poll(max(0.0, left) * 1000):
            if (answer := under_way[number].read()) is not None:
                poll.unregister(number)
                yield under_way.pop(number).place, answer
        while under_way and (oldest := next(iter(under_way.values()))).until <= now:
            poll.unregister(oldest.number)
            yield under_way.pop(oldest.number).place, oldest.give_up()

    def _kept(self) -> _Kept:
        if not hasattr(self._local, "kept"):
            self._local.kept = _Kept(self._ssl, self._monotonic)
            self._of_threads.append(self._local.kept)
        mine: _Kept = self._local.kept
        return mine


class _Call:
    """One request on its way, and what has come of its answer."""

    def __init__(self, place: int, request: Request, kept: _Kept, monotonic: Callable[[], float], until: float) -> None:
        self.place = place
        self.until = until
        self.number = -1
        """The file descriptor of its connection."""
        self._request = request
        self._kept = kept
        self._monotonic = monotonic
        self._began = False
        self._connection: _Connection | None = None
        self._head: h11.Response | None = None
        self._body: list[bytes] = []
        self._size = 0

    def begin(self) -> Reply | Silence | None:
        """Sends the request, unless the guard refuses; what became of it, where that was not possible."""
        try:
            request = _prepared(self._request)
            self._connection = self._kept.take(request, self._left)
            self.number = self._connection.number
            self._connection.ask(request, self._leaves, self._left)
        except Exception as failed:  # noqa: BLE001 - what the call went through decides, not the class (reliability.md 2.3)
            return self._broken(failed)
        return None

    def read(self) -> Reply | Silence | None:
        """Takes what is there; the answer, once it is whole or cannot become so."""
        try:
            return self._taken()
        except Exception as failed:  # noqa: BLE001 - as above
            return self._broken(failed)

    def give_up(self) -> Reply | Silence:
        """Nothing more is waited for."""
        return self._broken(httpx.ReadTimeout("the call's time is up"))

    def _left(self) -> float:
        """Seconds that one wait may take; past the deadline none may begin."""
        left = self.until - self._monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _leaves(self) -> None:
        """The next thing is the head's first byte: only while the guard allows it."""
        if self._request.send_until is not None and self._monotonic() > self._request.send_until:
            raise NotInTime
        self._began = True

    def _taken(self) -> Reply | None:
        if self._connection is None:
            raise AssertionError("a call that did not begin has no answer")
        for event in self._connection.events():
            if isinstance(event, h11.Response):
                self._head = event
            elif isinstance(event, h11.Data):
                self._take(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                self._kept.give_back(self._connection)
                return self._reply(b"".join(self._body))
            elif not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError("no answer")
        return None

    def _take(self, piece: bytes) -> None:
        self._body.append(piece)
        self._size += len(piece)
        if self._size > self._request.largest:
            raise httpx.ReadError("larger than the limit")

    def _broken(self, failed: Exception) -> Reply | Silence:
        """A connection that failed once is not used again; the status counts even where the body broke."""
        if self._connection is not None:
            self._connection.close()
        return Silence(self._began, type(failed).__name__) if self._head is None else self._reply(None)

    def _reply(self, body: bytes | None) -> Reply:
        if self._head is None:
            raise httpx.RemoteProtocolError("an answer without a head")
        headers = {name.decode("ascii"): value.decode("iso-8859-1") for name, value in self._head.headers}
        return Reply(self._head.status_code, headers, body)


class _Kept:
    """One thread's connections that nothing is under way on; of each site's the oldest stands first."""

    def __init__(self, ssl_context: ssl.SSLContext, monotonic: Callable[[], float]) -> None:
        self._ssl = ssl_context
        self._monotonic = monotonic
        self._sites: dict[str, list[_Connection]] = defaultdict(list)

    def take(self, request: httpx.Request, left: Callable[[], float]) -> _Connection:
        """The one used last, unless it is old or was closed meanwhile; else a new one."""
        kept = self._sites[request.extensions["site"]]
        old = self._monotonic() - KEEP_SECONDS
        while kept and kept[0].idle_since <= old:
            kept.pop(0).close()
        while kept:
            if (last := kept.pop()).is_silent():
                return last
            last.close()
        return _Connection(request, self._ssl, left)

    def give_back(self, connection: _Connection) -> None:
        """Its answer is whole: the next request may have it, unless more was said than that."""
        if connection.next_cycle():
            connection.idle_since = self._monotonic()
            self._sites[connection.site].append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Closes them; the next request opens its own."""
        for kept in self._sites.values():
            while kept:
                kept.pop().close()


class _Connection:
    """A socket, and what is spoken on it."""

    def __init__(self, request: httpx.Request, context: ssl.SSLContext, left: Callable[[], float]) -> None:
        self.site: str = request.extensions["site"]
        self.idle_since = 0.0
        self._socket = _connected(request.url, context, left)
        self._http = h11.Connection(our_role=h11.CLIENT)
        self.number = self._socket.fileno()

    def is_silent(self) -> bool:
        """The other side neither closed it nor said what nobody asked."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def ask(self, request: httpx.Request, leaves: Callable[[], None], left: Callable[[], float]) -> None:
        """Sends the request; `leaves` is told right before, and may refuse."""
        head = h11.Request(method=request.method, target=request.extensions["target"], headers=request.headers.raw)
        pieces = [self._http.send(each) for each in (head, h11.Data(data=request.read()), h11.EndOfMessage())]
        text = b"".join(piece or b"" for piece in pieces)
        leaves()
        with suppress(OSError):  # who does not want to read on may have answered all the same
            self._send(text, left)

    def events(self) -> Iterator[object]:
        """What is there by now; each call takes one piece from the socket."""
        try:
            self._http.receive_data(self._socket.recv(_PIECE))
            while (event := self._http.next_event()) is not h11.NEED_DATA:
                yield event
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError as failed:
            raise httpx.ReadError(str(failed)) from None

    def next_cycle(self) -> bool:
        """Whether the connection is ready for another request."""
        clean = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if not clean or self._http.trailing_data[0]:
            return False
        self._http.start_next_cycle()
        return True

    def close(self) -> None:
        """Closes it."""
        self._socket.close()

    def _send(self, text: bytes, left: Callable[[], float]) -> None:
        """At once, as nearly always; what the other side does not take at once is waited for."""
        try:
            sent = self._socket.send(text)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            sent = 0
        if sent < len(text):
            self._socket.settimeout(left())
            try:
                self._socket.sendall(text[sent:])
            finally:
                self._socket.setblocking(False)


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
    extensions = {"site": parts[1], "target": f"/{target}".encode("ascii")}
    return httpx.Request(request.method, url, headers=headers, stream=httpx.ByteStream(content), extensions=extensions)


def _connected(url: httpx.URL, context: ssl.SSLContext, left: Callable[[], float]) -> socket.socket:
    """A socket that does not wait."""
    host, port = url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]
    try:
        made = socket.create_connection((host, port), left())
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if url.scheme == "https":
                made.settimeout(left())
                made = context.wrap_socket(made, server_hostname=host)
            made.setblocking(False)
        except BaseException:
            made.close()
            raise
        return made
    except TimeoutError:
        raise httpx.ConnectTimeout("the call's time is up") from None
    except OSError as failed:
        raise httpx.ConnectError(str(failed)) from None

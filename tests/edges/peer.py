"""A peer on a real socket that does with each connection what a test says."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


class Peer:
    """Listens on loopback; the n-th connection meets the n-th behaviour, the last one again and again."""

    def __init__(self, *behaviours: Callable[[socket.socket], None]) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self._behaviours = behaviours
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._met: list[tuple[socket.socket, threading.Thread]] = []
        self.port = self._listening.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/Bokun/c1/order"

    def close(self) -> None:
        self.over.set()
        with socket.socket() as last:  # wakes the accept
            last.connect(("127.0.0.1", self.port))
        self._accepting.join()
        self._listening.close()
        for connection, thread in self._met:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(5)

    def _accept(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            if self.over.is_set():
                connection.close()
                return
            behaviour = self._behaviours[min(self.connections, len(self._behaviours) - 1)]
            self.connections += 1
            thread = threading.Thread(target=self._meet, args=(behaviour, connection), daemon=True)
            self._met.append((connection, thread))
            thread.start()

    def _meet(self, behaviour: Callable[[socket.socket], None], connection: socket.socket) -> None:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                behaviour(connection)
            except OSError:
                return

    def request(self, connection: socket.socket) -> bytes:
        """Reads one whole request; empty where the other side hung up."""
        seen = b""
        while b"\r\n\r\n" not in seen:
            if not (piece := connection.recv(65536)):
                return b""
            seen += piece
        head, _, body = seen.partition(b"\r\n\r\n")
        length = next(
            (int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        return self.requests[-1]

    def hold(self) -> None:
        """Says nothing until the test is over."""
        self.over.wait(5)


def reset(connection: socket.socket) -> None:
    """Hangs up with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def drip(connection: socket.socket, data: bytes, every: float = 0.03) -> None:
    """Sends a byte at a time."""
    for index in range(len(data)):
        connection.sendall(data[index : index + 1])
        time.sleep(every)

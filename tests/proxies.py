"""A TCP proxy whose connections can be half open: nobody closes them, and nothing comes through any more."""

import socket
import threading
from contextlib import suppress


class Proxy:
    """Passes everything on to a port, until the connections of that moment go silent."""

    def __init__(self, port):
        self.target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._lock = threading.Lock()
        self._open, self._sockets = [], []
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self):
        """From now on nothing passes on the connections that are open, and neither end is told; new ones work."""
        with self._lock:
            silenced, self._open = self._open, []
        for each in silenced:
            each.set()
        return len(silenced)

    def close(self):
        """Everything ends, what was silent too."""
        self._listening.close()
        with self._lock:
            for each in self._sockets:
                each.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
                silent = threading.Event()
                with self._lock:
                    self._open.append(silent)
                    self._sockets += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_pass, args=(one, other, silent), daemon=True).start()


def _pass(one, other, silent):
    with suppress(OSError):
        while data := one.recv(65536):
            if not silent.is_set():
                other.sendall(data)
        if not silent.is_set():
            other.shutdown(socket.SHUT_WR)
    if not silent.is_set():
        with suppress(OSError):
            other.close()

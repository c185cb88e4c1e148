"""Sends webhooks over so many kept connections as fast as they are answered; a process of its own.

python -m benchmarks.load PORT PATH CONNECTIONS COUNT FIRST
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

BODY = b'{"id":%d,"confirmationCode":"BNCH-%d","filler":"' + b"x" * 900 + b'"}'


class Caller(asyncio.Protocol):
    """One connection: the next webhook goes out when the last one is answered."""

    def __init__(self, path: str, ids: object, times: list[float], done: asyncio.Future[None]) -> None:
        self.head = f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ".encode()
        self.ids, self.times, self.done, self.buffer, self.bad = ids, times, done, b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._next()

    def _next(self) -> None:
        id_ = next(self.ids, None)  # type: ignore[call-overload]
        if id_ is None:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        body = BODY % (id_, id_)
        self.at = time.perf_counter()
        self.transport.write(self.head + str(len(body)).encode() + b"\r\n\r\n" + body)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = int(self.buffer[:end].lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self.buffer) < end + 4 + length:
            return
        self.times.append(time.perf_counter() - self.at if self.buffer.startswith(b"HTTP/1.1 200") else -1.0)
        self.buffer = b""
        self._next()

    def connection_lost(self, failed: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(failed or ConnectionError("the server hung up"))


async def load(port: int, path: str, connections: int, count: int, first: int) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    ids, times = iter(range(first, first + count)), []  # type: ignore[var-annotated]
    ends = [loop.create_future() for _ in range(connections)]
    begun = time.perf_counter()
    for end in ends:
        await loop.create_connection(lambda end=end: Caller(path, ids, times, end), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*ends)
    seconds = time.perf_counter() - begun
    times.sort()
    return {"rate": count / seconds, "p50": times[len(times) // 2] * 1000, "p99": times[int(len(times) * 0.99)] * 1000,
            "refused": sum(each < 0 for each in times)}  # fmt: skip


if __name__ == "__main__":
    port, path, connections, count, first = sys.argv[1:6]
    print(json.dumps(asyncio.run(load(int(port), path, int(connections), int(count), int(first)))))

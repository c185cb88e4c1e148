"""Yardstick: the same calls in flight from bare httpx, a client of one connection a thread, no queue and no store.

python -m benchmarks.yardsticks.posters URL COUNT THREADS SIZE
"""

from __future__ import annotations

import json
import queue
import ssl
import sys
import threading
import time

import httpx

from benchmarks import bookings
from benchmarks.standin import CONNECTION


def main() -> None:
    url, count, threads, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    template = bookings.Template(size)
    waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    context = ssl.create_default_context()
    answered = threading.Semaphore(0)

    def work() -> None:
        with httpx.Client(verify=context, limits=httpx.Limits(max_connections=1), trust_env=False) as client:
            while (each := waiting.get()) is not None:
                client.post(f"{url}/Bokun/{CONNECTION}/order", content=template.detail(str(each).encode()))
                answered.release()

    started = [threading.Thread(target=work) for _ in range(threads)]
    for each in started:
        each.start()
    for warm in range(threads):
        waiting.put(warm)
    for _ in range(threads):
        answered.acquire()
    begun, used = time.monotonic(), time.process_time()
    for number in range(count):
        waiting.put(bookings.FIRST + number)
    for _ in range(count):
        answered.acquire()
    print(json.dumps({"seconds": time.monotonic() - begun, "cpu": time.process_time() - used}))
    for _ in started:
        waiting.put(None)


if __name__ == "__main__":
    main()

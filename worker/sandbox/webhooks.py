"""Bokun's webhooks: signed ones of the app store and classic notifications, each lost, repeated or forged at will."""

import base64
import contextlib
import hashlib
import hmac
import queue
import threading
from dataclasses import dataclass

import httpx

from worker.sandbox.collection import Clock, stamp
from worker.sandbox.exact import Json, dumps
from worker.sandbox.reading import products
from worker.sandbox.world import Account

KINDS = ("app-store", "classic", "classic-product", "classic-array")
MODES = ("normal", "lost", "repeated", "reordered", "forged", "oversized")
PATIENCE = 5  # seconds Bokun waits for an answer (bokun.dev, webhooks)
TOO_MUCH = 1024 * 1024

_ACTIONS = {
    "bookings/create": "BOOKING_CONFIRMED",
    "bookings/update": "BOOKING_UPDATED",
    "bookings/cancel": "BOOKING_ITEM_CANCELLED",
}


@dataclass(frozen=True)
class Target:
    """Where webhooks go and what becomes of them on the way."""

    url: str
    secret: str = ""
    kind: str = "app-store"
    mode: str = "normal"
    encoding: str = "hex"
    api_key: str = "sandbox-app"

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.mode not in MODES:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, mode one of {', '.join(MODES)}")


@dataclass(frozen=True)
class Webhook:
    """One call to be made."""

    topic: str
    booking: int
    url: str
    headers: dict[str, str]
    body: str


def sign(secret: str, headers: dict[str, str], encoding: str = "hex") -> str:
    """Signs the x-bokun headers but the signature itself, sorted, joined as name=value with & (reference, 4.2)."""
    names = sorted(name for name in headers if name.startswith("x-bokun-") and name != "x-bokun-hmac")
    message = "&".join(f"{name}={headers[name]}" for name in names).encode()
    digest = hmac.digest(secret.encode(), message, hashlib.sha256)
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


class Webhooks:
    """Tells the configured target of every change, in the background, one after the other."""

    def __init__(self, clock: Clock) -> None:
        self.sent: list[Json] = []
        self._clock = clock
        self._target: Target | None = None
        self._queue: queue.Queue[Webhook | None] = queue.Queue()
        self._kept: list[Webhook] = []
        self._thread: threading.Thread | None = None

    def configure(self, url: str, secret: str = "", **how: str) -> None:
        """Says where webhooks go: `kind`, `mode`, `encoding` and `api_key` as in Target."""
        self._target = Target(url, secret, **how)

    def announce(self, topic: str, booking: Json, account: Account) -> None:
        """Queues the webhooks of one change as the mode wants them."""
        if self._target is None or self._target.mode == "lost":
            return
        calls = _calls(self._target, topic, booking, account, at=stamp(self._clock()))
        if self._target.mode == "repeated":
            calls = calls * 2
        if self._target.mode == "reordered" and not self._kept:
            self._kept = calls
            return
        for call in [*calls, *self._kept]:
            self._enqueue(call)
        self._kept = []

    def flush(self) -> None:
        """Returns when everything is sent, what was kept for later too."""
        for call in self._kept:
            self._enqueue(call)
        self._kept = []
        self._queue.join()

    def stop(self) -> None:
        """Ends the sending thread after what is queued."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _enqueue(self, call: Webhook) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="sandbox-webhooks", daemon=True)
            self._thread.start()
        self._queue.put(call)

    def _work(self) -> None:
        with httpx.Client(timeout=PATIENCE, follow_redirects=False, trust_env=False) as client:
            while (call := self._queue.get()) is not None:
                self.sent.append(_send(client, call))
                self._queue.task_done()
        self._queue.task_done()


def _send(client: httpx.Client, call: Webhook) -> Json:
    status: int | None = None
    with contextlib.suppress(httpx.HTTPError):  # nobody answered; that shows as status None
        status = client.post(call.url, content=call.body.encode(), headers=call.headers).status_code
    return {"topic": call.topic, "booking": call.booking, "url": call.url, "headers": call.headers, "status": status}


def _calls(target: Target, topic: str, booking: Json, account: Account, *, at: str) -> list[Webhook]:
    if target.kind == "app-store":
        return [_app_store(target, topic, booking, account, at=at)]
    url = f"{target.url}-forged" if target.mode == "forged" else target.url
    headers = {"content-type": "application/json"}
    bodies = [dumps(_grown(body, target)) for body in _shapes(target.kind, booking, _ACTIONS[topic])]
    if target.kind == "classic-array":
        bodies = [f"[{body}]" for body in bodies]
    return [Webhook(topic, booking["bookingId"], url, headers, body) for body in bodies]


def _app_store(target: Target, topic: str, booking: Json, account: Account, *, at: str) -> Webhook:
    booking_id = _global_id("Booking", booking["bookingId"])
    headers = {
        "content-type": "application/json",
        "x-bokun-apikey": target.api_key,
        "x-bokun-topic": topic,
        "x-bokun-vendor-id": _global_id("Vendor", account.vendor),
        "x-bokun-booking-id": booking_id,
    }
    secret = "not-the-secret" if target.mode == "forged" else target.secret
    headers["x-bokun-hmac"] = sign(secret, headers, target.encoding)
    body = _grown({"timestamp": at.removesuffix("Z"), "bookingId": booking_id}, target)
    return Webhook(topic, booking["bookingId"], target.url, headers, dumps(body))


def _shapes(kind: str, booking: Json, action: str) -> list[Json]:
    if kind != "classic-product":
        return [{**booking, "action": action}]
    parent = {name: value for name, value in booking.items() if not name.endswith("Bookings")}
    return [{**product, "parentBooking": parent, "action": action} for product in products(booking)]


def _grown(body: Json, target: Target) -> Json:
    return {**body, "filler": "x" * TOO_MUCH} if target.mode == "oversized" else body


def _global_id(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode().rstrip("=")

"""Who may see the operator's page: everybody at this machine's own loopback, elsewhere who knows the password."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.requests import HTTPConnection

from config.settings import is_loopback

COOKIE = "bokun_sync_page"
STAYS = timedelta(hours=12)
_COST, _BLOCK, _LANES = 2**14, 8, 1
"""scrypt: 16 MiB and some 50 ms a guess."""
_PREFIX = "scrypt"


class Throttle:
    """Counts wrong passwords: so many a minute from one address, and from all together."""

    def __init__(self, monotonic: Callable[[], float], *, each: int = 5, all_: int = 50, seconds: float = 60) -> None:
        self._monotonic = monotonic
        self._each, self._all, self._seconds = each, all_, seconds
        self._wrong: deque[tuple[float, str]] = deque()

    def waits(self, address: str) -> bool:
        """Whether this address must wait before it may try again."""
        while self._wrong and self._wrong[0][0] <= self._monotonic() - self._seconds:
            self._wrong.popleft()
        mine = sum(1 for _, known in self._wrong if known == address)
        return mine >= self._each or len(self._wrong) >= self._all

    def wrong(self, address: str) -> None:
        """Another wrong one."""
        self._wrong.append((self._monotonic(), address))

    def right(self, address: str) -> None:
        """Who knows the password has no wrong ones."""
        self._wrong = deque(each for each in self._wrong if each[1] != address)


@dataclass(frozen=True)
class Password:
    """The password, kept as a hash only; the setting may hold a hash already."""

    hashed: str = field(repr=False)

    @classmethod
    def of(cls, setting: str) -> Password | None:
        """None for an empty setting."""
        if not setting:
            return None
        return cls(setting if setting.startswith(f"{_PREFIX}$") else hash_password(setting))

    def fits(self, given: str) -> bool:
        """Whether this is the password; takes some 50 ms, right or wrong."""
        try:
            _, salt, wanted = self.hashed.split("$")
            known = base64.b64decode(wanted, validate=True)
            return hmac.compare_digest(_scrypt(given, base64.b64decode(salt, validate=True)), known)
        except ValueError:
            return False


def hash_password(password: str) -> str:
    """The password as `scrypt$salt$hash`, to be put into PAGE_PASSWORD."""
    salt = secrets.token_bytes(16)
    return "$".join((_PREFIX, base64.b64encode(salt).decode(), base64.b64encode(_scrypt(password, salt)).decode()))


@dataclass(frozen=True)
class Sessions:
    """Signed cookies: when they end, and nothing else."""

    key: bytes = field(repr=False)
    clock: Callable[[], datetime]

    @classmethod
    def under(cls, setting: str, secret_key: str, clock: Callable[[], datetime]) -> Sessions:
        """Another password or another SECRET_KEY ends all sessions; without a SECRET_KEY a restart does."""
        root = secret_key.encode() or secrets.token_bytes(32)
        return cls(hmac.digest(root, b"page session|" + setting.encode("utf-8", "replace"), "sha256"), clock)

    def open(self) -> str:
        """A new session's cookie."""
        ends = str(int((self.clock() + STAYS).timestamp()))
        return f"{ends}.{self._signed(ends)}"

    def holds(self, cookie: str) -> bool:
        """Whether the cookie is ours and has not ended."""
        ends, _, signed = cookie.partition(".")
        if not hmac.compare_digest(signed.encode("utf-8", "replace"), self._signed(ends).encode()):
            return False
        return int(ends) > self.clock().timestamp()

    def _signed(self, ends: str) -> str:
        return hmac.digest(self.key, ends.encode("utf-8", "replace"), "sha256").hex()


def is_local(request: HTTPConnection) -> bool:
    """Whether somebody at this machine asks for this machine: no proxy, and no foreign page that borrowed a name."""
    headers = request.headers
    if any(name in headers for name in ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")):
        return False
    asked = headers.get("host", "")
    name = asked[: asked.index("]") + 1] if asked.startswith("[") and "]" in asked else asked.split(":")[0]
    return request.client is not None and is_loopback(request.client.host) and is_loopback(name)


def _scrypt(password: str, salt: bytes) -> bytes:
    given = password.encode("utf-8", "replace")
    return hashlib.scrypt(given, salt=salt, n=_COST, r=_BLOCK, p=_LANES, maxmem=64 * 1024 * 1024)

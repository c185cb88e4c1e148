"""Keys at rest: encrypted with SECRET_KEY, the first of several for writing, all of them for reading."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class NoSecretKey(Exception):
    """A key is to be stored or read, and there is no SECRET_KEY, or not the one it was stored with."""


class Vault:
    """Encrypts and decrypts short texts."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = MultiFernet([Fernet(key) for key in keys]) if keys else None
        self._first = MultiFernet([Fernet(keys[0])]) if keys else None

    def close(self, text: str) -> str:
        if self._keys is None:
            raise NoSecretKey("SECRET_KEY is not set; a connection's own Bokun keys cannot be stored without it")
        return self._keys.encrypt(text.encode()).decode()

    def open(self, closed: str) -> str:
        if self._keys is None:
            raise NoSecretKey("SECRET_KEY is not set; the connection's own Bokun keys cannot be read without it")
        try:
            return self._keys.decrypt(closed.encode()).decode()
        except InvalidToken:
            raise NoSecretKey("the connection's own Bokun keys were stored with another SECRET_KEY") from None

    def is_current(self, closed: str) -> bool:
        """Whether it was encrypted with the first key, so that the others are not needed for it."""
        if self._first is None:
            return False
        try:
            self._first.decrypt(closed.encode())
        except InvalidToken:
            return False
        return True

    def renew(self, closed: str) -> str:
        """The same text, encrypted with the first key."""
        return self.close(self.open(closed))

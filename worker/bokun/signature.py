"""The signature of a Bokun REST call (bokun.md 1.2)."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime


def sign(*, access_key: str, secret_key: str, method: str, path: str, at: datetime) -> dict[str, str]:
    """The three headers for one attempt; `path` is the encoded target with its query, exactly as it is sent."""
    if at.tzinfo is None:
        raise ValueError(
            "a signature needs an aware time"
        )  # a zone taken from the machine is a known trap (bokun.md 1.2)
    date = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    message = f"{date}{access_key}{method.upper()}{path}"
    digest = hmac.digest(secret_key.encode(), message.encode(), "sha1")
    return {
        "X-Bokun-Date": date,
        "X-Bokun-AccessKey": access_key,
        "X-Bokun-Signature": base64.b64encode(digest).decode("ascii"),
    }

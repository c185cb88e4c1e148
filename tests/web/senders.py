"""Webhooks as Bokun sends them, and what became of them."""

import base64
import hmac

SECRET, TOKEN = "app-secret", "path-token"
APP_STORE, CLASSIC = "/webhooks/bokun", f"/webhooks/bokun/{TOKEN}"


def signed(topic="bookings/update", booking="7", *, secret=SECRET, encoding="hex", **more):
    """The headers of an app-store webhook."""
    headers = {"x-bokun-apikey": "app", "x-bokun-topic": topic, "x-bokun-vendor-id": "VmVuZG9yOjQ", **more}
    if booking is not None:
        headers["x-bokun-booking-id"] = booking
    message = "&".join(f"{name}={headers[name]}" for name in sorted(headers)).encode()
    digest = hmac.digest(secret.encode(), message, "sha256")
    return {**headers, "x-bokun-hmac": digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()}


def app_store(web, *args, content=b'{"timestamp": "2025-07-01T12:00:00"}', **said):
    """Sends an app-store webhook."""
    return web.post(APP_STORE, headers=signed(*args, **said), content=content)

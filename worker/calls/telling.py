"""The ways out to people: an HTTP hook, and mail by the standard library."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

from worker.calls import json
from worker.calls.wire import Reply, Request, Wire

PATIENCE = 10.0
_LARGEST = 64 * 1024


def hook(wire: Wire, url: str, message: Mapping[str, Any]) -> bool:
    """Posts the message as JSON; whether it was taken (any 2xx)."""
    headers = {"content-type": "application/json", "user-agent": "bokun-sync", "accept-encoding": "identity"}
    answer = wire.send(Request("POST", url, headers, json.dumps(message), largest=_LARGEST))
    return isinstance(answer, Reply) and 200 <= answer.status < 300


def mail(url: str, to: str, message: Mapping[str, Any]) -> bool:
    """Sends the message's text by `smtp://` (STARTTLS where offered) or `smtps://`; whether the server took it."""
    about = EmailMessage()
    text = str(message["text"])
    about["Subject"] = f"bokun-sync: {message['kind']}, {len(text.splitlines())} lines"
    about["From"], about["To"] = to.split(",", maxsplit=1)[0].strip(), to
    about.set_content(text)
    try:
        with _server(url) as server:
            server.send_message(about)
    except (smtplib.SMTPException, OSError):
        return False
    return True


def _server(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host, context = parts.hostname or "localhost", ssl.create_default_context()
    server: smtplib.SMTP
    if parts.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, parts.port or 465, timeout=PATIENCE, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=PATIENCE)
        server.ehlo_or_helo_if_needed()
        if server.has_extn("starttls"):
            server.starttls(context=context)
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server

"""The ways out to people: an HTTP hook, and mail by the standard library."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from contextlib import closing
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog

from worker.calls import json
from worker.calls.wire import Reply, Request, Wire

log = structlog.get_logger()
PATIENCE = 10.0
_LARGEST = 64 * 1024


def hook(wire: Wire, url: str, message: Mapping[str, Any]) -> bool:
    """Posts the message as JSON; whether it was taken (any 2xx)."""
    headers = {"content-type": "application/json", "user-agent": "bokun-sync", "accept-encoding": "identity"}
    answer = wire.send(Request("POST", url, headers, json.dumps(message), largest=_LARGEST))
    return isinstance(answer, Reply) and 200 <= answer.status < 300


def mail(url: str, to: str, message: Mapping[str, Any], *, here: bool) -> bool:
    """Sends the message's text by `smtp://` (STARTTLS where offered) or `smtps://`; whether the server took it.

    A password goes without TLS only where the server is `here`, on this machine.
    """
    about = EmailMessage()
    text = str(message["text"])
    about["Subject"] = f"bokun-sync: {message['kind']}, {len(text.splitlines())} lines"
    about["From"], about["To"] = to.split(",", maxsplit=1)[0].strip(), to
    about.set_content(text)
    try:
        with closing(_server(url)) as server:
            if not _entered(server, url, here=here):
                return False
            server.send_message(about)
            server.quit()
    except (smtplib.SMTPException, OSError):
        return False
    return True


def _server(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    if parts.scheme == "smtps":
        return smtplib.SMTP_SSL(host, parts.port or 465, timeout=PATIENCE, context=ssl.create_default_context())
    return smtplib.SMTP(host, parts.port or 25, timeout=PATIENCE)


def _entered(server: smtplib.SMTP, url: str, *, here: bool) -> bool:
    """STARTTLS where it is offered, with a certificate that somebody vouches for; then the login, if there is one.

    False where the password would go over a network in clear text.
    """
    parts = urlsplit(url)
    server.ehlo_or_helo_if_needed()
    if parts.scheme == "smtp" and server.has_extn("starttls"):
        server.starttls(context=ssl.create_default_context())
    elif parts.scheme == "smtp" and parts.username and not here:
        log.error("mail.refused", because="the mail server offers no TLS, so nothing was sent: let SMTP_URL begin with"
                  " smtps://, or name a server with STARTTLS, or leave out user and password")  # fmt: skip
        return False
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return True

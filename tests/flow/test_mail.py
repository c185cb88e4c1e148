"""Alerts by mail, against a mail server on a real socket: what it was given, and what it was never given."""

import socket
import ssl
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from tests.builders import settings
from tests.mailbox import Mailbox, certificate
from worker import wiring
from worker.flow import alerts
from worker.sandbox import bookings

TO = "ops@example.com, boss@example.com"


def mailing(house, built, mailbox, scheme="smtp", user="", host="127.0.0.1"):
    """The house with ALERT_EMAIL and SMTP_URL set to this mail server."""
    found = settings(alert_email=TO, smtp_url=f"{scheme}://{user}{host}:{mailbox.port}")
    return house.with_services(tell=wiring._teller(found, built.space_invoices.wire))


@pytest.fixture
def mailbox():
    with closing(Mailbox()) as made:
        yield made


@pytest.fixture
def elsewhere(monkeypatch):
    """The name of another machine, which this one answers for."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: resolve("127.0.0.1", *rest, **more))
    return "mail.example.com"


def offering(folder):
    """STARTTLS with a certificate, and the file to trust it by."""
    file = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, str(file)


def told(house):
    """Whether one alert that begins now is told."""
    alerts.begin(house.services, "poll:c1", "connection c1 is not polled")
    return alerts.tell(house.services) == 1


def test_an_alert_is_one_plain_mail_to_each(house, built, mailbox):
    """Subject, both recipients and the sentence arrive, as plain text and nothing else."""
    assert told(mailing(house, built, mailbox))
    [message] = mailbox.messages
    assert (message["Subject"], message["To"]) == ("bokun-sync: alerts, 1 lines", TO)
    assert (message.get_content_type(), message.get_payload().strip()) == ("text/plain", "connection c1 is not polled")
    assert [word for word, _ in mailbox.said].count("RCPT") == 2


@pytest.mark.parametrize("command", ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
def test_a_mail_that_is_refused_is_sent_later(house, built, command):
    """Whichever step the server refuses, nothing fails, and the alert is mailed some minutes later."""
    with closing(Mailbox(refuses=command)) as mailbox:
        there = mailing(house, built, mailbox, user="me:secret@")
        first = told(there)
        mailbox.refuses = None
        there.clock.pass_by(minutes=6)
        assert (first, alerts.tell(there.services), len(mailbox.messages)) == (False, 1, 1)


def test_the_password_only_goes_over_tls_where_it_is_offered(house, built, tmp_path, monkeypatch):
    """With STARTTLS offered, login and message come over TLS."""
    tls, trusted = offering(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    with closing(Mailbox(tls=tls)) as mailbox:
        assert told(mailing(house, built, mailbox, user="me:secret@"))
        assert dict(mailbox.said)["AUTH"] is True
        assert dict(mailbox.said)["DATA"] is True


def test_a_password_is_not_sent_in_clear_text(house, built, mailbox, elsewhere):
    """A server elsewhere without STARTTLS gets neither login nor message, and the log says what to do."""
    with capture_logs() as logs:
        assert not told(mailing(house, built, mailbox, user="me:secret@", host=elsewhere))
    assert ([word for word, _ in mailbox.said], mailbox.messages) == (["EHLO"], [])
    assert "smtps://" in next(line["because"] for line in logs if line["event"] == "mail.refused")


def test_a_server_elsewhere_that_asks_for_no_password_needs_no_tls(house, built, mailbox, elsewhere):
    """Without user and password there is nothing to keep: the mail goes to a relay as it is."""
    assert told(mailing(house, built, mailbox, host=elsewhere))


def test_a_server_with_a_strange_certificate_gets_nothing(house, built, tmp_path):
    """A certificate that nobody vouches for: neither password nor message is sent, not in clear text either."""
    tls, _ = offering(tmp_path)
    with closing(Mailbox(tls=tls)) as mailbox:
        assert not told(mailing(house, built, mailbox, user="me:secret@"))
        assert {word for word, _ in mailbox.said} <= {"EHLO", "STARTTLS"}


def test_no_mail_server_fails_nothing(house, built):
    """Nobody listens: the alert stays to be told."""
    mailbox = Mailbox()
    mailbox.close()
    assert not told(mailing(house, built, mailbox))


def test_no_traveller_stands_in_a_mail(house, built, mailbox):
    """What alerts and digest say of a real day has no name, no address and no word of a remote in it."""
    there = mailing(house, built, mailbox).with_services(
        terms=house.with_terms(digest_every=86400, brake_amount="1").services.terms
    )
    there.sandbox.connect()
    words = "<b>Ada Example</b> ada@example.com"
    there.sandbox.faults.add(remote="bokun", path="booking/9000002", kind="status", code=400, times=None,
                             body={"message": words})  # fmt: skip
    for id_ in (9_000_001, 9_000_002):
        there.sandbox.book(bookings.own_sale(id_, there.clock()))
    there.drain(3)
    alerts.watch(there.services)
    alerts.digest(there.services)
    texts = "".join(each.as_string() for each in mailbox.messages)
    customer = there.sandbox.booking(9_000_001)["customer"]
    assert "1 deliveries are held" in texts
    assert not any(word in texts for word in (words, "<b>", customer["lastName"], customer["email"]))

"""A mail server on a real socket that keeps what it is given."""

from __future__ import annotations

import email
import socketserver
import ssl
import threading
from email.message import Message
from pathlib import Path


class Mailbox(socketserver.ThreadingTCPServer):
    """Takes mail on loopback; `tls` is what it offers STARTTLS with, `refuses` the command it answers 550."""

    daemon_threads = True

    def __init__(self, *, tls: ssl.SSLContext | None = None, refuses: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.tls, self.refuses = tls, refuses
        self.messages: list[Message] = []
        self.said: list[tuple[str, bool]] = []
        """Each command, and whether it came over TLS."""
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class _Talk(socketserver.StreamRequestHandler):
    server: Mailbox

    def finish(self) -> None:
        """Closes what STARTTLS put in the place of the first connection."""
        super().finish()
        self.request.close()

    def handle(self) -> None:
        safe = False
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            self.server.said.append((word, safe))
            if word == self.server.refuses:
                self._say("550 no")
            elif word == "EHLO":
                offers = ["250-here", *(["250-STARTTLS"] if self.server.tls and not safe else []), "250 AUTH PLAIN"]
                self._say("\r\n".join(offers))
            elif word == "STARTTLS":
                self._say("220 go on")
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)  # type: ignore[union-attr]
                self.rfile, self.wfile, safe = self.request.makefile("rb"), self.request.makefile("wb", 0), True
            elif word == "DATA":
                self._take()
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("235 in" if word == "AUTH" else "250 ok")

    def _take(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        self.server.messages.append(email.message_from_bytes(b"".join(lines)))
        self._say("250 taken")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def certificate(folder: Path) -> Path:
    """A certificate with its key for 127.0.0.1, signed by itself, in one file."""
    import ipaddress
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = made.add_extension(names, critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file = folder / "mail.pem"
    file.write_bytes(private + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return file

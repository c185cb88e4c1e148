"""What SECURITY.md promises is held by tests that exist; no secret is kept here, and no dependency known to be bad."""

import ast
import json
import math
import re
import subprocess

import pytest
import structlog
from packaging.version import Version

from config import logs
from docs.generate import ROOT

PAGE = (ROOT / "SECURITY.md").read_text()
SECRETS = {
    "a private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a key of Amazon": re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a token of GitHub": re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,})\b"),
    "a token of Slack": re.compile(rb"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    "a key of Stripe": re.compile(rb"\b[rs]k_live_[A-Za-z0-9]{16,}"),
    "a key of Google": re.compile(rb"\bAIza[0-9A-Za-z_-]{35}\b"),
    "a token of an index": re.compile(rb"\bpypi-[A-Za-z0-9_-]{32,}"),
    "a JSON web token": re.compile(rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."),
}
ASSIGNED = re.compile(
    rb"(?i)(?:secret|token|password|passwd|api_?key|access_?key)\w{0,12}[\"']?\s*[:=]\s*[\"']?([A-Za-z0-9+/_=-]{20,})"
)
RANDOM = 4.0
"""Bits a character: words and made-up values stay below, generated keys lie above."""
MADE_UP = {
    b"c2l4dGVlbiBieXRlcyB0d2ljZSBpcyBzaGlwLXNoYXA=",  # sixteen bytes twice is ship-shap
    b"YW5vdGhlciBzaXh0ZWVuIGJ5dGVzIHR3aWNlIG92ZXI=",  # another sixteen bytes twice over
    b"YW5vdGhlciBrZXkgb2YgdGhpcnR5LXR3byBieXRlcyE=",  # another key of thirty-two bytes!
}
KNOWN_BAD = {
    # package: the first version without the hole that is known, and its name
    "celery": ("5.2.2", "CVE-2021-23727"),
    "redis": ("4.5.5", "CVE-2023-28859"),
    "starlette": ("0.49.1", "CVE-2025-62727"),
    "tornado": ("6.5", "CVE-2025-47287"),
    "flower": ("1.2.0", "CVE-2022-30034"),
    "h11": ("0.16.0", "CVE-2025-43859"),
    "httpx": ("0.23.0", "CVE-2021-41945"),
    "cryptography": ("44.0.1", "CVE-2024-12797"),
    "idna": ("3.7", "CVE-2024-3651"),
    "certifi": ("2024.7.4", "CVE-2024-39689"),
    "mako": ("1.2.2", "CVE-2022-40023"),
    "pydantic": ("2.4.0", "CVE-2024-3772"),
    "pygments": ("2.15.0", "CVE-2022-40896"),
    "python-dotenv": ("0.10.0", "none, but older ones are not looked after"),
    "uvicorn": ("0.11.7", "CVE-2020-7695"),
}


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[\w/.]+::\w+)`", PAGE))))
def test_a_test_that_the_page_names_exists(named):
    """Each test that SECURITY.md counts on is there."""
    path, _, name = named.partition("::")
    tree = ast.parse((ROOT / path).read_text())
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_threat_names_a_test():
    """No line of the threat model is a promise alone."""
    rows = [line for line in PAGE.split("| threat |")[1].split("\n## ")[0].splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 15
    assert [row for row in rows if "`tests/" not in row] == []


def kept():
    """The files that git keeps."""
    found = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if found.returncode:
        pytest.skip("this is no checkout: git does not know which files are kept")
    return [ROOT / name for name in found.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def entropy(text):
    """Bits a character."""
    counts = [text.count(bytes([each])) for each in set(text)]
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


def secrets(text):
    """What looks like a secret in these bytes."""
    yield from (name for name, pattern in SECRETS.items() if pattern.search(text))
    for value in ASSIGNED.findall(text):
        if value not in MADE_UP and entropy(value) > RANDOM and re.search(rb"\d", value):
            yield f"a random value of {len(value)} letters"


def test_no_kept_file_holds_a_secret():
    """No key, token or password stands in any file of the repository."""
    texts = [path for path in kept() if path.suffix not in {".png", ".lock"}]
    assert {
        path.relative_to(ROOT).as_posix(): found for path in texts if (found := list(secrets(path.read_bytes())))
    } == {}


@pytest.mark.parametrize(
    "text",
    [
        b"-----BEGIN " + b"RSA PRIVATE KEY-----",
        b"gh" + b"p_" + b"a1B2" * 9,
        b"SECRET_" + b"KEY=q3Zr8vTn1XwL5yKb0HsJd7FgPm2UeRc9Ai4Vo6NtQxE=",
    ],
)
def test_a_secret_is_seen(text):
    """The search sees a private key, a token and a random value behind a telling name."""
    assert list(secrets(text))


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_no_locked_version_is_known_to_be_bad(lock):
    """No locked version is older than the one that mended a hole which was known when this was written.

    This list is short and grows old: CI asks the advisory database itself where it is reachable (.ci/audit).
    """
    locked = dict(re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==([\w.+!]+)", (ROOT / lock).read_text(), re.MULTILINE))
    bad = {name: (locked[name], why) for name, (mended, why) in KNOWN_BAD.items()
           if name in locked and Version(locked[name]) < Version(mended)}  # fmt: skip
    assert bad == {}
    assert len(KNOWN_BAD.keys() & locked.keys()) > 8


def test_a_log_line_holds_no_secret_and_no_person(capsys):
    """A key that is not known to be harmless is dropped, and of an exception only its class is written."""
    logs.configure("json", "info")
    try:
        int("ada@example.com")
    except ValueError:
        structlog.get_logger().exception(
            "bell.failed", booking=7, customer="Ada Example", token="hunter2", body={"a": 1}
        )
    finally:
        structlog.reset_defaults()
    line = json.loads(capsys.readouterr().err)
    assert set(line) == {"event", "level", "timestamp", "booking", "exc_type"}
    assert (line["booking"], line["exc_type"]) == (7, "ValueError")

"""The demonstration: it ends with 0 and its table, and its check finds whatever is not as the flags say."""

import subprocess
import sys
from dataclasses import replace

import pytest

from tests.journeys.company import bare
from worker.cli import demo
from worker.flow import overview
from worker.sandbox.scenario import Scenario
from worker.store import connections

MANY = 28


def test_the_demo_ends_with_0_and_its_table(tmp_path):
    """`bokun-sync demo` in an empty folder plays its bookings to the end, shows documents and questions, and ends with 0."""
    command = [sys.executable, "-c", "from worker.cli import main; main()", "demo", "--bookings", "200"]
    done = subprocess.run(command, cwd=tmp_path, env=bare(), capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("Documents that Space Invoices issued:", "invoice   EUR", "estimate  EUR",
                  "Bookings without a document, and why:", "until-complete", "connection-inactive", "unknown-status",
                  "cancelled-before-document", "the stand-ins hold exactly what the flags call for", "Type next:",
                  "explain ", "status"):  # fmt: skip
        assert words in done.stdout
    assert done.stderr == ""


@pytest.fixture
def ended(house):
    """A small demonstration at its end: what the stand-ins hold beside our own records."""
    Scenario.demo(house.clock(), MANY).fill(house.sandbox)
    organizations = tuple(house.sandbox.organizations)
    house = house.with_services(terms=replace(house.services.terms, organizations=organizations))
    house.mirror()
    for each in house.sandbox.connections:
        with house.services.database.transaction() as open_:
            keys = {name: each[name] for name in ("access_key", "secret_key")}
            connections.change(open_, each["id"], **keys)
    for minutes in (0, 1, 1):
        house.later(minutes=minutes)
    played = demo.Played(house.sandbox.documents, house.sandbox.expectations)
    return house.services, played, overview.booking_records(house.services)


def verdict(ended, capsys, **other):
    """The exit code of the report, and the bookings that it names as wrong."""
    services, played, records = ended
    code = demo._report(services, replace(played, **other), records, finished=True, seconds=1)
    said = capsys.readouterr().out.splitlines()
    return code, [line.split()[2].strip(":") for line in said if line.startswith("WRONG")]


def test_the_check_takes_what_is_right(ended, capsys):
    """With every document in its place the report ends with 0."""
    assert verdict(ended, capsys) == (0, [])


TAMPERED = {
    "missing": lambda document: [],
    "twice": lambda document: [document, document],
    "of the other kind": lambda document: [document | {"type": "estimate"}],
    "of another booking": lambda document: [document | {"bookingId": 1}],
    "of another amount": lambda document: [document | {"total": document["total"] + 1}],
    "in another currency": lambda document: [document | {"currency": "XXX"}],
}


@pytest.mark.parametrize("how", TAMPERED)
def test_the_check_finds_a_document_that_is(ended, capsys, how):
    """A stand-in's invoice that is missing, doubled or altered ends the report with 1 and is named."""
    _, played, _ = ended
    first = next(each for each in played.documents if each["type"] == "invoice")
    rest = [each for each in played.documents if each is not first]
    code, wrong = verdict(ended, capsys, documents=[*TAMPERED[how](first), *rest])
    assert (code, str(first["bookingId"]) in wrong) == (1, True)


def test_the_check_finds_a_wrong_rule(ended, capsys):
    """A booking that was decided by another rule than the expected one ends the report with 1."""
    _, played, _ = ended
    first, *rest = played.expectations
    code, wrong = verdict(ended, capsys, expectations=[first | {"rule": "until-paid"}, *rest])
    assert (code, wrong) == (1, [str(first["booking"])])


def test_the_check_finds_a_booking_that_was_never_seen(ended, capsys):
    """A booking that we know nothing of ends the report with 1."""
    _, played, _ = ended
    unseen = played.expectations[0] | {"booking": 5, "invoice": 0, "estimate": 0}
    code, wrong = verdict(ended, capsys, expectations=[*played.expectations, unseen])
    assert (code, wrong) == (1, ["5"])


def test_a_demo_that_does_not_come_to_rest_fails(ended, capsys):
    """Even with all documents in place a demonstration that did not end is no success."""
    services, played, records = ended
    assert demo._report(services, played, records, finished=False, seconds=1) == 1
    assert "Not everything came to rest" in capsys.readouterr().out

"""`doctor`: what usually is wrong, each with a sentence and a remedy."""

import socket

import pytest


def examined(shop):
    """The exit code, and what each check found."""
    said = shop("doctor", "--json")
    return said.code, {each["check"]: each for each in said.json}


@pytest.fixture
def well(mirrored):
    """A shop in which nothing is wrong."""
    mirrored.terminal.set(START_FROM="2025-01-01")
    return mirrored


def test_all_is_well(well):
    """Set up rightly every check is fine, says what it found, and the exit code is 0."""
    code, found = examined(well)
    assert (code, [name for name, each in found.items() if not each["ok"]]) == (0, [])
    assert {"database", "broker", "START_FROM", "clock against Space Invoices"} <= set(found)


@pytest.mark.parametrize(
    ("name", "value", "check"),
    [
        ("SPACE_INVOICES_TOKEN", "wrong", "Space Invoices, organization org-1"),
        ("SPACE_INVOICES_TOKEN", "", "SPACE_INVOICES_TOKEN"),
        ("SPACE_INVOICES_ORGANIZATIONS", "", "SPACE_INVOICES_ORGANIZATIONS"),
        ("SPACE_INVOICES_ORGANIZATIONS", "org-9", "Space Invoices, organization org-9"),
        ("SPACE_INVOICES_URL", "http://127.0.0.1:1/v1", "clock against Space Invoices"),
        ("BOKUN_SECRET_KEY", "wrong", "Bokun, connection 65a0c0de0000000000000001 (Our store)"),
        ("BOKUN_URL", "http://127.0.0.1:1", "Bokun, connection 65a0c0de0000000000000001 (Our store)"),
        ("DATABASE_URL", "postgresql://postgres@127.0.0.1:1/shop", "database"),
        ("DATABASE_URL", "sqlite:///empty.db", "database"),
        ("REDIS_URL", "redis://127.0.0.1:1/0", "broker"),
        ("START_FROM", "", "START_FROM"),
    ],
)
def test_each_trouble_is_found_and_has_a_remedy(well, name, value, check):
    """What is wrong is one check that failed, with what to do, and the exit code is 1."""
    well.terminal.set(**{name: value})
    code, found = examined(well)
    assert (code, found[check]["ok"]) == (1, False)
    assert found[check]["do"]


def test_one_trouble_does_not_hide_the_others(well):
    """With both the token and the database wrong, both are said."""
    well.terminal.set(SPACE_INVOICES_TOKEN="wrong", DATABASE_URL="sqlite:///empty.db")
    _, found = examined(well)
    assert [found[name]["ok"] for name in ("database", "Space Invoices, organization org-1")] == [False, False]


def test_no_secret_is_printed(well):
    """Neither tokens nor keys stand in what doctor says."""
    well.terminal.set(SPACE_INVOICES_TOKEN="hunter2-token", BOKUN_SECRET_KEY="hunter2-key")
    said = well("doctor")
    assert "hunter2" not in said.out + said.err


def test_a_broker_that_says_nothing_is_named(well):
    """A broker that takes connections and never answers is found in seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        well.terminal.set(REDIS_URL=f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        code, found = examined(well)
    assert (code, found["broker"]["ok"], found["broker"]["do"]) == (1, False, "check REDIS_URL")

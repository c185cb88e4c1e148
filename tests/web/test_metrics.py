"""Metrics: what is told is true, and what is documented is told."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.builders import NOW, add, add_connection, add_delivery, settings
from tests.web.senders import app_store
from worker.store import tables, tallies
from worker.store.database import Database
from worker.store.tallies import Counted

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", re.MULTILINE)


@pytest.fixture
def busy(database, clock):
    """A database with something of everything that is counted."""
    add_connection(database, "c1", watermark=NOW - timedelta(seconds=90), blocked_at=NOW, blocked_because="401")
    add_connection(database, "left", gone_at=NOW)
    held = add_delivery(database, state="held", reason="the amounts differ")
    add_delivery(database, booking_id=8, due_at=NOW - timedelta(seconds=40))
    add(database, tables.Attempt, delivery_id=held, token="t", begun_at=NOW, ended_at=NOW, outcome="accepted")
    add(database, tables.Look, delivery_id=held, at=NOW, saw="mismatched")
    add(database, tables.Heartbeat, bell="tasks.plan.notices", rung_at=NOW, done_at=NOW - timedelta(seconds=7))
    add(database, tables.Hearing, connection_id="c1", booking_id=7, heard_at=NOW - timedelta(seconds=60))
    add(database, tables.Silence, connection_id="c1", since=NOW, unannounced=3)
    add(database, tables.Alert, key="blocked:c1", said="x", news="", since=NOW, last=NOW, count=1)
    add(database, tables.Alert, key="held", said="x", news="", since=NOW, last=NOW, count=1, over_at=NOW)
    calls = [
        Counted("Bokun", "get booking", "200", "0.1", 3, 0.2),
        Counted("Bokun", "get booking", "200", "+Inf", 1, 40),
    ]
    database.run(lambda open_: tallies.add(open_, calls))


def families(web):
    """What is told, by name."""
    return {each.name: each for each in text_string_to_metric_families(web.get("/metrics").text)}


def values(web, name):
    """The samples of a metric: {label values: value}."""
    return {tuple(each.labels.values()): each.value for each in families(web)[f"bokun_sync_{name}"].samples}


@pytest.mark.parametrize(
    ("name", "told_"),
    [
        ("held_deliveries", {"mismatched": 1, "refused": 0}),
        ("deliveries", {"held": 1, "planned": 1, "unknown": 0}),
        ("attempts", {"accepted": 1}),
        ("connection_lag_seconds", {"c1": 90}),
        ("connection_blocked", {"c1": 1}),
        ("connection_paused", {"c1": 0}),
        ("webhooks_silent", {"c1": 1}),
        ("open_alerts", {"blocked": 1}),
        ("webhook_age_seconds", {"c1": 60}),
        ("bell_age_seconds", {"tasks.plan.notices": 7}),
    ],
)
def test_labelled(web, busy, name, told_):
    """Each count stands under its label, and a connection that is gone under none."""
    found = values(web, name)
    assert {label: found[label,] for label in told_} == told_
    assert ("left",) not in found


@pytest.mark.parametrize(("name", "value"), [("oldest_due_seconds", 40), ("notices", 0), ("database_up", 1)])
def test_plain(web, busy, name, value):
    """Each single figure is told as it stands."""
    assert values(web, name) == {(): value}


def test_calls(web, busy):
    """Calls are a histogram by remote, call and outcome, whichever process made them."""
    samples = families(web)["bokun_sync_call_duration_seconds"].samples
    found = {(each.name.rpartition("_")[2], each.labels.get("le", "")): each.value for each in samples}
    wanted = {("bucket", "0.05"): 0, ("bucket", "0.1"): 3, ("bucket", "30.0"): 3, ("bucket", "+Inf"): 4}
    assert {key: found[key] for key in wanted} == wanted
    assert (found["count", ""], found["sum", ""]) == (4, pytest.approx(40.2))


def test_documented(web, busy):
    """docs/metrics.md names every metric with its type and labels, and no other."""
    app_store(web)
    documented = {
        name.removesuffix("_total"): (kind, frozenset(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in ROW.findall((DOCS / "metrics.md").read_text())
    }
    web.get("/nowhere")
    add_all = families(web)
    seen = {
        name: (each.type, frozenset(key for sample in each.samples for key in sample.labels) - {"le"})
        for name, each in add_all.items()
    }
    assert {name: kind for name, (kind, _) in seen.items()} == {name: kind for name, (kind, _) in documented.items()}
    assert {name for name in seen if seen[name][1] and seen[name] != documented[name]} == set()


def test_conventions(web, busy):
    """Names begin with the program's, carry base units, and only counters end in _total."""
    app_store(web)
    for name, family in families(web).items():
        assert re.fullmatch(r"bokun_sync_[a-z_]+", name)
        assert not name.endswith(("_total", "_count", "_bucket", "_sum", "_milliseconds", "_minutes"))
        assert family.documentation.endswith((".", "none is."))


@pytest.mark.parametrize("name", ["alerts.rules.yml", "grafana-dashboard.json"])
def test_examples(name):
    """The alerts and the dashboard ask for documented metrics only, and are readable."""
    content = (DOCS / name).read_text()
    documented = {row[0] for row in ROW.findall((DOCS / "metrics.md").read_text())}
    asked = {re.sub(r"_(bucket|count|sum)$", "", each) for each in re.findall(r"bokun_sync_\w+", content)}
    assert asked
    assert asked <= documented
    if name.endswith(".json"):
        assert json.loads(content)["panels"]


def test_database_away(open_web, told, services, tmp_path):
    """Without its database the process still tells what it served, and that the database is away."""
    web = open_web(told, replace(services, database=Database(f"sqlite:///{tmp_path}/none.db")))
    app_store(web)
    found = families(web)
    assert found["bokun_sync_database_up"].samples[0].value == 0
    assert values(web, "webhooks") == {("app-store", "503", "bookings/update"): 1}


@pytest.mark.parametrize(
    ("given", "status"), [(None, 401), ("Bearer wrong", 401), ("Bearer tök", 401), ("Bearer t", 200)]
)
def test_token(open_web, services, given, status):
    """With METRICS_TOKEN only its bearer reads them."""
    web = open_web(settings(metrics_token="t"), services)
    headers = {} if given is None else {"authorization": given.encode()}
    assert web.get("/metrics", headers=headers).status_code == status

"""Health: the process, and what it needs."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from tests.builders import settings
from worker.store.database import Database
from worker.store.migrate import upgrade


@pytest.fixture
def migrated(services, tmp_path):
    """Services on a database at the newest version."""
    database = Database(f"sqlite:///{tmp_path}/migrated.db")
    upgrade(database.engine)
    yield replace(services, database=database)
    database.close()


def test_alive(open_web, told, services, tmp_path):
    """The process is alive whatever happens to its database."""
    away = replace(services, database=Database(f"sqlite:///{tmp_path}/none.db"))
    assert open_web(told, away).get("/healthz").status_code == 200


def test_ready(open_web, told, migrated):
    """Ready means a database at the newest version, and a broker; the embedded one is its process's own."""
    answer = open_web(told, migrated).get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "broker": "embedded", "migrations": "ok"})


def test_not_migrated(open_web, told, migrated):
    """A database without its migrations is not ready, and the answer names the command."""
    with migrated.database.transaction() as open_:
        open_.execute(text("DELETE FROM alembic_version"))
    answer = open_web(told, migrated).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["migrations"].endswith("bokun-sync migrate")


def test_broker_away(open_web, told, migrated):
    """Without its broker the process is not ready; webhooks are taken all the same."""
    web = open_web(settings(redis_url="redis://127.0.0.1:1", webhook_token="t"), migrated)
    assert (web.get("/readyz").status_code, web.post("/webhooks/bokun/t", json={"id": 7}).status_code) == (503, 200)


def test_database_away(open_web, told, services):
    """Without its database the process is not ready."""
    away = replace(services, database=Database("postgresql+psycopg://nobody@127.0.0.1:1/none"))
    answer = open_web(told, away).get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "away (OperationalError)")

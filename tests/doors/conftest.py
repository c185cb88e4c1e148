"""A terminal, the two neighbours, and a shop that is set up for them."""

import shutil

import pytest
import structlog

from config.settings import Settings
from tests.doors.person import KEY, ROOT, Shop, Terminal
from worker.sandbox import Sandbox
from worker.store.database import Database
from worker.store.migrate import upgrade


@pytest.fixture
def terminal(monkeypatch, capsys, tmp_path):
    """A terminal in an empty folder, with no setting but its default."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    yield Terminal(monkeypatch, capsys)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """A database file at the newest version, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "migrated.db"
    database = Database(f"sqlite:///{file}")
    upgrade(database.engine)
    database.close()
    return file


@pytest.fixture
def neighbours():
    """Both remotes, with the time of this machine."""
    with Sandbox() as playing:
        yield playing


@pytest.fixture
def unmigrated(terminal, neighbours, tmp_path):
    """A shop whose database is not there yet."""
    connection = neighbours.connect("Our store")["id"]
    terminal.set(
        DATABASE_URL=f"sqlite:///{tmp_path / 'shop.db'}",
        SPACE_INVOICES_URL=neighbours.space_invoices_url,
        SPACE_INVOICES_TOKEN=neighbours.token,
        SPACE_INVOICES_ORGANIZATIONS=neighbours.organization,
        BOKUN_URL=neighbours.bokun_url,
        BOKUN_ACCESS_KEY=neighbours.access_key,
        BOKUN_SECRET_KEY=neighbours.secret_key,
        SECRET_KEY=KEY,
        CALL_TIMEOUT="5",
        SPACE_INVOICES_CALLS_PER_SECOND="1000000",
        BOKUN_CALLS_PER_MINUTE="1000000",
        LOG_LEVEL="error",
    )
    return Shop(terminal, neighbours, connection, tmp_path / "shop.db")


@pytest.fixture
def shop(unmigrated, migrated):
    """A shop that is set up."""
    shutil.copyfile(migrated, unmigrated.file)
    return unmigrated


@pytest.fixture
def mirrored(shop):
    """A shop whose connection is mirrored."""
    assert shop("connections", "refresh").code == 0
    return shop

"""The grounds on which deaths are played, on either database."""

import pytest

from tests import servers
from tests.builders import settings
from tests.simulation.play import Ground
from worker.store import tables
from worker.store.database import Database


@pytest.fixture(scope="module")
def on_sqlite():
    """What all plays of a module share."""
    made = Ground()
    yield made
    made.close()


@pytest.fixture(scope="module")
def on_postgresql():
    """The same with PostgreSQL in it."""
    with servers.postgres() as url:
        made = Ground(database=Database(settings(database_url=url).database_url))
        tables.metadata.create_all(made.database.engine)
        yield made
        made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def ground(request):
    """The ground on either database."""
    return request.getfixturevalue(f"on_{request.param}")

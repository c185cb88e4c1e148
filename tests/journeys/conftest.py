"""Companies on one machine: SQLite and a broker of their own."""

import pytest

from tests.journeys.company import Company, surroundings
from tests.servers import redis
from worker.sandbox import Sandbox


@pytest.fixture
def neighbours():
    """Both remotes with the time of this machine."""
    with Sandbox() as playing:
        yield playing


@pytest.fixture
def company(tmp_path, neighbours):
    """A company whose database is migrated; nothing runs yet."""
    with redis() as url:
        said = surroundings(neighbours, database=f"sqlite:///{tmp_path / 'company.db'}", redis=url)
        made = Company(tmp_path, neighbours, said)
        assert made.run("release").returncode == 0
        yield made
        made.close()

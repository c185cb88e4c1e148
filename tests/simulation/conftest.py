"""What the plays share: one ground, and no noise."""

import pytest
import structlog

from tests.simulation.play import Ground
from worker.flow import deliver


@pytest.fixture(scope="module")
def ground():
    """What all plays share."""
    made = Ground()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Nobody reads the log of a storm, and no group waits for an answer that is there."""
    monkeypatch.setattr(deliver, "GROUP_WAIT", 0.0)
    with structlog.testing.capture_logs():
        yield

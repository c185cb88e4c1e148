"""The product between its two neighbours, with a clock that a test moves; no socket leaves this machine."""

import socket
import sys
from dataclasses import replace

import hypothesis
import pytest

from tests.builders import Clock, House, database_in, furnish, settings
from worker import wiring
from worker.calls.wire import Wire
from worker.sandbox import Sandbox
from worker.store import tables
from worker.store.database import must_be_closed

# The neighbours run on a thread of this process: with the usual 5 ms every call would wait for the interpreter lock.
sys.setswitchinterval(0.0005)

for _name, _examples, _steps in (("small", 60, 30), ("many", 2000, 40), ("thorough", 20_000, 60)):
    hypothesis.settings.register_profile(_name, max_examples=_examples, stateful_step_count=_steps, deadline=None,
                                         derandomize=_name == "small", print_blob=True,
                                         suppress_health_check=list(hypothesis.HealthCheck))  # fmt: skip

LONG = (
    "tests/test_benchmarks.py",
    "tests/journeys/",
    "tests/simulation/",
    "tests/doors/test_apply_process.py",
    "tests/flow/test_backfill.py",
    "tests/flow/test_both_databases.py",
    "tests/flow/test_crash_matrix.py::test_a_copy",
    "tests/flow/test_crash_matrix.py::test_no_death",
    "tests/flow/test_crash_matrix.py::test_the_bells",
    "tests/flow/test_crashes.py",
    "tests/flow/test_price_crashes.py::test_a_call_that_arrives_after_the_next_sync_is_put_right[postgresql",
    "tests/flow/test_price_crashes.py::test_dead_at_any_step_it_ends_the_same[postgresql",
    "tests/flow/test_rolling_release.py",
    "tests/flow/test_state_machine.py",
    "tests/flow/test_storm.py",
)
"""What `make test-long` runs beside the rest: real processes, seeds, and a death at every step."""


def pytest_collection_modifyitems(items):
    """Marks the long ones by where they live."""
    for item in items:
        if item.nodeid.startswith(LONG):
            item.add_marker(pytest.mark.long)


class LeavesThisMachine(AssertionError):
    """A test wanted to talk to somebody else."""


@pytest.fixture(autouse=True)
def only_this_machine(monkeypatch):
    """Sockets connect to loopback only, and the only names that resolve are its own."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self, address):
        if isinstance(address, tuple) and not address[0].startswith("127.") and address[0] not in {"::1", "localhost"}:
            raise LeavesThisMachine(address)
        return connect(self, address)

    def guarded_resolve(host, *rest, **more):
        name = host.decode() if isinstance(host, bytes) else host
        if name and not name.startswith("127.") and name not in {"::1", "localhost"}:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *rest, **more)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_resolve)


@pytest.fixture(scope="session")
def built():
    """One build of the services for all tests: its threads and its TLS context cost more than everything else."""
    services = wiring.build(settings(in_flight=8, call_timeout=5, database_url="sqlite:///:memory:"))
    yield services
    services.close()


@pytest.fixture(scope="session")
def impatient():
    """A wire that gives up a call after a fifth of a second."""
    wire = Wire(timeout=0.2, may_send=must_be_closed)
    yield wire
    wire.close()


@pytest.fixture
def clock():
    """A clock that stands still until a test moves it."""
    return Clock()


@pytest.fixture
def sandbox(clock):
    """Both neighbours on ports of their own, empty."""
    with Sandbox(clock) as playing:
        yield playing


@pytest.fixture(scope="session")
def _file(tmp_path_factory):
    """One database file for all tests: a new engine would compile every statement anew."""
    made = database_in(tmp_path_factory.mktemp("database"))
    yield made
    made.close()


@pytest.fixture
def database(_file):
    """An empty database in a file."""
    with _file.transaction() as open_:
        for each in tables.metadata.sorted_tables:
            open_.execute(each.delete())
    return _file


@pytest.fixture
def services(built, sandbox, database, clock):
    """The services of one process: the sandbox for neighbours, no limits that a test would meet by chance."""
    return furnish(built, sandbox, database, clock)


@pytest.fixture
def house(services, sandbox, clock):
    """The product, its neighbours and the clock in one hand."""
    return House(services, sandbox, clock)


@pytest.fixture
def hasty(house, impatient):
    """The same with a fifth of a second for each call."""
    return house.with_services(space_invoices=replace(house.services.space_invoices, wire=impatient))

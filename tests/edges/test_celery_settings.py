"""Celery and Redis as they are set: a bell may be lost, doubled or late, but never hangs, piles up or carries data."""

import ast
import inspect
import re
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

import tasks
from config.broker import BELL_EXPIRES, VISIBILITY_TIMEOUT
from tests import servers
from tests.builders import settings
from worker import app as bells
from worker.app import celery_app

ROOT = Path(bells.__file__).parent.parent
SOURCES = [*sorted(Path(tasks.__file__).parent.glob("*.py")), ROOT / "worker" / "app.py"]


@pytest.fixture
def app():
    """The app as a worker has it, on a broker that nobody asks."""
    made = celery_app(settings(redis_url="redis://127.0.0.1:1/0", prices_sync_every=3600))
    made.loader.import_default_modules()
    return made


@pytest.fixture
def ours(app):
    """The tasks of the product: others may have been registered by what else ran in this process."""
    return {name: task for name, task in app.tasks.items() if name.startswith("tasks.")}


WANTED = [
    ("broker_connection_retry_on_startup", True, "a worker may start before its broker"),
    ("broker_connection_max_retries", None, "a broker that is away for long is waited for"),
    ("broker_connection_timeout", 3, "a dead broker is noticed in seconds"),
    ("broker_pool_acquire_timeout", 2, "endless by default (C18)"),
    ("task_publish_retry", False, "a bell that cannot be rung is dropped: beat rings again"),
    ("task_acks_late", False, "a bell whose worker died is not rung again by the broker (C3, C4)"),
    ("task_reject_on_worker_lost", False, "a task that kills its worker must not loop (C3)"),
    ("task_ignore_result", True, "the truth is in the database (C13)"),
    ("result_backend", None, "nothing is kept in Redis (C13)"),
    ("worker_prefetch_multiplier", 1, "a killed worker takes few bells with it (C4)"),
    ("worker_eta_task_limit", None, "there are no ETA tasks to limit (C12)"),
    ("worker_max_tasks_per_child", 10_000, "a leak ends with its process"),
    ("worker_max_memory_per_child", 250_000, "a leak ends with its process"),
    ("worker_cancel_long_running_tasks_on_connection_loss", False, "a blip must not cut a POST (C23)"),
    ("worker_soft_shutdown_timeout", 45, "a stop waits for what is being sent, below the grace of 60 s"),
    ("task_serializer", "json", "never pickle"),
    ("accept_content", ["json"], "never pickle"),
    ("result_accept_content", ["json"], "never pickle"),
    ("task_soft_time_limit", 60, "longer than a drain (10 s) and the call it began last (CALL_TIMEOUT)"),
    ("task_time_limit", 90, "below every lease and the visibility timeout (C2)"),
    ("timezone", "UTC", "no clock change skips or doubles a bell (C21)"),
    ("enable_utc", True, "no clock change skips or doubles a bell (C21)"),
    ("worker_send_task_events", True, "for Flower"),
    ("task_send_sent_event", False, "it would double what a ring costs"),
]


@pytest.mark.parametrize(("name", "value", "because"), WANTED, ids=[name for name, *_ in WANTED])
def test_each_setting_has_its_value(app, name, value, because):
    """The app made for a worker carries every setting of the list, each for its reason."""
    assert app.conf[name] == value, because


def test_the_transport_notices_a_dead_broker(app):
    """Half-open connections end in seconds, a bell gives up after one, and no task is delivered twice (C2, C6, C18)."""
    assert app.conf.broker_transport_options == {
        "visibility_timeout": 600,
        "socket_timeout": 5,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 5,
        "connect_retries_timeout": 1,
        "interval_start": 0.2,
        "interval_step": 0.2,
        "global_keyprefix": "bokun:",
    }


def test_the_task_names_are_those_that_flower_shows(ours):
    """The tasks have the names of the contract."""
    assert sorted(ours) == [
        "tasks.alerts.watch",  # the name that 0.1.0 rings
        "tasks.audit.daily",
        "tasks.audit.digest",
        "tasks.audit.keep",
        "tasks.audit.watch",
        "tasks.deliver.due",
        "tasks.imports.due",
        "tasks.imports.run",
        "tasks.plan.booking",
        "tasks.plan.notices",
        "tasks.poll.connection",
        "tasks.poll.connections",
        "tasks.poll.rescan",
        "tasks.prices.connection",
        "tasks.prices.sync",
        "tasks.reconcile.due",
        "tasks.refresh.connections",
    ]


def test_every_task_ends_before_its_message_comes_back(ours):
    """Soft limit < hard limit < visibility timeout, or a task would run twice at once (C2)."""
    for task in ours.values():
        assert 60 <= task.soft_time_limit < task.time_limit < VISIBILITY_TIMEOUT


def test_no_task_keeps_a_result(ours):
    """Nothing of a task stays behind in Redis, not even its failure, and its message is gone once it began."""
    kept = {(task.ignore_result, task.store_errors_even_if_ignored, task.acks_late) for task in ours.values()}
    assert kept == {(True, False, False)}


def test_a_bell_carries_ids_at_most(ours):
    """The parameters of a task, next to the services, are ids and nothing else."""
    allowed = {"connection", "booking", "import_"}
    for task in ours.values():
        named = list(inspect.signature(task.run.__wrapped__).parameters)
        assert named[0] == "services"
        assert set(named[1:]) <= allowed


def test_beat_rings_by_interval_and_its_bells_expire(app, ours):
    """Every entry rings a known task every so many seconds, without arguments, and expires with its period."""
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in ours
        assert set(entry) == {"task", "schedule", "options"}
        assert isinstance(entry["schedule"], float)
        assert entry["options"] == {"expires": max(entry["schedule"], 1.0)}


def test_prices_ring_only_where_they_are_wanted():
    """Without PRICES_SYNC_EVERY beat rings no bell of prices."""
    app = celery_app(settings(redis_url="redis://127.0.0.1:1/0"))
    assert sorted(app.conf.beat_schedule) == [
        "tasks.audit.daily",
        "tasks.audit.digest",
        "tasks.audit.watch",
        "tasks.deliver.due",
        "tasks.imports.due",
        "tasks.plan.notices",
        "tasks.poll.connections",
        "tasks.poll.rescan",
        "tasks.reconcile.due",
        "tasks.refresh.connections",
    ]


def test_beat_keeps_no_file(app):
    """A beat that starts rings everything once, which is harmless; it needs no writable folder."""
    assert app.conf.beat_scheduler == "celery.beat:Scheduler"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_task_is_retried_or_put_off(path):
    """No retry, countdown, eta, chain, group or chord: due times are in the database (C1, C11, C14)."""
    tree = ast.parse(path.read_text())
    words = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    words |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    words |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    forbidden = {"retry", "countdown", "eta", "autoretry_for", "retry_backoff", "max_retries", "chain", "group",
                 "chord", "apply_async", "delay", "rate_limit"}  # fmt: skip
    assert words & forbidden == set()


def test_only_tasks_and_the_app_talk_to_celery():
    """`send_task` stands in the app alone, so that what a message carries is decided in one place."""
    found = [path.name for path in (ROOT / "worker").rglob("*.py") if re.search(r"\bsend_task\(", path.read_text())]
    assert found == ["app.py"]


def test_a_bell_on_the_broker_is_ids_in_json_with_an_expiry(app):
    """What lies on the broker is a name, ids and the time after which nobody needs it."""
    app.conf.update(broker_url="memory://", broker_transport_options={})
    before = datetime.now(UTC)
    bells.ring("tasks.poll.connection", "c1")
    with app.connection_for_read() as connection, connection.SimpleQueue("bells.poll") as queue:
        message = queue.get_nowait()
    args, kwargs, embedded = message.payload
    assert (message.headers["task"], args, kwargs) == ("tasks.poll.connection", ["c1"], {})
    assert (message.content_type, any(embedded.values()), message.headers["eta"]) == ("application/json", False, None)
    expires = datetime.fromisoformat(message.headers["expires"]) - before
    assert timedelta(0) <= expires - timedelta(seconds=BELL_EXPIRES) < timedelta(seconds=60)


def test_bells_of_one_step_do_not_hold_up_those_of_another():
    """Behind thirty bells that read bookings, the one that proves what was sent is among the first that a worker takes."""
    heard = []

    def take(message):
        heard.append(message.headers["task"])
        message.ack()

    with servers.redis() as url:
        app = celery_app(settings(redis_url=url))
        for _ in range(30):
            bells.ring("tasks.plan.notices")
        bells.ring("tasks.reconcile.due")
        with app.connection_for_read() as connection:
            connection.default_channel.basic_qos(0, 1, False)
            with app.amqp.TaskConsumer(connection.default_channel, on_message=take):
                while len(heard) < 31:
                    connection.drain_events(timeout=5)
    assert (heard.index("tasks.reconcile.due") < 3, len(heard)) == (True, 31)


@pytest.fixture
def frozen():
    """The port of a broker that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def closed():
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@pytest.mark.parametrize("broker", ["closed", "frozen"])
def test_a_bell_for_a_broker_that_is_away_is_dropped(broker, request):
    """Ringing raises nothing and comes back within the broker's own timeouts, whether it is gone or frozen (C18)."""
    celery_app(settings(redis_url=f"redis://127.0.0.1:{request.getfixturevalue(broker)}/0"))
    ringing = threading.Thread(target=bells.ring, args=("tasks.deliver.due",), daemon=True)
    started = time.monotonic()
    ringing.start()
    ringing.join(30)
    assert not ringing.is_alive(), f"still ringing after {time.monotonic() - started:.0f} s"


def test_a_bell_gives_up_before_a_listener_would(frozen):
    """A frozen broker costs whoever rings a second: less than any command on a connection with a patience of three."""
    celery_app(settings(redis_url=f"redis://127.0.0.1:{frozen}/0"))
    ended, patient = [], redis.Redis(port=frozen, socket_timeout=3, retry=Retry(NoBackoff(), 0))

    def listen():
        with pytest.raises(redis.TimeoutError):
            patient.ping()
        ended.append("listener")

    def ring():
        bells.ring("tasks.deliver.due")
        ended.append("bell")

    both = [threading.Thread(target=each, daemon=True) for each in (listen, ring)]
    for each in both:
        each.start()
    for each in both:
        each.join(30)
    assert ended == ["bell", "listener"]

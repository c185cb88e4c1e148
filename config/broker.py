"""Celery's settings as plain data; each has its reason (reliability.md 1.3, where C1 ... C24 are its numbered traps)."""

from __future__ import annotations

from typing import Any

VISIBILITY_TIMEOUT = 600
BELL_EXPIRES = 120
QUEUE = "bells"
OWN_QUEUES = {f"tasks.{step}.*": f"{QUEUE}.{step}" for step in ("poll", "plan", "deliver", "reconcile")}
"""A worker takes from its queues in turn: a storm of webhooks, whose bells each read for seconds, holds up no proof."""
RINGING = {"socket_timeout": 1, "socket_connect_timeout": 1}
"""Transport options of whoever rings: a frozen broker costs it a second, not the five that a listener waits."""


def celery_settings(broker_url: str) -> dict[str, Any]:
    """A bell may be lost, doubled or late without harm; what it must never do is hang, pile up or carry data."""
    return {
        "broker_url": broker_url,
        "broker_transport_options": {
            # Longer than any task can run (task_time_limit), or it would run twice at once (C2).
            "visibility_timeout": VISIBILITY_TIMEOUT,
            # A half-open connection is noticed in seconds instead of never (C6); a frozen broker does not hang us (C18).
            "socket_timeout": 5,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "health_check_interval": 5,
            # Whoever rings a bell gives up after a second instead of six (C18); a worker waits for its broker all the same.
            "connect_retries_timeout": 1,
            "interval_start": 0.2,
            "interval_step": 0.2,
            "global_keyprefix": "bokun:",
        },
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 3,
        "broker_pool_acquire_timeout": 2,  # endless by default (C18)
        "task_publish_retry": False,  # a bell that cannot be rung is dropped: beat rings again
        # Early acks: a bell whose worker died is not rung again by the broker, the sweep does it (C3, C4, C9).
        "task_acks_late": False,
        "task_reject_on_worker_lost": False,
        "task_ignore_result": True,  # no result backend: truth is in the database (C13)
        "task_store_errors_even_if_ignored": False,
        "worker_prefetch_multiplier": 1,
        "task_soft_time_limit": 60,  # calls end after CALL_TIMEOUT, drains after 45 s
        "task_time_limit": 90,
        "worker_max_tasks_per_child": 10_000,  # the first bell of a new child costs a fifth of a second
        "worker_max_memory_per_child": 250_000,  # KiB
        "worker_cancel_long_running_tasks_on_connection_loss": False,  # a blip must not cut a POST (C23)
        "worker_soft_shutdown_timeout": 45,
        "task_serializer": "json",
        "accept_content": ["json"],  # never pickle
        "result_accept_content": ["json"],
        "timezone": "UTC",
        "enable_utc": True,
        "worker_send_task_events": True,  # for Flower
        "task_send_sent_event": False,  # would double what a ring costs; what waits for a worker is in Flower's Broker
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "task_default_queue": QUEUE,
        "task_queues": {queue: {} for queue in (QUEUE, *OWN_QUEUES.values())},
        "task_routes": {bells: {"queue": queue} for bells, queue in OWN_QUEUES.items()},
        # No file of last runs: a beat that starts rings everything once, which is harmless.
        "beat_scheduler": "celery.beat:Scheduler",
        "beat_max_loop_interval": 5,
    }

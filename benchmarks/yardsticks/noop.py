"""Yardstick: an empty Celery task, nothing else (`celery -A benchmarks.yardsticks.noop worker -P threads -c 32`)."""

import os

from celery import Celery

app = Celery("noop", broker=os.environ.get("REDIS_URL", ""))
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True, task_default_queue="noop")


@app.task
def nothing(_booking: int) -> None:
    """Does nothing."""

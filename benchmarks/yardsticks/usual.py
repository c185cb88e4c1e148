"""Yardstick: the pipeline that a developer writes first. A task per booking, a session per step, a client per call.

celery -A benchmarks.yardsticks.usual worker -P threads -c 32      CLIENT=requests|httpx
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import httpx
import requests
import structlog
from celery import Celery
from sqlmodel import Field, Session, SQLModel, create_engine, select

log = structlog.get_logger()
app = Celery("usual", broker=os.environ.get("REDIS_URL", ""))
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True, task_default_queue="usual")
_engine = create_engine(os.environ.get("DATABASE_URL", "sqlite://"))


class UsualConnection(SQLModel, table=True):
    id: str = Field(primary_key=True)
    active: bool


class UsualInbox(SQLModel, table=True):
    booking: int = Field(primary_key=True)
    content: str
    state: str


class UsualOutbox(SQLModel, table=True):
    booking: int = Field(primary_key=True)
    state: str
    at: datetime


@app.task
def send(booking: int) -> None:
    """Reads, decides, takes, posts, records: six sessions, a client of its own."""
    with Session(_engine) as session:
        inbox = session.get(UsualInbox, booking)
    with Session(_engine) as session:
        connection = session.exec(select(UsualConnection)).first()
    if inbox is None or connection is None or not connection.active:
        return
    with Session(_engine) as session:
        session.add(UsualOutbox(booking=booking, state="sending", at=datetime.now(UTC)))
        session.commit()
    _post(f"{os.environ['SPACE_INVOICES_URL']}/Bokun/{connection.id}/order", json.loads(inbox.content))
    with Session(_engine) as session:
        outbox = session.get(UsualOutbox, booking)
        outbox.state = "accepted"
        session.add(outbox)
        session.commit()
    with Session(_engine) as session:
        inbox = session.get(UsualInbox, booking)
        inbox.state = "done"
        session.add(inbox)
        session.commit()
    log.info("delivered", booking=booking)


def _post(url: str, body: object) -> None:
    if os.environ.get("CLIENT") == "requests":
        requests.post(url, json=body, timeout=30).raise_for_status()
    else:
        with httpx.Client() as client:
            client.post(url, json=body).raise_for_status()


def fill(url: str, connection: str, bookings: dict[int, str]) -> None:
    """The tables of the usual pipeline with these bookings in its inbox."""
    engine = create_engine(url)
    SQLModel.metadata.create_all(engine, tables=[each.__table__ for each in (UsualConnection, UsualInbox, UsualOutbox)])
    with Session(engine) as session:
        session.add(UsualConnection(id=connection, active=True))
        session.add_all([UsualInbox(booking=id_, content=text, state="new") for id_, text in bookings.items()])
        session.commit()
    engine.dispose()

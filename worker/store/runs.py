"""Runs that a person asked for, and the heartbeat of the bells."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection as Open
from sqlalchemy import Executable, bindparam, delete, select, update
from sqlalchemy.engine import Row

from worker.store.statements import every, insert, insert_into, table
from worker.store.tables import Heartbeat, Run

_r, _h = table(Run).c, table(Heartbeat).c


# Every bell runs these: they are built once.
_STARTED = update(Run).where(_r.id == bindparam("run"), _r.ended_at.is_(None)).values(started_at=bindparam("heard"))
_ENDED = (
    update(Run)
    .where(_r.id == bindparam("run"))
    .values(
        started_at=bindparam("heard"), ended_at=bindparam("now"), result=bindparam("how"), summary=bindparam("said")
    )
)


@cache
def _rung(dialect: str, *times: str) -> Executable:
    statement = insert_into(dialect, Heartbeat)
    new = {time: statement.excluded[time] for time in times}
    return statement.on_conflict_do_update(index_elements=["bell"], set_=new)  # type: ignore[no-any-return]


def ask(open_: Open, run: str, task: str, now: datetime, **about: Any) -> None:
    """Writes down what is about to be put on the broker: the run's id is the task's id."""
    open_.execute(insert(open_, Run).values(id=run, task=task, asked_at=now, **about))


def get(open_: Open, run: str) -> Row[Any] | None:
    """One run."""
    return open_.execute(select(table(Run)).where(_r.id == run)).first()


def started(open_: Open, run: str, *, bell: str, heard: datetime) -> None:
    """A bell is still at work; where a person asked for it, its run began (a bell that beat rang has no run)."""
    open_.execute(_rung(open_.dialect.name, "rung_at"), {"bell": bell, "rung_at": heard})
    open_.execute(_STARTED, {"run": run, "heard": heard})


def ended(open_: Open, run: str, *, bell: str, heard: datetime, result: str, summary: str, now: datetime) -> None:
    """A bell was heard, and its work came to an end."""
    rung = _rung(open_.dialect.name, "rung_at", "done_at")
    open_.execute(rung, {"bell": bell, "rung_at": heard, "done_at": now})
    open_.execute(_ENDED, {"run": run, "heard": heard, "now": now, "how": result, "said": summary})


def forget(open_: Open, *, but: Collection[str], before: datetime) -> None:
    """Drops bells that nobody rings any more (a task of an older program), so that nobody waits for them."""
    open_.execute(delete(table(Heartbeat)).where(_h.bell.not_in(but), _h.rung_at < before))


def heartbeats(open_: Open) -> Sequence[Row[Any]]:
    """Every bell with its times."""
    return every(open_, Heartbeat)

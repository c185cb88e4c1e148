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
_STARTED = update(Run).where(_r.id == bindparam("run"), _r.ended_at.is_(None)).values(started_at=bindparam("now"))
_DONE = update(Heartbeat).where(_h.bell == bindparam("heard")).values(done_at=bindparam("now"))
_ENDED = (
    update(Run)
    .where(_r.id == bindparam("run"))
    .values(ended_at=bindparam("now"), result=bindparam("how"), summary=bindparam("said"))
)


@cache
def _rung(dialect: str) -> Executable:
    statement = insert_into(dialect, Heartbeat)
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=["bell"], set_={"rung_at": statement.excluded.rung_at}
    )


def ask(open_: Open, run: str, task: str, now: datetime, **about: Any) -> None:
    """Writes down what is about to be put on the broker: the run's id is the task's id."""
    open_.execute(insert(open_, Run).values(id=run, task=task, asked_at=now, **about))


def get(open_: Open, run: str) -> Row[Any] | None:
    """One run."""
    return open_.execute(select(table(Run)).where(_r.id == run)).first()


def started(open_: Open, run: str, *, bell: str, now: datetime) -> None:
    """A bell was heard; where a person asked for it, its run began (a bell that beat rang has no run)."""
    open_.execute(_rung(open_.dialect.name), {"bell": bell, "rung_at": now})
    open_.execute(_STARTED, {"run": run, "now": now})


def ended(open_: Open, run: str, *, bell: str, result: str, summary: str, now: datetime) -> None:
    """Its work came to an end."""
    open_.execute(_DONE, {"heard": bell, "now": now})
    open_.execute(_ENDED, {"run": run, "now": now, "how": result, "said": summary})


def forget(open_: Open, *, but: Collection[str], before: datetime) -> None:
    """Drops bells that nobody rings any more (a task of an older program), so that nobody waits for them."""
    open_.execute(delete(table(Heartbeat)).where(_h.bell.not_in(but), _h.rung_at < before))


def heartbeats(open_: Open) -> Sequence[Row[Any]]:
    """Every bell with its times."""
    return every(open_, Heartbeat)

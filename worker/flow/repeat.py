"""Decides once more with what a stored decision was made from: the same answer, or the rules are others now."""

from __future__ import annotations

from typing import Any

from worker.domain.decision import Decision, Tell, decide_read, kind
from worker.store import facts


def repeat(row: Any) -> Decision:
    """The decision that the facts, flags, told and policy of this row lead to."""
    return decide_read(
        facts.load_flags(row.flags),
        facts.load_booking(row.facts),
        facts.load_told(row.told),
        policy=facts.load_policy(row.policy),
        now=row.decided_at,
    )


def is_same(row: Any) -> bool:
    """Whether deciding once more gives the stored decision, word for word."""
    again = repeat(row)
    tell = again if isinstance(again, Tell) else None
    document, moment = (tell.document.value, tell.moment.value) if tell else (None, None)
    stored = (row.decision, row.document, row.moment, row.rule, row.because)
    return stored == (kind(again), document, moment, again.rule, again.because)

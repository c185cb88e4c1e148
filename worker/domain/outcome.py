"""What an attempt met, and what that means: one closed table for the calls that may cause a document.

Closed means: what is not named here is `unknown`, and an unknown attempt is looked up, never repeated. Not the class
of an exception but the trace of the connection says whether a request can have reached the remote (the same fault
shows as different exceptions between runs; reliability.md 2.3), so the only question asked of a failure without
answer is whether sending the request head began.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from worker.domain.delivery import Event


class Outcome(StrEnum):
    """What an attempt told us (behaviour 7)."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    CREDENTIALS = "credentials"
    GONE = "gone"
    NOT_TAKEN = "not-taken"
    NOT_SENT = "not-sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answered:
    """The remote answered: the status, and what its body was."""

    status: int
    body: str
    """`object` (JSON object), `errors` (JSON object with errors inside), or `other` (not a JSON object)."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No trustworthy answer came; `began` is whether the request head can have left."""

    began: bool


_BY_STATUS = {
    401: Outcome.CREDENTIALS,
    403: Outcome.CREDENTIALS,
    404: Outcome.GONE,
    408: Outcome.UNKNOWN,  # a proxy may say so for a server that went on
    409: Outcome.UNKNOWN,  # may mean "exists already"
    429: Outcome.NOT_TAKEN,
}
_BY_BODY = {"object": Outcome.ACCEPTED, "errors": Outcome.REFUSED}


def outcome(met: Answered | NoAnswer) -> Outcome:
    """The outcome of an attempt of POST /order or /import."""
    if isinstance(met, NoAnswer):
        return Outcome.UNKNOWN if met.began else Outcome.NOT_SENT
    if 200 <= met.status < 300:
        return _BY_BODY.get(met.body, Outcome.UNKNOWN)
    if 400 <= met.status < 500:
        return _BY_STATUS.get(met.status, Outcome.REFUSED)
    return Outcome.UNKNOWN


EVENT: dict[Outcome, Event] = {
    Outcome.ACCEPTED: Event.ACCEPTED,
    Outcome.REFUSED: Event.REFUSED,
    Outcome.CREDENTIALS: Event.NOT_TAKEN,  # the connection is blocked; its deliveries go on when it is not
    Outcome.GONE: Event.REFUSED,
    Outcome.NOT_TAKEN: Event.NOT_TAKEN,
    Outcome.NOT_SENT: Event.NOT_SENT,
    Outcome.UNKNOWN: Event.UNANSWERED,
}
"""What the outcome does to the delivery."""

MAY_HAVE_TAKEN_EFFECT = frozenset({Outcome.ACCEPTED, Outcome.UNKNOWN})

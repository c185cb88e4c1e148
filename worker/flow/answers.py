"""What an answer to a call that has effects means: for the outcome table, and for the person who reads about it."""

from __future__ import annotations

from worker.calls import json
from worker.calls.sending import message
from worker.calls.wire import Reply, Silence
from worker.domain.outcome import Answered, NoAnswer, Outcome


def met(answer: Reply | Silence) -> Answered | NoAnswer:
    """What an answer is to the outcome table."""
    if isinstance(answer, Silence):
        return NoAnswer(answer.began)
    return Answered(answer.status, _body_kind(answer.body))


def _body_kind(text: bytes | None) -> str:
    try:
        value = json.loads(text or b"")
    except json.NotJson:
        return "other"
    if not isinstance(value, dict) or "error" in value:
        return "other"
    inner = value.get("response")
    errors = value.get("errors", inner.get("errors") if isinstance(inner, dict) else None)
    if errors:
        return "errors"
    return "object" if errors is None else "other"


SENTENCES = {
    Outcome.ACCEPTED: None,
    Outcome.REFUSED: "Space Invoices refused it",
    Outcome.CREDENTIALS: "Space Invoices refused our token",
    Outcome.GONE: "Space Invoices no longer knows this connection",
    Outcome.NOT_TAKEN: "Space Invoices asked us to come later",
    Outcome.NOT_SENT: "it never left",
    Outcome.UNKNOWN: "no trustworthy answer came, so it may have arrived",
}


def why(answer: Reply | Silence, which: Outcome) -> str | None:
    """The sentence that a person reads about an attempt, with the remote's own words."""
    sentence = SENTENCES[which]
    if sentence is None:
        return None
    if isinstance(answer, Silence):
        return f"{sentence} ({answer.why})"
    words = message(answer)
    return f"{sentence} ({answer.status}{': ' + words if words else ''})"

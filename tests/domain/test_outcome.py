"""What an answer means, row by row (behaviour 7; reliability.md F31 to F43)."""

import pytest

from worker.domain.delivery import Event
from worker.domain.outcome import EVENT, MAY_HAVE_TAKEN_EFFECT, Answered, NoAnswer, Outcome, outcome

BODIES = ("object", "errors", "other")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
def test_a_2xx_is_believed_by_its_body(status):
    """A JSON object without errors is accepted, one with errors refused, anything else is no trustworthy answer."""
    found = [outcome(Answered(status, body)) for body in BODIES]
    assert found == [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNKNOWN]


def test_a_body_of_an_unheard_of_kind_is_unknown():
    """What is not named in the table is looked up."""
    assert outcome(Answered(200, "array")) is Outcome.UNKNOWN


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Outcome.REFUSED),
        (401, Outcome.CREDENTIALS),
        (402, Outcome.REFUSED),
        (403, Outcome.CREDENTIALS),
        (404, Outcome.GONE),
        (408, Outcome.UNKNOWN),
        (409, Outcome.UNKNOWN),
        (410, Outcome.REFUSED),
        (413, Outcome.REFUSED),
        (415, Outcome.REFUSED),
        (418, Outcome.REFUSED),
        (422, Outcome.REFUSED),
        (429, Outcome.NOT_TAKEN),
        (499, Outcome.REFUSED),
        (500, Outcome.UNKNOWN),
        (502, Outcome.UNKNOWN),
        (503, Outcome.UNKNOWN),
        (504, Outcome.UNKNOWN),
        (599, Outcome.UNKNOWN),
        (300, Outcome.UNKNOWN),
        (301, Outcome.UNKNOWN),
        (302, Outcome.UNKNOWN),
        (303, Outcome.UNKNOWN),
        (307, Outcome.UNKNOWN),
        (308, Outcome.UNKNOWN),
        (100, Outcome.UNKNOWN),
        (199, Outcome.UNKNOWN),
        (600, Outcome.UNKNOWN),
        (999, Outcome.UNKNOWN),
    ],
)
def test_any_other_status_is_believed_whatever_its_body(status, body, expected):
    """The status alone says what a non-2xx answer means; whatever is not named is unknown."""
    assert outcome(Answered(status, body)) is expected


def test_silence_is_judged_by_the_trace_alone():
    """No answer is not sent if the head never began to leave, and unknown otherwise."""
    assert [outcome(NoAnswer(began)) for began in (False, True)] == [Outcome.NOT_SENT, Outcome.UNKNOWN]


def test_every_outcome_is_an_event_of_its_delivery():
    """Accepted and unknown alone may have taken effect; what had none plans again or holds."""
    assert EVENT == {
        Outcome.ACCEPTED: Event.ACCEPTED,
        Outcome.REFUSED: Event.REFUSED,
        Outcome.CREDENTIALS: Event.NOT_TAKEN,
        Outcome.GONE: Event.REFUSED,
        Outcome.NOT_TAKEN: Event.NOT_TAKEN,
        Outcome.NOT_SENT: Event.NOT_SENT,
        Outcome.UNKNOWN: Event.UNANSWERED,
    }
    assert {Outcome.ACCEPTED, Outcome.UNKNOWN} == MAY_HAVE_TAKEN_EFFECT

"""Words that stand in databases, in JSON that others read and in the contract: another spelling would lose rows."""

import pytest

from worker.domain.booking import Role, Status, Trouble
from worker.domain.books import Kind, Reading
from worker.domain.decision import ISSUING, Document, Moment
from worker.domain.delivery import FINAL, IN_FLIGHT, TOLD, Event, State
from worker.domain.outcome import Outcome

WORDS = {
    State: "planned sending accepted unknown held confirmed settled superseded",
    Event: "claimed accepted refused not-taken not-sent unanswered gave-up withheld found mismatched absent unprovable "
    "released settled replaced",
    Outcome: "accepted refused credentials gone not-taken not-sent unknown",
    Document: "invoice estimate",
    Moment: "received completed paid changed cancelled",
    Status: "pending confirmed cancelled void unknown",
    Role: "customer agent reseller",
    Trouble: "unreadable unclear-role unclear-amount",
    Reading: "current changed never vanished",
    Kind: "never-read unread-change not-in-bokun missing deleted cancelled-there doubled wrong-document wrong-amount "
    "wrong-tax wrong-currency foreign still-standing changed refunded held asks stuck",
}


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words.__name__)
def test_the_words_stay(words):
    """Each enumeration has exactly these words, in this order."""
    assert [each.value for each in words] == WORDS[words].split()


def test_what_is_in_flight_is_neither_held_nor_at_its_end():
    """The four states of the contract's "nothing in flight" are those that go on by themselves."""
    assert set(State) - FINAL - {State.HELD} == IN_FLIGHT


def test_what_was_told_was_answered_for():
    """Told is what the remote took, what its orders prove and what a person settled; nothing that is open or gone."""
    assert {State.ACCEPTED, State.CONFIRMED, State.SETTLED} == TOLD


def test_a_change_and_a_cancellation_issue_nothing():
    """Three moments call for a document; the other two carry the one that stands."""
    assert set(Moment) - {Moment.CHANGED, Moment.CANCELLED} == ISSUING

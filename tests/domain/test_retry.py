"""When a try is due again, and when it is given up."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW
from worker.domain.retry import MOST_EFFECTS, again_at, gives_up

chances = st.floats(0, 1, exclude_max=True)


def seconds(tries, chance, asked=None):
    wait = None if asked is None else timedelta(seconds=asked)
    return (again_at(NOW, tries, chance=chance, asked=wait) - NOW).total_seconds()


def test_waits_double_up_to_a_quarter_of_an_hour():
    """With the worst of luck each wait is twice the one before, and none is longer than 15 minutes."""
    assert [seconds(tries, 1.0) for tries in range(1, 12)] == [4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


@given(st.integers(0, 10_000), chances)
def test_jitter_is_full_and_never_at_once(tries, chance):
    """Any wait lies between a second and 15 minutes, whatever the number of tries."""
    assert 1 <= seconds(tries, chance) <= 900


@given(st.integers(0, 50), chances, st.floats(0, 3600))
def test_what_was_asked_for_is_kept(tries, chance, asked):
    """Never before the time asked for, and at most five seconds of jitter after it."""
    assert max(asked, 1) - 1e-3 <= seconds(tries, chance, asked) <= max(asked, 1) + 5 + 1e-3


@pytest.mark.parametrize(("asked", "kept"), [(-5, 1), (0, 1), (3600, 3600), (10**9, 3600)])
def test_only_a_wait_between_a_second_and_an_hour_is_believed(asked, kept):
    """A negative or huge Retry-After is cut."""
    assert seconds(1, 0.0, asked) == kept


def test_attempts_are_used_up_at_their_number():
    """The twelfth of twelve is the last."""
    assert [gives_up(n, most=12) for n in (11, 12, 13)] == [False, True, True]


def test_the_luckiest_try_waits_a_second():
    """Even with the best of luck nothing is tried again at once."""
    assert seconds(1, 0.0) == 1


def test_three_unanswered_orders_are_enough():
    """After three that may have taken effect only a person sends again (reliability.md 5.1, G5)."""
    assert MOST_EFFECTS == 3

"""JSON whose digits stay: the C encoder with marks around each Decimal, which no text from outside can imitate."""

import json as standard
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.calls import json

MARKS = ("\0000:1", '"\0000:2', "\0001:3", "\\u00000:4", 'a"\0000:5"b', "\0000:")
"""Texts that look like our marks, before and after they are written as JSON."""
numbers = st.decimals(allow_nan=False, allow_infinity=False) | st.integers() | st.booleans() | st.none()
texts = st.text() | st.sampled_from(MARKS)
values = st.recursive(numbers | texts, lambda each: st.lists(each) | st.dictionaries(texts, each), max_leaves=20)


def test_digits_stay_as_they_were_read():
    """`1.50` is written as `1.50`, not as 1.5 and not as a text."""
    assert json.dumps(json.loads('{"a":[1.50,-0.00,1E+3,2]}')) == '{"a":[1.50,-0.00,1E+3,2]}'


@given(values)
def test_what_is_written_reads_the_same(value):
    """Any value of ours comes back, texts that look like our marks too."""
    assert json.loads(json.dumps(value)) == value


@pytest.mark.parametrize("text", MARKS)
def test_a_text_that_looks_like_a_mark_stays_a_text(text):
    """A traveller's name cannot become a number of the order."""
    said = json.dumps([text, Decimal("1.50"), {text: Decimal("2.00")}])
    assert standard.loads(said) == [text, 1.5, {text: 2.0}]
    assert said.endswith(":2.00}]")


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(wrong):
    """NaN and Infinity are not JSON."""
    with pytest.raises(json.NotJson):
        json.dumps([wrong])


def test_what_has_no_end_is_refused():
    """A value that contains itself is an error, not a hang."""
    endless = []
    endless.append(endless)
    with pytest.raises(json.NotJson):
        json.dumps(endless)


@pytest.mark.parametrize("text", ["1e99999999999999999999", '{"a":[0e-99999999999999999999]}'])
def test_an_exponent_that_no_number_has_is_refused(text):
    """Decimal has an end too, and says so with an error of its own."""
    with pytest.raises(json.NotJson):
        json.loads(text)

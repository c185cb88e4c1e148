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


spaces = st.sampled_from(["", " ", "\n\t", "\r "])
documents = st.lists(values) | st.dictionaries(texts, values) | values


def spaced(value, draw):
    """JSON of the value, its two outer levels with space wherever there may be some."""
    if isinstance(value, list) and value:
        return "[" + ",".join(f"{draw(spaces)}{json.dumps(each)}{draw(spaces)}" for each in value) + "]"
    if isinstance(value, dict) and value:
        members = (f"{draw(spaces)}{json.dumps(name)}{draw(spaces)}:{draw(spaces)}{spaced(each, draw)}{draw(spaces)}"
                   for name, each in value.items())  # fmt: skip
        return "{" + ",".join(members) + "}"
    return json.dumps(value)


def outcome(read, text):
    """What reading the text gives, or that it is refused."""
    try:
        return read(text.encode("utf-8", "surrogatepass"))
    except json.NotJson:
        return "refused"


@given(documents, st.data())
def test_what_is_read_element_by_element_is_the_same(value, data):
    """Each element comes with the text that it was, and put together they are what is read at once."""
    text = data.draw(spaces) + spaced(value, data.draw) + data.draw(spaces)
    seen = []

    def element(each, its):
        seen.append((each, json.loads(its)))
        return each

    assert json.loads_each(text.encode(), element) == json.loads(text)
    lists = [value] if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    assert [each for each, _ in seen] == [each for some in lists if isinstance(some, list) for each in some]
    assert all(each == its for each, its in seen)


@given(documents, st.data())
def test_what_is_not_json_is_refused_element_by_element_too(value, data):
    """With a piece cut out or put in anywhere, the text is taken or refused like all others."""
    text = spaced(value, data.draw)
    at, end = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=2)))
    broken = text[:at] + data.draw(st.sampled_from(["", ",", "[", "]", "}", ":", '"', "1", "NaN", " x"])) + text[end:]
    assert outcome(lambda each: json.loads_each(each, lambda value, _: value), broken) == outcome(json.loads, broken)


@pytest.mark.parametrize("text", [
    b"", b" ", b"{", b"[", b"[1", b"[1,", b"[1,]", b"[1 2]", b"[1}", b'{"a":1]', b'{"a":[1}', b'{"a"', b'{"a" 1}', b"{1:2}",
    b'{"a",1}', b'{"a":1,}', b'{"a":1}}', b"[1] 2", b"[NaN]", b'{"a":[NaN]}', b'{"a":NaN}', b"\xff", b"\xef\xbb\xbf[]",
    b"[1e99999999999999999999]", b'{"a":' * 5000, b"[" * 5000,
])  # fmt: skip
def test_what_is_no_json_is_refused(text):
    """At once and element by element."""
    for read in (json.loads, lambda each: json.loads_each(each, lambda value, _: value)):
        with pytest.raises(json.NotJson):
            read(text)

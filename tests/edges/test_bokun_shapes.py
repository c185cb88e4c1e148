"""Items in one form for any order of their members, and the fingerprints that 0.1.0 had of them."""

import json
from decimal import Decimal
from hashlib import sha256

import pytest
from bokun_samples import search_items
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.bokun import shapes
from worker.calls.json import NotJson, dumps, loads

names = st.text(max_size=3)
fractions = st.decimals(-(10**9), 10**9, places=3)
plain = st.none() | st.booleans() | st.integers() | st.text(max_size=4) | fractions
values = st.recursive(plain, lambda each: st.lists(each) | st.dictionaries(names, each), max_leaves=12)
objects = st.dictionaries(names, values)


def fingerprint(item):
    return shapes.fingerprint(shapes.parse(dumps(item).encode()).value)


def turned(value, draw):
    """The same value with the members of each object in another order."""
    if isinstance(value, list):
        return [turned(each, draw) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: turned(value[name], draw) for name in draw(st.permutations(list(value)))}


def former(item):
    """As 0.1.0 had it: of JSON with its members in order and each fraction as a text."""
    read = loads(dumps(item))
    text = json.dumps(read, sort_keys=True, separators=(",", ":"), default=lambda each: str(each.normalize()))
    return sha256(text.encode("ascii")).hexdigest()


def strict(value):
    """A value that equals another one only where both are the same JSON."""
    if isinstance(value, list):
        return [strict(each) for each in value]
    if isinstance(value, dict):
        return {name: strict(each) for name, each in value.items()}
    return (type(value).__name__, str(value.normalize()) if isinstance(value, Decimal) else value)


@settings(max_examples=50)
@given(objects, st.data())
def test_members_in_another_order(item, data):
    """At every depth it is the same item."""
    assert fingerprint(turned(item, data.draw)) == fingerprint(item)


@settings(max_examples=50)
@given(objects, objects)
def test_another_item_has_another_fingerprint(one, other):
    """Whatever differs, a type or an empty list for an empty object too; only digits that say nothing do not."""
    same = strict(loads(dumps(one))) == strict(loads(dumps(other)))
    assert (fingerprint(one) == fingerprint(other)) == same


@pytest.mark.parametrize("texts", [
    ('{"a":{}}', '{"a":[]}', '{"a":null}', '{"a":""}', '{"a":0}', '{"a":false}', '{"a":"0"}', '{"a":0.0}', "{}"),
    ('{"a":1.5}', '{"a":"1.5"}', '{"a":15}', '{"b":1.5}', '{"a":[1.5]}', '{"a":{"a":1.5}}'),
    ('{"a":1,"b":2}', '{"a":2,"b":1}', '{"a":[1,2]}', '{"a":[2,1]}', '{"a":{"b":[1,2]}}', '{"b":{"a":[1,2]}}'),
    ('{"a":0.1}', '{"a":0.1000000000000000000000000000000000001}', '{"a":1e9999999}', '{"a":1e99999999}'),
    ('{"a":"("}', '{"a":["("]}', '{"(":"a"}', '{"a":"\\u0000"}', '{"a":"\\ud800"}'),
])  # fmt: skip
def test_what_looks_alike_is_told_apart(texts):
    """No two of these are one item."""
    assert len({shapes.fingerprint(shapes.parse(text.encode()).value) for text in texts}) == len(texts)


@pytest.mark.parametrize("digits", ["1.50", "15e-1", "0.15E1", "1.5000000000000000000000000000000000000"])
def test_the_same_number_in_other_digits(digits):
    """It is the same item."""
    assert fingerprint({"a": Decimal(digits)}) == fingerprint({"a": Decimal("1.5")})


def test_members_are_read_back():
    """An object's members come back under their names, one member or none as well, and nothing else has any."""
    answer = shapes.parse(b'{"b":[{"id":7},{},[],"x",1.5],"a":null}')
    whole = answer.members(answer.value)
    assert (list(whole), whole["a"]) == (["a", "b"], None)
    assert [answer.members(each) for each in whole["b"]] == [{"id": 7}, {}, {}, {}, {}]
    assert [answer.member(each, "id") for each in whole["b"]] == [7, None, None, None, None]


def test_no_name_is_taken_for_the_place_of_the_digest():
    """Members named as the digest's place might be count like all others."""
    items = [{}, {".": 1}, {".": 2}, {"a": 1, "..": 2}, {"a": 1, "..": 3}, {"a": 1}]
    assert len({fingerprint(each) for each in items}) == len(items)
    answer = shapes.parse(b'{"a":1,"..":2}')
    assert answer.members(answer.value) == {"a": 1, "..": 2}


@settings(max_examples=50)
@given(objects, st.data())
def test_what_0_1_0_saw_is_recognised(item, data):
    """Its fingerprint of the same item is known for what it is, in whatever order the members come; no other is."""
    answer = shapes.parse(dumps(turned(item, data.draw)).encode())
    assert answer.had(answer.value, former(item))
    assert not answer.had(answer.value, former({**item, "more": 1, "and": []}))
    assert not answer.had(answer.value, shapes.fingerprint(answer.value))


def test_what_0_1_0_saw_of_real_items_is_recognised():
    """The same for items as Bokun sends them."""
    answer = shapes.parse(dumps(search_items()).encode())
    assert all(answer.had(item, former(each)) for item, each in zip(answer.value, search_items(), strict=True))


def test_more_shapes_than_are_kept():
    """Where ids stand for names, what is kept is thrown away now and then, and an answer in hand stays readable."""
    item = {str(number): {f"{number}": 1, f"x{number}": 2} for number in range(1500)}
    first = shapes.parse(dumps(item).encode())
    before = shapes.fingerprint(first.value)
    assert fingerprint({"a": 1}) == fingerprint({"a": 1})
    assert len(shapes._shapes()) < 1000
    assert (fingerprint(item), len(first.members(first.value))) == (before, 1500)


def test_an_answer_shows_nobody():
    """Its text in a log or a traceback has nothing of what it holds."""
    assert "Ada" not in repr(shapes.parse(b'{"name":"Ada"}'))


def test_what_is_no_json_is_refused():
    """As everywhere else, an exponent that no number has too."""
    for text in (b"{", b'{"a":NaN}', b'{"a":1e99999999999999999999}', b"\xff", b'{"a":' * 5000):
        with pytest.raises(NotJson):
            shapes.parse(text)

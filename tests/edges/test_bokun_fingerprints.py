"""Digests of search items: of the text, and of the item with its members in order, which 0.1.0 had alone."""

import json
from decimal import Decimal
from hashlib import sha256

import pytest
from bokun_samples import search_items
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.bokun.fingerprints import fingerprint, ordered
from worker.calls.json import dumps, loads

names = st.text(max_size=3)
fractions = st.decimals(-(10**9), 10**9, places=3)
plain = st.none() | st.booleans() | st.integers() | st.text(max_size=4) | fractions
values = st.recursive(plain, lambda each: st.lists(each) | st.dictionaries(names, each), max_leaves=12)
objects = st.dictionaries(names, values)


def turned(value, draw):
    """The same value with the members of each object in another order."""
    if isinstance(value, list):
        return [turned(each, draw) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: turned(value[name], draw) for name in draw(st.permutations(list(value)))}


def former(text):
    """As 0.1.0 had it: of JSON with its members in order and each fraction as a text."""
    said = json.dumps(loads(text), sort_keys=True, separators=(",", ":"), default=lambda each: str(each.normalize()))
    return sha256(said.encode("ascii")).hexdigest()


def strict(value):
    """A value that equals another one only where both are the same JSON, a fraction the same as the text of its digits."""
    if isinstance(value, list):
        return [strict(each) for each in value]
    if isinstance(value, dict):
        return {name: strict(each) for name, each in value.items()}
    return ("str", str(value.normalize())) if isinstance(value, Decimal) else (type(value).__name__, value)


@settings(max_examples=50)
@given(objects, st.data())
def test_members_in_another_order(item, data):
    """At every depth it is the same item, though another text."""
    assert ordered(dumps(turned(item, data.draw))) == ordered(dumps(item))


@settings(max_examples=50)
@given(objects, objects)
def test_another_item_has_another_digest(one, other):
    """Whatever differs, a type or an empty list for an empty object too; only digits that say nothing do not."""
    same = strict(loads(dumps(one))) == strict(loads(dumps(other)))
    assert (ordered(dumps(one)) == ordered(dumps(other))) == same


@pytest.mark.parametrize("digest", [fingerprint, ordered])
@pytest.mark.parametrize("texts", [
    ('{"a":{}}', '{"a":[]}', '{"a":null}', '{"a":""}', '{"a":0}', '{"a":false}', '{"a":0.0}', "{}"),
    ('{"a":1.5}', '{"a":15}', '{"b":1.5}', '{"a":[1.5]}', '{"a":{"a":1.5}}'),
    ('{"a":1,"b":2}', '{"a":2,"b":1}', '{"a":[1,2]}', '{"a":[2,1]}', '{"a":{"b":[1,2]}}', '{"b":{"a":[1,2]}}'),
    ('{"a":0.1}', '{"a":0.1000000000000000000000000000000000001}', '{"a":1e9999999}', '{"a":1e99999999}'),
    ('{"a":"("}', '{"a":["("]}', '{"(":"a"}', '{"a":"\\u0000"}', '{"a":"\\ud800"}', '{"a":"\u20ac"}'),
])  # fmt: skip
def test_what_looks_alike_is_told_apart(digest, texts):
    """No two of these are one item."""
    assert len({digest(text) for text in texts}) == len(texts)


@pytest.mark.parametrize("digits", ["1.50", "15e-1", "0.15E1", "1.5000000000000000000000000000000000000"])
def test_the_same_number_in_other_digits(digits):
    """It is the same item, though another text."""
    one, other = f'{{"a":{digits}}}', '{"a":1.5}'
    assert (ordered(one), fingerprint(one)) == (ordered(other), fingerprint(one))
    assert fingerprint(one) != fingerprint(other)


@settings(max_examples=50)
@given(objects, st.data())
def test_what_0_1_0_kept_is_recognised(item, data):
    """Its digest of the same item is the same, in whatever order the members come."""
    assert ordered(dumps(turned(item, data.draw))) == former(dumps(item))


def test_what_0_1_0_kept_of_real_items_is_recognised():
    """The same for items as Bokun sends them."""
    texts = [dumps(each) for each in search_items()]
    assert [ordered(text) for text in texts] == [former(text) for text in texts]


def test_what_is_nested_deep_has_a_digest_too():
    """Deeper than what can be written, or even read, from where we are: then its text decides."""
    depths = [depth for depth in range(100, 2000, 100) if _is_read(_nested(depth, 1))]
    assert len(depths) > 3
    texts = [_nested(depth, number) for depth in depths for number in (1, 2)]
    assert len({ordered(text) for text in texts}) == len(texts)
    assert len({_from_below(text, 600) for text in texts}) == len(texts)


def _nested(depth, number):
    return f'{{"a":{"[" * depth}{number}{"]" * depth}}}'


def _from_below(text, frames):
    return ordered(text) if frames == 0 else _from_below(text, frames - 1)


def _is_read(text):
    try:
        loads(text)
    except ValueError:
        return False
    return True

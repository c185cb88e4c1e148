"""LoopBack's filter, read as its documentation says."""

import pytest

from worker.sandbox.exact import loads
from worker.sandbox.where import BadFilterError, Filter, predicate

ROWS = loads("""[
 {"id": "a", "n": 1, "name": "Anna", "flag": true, "at": "2025-07-01T10:00:00.000Z", "custom": {"x": {"y": "deep"}}},
 {"id": "b", "n": 2.50, "name": "bert", "flag": false, "at": "2025-07-01T12:00:00.000Z", "custom": {}},
 {"id": "c", "n": 10, "name": null, "at": "2025-07-02T00:00:00.000Z"}
]""")


def found(where):
    return "".join(row["id"] for row in ROWS if predicate(where)(row))


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ({}, "abc"),
        ({"name": "Anna"}, "a"),
        ({"name": {"eq": "Anna"}}, "a"),
        ({"name": {"neq": "Anna"}}, "bc"),
        ({"name": None}, "c"),
        ({"flag": None}, "c"),
        ({"flag": False}, "b"),
        ({"flag": "false"}, ""),
        ({"n": {"gt": 2}}, "bc"),
        ({"n": {"gte": 10}}, "c"),
        ({"n": {"lt": 10}}, "ab"),
        ({"n": {"lte": 1}}, "a"),
        ({"n": {"gt": "2"}}, ""),
        ({"n": {"between": [1, 3]}}, "ab"),
        ({"id": {"inq": ["a", "c", "z"]}}, "ac"),
        ({"id": {"nin": ["a"]}}, "bc"),
        ({"name": {"like": "^ann"}}, ""),
        ({"name": {"like": "^ann", "options": "i"}}, "a"),
        ({"name": {"nlike": "nn"}}, "bc"),
        ({"name": {"regexp": "/BERT/i"}}, "b"),
        ({"custom.x.y": "deep"}, "a"),
        ({"at": {"gte": "2025-07-01T14:00:00+02:00"}}, "bc"),
        ({"and": [{"n": {"gt": 1}}, {"flag": False}]}, "b"),
        ({"or": [{"id": "a"}, {"id": "c"}]}, "ac"),
        ({"nor": [{"id": "a"}, {"id": "c"}]}, "b"),
        ({"id": "a", "n": 2}, ""),
    ],
)
def test_where_finds_what_loopback_finds(where, ids):
    """A where clause compares like with like, null with missing, and dates as moments."""
    assert found(where) == ids


@pytest.mark.parametrize(
    "clause", [{"n": {"get": 1}}, {"or": {}}, {"n": {"between": [1]}}, {"n": {"like": "("}}, {"or": [1]}]
)
def test_an_unreadable_clause_is_refused(clause):
    """An operator that does not exist, or an operand of the wrong shape, is a bad filter."""
    with pytest.raises(BadFilterError):
        predicate(clause)


@pytest.mark.parametrize("text", ["{", "[]", '{"limit": "5"}', '{"where": []}'])
def test_an_unreadable_filter_is_refused(text):
    """Text that is no JSON object, or a limit that is no number, is a bad filter."""
    with pytest.raises(BadFilterError):
        Filter.read(text)


def ids(text):
    page, total = Filter.read(text).page(ROWS)
    return "".join(row["id"] for row in page), total


def test_order_puts_the_first_key_first():
    """A list of keys orders by the first and uses the next where that is the same."""
    assert ids('{"order": ["n DESC", "id ASC"]}') == ("cba", 3)


def test_skip_and_limit_cut_a_page():
    """Skip and limit choose a page; the total counts what the page leaves out."""
    assert ids('{"order": "n ASC", "skip": 1, "limit": 1}') == ("b", 3)


@pytest.mark.parametrize("fields", ['["id"]', '{"id": true}', '{"n": false, "name": false, "flag": false}'])
def test_fields_choose_members(fields):
    """Fields name the members to show, or those to leave out."""
    page, _ = Filter.read(f'{{"where": {{"id": "a"}}, "fields": {fields}}}').page(ROWS)
    assert [set(row) - {"at", "custom"} for row in page] == [{"id"}]

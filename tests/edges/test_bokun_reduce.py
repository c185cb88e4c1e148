"""What of a booking is passed on and what stays behind."""

from decimal import Decimal

import pytest
from bokun_samples import CLASSIC, VIATOR, sample

from worker.bokun.reduce import DOCUMENTED, PERSONAL, reduce_booking
from worker.calls.call import UnexpectedShape
from worker.calls.json import dumps, loads


def names(value):
    """Every member name anywhere in the tree."""
    if isinstance(value, dict):
        return set(value).union(*map(names, value.values()))
    return set().union(*map(names, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("name", [*CLASSIC, VIATOR])
def test_personal_data(name):
    """No passport, birth date, note, answer, passenger, card or member of staff is left at any depth."""
    gone = names(sample(name)) - names(reduce_booking(sample(name)))
    left = names(reduce_booking(sample(name)))
    assert {"dateOfBirth", "passportId", "personalIdNumber", "credentials", "notes"} <= gone
    assert not {each for each in left if each.lower() in PERSONAL or each.lower().endswith(("answers", "notes"))}


@pytest.mark.parametrize("name", CLASSIC)
def test_everything_else_stays(name):
    """Every other top-level member of Bokun's own JSON is passed on, the money as it came."""
    payload, reduced = sample(name), reduce_booking(sample(name))
    assert set(payload) - set(reduced) <= {"extranetUser"}
    assert [reduced.get(each) for each in ("totalPrice", "status", "seller")] == [
        payload.get(each) for each in ("totalPrice", "status", "seller")
    ]


def test_who_the_invoice_is_for():
    """The traveller's name and address stay, since an invoice is made out to someone."""
    customer = {"firstName": "Ada", "lastName": "B", "email": "a@example.com", "address": "Road 1", "country": "SI"}
    assert reduce_booking({"customer": {**customer, "passportId": "P1", "passport_number": "P2"}}) == {
        "customer": customer
    }


def test_documented_names_win():
    """A top-level name that the order body documents is not taken from Bokun; deeper down it is Bokun's own."""
    clashing = dict.fromkeys(DOCUMENTED, "Bokun's")
    assert reduce_booking({**clashing, "seller": {"name": "S"}}) == {"seller": {"name": "S"}}


def test_exact_numbers():
    """Numbers keep the digits they came with."""
    text = '{"a":1.10,"b":268852.46,"c":0.1000000000000000055,"d":7}'
    assert dumps(reduce_booking(loads(text))) == text
    assert reduce_booking(loads(text))["a"] == Decimal("1.10")


def test_too_deep():
    """A booking nested deeper than any real one is refused instead of passed on."""
    deep = []
    for _ in range(95):
        deep = [deep]
    with pytest.raises(UnexpectedShape):
        reduce_booking({"a": deep})


def test_the_payload_is_left_alone():
    """Reducing gives a new tree and does not touch the one it reads."""
    payload = sample(VIATOR)
    reduce_booking(payload)
    assert payload == sample(VIATOR)

"""JSON that keeps its digits."""

from decimal import Decimal

import pytest

from worker.sandbox.exact import dumps, loads, parse

TEXT = '{"amount":12.30,"tiny":0.10,"whole":7,"text":"0.10","name":"Čevapi €"}'


def test_digits_survive_the_round_trip():
    """A number is written with the digits it was read with, trailing zeros too."""
    assert dumps(loads(TEXT)) == TEXT


def test_a_decimal_is_a_number():
    """A Decimal is written as a number, without quotes and without an exponent."""
    assert dumps([Decimal("1E+2"), Decimal("-0.05")]) == "[100,-0.05]"


def test_a_list_is_no_object():
    """Parsing wants an object."""
    with pytest.raises(ValueError, match="not a JSON object"):
        parse("[1]")

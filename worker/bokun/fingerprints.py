"""Digests of an item of a search (worker.domain.sighting)."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context
from hashlib import sha256

from worker.calls.json import NotJson, loads

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def fingerprint(text: str) -> str:
    """Of the text as it came: 32 hexadecimal digits."""
    return sha256(text.encode()).hexdigest()[:32]


def ordered(text: str) -> str:
    """The same for the same item in any order of its members: 64 digits, as release 0.1.0 had them.

    A fraction counts as the text of its digits, without trailing zeros.
    """
    with suppress(RecursionError, NotJson):  # nested too deep for where we are now: then its text decides
        text = json.dumps(loads(text), sort_keys=True, separators=(",", ":"), default=_number)
    return sha256(text.encode()).hexdigest()


def _number(fraction: object) -> str:
    return str(_EXACT.normalize(fraction))  # type: ignore[arg-type]  # loads makes Decimals

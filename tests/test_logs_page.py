"""docs/logs.md says what the code logs."""

import re

from config.logs import HARMLESS
from docs.events import ROOT, Event, events

ROW = re.compile(r"^\| `([\w.-]+)` \| (\w+) \| .+ \| (.*) \|$", re.MULTILINE)


def test_every_event_is_in_the_table():
    """Name, level and keys of each log call stand in the table, and nothing else does."""
    rows = ROW.findall((ROOT / "docs/logs.md").read_text())
    written = [Event(name, level, tuple(re.findall(r"`(\w+)`", keys))) for name, level, keys in rows]
    assert written == events()


def test_no_key_is_lost_on_the_way():
    """Every key that a call gives is on the list of harmless ones, or it would never be seen."""
    assert {key for each in events() for key in each.keys} - HARMLESS == set()


def test_an_event_is_a_noun_and_what_became_of_it():
    """Events are written `noun.past`, in small letters."""
    assert [each.name for each in events() if not re.fullmatch(r"[a-z]+\.[a-z-]+", each.name)] == []

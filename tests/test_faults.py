"""The fault matrix names tests that exist, for every row there is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [
    line for line in (ROOT / "docs/faults.md").read_text().splitlines() if re.match(r"\| F\d\d \|", line)
]  # fmt: skip
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", "\n".join(ROWS))))


def test_every_fault_has_its_row():
    """F01 to F72, each once."""
    assert [line[2:5] for line in ROWS] == [f"F{number:02}" for number in range(1, 73)]


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_named_test_exists(file, name):
    """Whatever the matrix names can be run."""
    assert re.search(rf"^(def {name}\(|class {name}\b|{name} = )", (ROOT / file).read_text(), re.MULTILINE)


def test_every_row_is_covered_or_says_why():
    """A row without a test speaks of chaos or simulation, or says what keeps it from being played."""
    bare = [line[2:5] for line in ROWS if "tests/" not in line]
    assert [id_ for id_ in bare if not re.search("chaos|simulation|measurement", ROWS[int(id_[1:]) - 1])] == []

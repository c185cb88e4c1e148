"""What the documents say about the code is made from the code."""

import re

import pytest

from config.settings import Settings
from docs import generate

EXAMPLE = generate.ROOT / ".env.example"


def test_generated_blocks_are_fresh():
    """Every generated block says what the code says now; `python docs/generate.py` makes them so."""
    assert [path.name for path in generate.stale()] == []


def test_every_marker_has_its_other_half():
    """A block that is begun is ended, so that none is left out silently."""
    paths = [path for pattern in generate.FILES for path in generate.ROOT.glob(pattern)]
    found = [re.findall(r"<!-- (begin|end):(\w+) -->", path.read_text()) for path in paths]
    begun = [[name for kind, name in markers if kind == "begin"] for markers in found]
    assert begun == [[name for kind, name in markers if kind == "end"] for markers in found]


def test_the_readme_has_the_tables():
    """The README shows the flag table, the settings and the commands."""
    shown = re.findall(r"<!-- begin:(\w+) -->", (generate.ROOT / "README.md").read_text())
    assert shown == ["flags", "settings", "commands"]


def test_every_link_leads_somewhere():
    """A link of a document to a file of this project finds it."""
    papers = [path for pattern in ("*.md", "docs/**/*.md") for path in generate.ROOT.glob(pattern)]
    links = [(path, link) for path in papers for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text())]
    assert len(links) > 50
    assert [(path.name, link) for path, link in links if not (path.parent / link).exists()] == []


def test_every_decision_is_in_the_list():
    """Under its number, file and name."""
    folder = generate.ROOT / "docs" / "adr"
    decisions = {path.name: path.read_text().splitlines()[0] for path in sorted(folder.glob("0*.md"))}
    listed = re.findall(r"^\| \[(\d+)\]\((\S+)\) \|", (folder / "README.md").read_text(), re.MULTILINE)
    assert [name for _, name in listed] == list(decisions)
    assert [f"# {int(number)}. " for number, _ in listed] == [
        title.split(". ")[0] + ". " for title in decisions.values()
    ]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_means(name):
    """A setting without a sentence cannot be added."""
    assert Settings.model_fields[name].description


def test_the_example_environment_is_valid():
    """With every line of .env.example uncommented the settings are the defaults."""
    text = EXAMPLE.read_text().split("-->")[1]
    said = dict(re.findall(r"^#([A-Z_]+)=(.*)$", text, re.MULTILINE))
    read = Settings(_env_file=None, **{name.lower(): value for name, value in said.items()})
    assert read == Settings.model_construct()


def test_a_stale_block_is_filled_again():
    """What somebody wrote into a block by hand is replaced, and the text around it stays."""
    text = "before\n<!-- begin:states -->\nby hand\n<!-- end:states -->\nafter\n"
    made = generate.filled(text)
    assert "by hand" not in made
    assert (made.split("\n")[0], made.split("\n")[-2]) == ("before", "after")
    assert generate.filled(made) == made

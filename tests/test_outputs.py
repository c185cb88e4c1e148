"""What the documents show as the output of commands is what the commands print."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from docs import outputs
from worker.cli.main import app

TEXTS = {path: path.read_text() for pattern in outputs.FILES for path in sorted(outputs.ROOT.glob(pattern))}
TYPED = re.compile(r"^ *\$ (?:docker compose run --rm \w+ )?(bokun-sync .*)$|`(bokun-sync [a-z][^`]*)`", re.MULTILINE)
SHOWN = sorted({one or other for text in TEXTS.values() for one, other in TYPED.findall(text)})


def test_the_outputs_are_fresh():
    """Played again, every command prints what the documents show; `python docs/outputs.py` writes them anew."""
    # In a process of its own: commands set up the log, and what caches it then is deaf to the tests that listen to it.
    played = subprocess.run([sys.executable, outputs.__file__, "--check"], capture_output=True, text=True, check=False)
    assert (played.stdout.split(), played.returncode) == ([], 0)


def test_a_changed_output_is_noticed():
    """A block that says something else than what was printed is stale, whatever the versions of this machine."""
    printed = dict.fromkeys(_named(), "```console\nok  versions: Python 3.99.1\n1.00 EUR\n```\n")
    [path, *_] = [path for path, text in TEXTS.items() if outputs.BLOCK.search(text)]
    written = outputs.filled(TEXTS[path], printed)
    other = {name: block.replace("3.99.1", "3.11.7") for name, block in printed.items()}
    assert outputs.masked(outputs.filled(written, other)) == outputs.masked(written)
    other = {name: block.replace("1.00", "1.01") for name, block in printed.items()}
    assert outputs.masked(outputs.filled(written, other)) != outputs.masked(written)


def _named():
    return {found["name"] for text in TEXTS.values() for found in outputs.BLOCK.finditer(text)}


@pytest.mark.parametrize("line", SHOWN)
def test_a_shown_command_exists(line):
    """Every command line in the documents names a command and options that there are."""
    command, words = get_command(app), shlex.split(line, comments=True)[1:]
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        command = command.commands[words.pop(0)]
    if command.context_settings.get("ignore_unknown_options"):  # the stand-ins read their own
        return
    known = {"--help"} | {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known


OTHERS = [outputs.ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]


@pytest.mark.parametrize("path", [*TEXTS, *OTHERS], ids=lambda path: path.name)
def test_a_link_leads_somewhere(path):
    """Every link between the documents leads to a file, and to a heading of it."""
    for target, _, anchor in (each.partition("#") for each in re.findall(r"\]\(([^)\s]+)\)", path.read_text())):
        if target.startswith("http"):
            continue
        there = (path.parent / target).resolve() if target else path
        assert there.exists(), target
        assert not anchor or anchor in _anchors(there), f"{target}#{anchor}"


def _anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}

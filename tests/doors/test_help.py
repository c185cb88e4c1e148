"""Help: every command says what it does and shows an example that its own parser understands."""

import re
import shlex

import pytest
from typer.main import get_command

from docs.generate import leaves
from worker.cli.main import app

COMMANDS = [re.sub(r" \[?[A-Z_]+\]?", "", words) for words, _ in leaves(get_command(app))]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(terminal, command):
    """`--help` ends with 0, says what the command does, and has an example of that very command."""
    said = terminal(*command.split(), "--help")
    assert said.code == 0
    name = "worker.sandbox" if command == "sandbox" else f"bokun-sync {command}"
    assert re.search(rf"[Ee]xample: .*{re.escape(name)}", " ".join(said.out.split()))


@pytest.mark.parametrize("group", ["", "enqueue", "connections", "bookings", "deliveries", "pricelists", "prices"])
def test_every_group_lists_its_commands(terminal, group):
    """`--help` of a group names all its commands."""
    said = terminal(*group.split(), "--help")
    below = {each.removeprefix(group).split()[0] for each in COMMANDS if each.startswith(group)}
    assert said.code == 0
    assert below - set(re.findall(r"^  ([a-z-]+)", said.out, re.MULTILINE)) == set()


def examples():
    """The examples in the help of all commands."""
    for command in COMMANDS:
        found = get_command(app)
        for word in command.split():
            found = found.commands[word]
        [line] = re.findall(r"Example: (.*)", found.help)
        yield re.sub(r"^[A-Z_]+=\S+ | < \S+$", "", line)


@pytest.mark.parametrize("line", list(examples()))
def test_an_example_is_understood(line):
    """The parser takes the example as it stands."""
    program, *words = shlex.split(line)
    command, name = get_command(app), ""
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    command.make_context(name, words)
    assert program == "bokun-sync"


def test_the_contract_s_commands_are_there():
    """The commands of the contract that this release has are the ones that people find."""
    for command in (
        "demo", "up", "sandbox", "drain", "migrate", "doctor", "status", "explain", "bookings list", "enqueue poll",
        "enqueue refresh", "enqueue deliver", "enqueue reconcile", "enqueue booking", "enqueue import",
        "connections list", "connections show", "connections create", "connections update", "connections delete",
        "connections count", "connections refresh", "connections link", "connections pause", "connections resume",
        "deliveries list", "deliveries release", "deliveries settle", "prices sync", "pricelists list", "web", "flower",
        "keys rotate",
    ):  # fmt: skip
        assert command in COMMANDS

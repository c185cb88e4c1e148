"""Fills the blocks between `<!-- begin:NAME -->` and `<!-- end:NAME -->` from the code; `--check` only says whether they are stale."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from typer.main import get_command

from config.settings import Settings
from worker.cli.main import app
from worker.domain.decision import FLAG_TABLE, Document, Row
from worker.domain.delivery import TRANSITIONS
from worker.domain.outcome import EVENT, Answered, NoAnswer, Outcome, outcome

ROOT = Path(__file__).resolve().parent.parent
FILES = ("README.md", ".env.example", "docs/*.md")
BLOCK = re.compile(r"(?P<begin><!-- begin:(?P<name>\w+) -->\n).*?(?P<end>(?:# )?<!-- end:(?P=name) -->)", re.DOTALL)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def commands() -> str:
    """Every command with the first line of its help."""
    return table(["command", "does"], [(f"`{words}`", help_) for words, help_ in leaves(get_command(app))])


def leaves(command: Any, words: str = "") -> Iterator[tuple[str, str]]:
    """The commands below a group, each with its arguments and its sentence."""
    for name, each in command.commands.items():
        path = f"{words} {name}".strip()
        if hasattr(each, "commands"):
            yield from leaves(each, path)
        else:
            yield " ".join([path, *_arguments(each)]), str(each.help).split("\n\n", 1)[0].replace("\n", " ")


def _arguments(command: Any) -> Iterator[str]:
    for each in command.params:
        if each.param_type_name == "argument":
            name = each.name.strip("_").upper()
            yield name if each.required else f"[{name}]"


def settings() -> str:
    """Every setting with its default and its meaning."""
    rows = [(f"`{name.upper()}`", _code(plain(field.default)), str(field.description)) for name, field in _fields()]
    return table(["name", "default", "meaning"], rows)


def environment() -> str:
    """Every setting as a comment with its sentence, and its default to be changed."""
    return "\n".join(f"# {field.description}\n#{name.upper()}={plain(field.default)}\n" for name, field in _fields())


def _fields() -> Iterable[tuple[str, FieldInfo]]:
    return Settings.model_fields.items()


def plain(default: object) -> str:
    """A default as one writes it into the environment; nothing for none."""
    match default:
        case None:
            return ""
        case SecretStr():
            return default.get_secret_value()
        case tuple():
            return ",".join(default)
        case float() | int() | Decimal():
            return f"{default:g}"
        case datetime():
            return default.isoformat()
        case _:
            return str(default)


def _code(text: str) -> str:
    return f"`{text}`" if text else "–"


def flags() -> str:
    """The flag table: the first row that fits decides; an empty cell means anything."""
    head = ["rule", "active", "on complete", "for bank", "status", "by bank", "paid", "complete", "told", "then"]
    return table(head, [_flag_row(row) for row in FLAG_TABLE])


def _flag_row(row: Row) -> list[str]:
    wanted = (row.active, row.on_complete, row.for_bank_payment, row.status, row.bank_payment, row.paid, row.complete)
    everything = {None, *Document}
    told = "" if set(row.told) == everything else " or ".join("none" if each is None else each for each in row.told)
    then = row.then if row.document is None else f"**{row.document}** ({row.moment})"
    return [f"`{row.rule}`", *map(_flag_cell, wanted), told, then]


def _flag_cell(value: object) -> str:
    return {None: "", True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool | None) else str(value)


def states() -> str:
    """The ways between the states of a delivery, as a table and as a drawing."""
    ways = [(state, event, to) for state, row in TRANSITIONS.items() for event, to in row.items()]
    finals = [state for state, row in TRANSITIONS.items() if not row]
    drawn: dict[tuple[str, str], list[str]] = {}
    for state, event, to in ways:
        drawn.setdefault((state, to), []).append(event)
    arrows = [f"    {state} --> {to}: {', '.join(events)}" for (state, to), events in drawn.items()]
    ends = [f"    {state} --> [*]" for state in finals]
    drawing = "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> planned", *arrows, *ends, "```"])
    return f"{table(['from', 'event', 'to'], ways)}\nFinal: {', '.join(finals)}.\n\n{drawing}\n"


def outcomes() -> str:
    """What an attempt met, what that means, and what it does to the delivery."""
    met = [
        *((f"{_ranges(codes)}, {what}".removesuffix(", "), found) for codes, what, found in _answers()),
        ("no answer, and sending had begun", outcome(NoAnswer(began=True))),
        ("never left: sending had not begun", outcome(NoAnswer(began=False))),
    ]
    return table(["what was met", "outcome", "event"], [(said, found, EVENT[found]) for said, found in met])


BODIES = {"object": "a JSON object", "errors": "a JSON object with errors inside", "other": "anything else"}


def _answers() -> Iterator[tuple[list[int], str, Outcome]]:
    """The statuses that mean the same, asked of the outcome table itself; the body counts only for a 2xx."""
    for body, what in BODIES.items():
        yield [*range(200, 300)], what, outcome(Answered(200, body))
    groups: dict[Outcome, list[int]] = {}
    for status in (*range(100, 200), *range(300, 600)):
        groups.setdefault(outcome(Answered(status, "object")), []).append(status)
    for found, codes in groups.items():
        yield codes, "", found


def _ranges(numbers: list[int]) -> str:
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n for n in numbers if n + 1 not in numbers]
    return ", ".join(_range(first, last) for first, last in zip(starts, ends, strict=True))


def _range(first: int, last: int) -> str:
    if first == last:
        return str(first)
    if (first % 100, last % 100) == (0, 99):
        return "–".join(dict.fromkeys((f"{first // 100}xx", f"{last // 100}xx")))
    return f"{first}–{last}"


LAYERS = ("tasks", "worker.cli", "worker.web", "worker.celery", "worker.app", "worker.watchdog", "worker.events",
          "worker.wiring", "worker.flow", "worker.store", "worker.spaceinvoices", "worker.bokun", "worker.calls",
          "worker.domain", "config", "worker.sandbox")  # fmt: skip


def architecture() -> str:
    """Who imports whom, drawn from the imports of every module."""
    arrows: set[tuple[str, str]] = set()
    for path in sorted(each for top in ("worker", "tasks", "config") for each in (ROOT / top).rglob("*.py")):
        here = _part(".".join(path.relative_to(ROOT).with_suffix("").parts))
        if here is not None and "versions" not in path.parts:
            arrows |= {(here, there) for name in _imported(path) if (there := _part(name)) not in (None, here)}
    nodes = [f"    {name.replace('.', '_')}[{name}]" for name in LAYERS]
    lines = [f"    {one.replace('.', '_')} --> {other.replace('.', '_')}" for one, other in sorted(arrows)]
    return "\n".join(["```mermaid", "flowchart TD", *nodes, *lines, "```", ""])


def _part(module: str) -> str | None:
    return next((name for name in LAYERS if module == name or module.startswith(f"{name}.")), None)


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.ImportFrom(module=str() as module, names=names):
                yield from (f"{module}.{each.name}" for each in names)
            case ast.Import(names=names):
                yield from (each.name for each in names)


BLOCKS: dict[str, Callable[[], str]] = {
    "commands": commands, "settings": settings, "environment": environment, "flags": flags, "states": states,
    "outcomes": outcomes, "architecture": architecture,
}  # fmt: skip


def filled(text: str) -> str:
    """The text with every known block made anew; an unknown name is an error."""
    return BLOCK.sub(lambda found: f"{found['begin']}{BLOCKS[found['name']]()}{found['end']}", text)


def stale() -> dict[Path, str]:
    """The files whose blocks do not say what the code says, with what they should say."""
    texts = {path: path.read_text() for pattern in FILES for path in sorted(ROOT.glob(pattern))}
    return {path: new for path, text in texts.items() if (new := filled(text)) != text}


def main() -> int:
    """Writes what is stale, or with `--check` names it and fails."""
    found = stale()
    for path, text in found.items():
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
        if "--check" not in sys.argv:
            path.write_text(text)
    return 1 if found and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())

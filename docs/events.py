"""Every log event of the code, read from its calls: name, level, keys."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEVELS = {"debug", "info", "warning", "error", "exception"}


@dataclass(frozen=True, order=True)
class Event:
    """One event, with all keys that any of its calls gives."""

    name: str
    level: str
    keys: tuple[str, ...]


def events() -> list[Event]:
    """The events of all modules, by name."""
    found: dict[tuple[str, str], set[str]] = {}
    for path in sorted(each for part in ("worker", "tasks", "config") for each in (ROOT / part).rglob("*.py")):
        if "sandbox" in path.parts:
            continue
        tree = ast.parse(path.read_text())
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            for call in _calls(function):
                level = "error" if call.func.attr == "exception" else call.func.attr  # type: ignore[attr-defined]
                for name in _names(call.args[0], tree):
                    found.setdefault((name, level), set()).update(_keys(call, function))
    return sorted(Event(name, level, tuple(sorted(keys))) for (name, level), keys in found.items())


def _calls(function: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=attr)) if attr in LEVELS:
                yield node


def _names(said: ast.expr, tree: ast.Module) -> Iterator[str]:
    """A constant, either branch of a choice, or whatever the function that made the variable returns."""
    match said:
        case ast.Constant(value=str() as name):
            yield name
        case ast.IfExp(body=one, orelse=other):
            yield from _names(one, tree)
            yield from _names(other, tree)
        case ast.Name(id=variable):
            for node in ast.walk(tree):
                match node:
                    case ast.Assign(targets=[ast.Name(id=target)], value=ast.Call(func=ast.Name(id=maker))) if (
                        target == variable
                    ):
                        yield from _returned(maker, tree)
        case _:
            raise ValueError(f"the name of a log event cannot be read: {ast.unparse(said)}")


def _returned(maker: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == maker:
            for each in ast.walk(node):
                if isinstance(each, ast.Return) and each.value is not None:
                    yield from _names(each.value, tree)


def _keys(call: ast.Call, function: ast.AST) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg
            continue
        for node in ast.walk(function):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(keys=keys)) if (
                    isinstance(keyword.value, ast.Name) and name == keyword.value.id
                ):
                    yield from (key.value for key in keys if isinstance(key, ast.Constant))

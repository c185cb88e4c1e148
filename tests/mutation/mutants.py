"""What can be broken in a module, one small thing at a time."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

_COMPARE = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_BINARY = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
           ast.LShift: ast.RShift, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.Mod: ast.Mult}  # fmt: skip
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
_GOES = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True)
class Mutant:
    """One broken module; its name says where, what stood there and what stands there now (and which of several)."""

    module: str
    name: str
    line: int
    tree: Callable[[], ast.Module]
    """Made when it is asked for: naming all of them takes no time."""


def members(trees: list[ast.Module]) -> dict[str, list[str]]:
    """The enumerations of these modules with their members, so that one can stand for another."""
    return {
        node.name: [each.targets[0].id for each in node.body
                    if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)]
        for tree in trees for node in tree.body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("Enum") for base in node.bases)
    }  # fmt: skip


def mutants(module: str, source: str, enumerations: dict[str, list[str]]) -> Iterator[Mutant]:
    """All of them, in the order of the source."""
    tree = ast.parse(source)
    ways = {id(node): way for way, node in enumerate(ast.walk(tree))}
    seen = Counter[str]()
    for place, parent, name, index, node in list(_spots(tree, ())):
        for other in _others(node, parent, enumerations):
            said = f"{module}.{place}: {_said(node)} -> {_said(other)}"
            seen[said] += 1
            nth = f" ({seen[said]})" if seen[said] > 1 else ""
            line = getattr(node, "lineno", None) or getattr(parent, "lineno", 0)
            yield Mutant(module, said + nth, line, partial(_with, tree, ways[id(parent)], name, index, other))


def _spots(parent: ast.AST, names: tuple[str, ...]) -> Iterator[tuple[str, ast.AST, str, int | None, ast.AST]]:
    """Every node that may be replaced, with the names around it; no docstrings, annotations or decorators."""
    for field, value in ast.iter_fields(parent):
        if field in {"annotation", "returns", "decorator_list", "bases", "type_comment"}:
            continue
        if isinstance(parent, ast.ClassDef) and field == "keywords":
            continue
        each = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, node in each:
            if not isinstance(node, ast.AST) or isinstance(node, (ast.Import, ast.ImportFrom, ast.JoinedStr)):
                continue
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue  # a docstring
            inner = (*names, node.name) if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else names
            if isinstance(node, ast.expr | ast.stmt | ast.comprehension):
                yield ".".join(inner) or "module", parent, field, index, node
            yield from _spots(node, inner)


def _others(  # noqa: C901, PLR0912 - one case a kind of node
    node: ast.AST, parent: ast.AST, enumerations: dict[str, list[str]]
) -> Iterator[ast.AST]:
    """What could stand there instead."""
    match node:
        case ast.Compare(left, [op], right) if type(op) in _COMPARE:
            yield ast.Compare(left, [_COMPARE[type(op)]()], right)
        case ast.Compare(left, [first, second], right):
            yield ast.Compare(left, [_COMPARE[type(first)](), second], right)
            yield ast.Compare(left, [first, _COMPARE[type(second)]()], right)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for index in range(len(values)):
                left_over = values[:index] + values[index + 1 :]
                yield left_over[0] if len(left_over) == 1 else ast.BoolOp(op, left_over)
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.BinOp(left, op, right) if type(op) in _BINARY and not _is_type(node):
            yield ast.BinOp(left, _BINARY[type(op)](), right)
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.If(_, body, orelse):
            yield from (
                ast.If(ast.Constant(value=always), body, orelse, lineno=node.lineno) for always in (True, False)
            )
        case ast.Constant():
            yield from _constants(node)
        case ast.Call(ast.Name(name), args, keywords) if name in _NAMES:
            kept = [] if name == "sorted" else keywords
            yield ast.Call(ast.Name(_NAMES[name], ast.Load()), args, kept)
        case ast.Attribute(ast.Name(kind), member, ctx) if member in enumerations.get(kind, []):
            all_ = enumerations[kind]
            yield ast.Attribute(ast.Name(kind, ast.Load()), all_[(all_.index(member) + 1) % len(all_)], ctx)
        case ast.comprehension(target, iter_, ifs) if ifs:
            for index in range(len(ifs)):
                made = ast.comprehension(target, iter_, ifs[:index] + ifs[index + 1 :], node.is_async)
                yield made
        case ast.Dict(keys, values) if len(keys) > 1:
            for index in range(len(keys)):
                yield ast.Dict(keys[:index] + keys[index + 1 :], values[:index] + values[index + 1 :])
        case ast.Set(elements) if len(elements) > 1:
            for index in range(len(elements)):
                yield ast.Set(elements[:index] + elements[index + 1 :])
        case ast.Return(value) if value is not None and not _is_none(value):
            yield ast.Return(ast.Constant(value=None), lineno=node.lineno)
    if isinstance(node, _GOES) and not isinstance(parent, (ast.Module, ast.ClassDef)):
        yield ast.Pass(lineno=node.lineno)


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    match node.value:
        case bool(value):
            yield ast.Constant(value=not value)
        case int(value):
            yield ast.Constant(value=value + 1)
        case str(value) if " " not in value:  # a sentence is for people
            yield ast.Constant(value=f"{value}!")


def _is_type(node: ast.BinOp) -> bool:
    """`A | B` of class names, as in an alias of types or in isinstance()."""
    sides = [node.left, node.right]
    return isinstance(node.op, ast.BitOr) and all(
        (isinstance(each, ast.Name) and each.id[:1].isupper())
        or (isinstance(each, ast.Constant) and each.value is None)
        or (isinstance(each, ast.BinOp) and _is_type(each))
        for each in sides
    )


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _said(node: ast.AST) -> str:
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}:"
    return " ".join(ast.unparse(node).split())


def _with(tree: ast.Module, way: int, name: str, index: int | None, node: ast.AST) -> ast.Module:
    """A copy of the tree in which this member of the node that the walk meets at `way` is another."""
    made = copy.deepcopy(tree)
    parent = next(islice(ast.walk(made), way, None))
    if index is None:
        setattr(parent, name, copy.deepcopy(node))
    else:
        getattr(parent, name)[index] = copy.deepcopy(node)
    return ast.fix_missing_locations(made)

"""The handbook names every reason to hold a delivery and every rule that asks a person, and no other."""

import ast
import re

from docs.generate import ROOT
from worker.domain.decision import FLAG_TABLE
from worker.domain.delivery import TRANSITIONS, Event, State
from worker.domain.outcome import EVENT, Outcome
from worker.flow.answers import SENTENCES

TEXT = (ROOT / "docs/handbook.md").read_text()


def table(heading):
    """The first cells of the table below a heading."""
    below = TEXT.split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    return set(re.findall(r"^\| `(.+?)` \|", below, re.MULTILINE))


def pattern(node):
    """A sentence of the code, with `…` for what is filled in; None for what is no sentence."""
    match node:
        case ast.Constant(value=str() as said):
            return said
        case ast.JoinedStr(values=parts):
            return "".join(each.value if isinstance(each, ast.Constant) else "…" for each in parts)
        case _:
            return None


def sentences(path):
    """What a module gives as the reason of a hold: to a brake, to `withhold`, to `Mismatched`, to an update, or as `reason`."""
    tree = ast.parse((ROOT / path).read_text())
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="_hold"), args=args):
                yield pattern(args[3])
            case ast.Call(func=ast.Name(id="Mismatched"), args=[said]):
                yield pattern(said)
            case ast.Call(func=ast.Attribute(attr="withhold"), keywords=named):
                yield from (pattern(each.value) for each in named if each.arg == "because")
            case ast.Call(func=ast.Attribute(attr="values"), keywords=named):
                yield from (pattern(each.value) for each in named if each.arg == "reason")
            case ast.Assign(targets=[ast.Name(id="reason")], value=value):
                yield pattern(value)
            case ast.Assign(targets=[ast.Tuple(elts=[_, ast.Name(id="reason")])], value=ast.Tuple(elts=[_, value])):
                yield pattern(value)


def in_full(said, path):
    """`… looks` is made of a sentence of its own."""
    if path == "worker/flow/look.py" and said.endswith("…"):
        return {said.replace(": …", ": … looks found no trace of it").replace(", and …", ", and … looks found no trace of it")
                .replace(", but …", ", but … looks found no trace of it")}  # fmt: skip
    return {said}


def reasons():
    """Every reason that a delivery can be held for."""
    found = set()
    for path in ("worker/flow/brakes.py", "worker/flow/refresh.py", "worker/flow/look.py", "worker/flow/deliver.py",
                 "worker/domain/proof.py", "worker/store/claims.py"):  # fmt: skip
        for said in filter(None, sentences(path)):
            found |= in_full(said, path) if not said.startswith("the orders of") else {said}
    holding = {each for each, event in EVENT.items() if TRANSITIONS[State.SENDING][event] is State.HELD}
    assert holding == {Outcome.REFUSED, Outcome.GONE}
    return found | {f"{SENTENCES[each]} (…)" for each in holding}


def test_every_reason_to_hold_is_explained():
    """The table of held deliveries has exactly the reasons that the code gives."""
    assert table("Held deliveries") == reasons() - {"it was there already", "the worker that sent it was lost"}


def test_every_rule_that_asks_is_explained():
    """The table of bookings that are asked about has exactly the rules that ask."""
    source = ast.parse((ROOT / "worker/domain/decision.py").read_text())
    asked = {node.args[0].value for node in ast.walk(source) if isinstance(node, ast.Call)
             and isinstance(node.func, ast.Name) and node.func.id == "Ask" and isinstance(node.args[0], ast.Constant)}  # fmt: skip
    asked |= {row.rule for row in FLAG_TABLE if row.then == "ask"}
    asked |= {
        "changed-after-document",
        "unreadable",
        "unclear-role",
        "unclear-amount",
    }  # the contract's, around the table
    assert table("Bookings that are asked about") == asked


def test_a_held_delivery_ends_as_the_handbook_says():
    """Seen, released, settled or replaced: there is no other way out."""
    assert set(TRANSITIONS[State.HELD]) == {Event.FOUND, Event.RELEASED, Event.SETTLED, Event.REPLACED}

"""The mutator itself, without running it: what it breaks in a small function, and that its excuses still exist."""

import ast

from tests.mutation.__main__ import BEYOND, DOMAIN, accepted, chosen
from tests.mutation.mutants import mutants

SMALL = '''
def least(numbers, most=3):
    """The smaller one."""
    if most < 3 and numbers:
        return min(numbers)
    return None
'''


def test_each_mutant_is_the_module_with_one_small_difference():
    """Constants, comparisons, conditions, names and returns are broken one at a time; a docstring is not."""
    made = list(mutants("small", SMALL, {}))
    assert [each.name for each in made] == [
        "small.least: 3 -> 4",
        "small.least: if most < 3 and numbers: -> if True:",
        "small.least: if most < 3 and numbers: -> if False:",
        "small.least: most < 3 and numbers -> most < 3 or numbers",
        "small.least: most < 3 and numbers -> numbers",
        "small.least: most < 3 and numbers -> most < 3",
        "small.least: most < 3 -> most <= 3",
        "small.least: 3 -> 4 (2)",
        "small.least: return min(numbers) -> return None",
        "small.least: min(numbers) -> max(numbers)",
    ]
    whole = ast.unparse(ast.parse(SMALL))
    assert len({whole, *(ast.unparse(each.tree()) for each in made)}) == len(made) + 1


def test_every_excuse_names_a_mutant():
    """A name in accepted.toml that is no mutant any more excuses nothing: take it away, or look at its successor."""
    assert set(accepted()) - {each.name for each in chosen((), None)} == set()


def test_every_module_has_tests_beyond_its_own():
    """The mutator asks tests of other folders too, for each module of worker/domain."""
    assert set(BEYOND) == {each.stem for each in DOMAIN.glob("*.py")} - {"__init__"}

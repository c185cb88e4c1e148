"""The rules of the house that no linter knows: who may know whom, and where clock, chance, money and files stand."""

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    path
    for part in ("worker", "tasks", "config")
    for path in (ROOT / part).rglob("*.py")
    if "versions" not in path.parts
)
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
NOT_OURS = {".venv", "var", "build", "dist", "node_modules", "__pycache__"}
MOST_LINES_OF_CODE = 300

# Who may ask the clock, draw lots or read the environment, beside the sandbox, which is a program of its own.
EDGES = {
    "worker/watchdog.py": {"time", "os"},
    "worker/wiring.py": {"now", "random", "secrets", "time"},
    "worker/celery.py": {"environ", "os"},  # Celery takes its options from there
    "worker/app.py": {"os"},  # the id of this process
    "worker/web/login.py": {"secrets"},
    "worker/web/webhooks.py": {"time"},  # how long an acknowledgement took
    "worker/calls/limiter.py": {"time"},
    "worker/calls/sending.py": {"time"},
    "worker/calls/tracing.py": {"time"},  # when a call that was seen began
    "worker/calls/wire.py": {"socket", "time"},
    "worker/store/database.py": {"time"},  # the pause before a transaction is tried again
    "worker/cli/applying.py": {"time"},  # the wait for what is live
    "worker/cli/broker.py": {"socket", "time"},
    "worker/cli/demo.py": {"environ", "os", "time"},
    "worker/cli/enqueue.py": {"time", "uuid"},
    "worker/cli/looking.py": {"now"},  # for `status`, which loads no services
    "worker/cli/supervise.py": {"environ", "os", "secrets", "time"},
}
EXACT = ("worker/domain", "worker/bokun", "worker/spaceinvoices", "worker/flow", "worker/store", "worker/calls")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> set[str]:
    """The modules that a file imports, by their first word."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {each.name.split(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_the_import_contracts_hold():
    """A booking walks through the house in one direction, the core is pure, Celery stays at the door."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_module_says_what_it_is():
    """Every module begins with a sentence."""
    assert [name(path) for path in MODULES if not (ast.get_docstring(tree(path)) or "").strip()] == []


def test_a_module_can_be_read_in_one_sitting():
    """No module has more lines of code than one can hold in mind; comments and docstrings are free."""
    assert [name(path) for path in MODULES if len(lines_of_code(path)) > MOST_LINES_OF_CODE] == []


def lines_of_code(path: Path) -> set[int]:
    source = path.read_text()
    empty = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    code = {line for each in tokens if each.type not in empty for line in range(each.start[0], each.end[0] + 1)}
    said = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr) and is_text(node.value)]
    return code - {line for each in said for line in range(each.lineno, (each.end_lineno or each.lineno) + 1)}


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_clock_chance_and_environment_stay_at_the_edges():
    """Time and chance are arguments everywhere but where they are built in, and only config reads the environment."""
    found = {name(path): asks(path) for path in MODULES if "sandbox" not in path.parts}
    assert {place: asked for place, asked in found.items() if asked} == EDGES


def asks(path: Path) -> set[str]:
    """Which doors to time, chance and environment a module opens."""
    words = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    words |= {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
    now = {"now"} if {"utcnow", "today"} & words or re.search(r"\bdatetime\.now\(", path.read_text()) else set()
    return now | {"random", "secrets", "time", "uuid", "os", "socket"} & imports(path) | {"environ", "getenv"} & words


def test_money_never_meets_a_float():
    """Where amounts pass, nothing is turned into a float, and JSON is read by the one reader that keeps decimals."""
    exact = [path for path in MODULES if name(path).startswith(EXACT)]
    assert [name(path) for path in exact if "float" in called(path)] == []
    readers = [name(path) for path in exact if "json" in imports(path) and decodes(path)]
    assert readers == ["worker/calls/json.py"]


def decodes(path: Path) -> bool:
    return bool(re.search(r"\bjson\.(loads?|JSONDecoder)\(", path.read_text()))


def called(path: Path) -> set[str]:
    calls = (node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    return {each.id for each in calls if isinstance(each, ast.Name)}


def statements_of(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node


def test_every_test_states_its_rule_in_one_sentence():
    """A test says what must hold, in one sentence."""
    one_sentence = re.compile(r"^(?!.*[.!?] [A-Z]).+\.$", re.DOTALL)
    said = [(each.name, ast.get_docstring(each) or "") for path in TESTS for each in statements_of(path)]
    assert [test for test, text in said if not one_sentence.match(text)] == []


def test_nothing_is_mocked():
    """Tests talk to real neighbours: there is no mock library, and nobody asks whether a function was called."""
    mocks = {"mock", "pytest_mock", "respx", "responses", "httpretty", "pytest_httpx", "unittest"}
    assert [name(path) for path in (ROOT / "tests").rglob("*.py") if imports(path) & mocks] == []


def ours() -> Iterator[Path]:
    """The files that are kept, without what was made from them."""
    for folder, below, files in os.walk(ROOT):
        hidden = {each for each in below if each.startswith(".") and each != ".ci"}
        below[:] = [each for each in below if each not in NOT_OURS | hidden and not each.endswith(".egg-info")]
        yield from (Path(folder) / each for each in files if each not in {".git", ".env"})


def test_no_file_knows_the_machine_it_was_written_on():
    """No path of a machine and no address of a package index stands in any file, so that it builds anywhere."""
    machine = re.compile(rb"(?<![\w.])/(?:work|root|home|Users)/\w")
    index = re.compile(rb"pypi" rb"\.org|pythonhosted\." rb"org|--(?:extra-)?index" rb"-url ")
    found = [name(path) for path in ours() if machine.search(text := path.read_bytes()) or index.search(text)]
    assert found == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_is_names_versions_and_hashes(lock):
    """Each locked package has one version and its hashes, and no address."""
    text = (ROOT / lock).read_text()
    packages = re.findall(
        r"^[\w.\[\]-]+==[\w.+!]+.*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", text, re.MULTILINE
    )
    assert "://" not in text
    assert "".join(packages) == text


def test_everything_that_runs_is_in_the_larger_lock_too():
    """Tests run against the very versions that run in production."""
    run, dev = (set(re.findall(r"^[\w.\[\]-]+==\S+", (ROOT / lock).read_text(), re.MULTILINE))
                for lock in ("requirements.lock", "requirements-dev.lock"))  # fmt: skip
    assert run - dev == set()

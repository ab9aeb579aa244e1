"""The rules a machine can check, for Python: lengths, openings, waiting, loose types.

Each rule is a function from a parsed module to findings and is proven able to fail below. The Rust half, which also
looks for words nobody should find in any file, is ``tests/rust/tidy.rs``.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
EXAMPLE_LINES_MAX = 59

#: Rules broken on purpose: (rule, path) and the reason. Empty is best; a stale entry fails.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("sleep", "tests/python/test_kill_anywhere.py"): "what is shown is a signal that comes while the main thread sleeps",
}


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The file as a syntax tree."""
        return ast.parse(self.text, self.path)

    @property
    def is_library(self) -> bool:
        """True for what users import."""
        return self.path.startswith("python/killcord/")

    @property
    def is_stub(self) -> bool:
        """True for type information without code."""
        return self.path.endswith(".pyi")


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken in one place."""

    rule: str
    path: str
    line: int
    what: str


Rule = Callable[[Module], Iterator[Finding]]


def long_file(module: Module) -> Iterator[Finding]:
    """Library files have 400 lines at most, examples 59; tests may be as long as they need."""
    lines = len(module.text.splitlines())
    if module.is_library and not module.is_stub and lines > FILE_LINES_MAX:
        yield Finding("file length", module.path, 1, f"{lines} lines, {FILE_LINES_MAX} at most")
    if module.path.startswith("examples/") and lines > EXAMPLE_LINES_MAX:
        yield Finding("file length", module.path, 1, f"{lines} lines, {EXAMPLE_LINES_MAX} at most")


def long_function(module: Module) -> Iterator[Finding]:
    """A function has 60 lines at most, its docstring not counted: that one is for the reader's screen, not the code."""
    if module.path.startswith("tests/"):
        return
    for function in functions(module.tree):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1 - docstring_lines(function)
        if lines > FUNCTION_LINES_MAX:
            yield Finding("function length", module.path, function.lineno, f"{function.name}: {lines} lines")


def missing_docstring(module: Module) -> Iterator[Finding]:
    """Every module opens by saying what it is."""
    if not (ast.get_docstring(module.tree) or "").strip():
        yield Finding("opening", module.path, 1, "the module has no docstring")


def sleeps(module: Module) -> Iterator[Finding]:
    """Nothing waits by sleeping, tests least of all. ``asyncio.sleep(0)`` only gives way."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and called_name(node).split(".")[-1] == "sleep" and not gives_way(node):
            yield Finding("sleep", module.path, node.lineno, "waits by sleeping")


def loose_types(module: Module) -> Iterator[Finding]:
    """No ``Any`` in a public signature of the library."""
    if not module.is_library:
        return
    for function in functions(module.tree):
        if function.name.startswith("_") and not function.name.startswith("__"):
            continue
        for annotation in annotations(function):
            if any(is_any(node) for node in ast.walk(annotation)):
                yield Finding("Any", module.path, function.lineno, f"{function.name}: Any in a public signature")


RULES: tuple[Rule, ...] = (long_file, long_function, missing_docstring, sleeps, loose_types)


def modules() -> list[Module]:
    """Every Python file of the repository, the built environment left out."""
    found = []
    for folder in ("python", "examples", "tests/python", "tests/faults", "benches"):
        for ending in ("*.py", "*.pyi"):
            found += [path for path in (ROOT / folder).rglob(ending) if "__pycache__" not in path.parts]
    return [Module(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in sorted(found)]


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, nested ones included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstring_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many lines the docstring takes."""
    if ast.get_docstring(function, clean=False) is None:
        return 0
    first = function.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1


def annotations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    """The types a signature names."""
    arguments = function.args
    everyone = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    yield from (one.annotation for one in everyone if one is not None and one.annotation is not None)
    if function.returns is not None:
        yield function.returns


def is_any(node: ast.AST) -> bool:
    """``Any`` or ``typing.Any``."""
    return (isinstance(node, ast.Name) and node.id == "Any") or (isinstance(node, ast.Attribute) and node.attr == "Any")


def called_name(call: ast.Call) -> str:
    """``time.sleep`` for ``time.sleep(1)``."""
    return ast.unparse(call.func)


def gives_way(call: ast.Call) -> bool:
    """``sleep(0)``."""
    return len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0


def findings() -> list[Finding]:
    """Every rule over every file."""
    return [finding for module in modules() for rule in RULES for finding in rule(module)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    """All files keep it, or stand among the exceptions with a reason."""
    broken = [finding for module in modules() for finding in rule(module)]
    assert [finding for finding in broken if (finding.rule, finding.path) not in EXCEPTIONS] == []


def test_no_exception_is_stale_and_each_has_a_reason() -> None:
    """What is no longer broken is no longer excused."""
    broken = {(finding.rule, finding.path) for finding in findings()}
    assert set(EXCEPTIONS) <= broken
    assert all(len(reason) > 20 for reason in EXCEPTIONS.values())


def test_the_whole_tree_is_looked_at() -> None:
    """A rule over no files would pass."""
    assert "tests/python/test_tidy.py" in {module.path for module in modules()}


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (long_file, "python/killcord/a.py", "a = 1\n" * 401),
        (long_file, "examples/a.py", "a = 1\n" * 60),
        (long_function, "python/killcord/a.py", "def f() -> None:\n" + "    g()\n" * 60),
        (long_function, "examples/a.py", "class A:\n    async def f(self) -> None:\n" + "        g()\n" * 60),
        (missing_docstring, "tests/python/a.py", "import os\n"),
        (sleeps, "tests/python/a.py", "import time\ntime.sleep(1)\n"),
        (sleeps, "python/killcord/a.py", "async def f() -> None:\n    await asyncio.sleep(0.1)\n"),
        (loose_types, "python/killcord/a.py", "def f(a: dict[str, Any]) -> None: ...\n"),
        (loose_types, "python/killcord/a.pyi", "class A:\n    def f(self) -> typing.Any: ...\n"),
    ],
)
def test_a_broken_rule_is_found(rule: Rule, path: str, text: str) -> None:
    """Each rule is able to fail."""
    assert len(list(rule(Module(path, text)))) == 1


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (long_file, "python/killcord/a.py", "a = 1\n" * 400),
        (long_file, "tests/python/a.py", "a = 1\n" * 900),
        (long_function, "python/killcord/a.py", 'def f() -> None:\n    """A\n' + "    b\n" * 60 + '    """\n'),
        (missing_docstring, "tests/python/a.py", '"""What this is."""\n'),
        (sleeps, "tests/python/a.py", "async def f() -> None:\n    await asyncio.sleep(0)\n"),
        (loose_types, "python/killcord/a.py", "def _f(a: Any) -> None: ...\n"),
        (loose_types, "tests/python/a.py", "def f(a: Any) -> None: ...\n"),
    ],
)
def test_a_kept_rule_is_not_found(rule: Rule, path: str, text: str) -> None:
    """Nor does a rule fail where it does not apply."""
    assert list(rule(Module(path, text))) == []

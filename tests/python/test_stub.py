"""The stub says what the extension is, in the order of its sources; and the whole face passes mypy --strict."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import killcord._killcord as extension

ROOT = Path(__file__).parents[2]
STUB = ROOT / "python" / "killcord" / "_killcord.pyi"


def test_the_stub_agrees_with_the_extension() -> None:
    run("mypy.stubtest", "killcord._killcord", "--mypy-config-file", "pyproject.toml")


def test_the_face_and_its_tests_pass_mypy_strict() -> None:
    run("mypy", "--strict", "python/killcord", "tests/python")


def test_the_stub_follows_the_order_in_which_the_extension_registers() -> None:
    pattern = r"(?:add_class::<|wrap_pyfunction!\()(\w+)::(\w+)"
    registered = re.findall(pattern, (ROOT / "src" / "python" / "mod.rs").read_text())
    stub = STUB.read_text()
    assert re.findall(r"^(?:class|def) (\w+)", stub, re.MULTILINE) == [name for _, name in registered]
    files = list(dict.fromkeys(f"{file}.rs" for file, _ in registered))
    assert re.findall(r"^# (\w+\.rs)$", stub, re.MULTILINE) == files


def test_the_docstrings_of_stub_and_extension_are_the_same() -> None:
    stub = STUB.read_text()
    for name in extension.__all__:
        doc = getattr(extension, name).__doc__
        if isinstance(getattr(extension, name), type) and doc:
            assert doc.splitlines()[0] in stub, name


def run(*arguments: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": "tests/python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr

"""Every example in a docstring is run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import killcord

MODULES = sorted(f"killcord.{module.name}" for module in pkgutil.iter_modules(killcord.__path__))


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith(("._killcord", ".__main__"))])
def test_every_example_does_what_it_says(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_there_are_examples_to_run() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    counted = sum(len(test.examples) for name in ("config", "errors", "events", "model") for test in
                  finder.find(importlib.import_module(f"killcord.{name}")))
    assert counted >= 4

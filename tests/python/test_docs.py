"""Every example in a docstring is run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import killcord

MODULES = sorted(
    f"killcord.{module.name}"
    for module in pkgutil.iter_modules(killcord.__path__)
    if module.name not in ("_killcord", "__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_every_example_does_what_it_says(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_there_are_examples_to_run() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    shown = {
        name.split(".")[-1]
        for name in MODULES
        if any(found.examples for found in finder.find(importlib.import_module(name)))
    }
    assert shown >= {"config", "errors", "events", "guard", "model", "venues"}

"""The exceptions: one tree, drawn in the docstring, with attributes, and able to travel between processes."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from killcord import errors
from killcord.errors import ConfigError, KillcordError, Loss, Refusal
from killcord.model import LinkRole, LossCause, RefusalClass


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    assert drawn_parents() == {
        cls.__name__: parent.__name__
        for cls in all_classes() - {KillcordError}
        for parent in cls.__bases__
        if issubclass(parent, KillcordError)
    }


def test_every_class_says_what_it_means() -> None:
    assert [cls for cls in all_classes() if not (cls.__doc__ or "").strip()] == []


def test_a_configuration_error_is_also_a_value_error_and_a_timeout_a_timeout() -> None:
    assert issubclass(ConfigError, ValueError)
    assert issubclass(errors.ArmTimeout, TimeoutError)


@pytest.mark.parametrize(
    "error",
    [
        Loss("the link was lost", role=LinkRole.GUARD, cause=LossCause.CLOSED, code=1006),
        Refusal("no", step="auth", code="13004", text="t", advice="check", refusal_class=RefusalClass.FATAL),
        ConfigError("no", field="f", value="v", rule="r"),
        errors.Latched("latched"),
    ],
)
def test_an_error_travels_to_another_process_with_its_attributes(error: KillcordError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert back.__dict__ == error.__dict__


def all_classes() -> set[type[KillcordError]]:
    classes = {cls for _, cls in inspect.getmembers(errors, inspect.isclass) if cls.__module__ == errors.__name__}
    return {cls for cls in classes if issubclass(cls, KillcordError)}


def drawn_parents() -> dict[str, str]:
    """Child to parent, read off the picture: the depth is the column at which the name begins."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ((?:[│├└─ ]{4})*)([A-Z]\w+)(?: |$)", line)
        if match:
            depth = len(match[1]) // 4
            del path[depth:]
            if path:
                parents[match[2]] = path[-1]
            path.append(match[2])
    return parents

"""What the package exports is complete, sorted, documented and frozen."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import pkgutil
from types import ModuleType

import killcord

NOT_EXPORTED = {"cli", "daemon", "demo", "sim"}


def test_all_is_sorted_and_every_name_exists() -> None:
    assert killcord.__all__ == sorted(set(killcord.__all__))
    assert [name for name in killcord.__all__ if not hasattr(killcord, name)] == []


def test_every_public_class_of_every_module_is_exported() -> None:
    missing = [
        name
        for module in public_modules()
        for name in own_classes(module)
        if name not in killcord.__all__
    ]
    assert missing == []


def test_every_exported_class_has_a_docstring_of_its_own() -> None:
    classes = [getattr(killcord, name) for name in killcord.__all__ if inspect.isclass(getattr(killcord, name))]
    undocumented = [cls.__name__ for cls in classes if not cls.__doc__ or cls.__doc__.startswith(f"{cls.__name__}(")]
    assert undocumented == []


def test_every_record_is_frozen_and_slotted() -> None:
    records = [getattr(killcord, name) for name in killcord.__all__]
    for record in filter(dataclasses.is_dataclass, records):
        assert vars(record)["__dataclass_params__"].frozen, record
        assert "__slots__" in vars(record), record


def test_enum_values_are_unique_words() -> None:
    for name in killcord.__all__:
        member = getattr(killcord, name)
        if inspect.isclass(member) and issubclass(member, enum.Enum):
            assert all(isinstance(item.value, str) for item in member), member


def test_the_version_is_the_one_of_the_crate() -> None:
    assert killcord.__version__.count(".") == 2


def public_modules() -> list[ModuleType]:
    names = {module.name for module in pkgutil.iter_modules(killcord.__path__) if module.name[0] != "_"} - NOT_EXPORTED
    return [importlib.import_module(f"killcord.{name}") for name in sorted(names)]


def own_classes(module: ModuleType) -> list[str]:
    return [
        name
        for name, cls in inspect.getmembers(module, inspect.isclass)
        if cls.__module__ == module.__name__ and not name.startswith("_")
    ]

"""Breaks functions of the package one at a time."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

import collapse_magic


class Injected(Exception):  # noqa: N818 - no error of anybody's
    """Raised in the place of one of our functions."""


def functions(*packages: str) -> list[str]:
    """``module:Class.function`` of every function in these parts of the package."""
    found = []
    for name in _modules():
        if name.startswith(tuple(f"collapse_magic.{package}" for package in packages)):
            module = importlib.import_module(name)
            found += [f"{name}:{path}" for path in _paths(module)]
    return found


def code_of(where: str) -> CodeType:
    """The code of a function that `functions` names."""
    module, _, path = where.partition(":")
    thing: Any = sys.modules[module]
    for name in path.split("."):
        thing = vars(thing)[name]
    code: CodeType = _function(thing).__code__
    return code


def _modules() -> Iterator[str]:
    root = Path(collapse_magic.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if path.name not in ("__init__.py", "__main__.py"):
            yield ".".join(("collapse_magic", *path.relative_to(root).with_suffix("").parts))


def _paths(module: ModuleType) -> Iterator[str]:
    for name, value in vars(module).items():
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            yield name
        elif inspect.isclass(value) and value.__module__ == module.__name__:
            for inner, member in vars(value).items():
                if _ours(_function(member), module) and (inner == "__init__" or inner[:2] != "__"):
                    yield f"{name}.{inner}"


def _function(member: Any) -> Any:
    member = getattr(member, "__func__", getattr(member, "fget", member))
    return inspect.unwrap(member) if callable(member) else member


def _ours(function: Any, module: ModuleType) -> bool:
    """Written in the module, not made by `dataclass`."""
    return isinstance(function, FunctionType) and function.__code__.co_filename == module.__file__


class Fault:
    """One function that raises wherever it is called, from its ``after``-th call on."""

    def __init__(
        self, where: str, patch: pytest.MonkeyPatch, error: type[BaseException] = Injected
    ) -> None:
        self.hits = 0
        module_name, _, path = where.partition(":")
        module = importlib.import_module(module_name)
        owner_name, _, name = path.rpartition(".")
        if owner_name:
            owner = getattr(module, owner_name)
            patch.setattr(owner, name, self._broken(vars(owner)[name], error))
            return
        original = getattr(module, name)
        broken = self._broken(original, error)
        for other in list(sys.modules.values()):  # wherever it was imported by name
            if getattr(other, "__name__", "").startswith("collapse_magic"):
                for key, value in list(vars(other).items()):
                    if value is original:
                        patch.setattr(other, key, broken)

    def _broken(self, member: Any, error: type[BaseException]) -> Any:
        def fail(*_: Any, **__: Any) -> Any:
            self.hits += 1
            raise error("injected")

        if isinstance(member, property):
            return property(fail)
        if isinstance(member, staticmethod):
            return staticmethod(fail)
        return classmethod(fail) if isinstance(member, classmethod) else _renamed(fail, member)


def _renamed(fail: Callable[..., Any], member: Any) -> Callable[..., Any]:
    fail.__name__ = getattr(member, "__name__", "fail")
    return fail

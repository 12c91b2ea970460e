"""Values that the user names before they may exist: ``--model EXPR``, ``--class-names EXPR``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any


class Expression:
    """A Python expression over the user's variables, checked once it has a value.

    ``check(value)`` returns the value to use, or raises `ValueError` with a sentence.
    ``assigned`` holds the names that the watched cell makes itself: of those nothing can be said
    before it runs.
    """

    def __init__(
        self, option: str, text: str, check: Callable[[Any], Any], assigned: frozenset[str]
    ) -> None:
        self.option = option
        self.text = text
        self._check = check
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except SyntaxError:
            raise ValueError(f"{option}: {text!r} is no Python expression") from None
        self._code = compile(tree, f"<{option}>", "eval")
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        self.made_in_cell = bool(names & assigned)

    def at_start(self, namespace: Mapping[str, Any]) -> None:
        """Raises ValueError where it is already sure that the value will not do."""
        problem = "" if self.made_in_cell else self.value(namespace)[1]
        if problem:
            raise ValueError(problem)

    def value(self, namespace: Mapping[str, Any]) -> tuple[Any, str]:
        """(value or None, a sentence where there is none)."""
        try:
            value = eval(self._code, dict(namespace))  # noqa: S307 (the user's own words)
        except Exception as error:
            return None, f"{self.option} {self.text}: {type(error).__name__}: {error}"
        try:
            return self._check(value), ""
        except ValueError as error:
            return None, f"{self.option} {self.text}: {error}"


def assigned_names(source: str) -> frozenset[str]:
    """Names that a cell makes: assignments, imports, functions, classes, loops."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
    return frozenset(names)


def model(value: Any) -> Any:
    """Something with parameters, as frameworks understand it."""
    parameters = getattr(value, "parameters", None)
    if callable(parameters) and callable(value) and not isinstance(value, type):
        return value
    raise ValueError(f"is no model but {_kind(value)}")


def class_names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise ValueError(f"is no list of names but {_kind(value)}")
    names = tuple(str(item) for item in value)
    if not names:
        raise ValueError("is empty")
    return names


def _kind(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__} (an instance is needed)"
    article = "an" if type(value).__name__[0].lower() in "aeiou" else "a"
    return f"{article} {type(value).__name__}"


CHECKS: Mapping[str, Callable[[Any], Any]] = {"model": model, "class_names": class_names}

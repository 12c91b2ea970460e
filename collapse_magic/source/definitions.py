"""Functions, classes and calls in the cells, by name."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cached_property

from .cells import Cell, Function, Spot
from .names import dotted


class Definitions:
    """What is defined and called; cells are those that parse, by execution count."""

    def __init__(self, cells: Mapping[int, Cell]) -> None:
        self.cells = cells

    @property
    def latest_first(self) -> list[Cell]:
        return [self.cells[number] for number in sorted(self.cells, reverse=True)]

    def function_named(self, name: str) -> Spot | None:
        return self._defined(name, (ast.FunctionDef, ast.AsyncFunctionDef))

    def class_named(self, name: str) -> Spot | None:
        return self._defined(name, (ast.ClassDef,))

    def _defined(self, name: str, kinds: tuple[type[ast.AST], ...]) -> Spot | None:
        """The latest definition; methods do not count as functions."""
        found = self.definitions.get(name, [])
        return next((spot for spot in found if isinstance(spot.node, kinds)), None)

    @cached_property
    def definitions(self) -> dict[str, list[Spot]]:
        """Functions and classes by name, the latest first."""
        found: dict[str, list[Spot]] = {}
        for cell in self.latest_first:
            for node in reversed(cell.nodes):
                if isinstance(node, Function | ast.ClassDef) and not isinstance(
                    cell.parents.get(node), ast.ClassDef
                ):
                    found.setdefault(node.name, []).append(Spot(cell, node))
        return found

    def method(self, owner: Spot, name: str) -> Spot | None:
        """A method of a class, or of its bases in the cells."""
        assert isinstance(owner.node, ast.ClassDef)
        for node in reversed(owner.node.body):
            if isinstance(node, Function) and node.name == name:
                return Spot(owner.cell, node)
        for base in owner.node.bases:
            found = self.class_named(base.id) if isinstance(base, ast.Name) else None
            if found is not None and found.node is not owner.node:
                return self.method(found, name)
        return None

    def returns(self, function: Spot) -> list[Spot]:
        """Expressions that a function returns."""
        return [
            Spot(function.cell, node.value)
            for node in function.cell.walk(function.node)
            if isinstance(node, ast.Return) and node.value is not None
        ]

    @cached_property
    def named_calls(self) -> dict[Cell, dict[str, list[ast.Call]]]:
        """The calls in each cell, by the last part of what they call."""
        found: dict[Cell, dict[str, list[ast.Call]]] = {}
        for cell in self.cells.values():
            named = found.setdefault(cell, {})
            for node in cell.nodes:
                if isinstance(node, ast.Call):
                    func = node.func
                    called = func.attr if isinstance(func, ast.Attribute) else dotted(func) or ""
                    named.setdefault(called, []).append(node)
        return found

"""Where a value comes from: through names, attributes, arguments and returns, over all cells."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from .cells import Cell, Function, Spot, line_of
from .names import Names, dotted
from .scopes import Binding, attribute_bindings, bindings, last, reaching

_DEPTH = 16  # steps from a use to its construction; real notebooks need about five
# Methods and functions that hand back what they are given, as far as its construction goes.
_SAME_OBJECT = frozenset(
    {
        "to",
        "cuda",
        "cpu",
        "double",
        "float",
        "half",
        "bfloat16",
        "train",
        "eval",
        "apply",
        "compile",
    }
)
_WRAPPERS = re.compile(
    r"(^|\.)(compile|DataParallel|DistributedDataParallel|DDP|script|prepare|setup|setup_module|"
    r"checkpoint_wrapper|FullyShardedDataParallel|FSDP|tqdm|trange|enumerate|iter|islice|cycle|track)$"
)


class Flow:
    """Answers about names; cells are those that parse, by execution count."""

    def __init__(self, cells: Mapping[int, Cell], namespace: Mapping[str, Any]) -> None:
        self.cells = cells
        self.namespace = namespace
        self.names = Names(cells.values(), namespace)

    @property
    def latest_first(self) -> list[Cell]:
        return [self.cells[number] for number in sorted(self.cells, reverse=True)]

    # Definitions

    def function_named(self, name: str) -> Spot | None:
        return self._defined(name, (ast.FunctionDef, ast.AsyncFunctionDef))

    def class_named(self, name: str) -> Spot | None:
        return self._defined(name, (ast.ClassDef,))

    def _defined(self, name: str, kinds: tuple[type[ast.AST], ...]) -> Spot | None:
        """The latest definition; methods do not count as functions."""
        found = self._definitions.get(name, [])
        return next((spot for spot in found if isinstance(spot.node, kinds)), None)

    @cached_property
    def _definitions(self) -> dict[str, list[Spot]]:
        """Functions and classes by name, the latest first."""
        found: dict[str, list[Spot]] = {}
        for cell in self.latest_first:
            for node in reversed(cell.nodes):
                if isinstance(node, Function | ast.ClassDef) and not isinstance(
                    cell.parents.get(node), ast.ClassDef
                ):
                    found.setdefault(node.name, []).append(Spot(cell, node))
        return found

    def class_of(self, spot: Spot) -> Spot | None:
        """The user's class of the object that an expression stands for."""
        this = self.self_class(spot)
        if this is not None:
            return this
        live = self._live(spot)
        if live is not None and (found := self.class_named(type(live).__name__)):
            return found
        for origin in self.origins(spot):
            called = origin.node.func if isinstance(origin.node, ast.Call) else None
            if isinstance(called, ast.Name) and (found := self.class_named(called.id)):
                return found
        return None

    def _live(self, spot: Spot) -> Any:
        """The object behind a global name, None for any other expression."""
        node = spot.node
        if not isinstance(node, ast.Name) or node.id not in self.namespace:
            return None
        scope = spot.cell.scope(node)
        while not isinstance(scope, ast.Module):
            if isinstance(scope, Function) and (
                _parameter(scope, node.id) or bindings(spot.cell, scope, node.id)
            ):
                return None
            scope = spot.cell.scope(scope)
        return self.namespace[node.id]

    def self_class(self, spot: Spot) -> Spot | None:
        """The class around a method, where the expression is the method's first parameter."""
        function = spot.cell.function(spot.node)
        while function is not None:
            owner = spot.cell.parents.get(function)
            if isinstance(owner, ast.ClassDef):
                this = function.args.args[0].arg if function.args.args else None
                if isinstance(spot.node, ast.Name) and spot.node.id == this:
                    return Spot(spot.cell, owner)
                return None
            function = spot.cell.function(function)
        return None

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

    # Values

    def values(self, spot: Spot) -> list[Binding]:
        """What a name or attribute may have been given, nearest first; several where it is open."""
        if isinstance(spot.node, ast.Name):
            return self._name_values(spot, spot.node.id)
        if isinstance(spot.node, ast.Attribute):
            return self._attribute_values(spot, spot.node)
        return []

    def _name_values(self, spot: Spot, name: str) -> list[Binding]:
        scope = spot.cell.scope(spot.node)
        at: ast.AST = spot.node
        while not isinstance(scope, ast.Module):
            seen = not isinstance(scope, ast.ClassDef) or scope is spot.cell.scope(spot.node)
            if seen and (found := reaching(spot.cell, name, at, scope)):
                return found
            if isinstance(scope, Function) and _parameter(scope, name):
                return self._arguments(Spot(spot.cell, scope), name)
            at, scope = scope, spot.cell.scope(scope)
        return self._global_values(spot, name, inside=at is not spot.node)

    def _global_values(self, spot: Spot, name: str, *, inside: bool) -> list[Binding]:
        """Top level: this cell up to here, then earlier ones; from inside a function the latest."""
        for cell in self.latest_first:
            if cell is spot.cell and not inside:
                found = reaching(cell, name, spot.node, cell.tree)
            elif cell.number < spot.cell.number or inside:
                found = last(cell, name)
            else:
                continue
            if agreeing := [b for b in found if self._agrees(name, b)]:
                return agreeing
        return []

    def _agrees(self, name: str, binding: Binding) -> bool:
        """Whether the live object can come from that construction."""
        value = binding.value
        if name not in self.namespace or binding.index is not None or binding.loop:
            return True
        if not isinstance(value, ast.Call) or isinstance(value.func, ast.Call):
            return True
        called = dotted(value.func)
        known = self.names.torch(value.func) or ""
        is_class = known.startswith(("nn.", "optim.")) or (
            called is not None and self.class_named(called) is not None
        )
        if not is_class or _WRAPPERS.search(known):
            return True
        return _class_name(self.namespace[name]) == (known or called or "").rpartition(".")[2]

    def _attribute_values(self, spot: Spot, node: ast.Attribute) -> list[Binding]:
        owner = self.self_class(Spot(spot.cell, node.value)) or self.class_of(
            Spot(spot.cell, node.value)
        )
        seen: set[ast.AST] = set()
        while owner is not None and owner.node not in seen:
            seen.add(owner.node)
            assert isinstance(owner.node, ast.ClassDef)
            if found := attribute_bindings(owner.cell, owner.node, node.attr):
                return found
            bases = [b.id for b in owner.node.bases if isinstance(b, ast.Name)]
            owner = self.class_named(bases[0]) if bases else None
        return []

    # Calls

    def calls(self, function: Spot) -> Iterator[tuple[Spot, int]]:
        """Calls of a function in the latest cell with any, and 1 where `self` is not written."""
        assert isinstance(function.node, Function)
        owner = function.cell.parents.get(function.node)
        name, skipped = function.node.name, 0
        if isinstance(owner, ast.ClassDef):
            skipped = 1
            name = owner.name if name == "__init__" else name
        for cell in self.latest_first:
            found = [
                node
                for node in self._calls[cell].get(name, [])
                if function.node not in cell.ancestors(node)
            ]
            if found:
                yield from ((Spot(cell, node), skipped) for node in found)
                return

    @cached_property
    def _calls(self) -> dict[Cell, dict[str, list[ast.Call]]]:
        """The calls in each cell, by the last part of what they call."""
        found: dict[Cell, dict[str, list[ast.Call]]] = {}
        for cell in self.cells.values():
            named = found.setdefault(cell, {})
            for node in cell.nodes:
                if isinstance(node, ast.Call):
                    called = (dotted(node.func) or "").rpartition(".")[2]
                    named.setdefault(called, []).append(node)
        return found

    def _arguments(self, function: Spot, name: str) -> list[Binding]:
        """What a parameter was given at the calls; its default where nobody gives it."""
        assert isinstance(function.node, Function)
        found: list[Binding] = []
        for call, skipped in self.calls(function):
            assert isinstance(call.node, ast.Call)
            value = _argument(call.node, function.node, name, skipped)
            if value is not None:
                found.append(Binding(call.cell, call.cell.statement(value), value))
        if not found and (default := _default(function.node, name)) is not None:
            found.append(Binding(function.cell, function.node, default))
        return found

    def returns(self, function: Spot) -> list[Spot]:
        """Expressions that a function returns."""
        return [
            Spot(function.cell, node.value)
            for node in function.cell.walk(function.node)
            if isinstance(node, ast.Return) and node.value is not None
        ]

    def called_function(self, spot: Spot) -> Spot | None:
        """The user's function or method that a call runs."""
        assert isinstance(spot.node, ast.Call)
        func = spot.node.func
        if isinstance(func, ast.Name):
            return self.function_named(func.id)
        if isinstance(func, ast.Attribute):
            owner = self.class_of(Spot(spot.cell, func.value))
            return None if owner is None else self.method(owner, func.attr)
        return None

    # Origins

    def origins(self, spot: Spot, index: int | None = None, depth: int = _DEPTH) -> list[Spot]:
        """Constructions that an expression may stand for; several where the code cannot tell."""
        if depth == 0:
            return []
        found = list(self._origins(spot, index, depth - 1))
        unique = {id(s.node): s for s in found}
        return list(unique.values())

    def _origins(self, spot: Spot, index: int | None, depth: int) -> Iterable[Spot]:
        node = spot.node
        if isinstance(node, (ast.Name, ast.Attribute)):
            values = self.values(spot)
            for binding in values:
                if not (isinstance(binding.value, ast.Constant) and binding.value.value is None):
                    yield from self.origins(binding.spot, binding.index, depth)
            if not values and isinstance(node, ast.Attribute) and self.names.torch(node):
                yield spot
        elif isinstance(node, ast.IfExp):
            yield from self.origins(Spot(spot.cell, node.body), index, depth)
            yield from self.origins(Spot(spot.cell, node.orelse), index, depth)
        elif isinstance(node, (ast.Await, ast.NamedExpr)):
            yield from self.origins(Spot(spot.cell, node.value), index, depth)
        elif isinstance(node, ast.Tuple) and index is not None and index < len(node.elts):
            yield from self.origins(Spot(spot.cell, node.elts[index]), None, depth)
        elif isinstance(node, ast.Subscript) and (chosen := self._chosen(spot, node, depth)):
            for one in chosen:
                yield from self.origins(one, index, depth)
        elif isinstance(node, ast.Call):
            yield from self._call_origins(spot, node, index, depth)
        elif not isinstance(node, ast.Constant):
            yield spot

    def _chosen(self, spot: Spot, node: ast.Subscript, depth: int) -> list[Spot]:
        """What `losses[name]` may be, of `losses = {"bce": nn.BCELoss(), ...}`."""
        held = self.origins(Spot(spot.cell, node.value), None, depth)
        table = held[0].node if len(held) == 1 else None
        if not isinstance(table, ast.Dict):
            return []
        name = node.slice
        key = self.namespace.get(name.id) if isinstance(name, ast.Name) else None
        key = name.value if isinstance(name, ast.Constant) else key
        exact = [
            value
            for at, value in zip(table.keys, table.values, strict=True)
            if isinstance(at, ast.Constant) and at.value == key
        ]
        return [Spot(held[0].cell, value) for value in exact or table.values]

    def _call_origins(
        self, spot: Spot, node: ast.Call, index: int | None, depth: int
    ) -> Iterable[Spot]:
        func = node.func
        name = dotted(func) or ""
        if (
            isinstance(func, ast.Attribute)
            and func.attr in _SAME_OBJECT
            and not (self.names.torch(func) or "").startswith("torch.")
        ):
            yield from self.origins(Spot(spot.cell, func.value), index, depth)
        elif _WRAPPERS.search(name) and node.args:
            arg = node.args[index] if index is not None and index < len(node.args) else node.args[0]
            yield from self.origins(Spot(spot.cell, arg), None, depth)
        elif (function := self.called_function(spot)) is not None:
            for value in self.returns(function):
                yield from self.origins(value, index, depth)
        else:
            yield spot


def _class_name(value: object) -> str:
    return type(value).__name__


def _parameter(function: Function, name: str) -> bool:
    args = function.args
    return any(a.arg == name for a in (*args.posonlyargs, *args.args, *args.kwonlyargs))


def _argument(call: ast.Call, function: Function, name: str, skipped: int) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    if name not in names:
        return None
    position = names.index(name) - skipped
    given = call.args
    if 0 <= position < len(given) and not any(
        isinstance(a, ast.Starred) for a in given[: position + 1]
    ):
        return given[position]
    return None


def _default(function: Function, name: str) -> ast.expr | None:
    args = function.args
    positional = (*args.posonlyargs, *args.args)
    for arg, default in zip(reversed(positional), reversed(args.defaults), strict=False):
        if arg.arg == name:
            return default
    for arg, keyword in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        if arg.arg == name:
            return keyword
    return None


def order(spot: Spot) -> tuple[int, int]:
    return spot.cell.number, line_of(spot.node)

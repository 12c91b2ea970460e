"""Where a value comes from: through names, attributes, arguments and returns, over all cells."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from .callees import callees, is_partial
from .cells import Cell, Function, Spot, line_of
from .definitions import Definitions
from .names import Names, dotted
from .readers import uses as used
from .scopes import Binding, attribute_bindings, binding_of, bindings, last, reaching
from .settings import entries, field
from .signatures import argument_given, default_of, takes

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
    r"checkpoint_wrapper|FullyShardedDataParallel|FSDP|staticmethod|tqdm|trange|enumerate|iter|islice|cycle|track)$"
)


class Flow(Definitions):
    """Answers about names; cells are those that parse, by execution count."""

    def __init__(self, cells: Mapping[int, Cell], namespace: Mapping[str, Any]) -> None:
        super().__init__(cells)
        self.namespace = namespace
        self._classes: dict[ast.AST, Spot | None] = {}
        self._run: dict[ast.AST, Spot | None] = {}
        self.names = Names(cells.values(), namespace, self._word)

    def class_of(self, spot: Spot) -> Spot | None:
        """The user's class of the object that an expression stands for."""
        if spot.node not in self._classes:
            self._classes[spot.node] = None  # what leads back to itself is of no class
            self._classes[spot.node] = self._class_of(spot)
        return self._classes[spot.node]

    def _class_of(self, spot: Spot) -> Spot | None:
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
            named = callees(self, Spot(origin.cell, called)) if called is not None else []
            if len(named) == 1 and isinstance(named[0].node, ast.ClassDef):
                return named[0]
        return None

    def _live(self, spot: Spot) -> Any:
        """The object behind a global name, None for any other expression."""
        node = spot.node
        if not isinstance(node, ast.Name) or node.id not in self.namespace:
            return None
        scope = spot.cell.scope(node)
        while not isinstance(scope, ast.Module):
            if isinstance(scope, Function) and (
                takes(scope, node.id) or bindings(spot.cell, scope, node.id)
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
            if isinstance(scope, Function) and takes(scope, name):
                return self._arguments(Spot(spot.cell, scope), name)
            at, scope = scope, spot.cell.scope(scope)
        return self._global_values(spot, name, inside=at is not spot.node)

    def _global_values(self, spot: Spot, name: str, *, inside: bool) -> list[Binding]:
        """Top level: this cell up to here, then earlier ones; from inside a function the latest."""
        for cell in self.latest_first:
            if not bindings(cell, cell.tree, name):
                continue
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
        holder = Spot(spot.cell, node.value)
        owner = self.self_class(holder) or self.class_of(holder) or self._class_itself(holder)
        if self.self_class(holder) is None:
            for made in self.origins(holder):
                if found := field(made, owner, node.attr):
                    return found
        seen: set[ast.AST] = set()
        while owner is not None and owner.node not in seen:
            seen.add(owner.node)
            assert isinstance(owner.node, ast.ClassDef)
            if found := attribute_bindings(owner.cell, owner.node, node.attr):
                return found
            bases = [b.id for b in owner.node.bases if isinstance(b, ast.Name)]
            owner = self.class_named(bases[0]) if bases else None
        return []

    def _class_itself(self, spot: Spot) -> Spot | None:
        """The class in `Config.lr`."""
        named = isinstance(spot.node, ast.Name) and not self.values(spot)
        return self.class_named(spot.node.id) if named else None  # type: ignore[attr-defined]

    def literal(self, spot: Spot, depth: int = _DEPTH) -> Spot | None:
        """The constant that an expression stands for, where it is written; None where that is no
        constant or not certain."""
        node = spot.node
        if isinstance(node, ast.Constant):
            return spot
        found: list[Spot] = []  # `rate *= 0.5` gives a name no constant
        if depth and isinstance(node, ast.Subscript):
            found = self.chosen(spot, node, depth - 1)
        elif depth:
            bound = self.values(spot)
            whole = [b for b in bound if b.index is None and not b.loop]
            found = [b.spot for b in whole if not isinstance(b.statement, ast.AugAssign)]
            found = found if len(found) == len(bound) else []
        return self.literal(found[0], depth - 1) if len(found) == 1 else None

    def own_literal(self, spot: Spot, uses: int = 1) -> Spot | None:
        """The constant behind an expression, where it can be changed for this use of it alone: the
        expression itself where the constant is used more than `uses` times."""
        found = self.literal(spot)
        if found is None or found.node is spot.node:
            return found
        statement = found.cell.statement(found.node)
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if not isinstance(target, ast.Name) or getattr(statement, "value", None) is not found.node:
            return found if len(used(self, found)) <= uses else spot
        read = [
            node
            for cell in self.cells.values()
            for node in cell.nodes
            if isinstance(node, ast.Name) and node.id == target.id
        ]
        return found if sum(isinstance(one.ctx, ast.Load) for one in read) <= uses else spot

    def _word(self, node: ast.AST) -> object:
        """The value of a constant that an expression of some cell stands for."""
        cell = next((cell for cell in self.cells.values() if node in cell.parents), None)
        found = None if cell is None else self.literal(Spot(cell, node))
        return found.node.value if found and isinstance(found.node, ast.Constant) else None

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
                for node in self.named_calls[cell].get(name, [])
                if function.node not in cell.ancestors(node)
            ]
            if found:
                yield from ((Spot(cell, node), skipped) for node in found)
                return
        owned = owner if isinstance(owner, ast.ClassDef) else function.node
        yield from ((call, skipped) for call in self._by_another_name.get(owned, []))

    @cached_property
    def _by_another_name(self) -> dict[ast.AST, list[Spot]]:
        """Calls of functions and classes that are handed over, or taken from a table.

        What is asked while they are looked for is answered without them.
        """
        self.__dict__["_by_another_name"] = {}
        found: dict[ast.AST, list[Spot]] = {}
        for cell in self.latest_first:
            for named in self.named_calls[cell].values():
                for node in named:
                    if self._is_open(node.func):
                        for one in callees(self, Spot(cell, node.func)):
                            if one.node not in cell.ancestors(node):
                                found.setdefault(one.node, []).append(Spot(cell, node))
        return found

    def _is_open(self, func: ast.expr) -> bool:
        """Whether a call may run something that has another name than the code that calls it."""
        if isinstance(func, ast.Name):
            known = func.id in self.definitions or hasattr(builtins, func.id)
            return not known and self.names.path(func) is None
        return isinstance(func, (ast.Subscript, ast.Attribute)) and self.names.path(func) is None

    def _arguments(self, function: Spot, name: str) -> list[Binding]:
        """What a parameter was given at the calls; its default where nobody gives it."""
        assert isinstance(function.node, Function)
        found: list[Binding] = []
        for call, skipped in self.calls(function):
            assert isinstance(call.node, ast.Call)
            value = argument_given(call.node, function.node, name, skipped)
            given = [] if value is None else [Spot(call.cell, value)]
            found += [binding_of(one) for one in given or self._unfolded(call, name)]
        if not found and (default := default_of(function.node, name)) is not None:
            found.append(Binding(function.cell, function.node, default))
        return found

    def _unfolded(self, call: Spot, name: str) -> list[Spot]:
        """What `**options` of a call hold under a name."""
        assert isinstance(call.node, ast.Call)
        options = [k.value for k in call.node.keywords if k.arg is None]
        made = [m for one in options for m in self.origins(Spot(call.cell, one))]
        return [value for one in made for value in entries(one, name)]

    def called_function(self, spot: Spot) -> Spot | None:
        """The user's function or method that a call runs."""
        if spot.node not in self._run:
            self._run[spot.node] = None
            self._run[spot.node] = self._called_function(spot)
        return self._run[spot.node]

    def _called_function(self, spot: Spot) -> Spot | None:
        assert isinstance(spot.node, ast.Call)
        func = spot.node.func
        found: Spot | None = None
        if isinstance(func, ast.Name):
            found = self.function_named(func.id)
        elif isinstance(func, ast.Attribute):
            owner = self.class_of(Spot(spot.cell, func.value))
            found = None if owner is None else self.method(owner, func.attr)
        if found is None:
            named = callees(self, Spot(spot.cell, func))
            found = named[0] if len(named) == 1 and isinstance(named[0].node, Function) else None
        return found

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
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            # `criterion or nn.MSELoss()`: the default counts where nothing else is seen
            each = (self.origins(Spot(spot.cell, one), index, depth) for one in node.values)
            yield from next((found for found in each if found), [])
        elif isinstance(node, ast.Tuple) and index is not None and index < len(node.elts):
            yield from self.origins(Spot(spot.cell, node.elts[index]), None, depth)
        elif isinstance(node, ast.Subscript) and (chosen := self.chosen(spot, node, depth)):
            for one in chosen:
                yield from self.origins(one, index, depth)
        elif isinstance(node, ast.Call):
            yield from self._call_origins(spot, node, index, depth)
        elif not isinstance(node, ast.Constant):
            yield spot

    def chosen(self, spot: Spot, node: ast.Subscript, depth: int = _DEPTH) -> list[Spot]:
        """What `losses[name]` may be, of `losses = {"bce": nn.BCELoss(), ...}`."""
        held = self.origins(Spot(spot.cell, node.value), None, depth)
        if len(held) != 1:
            return []
        name = node.slice
        key = self.namespace.get(name.id) if isinstance(name, ast.Name) else None
        known = self.literal(Spot(spot.cell, name), depth)
        key = known.node.value if known and isinstance(known.node, ast.Constant) else key
        table = held[0].node
        exact = entries(held[0], key) if isinstance(key, str) else []
        if exact or not isinstance(table, ast.Dict):
            return exact
        exact = [
            Spot(held[0].cell, value)
            for at, value in zip(table.keys, table.values, strict=True)
            if isinstance(at, ast.Constant) and at.value == key
        ]
        return exact or [Spot(held[0].cell, value) for value in table.values]

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
            yield from self._made_otherwise(spot, func, index, depth)

    def _made_otherwise(
        self, spot: Spot, func: ast.expr, index: int | None, depth: int
    ) -> Iterable[Spot]:
        """What a lambda returns, what a partial makes; else the call itself."""
        named = callees(self, Spot(spot.cell, func))
        only = named[0] if len(named) == 1 else None
        if only is not None and isinstance(only.node, ast.Lambda):
            yield from self.origins(Spot(only.cell, only.node.body), index, depth)
        elif only is not None and is_partial(self, only):
            yield only
        else:
            yield spot


def _class_name(value: object) -> str:
    return type(value).__name__


def order(spot: Spot) -> tuple[int, int]:
    return spot.cell.number, line_of(spot.node)

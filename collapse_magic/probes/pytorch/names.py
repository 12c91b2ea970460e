"""Names for models and optimizers: the user's own variables, found by identity."""

from __future__ import annotations

import weakref
from collections.abc import Container, Iterable, Iterator
from types import FrameType
from typing import Any

from ...records import ModelFacts
from ..base import ProbeContext
from ..variables import attributes_of, locals_of, public
from .tree import Tree

_MOST_FRAMES = 40
_MOST_ITEMS = 32  # of a list or dict of models


class Model:
    """One root module, by name; the module itself is held weakly."""

    def __init__(self, name: str, module: Any) -> None:
        self.name = name
        self.kind = type(module).__name__
        self.module = weakref.ref(module)
        self.facts: ModelFacts | None = None  # as it was when it was first seen
        self.last_layer = ""  # that makes the logits, once a loss has been seen
        self.last_dropout = 0.0  # probability of a dropout behind it


class Names:
    """Finds the root module that owns a parameter, and gives every object one name for the run."""

    def __init__(self, context: ProbeContext, torch: Any) -> None:
        self._context = context
        self._torch = torch
        self._models: dict[int, Model] = {}  # by id of a parameter
        self._taken: dict[str, int] = {}
        self.found: list[Model] = []  # not yet reported
        self._trees: dict[int, tuple[Any, Tree]] = {}
        self._sure: set[int] = set()  # of the trees that hold now

    def wanted(self, parameter: Any) -> bool:
        """Whether the parameter belongs to the model that was asked for (any, if none was)."""
        only = self._context.config.model
        if not isinstance(only, self._torch.nn.Module):
            return True
        return any(parameter is own for own in only.parameters())

    def tree(self, module: Any) -> Tree:
        """The modules and parameters of a model, as they are registered now."""
        key = id(module)
        known = self._trees.get(key)
        if known is None or (key not in self._sure and not known[1].holds()):
            known = self._trees[key] = (module, Tree(module))
        self._sure.add(key)
        return known[1]

    def forget_trees(self, keep: bool = False) -> None:
        """Ours has ended: what is registered may change, as it does in models that are spread over
        processes. The user's modules are let go of, but where they are to be kept: in the first
        steps the same model is asked for again and again."""
        if self._trees:
            self._sure.clear()
            if not keep:
                self._trees.clear()

    def model_of(self, parameter: Any, frame: FrameType | None) -> Model | None:
        """The model that owns `parameter`, by the variables of the user and of the callers."""
        known = self._models.get(id(parameter))
        if known is not None:
            module = known.module()
            if module is not None and id(parameter) in self.tree(module).names:
                return known
        name, best, size = "", None, 0
        for candidate, module in self._modules(frame):
            own = self.tree(module).names
            if id(parameter) in own and len(own) > size:
                name, best, size = candidate, module, len(own)
        return None if best is None else self._remember(name, unwrapped(best))

    def find_owners(self, parameters: Iterable[Any], frame: FrameType | None) -> None:
        """Look for the models of those parameters of which none is known yet.

        Searching takes as long whether or not there is one: two failures are enough.
        """
        failures = 0
        for parameter in parameters:
            if id(parameter) not in self._models:
                failures += self.model_of(parameter, frame) is None
                if failures > 1:
                    return

    def only_model(self, frame: FrameType | None) -> Model | None:
        """The one model in sight that is no part of another; None where there are several."""
        trees = {id(m): self.tree(unwrapped(m)) for _, m in self._modules(frame)}
        owned = [tree for tree in trees.values() if tree.names]
        largest = max(owned, key=lambda tree: len(tree.names), default=None)
        if largest is None or any(not tree.names.keys() <= largest.names.keys() for tree in owned):
            return None
        return self.model_of(largest.parameters[0], frame)

    def owners_of(self, parameters: Container[int]) -> list[tuple[Model, Any]]:
        """The models that own any of the parameters, given by id, and their modules."""
        found = {id(model): model for model in self._models.values()}.values()
        living = [(model, module) for model in found if (module := model.module()) is not None]
        return [
            (model, module)
            for model, module in living
            if any(key in parameters for key in self.tree(module).names)
        ]

    def sees_everything(self) -> bool:
        """Whether all models in sight are looked for, not only one that was asked for."""
        return not isinstance(self._context.config.model, self._torch.nn.Module)

    def optimizers(self, frame: FrameType | None) -> list[Any]:
        """The optimizers among the variables of the user and of the callers."""
        kind = self._torch.optim.Optimizer
        return [value for _, value in self._variables(frame) if _is(value, kind)]

    def optimizer_name(self, optimizer: Any, frame: FrameType | None) -> str:
        for name, value in self._variables(frame):
            if value is optimizer:
                return self.unique(name)
        return self.unique(type(optimizer).__name__)

    def values_of(self, kind: type, frame: FrameType | None) -> Iterator[Any]:
        """The user's and the callers' objects of one type."""
        return (value for _, value in self._variables(frame) if _is(value, kind))

    def unique(self, name: str) -> str:
        """`name`, or ``name-2`` and so on where it is taken in this run."""
        self._taken[name] = count = self._taken.get(name, 0) + 1
        return name if count == 1 else f"{name}-{count}"

    def _remember(self, name: str, module: Any) -> Model:
        model = next((m for m in self._models.values() if m.module() is module), None)
        if model is None:
            model = Model(self.unique(name), module)
        self._models.update(dict.fromkeys(self.tree(module).names, model))
        self.found.append(model)
        return model

    def _modules(self, frame: FrameType | None) -> Iterator[tuple[str, Any]]:
        only, kind = self._context.config.model, self._torch.nn.Module
        if isinstance(only, kind):
            names = (name for name, value in self._variables(frame) if value is only)
            yield next(names, type(only).__name__), only
            return
        for name, value in self._variables(frame):
            if _is(value, kind):
                yield name, value
            elif type(value) in (list, tuple) and len(value) <= _MOST_ITEMS:
                for index, item in enumerate(value):
                    if _is(item, kind):
                        yield f"{name}[{index}]", item
            elif type(value) is dict and len(value) <= _MOST_ITEMS:
                for key, item in list(value.items()):
                    if _is(item, kind):
                        yield f"{name}[{key_of(key)}]", item

    def _variables(self, frame: FrameType | None) -> Iterator[tuple[str, Any]]:
        """The user's variables first, then those of the callers, attributes of `self` included."""
        yield from public(self._context.namespace())
        for _ in range(_MOST_FRAMES):
            if frame is None:
                return
            if not str(frame.f_globals.get("__name__", "")).startswith("torch."):
                variables = locals_of(frame)
                yield from public(variables)
                owner = variables.get("self")
                if owner is not None:
                    yield type(owner).__name__, owner
                    yield from public(attributes_of(owner))
                    if _is(owner, self._torch.nn.Module):
                        yield from public(owner._modules)
            frame = frame.f_back


def unwrapped(module: Any) -> Any:
    """The model inside DataParallel, DistributedDataParallel or a compiled module."""
    for _ in range(4):
        if type(module).__name__ == "OptimizedModule":
            module = module._orig_mod
        elif type(module).__name__ in ("DataParallel", "DistributedDataParallel"):
            module = module.module
        else:
            break
    return module


def _is(value: Any, kind: type) -> bool:
    """`isinstance` without asking the object, whose answer may be code of the user's."""
    return issubclass(type(value), kind)


def key_of(key: Any) -> str:
    """A key of a dict as it is written down."""
    return repr(key) if type(key) in (str, int) else f"<{type(key).__name__}>"

"""Names for models and optimizers: the user's own variables, found by identity."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from types import FrameType
from typing import Any

from ..base import ProbeContext
from ..variables import attributes_of, locals_of, public
from . import layers

# A model that is being traced has some eighty frames of the frameworks above it.
_MOST_FRAMES = 160
_MOST_ITEMS = 32  # of a list or dict of models
_FRAMEWORKS = ("keras.", "tensorflow.", "collapse_magic.")


def native(variable: Any) -> Any:
    """The framework's own variable inside a Keras one."""
    return getattr(variable, "_value", variable)


class Model:
    """One model, or some variables that no model in sight owns; held weakly."""

    def __init__(self, name: str, model: Any | None) -> None:
        self.name = name
        self.kind = "" if model is None else type(model).__name__
        self.model = (lambda: None) if model is None else weakref.ref(model)
        self.layers: list[layers.Layer] = []  # as they were told of


class Names:
    """Finds the model that owns a variable, and gives every object one name for the run."""

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._taken: dict[str, int] = {}
        self._models: list[Model] = []
        self._owners: dict[int, tuple[weakref.ref[Any], Model]] = {}  # by id of a variable
        self._named: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()

    def unique(self, name: str) -> str:
        """`name`, or ``name-2`` and so on where it is taken in this run."""
        self._taken[name] = count = self._taken.get(name, 0) + 1
        return name if count == 1 else f"{name}-{count}"

    def meet(self, model: Any, frame: FrameType | None) -> Model:
        """The entry of a model that is at hand, by the user's variable where there is one."""
        known = next((one for one in self._models if one.model() is model), None)
        if known is None:
            name = self._variable_of(model, frame) or _class_name(model)
            known = Model(self.unique(name), model)
            self._models.append(known)
        return known

    def of_model(self, model: Any, frame: FrameType | None) -> str:
        return self.meet(model, frame).name

    def model_of(self, variable: Any, frame: FrameType | None) -> Model | None:
        """The model that owns a variable: one that was met, else the largest one in sight."""
        wanted = native(variable)
        before = self._owners.get(id(wanted))
        if before is not None and before[0]() is wanted and before[1].model() is not None:
            return before[1]
        found = self._find(wanted, frame)
        if found is not None:
            self._owners[id(wanted)] = weakref.ref(wanted), found
        return found

    def _find(self, wanted: Any, frame: FrameType | None) -> Model | None:
        met = [model for known in self._models if (model := known.model()) is not None]
        best, size = None, 0
        for model in (*met, *self._candidates(frame)):
            own = owned(model)
            if id(wanted) in own and len(own) > size:
                best, size = model, len(own)
        return None if best is None else self.meet(best, frame)

    def wanted(self, model: Any) -> bool:
        """Whether this is the model that was asked for (any, if none was)."""
        only = self._context.config.model
        return not _is(only, _layer_class()) or only is model

    def sees_everything(self) -> bool:
        """Whether all models in sight are looked for, not only one that was asked for."""
        return not _is(self._context.config.model, _layer_class())

    def optimizer_name(self, optimizer: Any, frame: FrameType | None) -> str:
        known = self._named.get(optimizer)
        if known is None:
            found = self._variable_of(optimizer, frame) or type(optimizer).__name__
            known = self._named[optimizer] = self.unique(found)
        return known

    def optimizers(self, frame: FrameType | None) -> list[Any]:
        """The optimizers among the variables of the user and of the callers."""
        kind = sys.modules["keras.src.optimizers.base_optimizer"].BaseOptimizer
        return [value for _, value in self._variables(frame) if _is(value, kind)]

    def _variable_of(self, value: Any, frame: FrameType | None) -> str:
        return next((n for n, found in self._variables(frame) if found is value), "")

    def _candidates(self, frame: FrameType | None) -> Iterator[Any]:
        only, kind = self._context.config.model, _layer_class()
        if _is(only, kind):
            yield only
            return
        for _, value in self._variables(frame):
            if _is(value, kind):
                yield value
            elif type(value) in (list, tuple) and len(value) <= _MOST_ITEMS:
                yield from (item for item in value if _is(item, kind))
            elif type(value) is dict and len(value) <= _MOST_ITEMS:
                yield from (item for item in list(value.values()) if _is(item, kind))

    def _variables(self, frame: FrameType | None) -> Iterator[tuple[str, Any]]:
        """The user's variables first, then those of the callers, attributes of `self` included."""
        yield from public(self._context.namespace())
        for _ in range(_MOST_FRAMES):
            if frame is None:
                return
            if not str(frame.f_globals.get("__name__", "")).startswith(_FRAMEWORKS):
                variables = locals_of(frame)
                yield from public(variables)
                owner = variables.get("self")
                if owner is not None:
                    yield type(owner).__name__, owner
                    yield from public(attributes_of(owner))
            frame = frame.f_back


def owned(model: Any) -> set[int]:
    """Ids of the native variables that a model owns and that are made to be trained."""
    return {id(native(w)) for _, part in layers.walk(model) for w in layers.own_weights(part)}


def _class_name(model: Any) -> str:
    return str(getattr(model, "name", "") or type(model).__name__)


def _layer_class() -> type:
    kind: type = sys.modules["keras"].layers.Layer
    return kind


def _is(value: Any, kind: type) -> bool:
    """`isinstance` without asking the object, whose answer may be code of the user's."""
    return issubclass(type(value), kind)

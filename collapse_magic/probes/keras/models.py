"""The models of a run: each is told of once, before its weights have moved."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from types import FrameType
from typing import Any

from ...records import ModelFacts
from ..base import ProbeContext
from . import structure
from .layers import Layer, layers_of
from .names import Model, Names, native


class Models:
    """Finds out which models variables belong to, and tells of each model."""

    def __init__(self, context: ProbeContext, names: Names) -> None:
        self._context = context
        self.names = names
        self._told: list[Model] = []
        self._bare: dict[int, Model] = {}  # by id of a variable that no model owns

    def meet(self, model: Any, frame: FrameType | None) -> Model:
        """A model that is at hand, as in `fit`; told of as soon as it has weights."""
        known = self.names.meet(model, frame)
        if not known.layers:
            known.layers = layers_of(model)
            if known.layers:
                self._told.append(known)
                with _outside_of_graphs():
                    self._context.emit(structure.facts_of(model, known.name))
        return known

    def told(self) -> list[Model]:
        """The models that were told of, bare variables among them."""
        return [*self._told, *dict.fromkeys(self._bare.values())]

    def of(self, variables: Sequence[Any], frame: FrameType | None) -> list[Model]:
        """The models that own these variables, each once; those without an owner are one more."""
        found: list[Model] = []
        covered: set[int] = set()
        bare: list[Any] = []
        for variable in variables:
            if id(native(variable)) in covered:
                continue
            known = self.names.model_of(variable, frame) if len(bare) < 2 else None
            model = None if known is None else known.model()
            if known is None or model is None:
                bare.append(variable)
                continue
            known = self.meet(model, frame)
            covered.update(id(native(w)) for layer in known.layers for w in layer.weights)
            if self.names.wanted(model):
                found.append(known)
        if bare and self.names.sees_everything():
            found.append(self._nobodys(bare))
        return found

    def _nobodys(self, variables: list[Any]) -> Model:
        """Variables that no model in sight owns, as a model of their own."""
        known = self._bare.get(id(native(variables[0])))
        if known is None:
            known = Model(self.names.unique("variables"), None)
            for index, variable in enumerate(variables):
                name = str(getattr(variable, "name", "")).split(":")[0] or f"variable {index}"
                shape = tuple(variable.shape)
                units = int(shape[-1]) if shape else 0
                known.layers.append(Layer(name, "Variable", [variable], True, units))
                self._bare[id(native(variable))] = known
            with _outside_of_graphs():
                layers = tuple(map(structure.facts_of_layer, known.layers))
                self._context.emit(ModelFacts(known.name, "", layers, (), (), ()))
        return known


def _outside_of_graphs() -> AbstractContextManager[Any]:
    """Where variables have values, though a graph of TensorFlow's may be traced just now."""
    scope: AbstractContextManager[Any] = getattr(
        sys.modules.get("tensorflow"), "init_scope", nullcontext
    )()
    return scope

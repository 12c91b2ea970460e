"""How losses, models and optimizers hang together: which variables are reached, and held.

A tape's gradient tells which variables a loss reaches (those without a gradient it does not), an
optimizer's update which ones are trained. Variables are compared by identity.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ...records import ParameterSet, Wiring
from ..base import ProbeContext
from .counter import StepCounter
from .models import Models
from .names import Model, native

_MOST_NAMES = 8
_FIRST_STEPS = 3
# Gradients without any step before the optimizers are said to hold nothing.
_GRADIENTS_BEFORE_STEPLESS = 16


class Wirings:
    """Gathers what losses reach and optimizers hold; tells of each model what comes of it."""

    def __init__(self, context: ProbeContext, models: Models, counter: StepCounter) -> None:
        self._context = context
        self._models = models
        self._counter = counter
        self._asked: dict[int, Any] = {}  # variables whose gradient was asked for
        self._reached: set[int] = set()
        self._held: set[int] = set()
        self._optimizers: weakref.WeakSet[Any] = weakref.WeakSet()
        self._idle: weakref.WeakSet[Any] = weakref.WeakSet()  # in sight, and have updated nothing
        self._told: dict[str, Wiring] = {}
        self._gradients = 0
        self._changed = False

    def gradient(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        """The gradient of a loss was asked for: (variable, gradient or None)."""
        self._gradients += 1
        for variable, gradient in pairs:
            own = native(variable)
            if id(own) not in self._asked:
                self._asked[id(own)] = weakref.ref(own)
                self._changed = True
            if gradient is not None and id(own) not in self._reached:
                self._reached.add(id(own))
                self._changed = True

    def in_sight(self, optimizers: Iterable[Any]) -> None:
        """Optimizers that are there, whether they update anything or not."""
        self._idle.update(optimizers)

    def asked(self) -> list[Any]:
        """The variables whose gradient was asked for."""
        return [v for known in self._asked.values() if (v := known()) is not None]

    def update(self, optimizer: Any, variables: Iterable[Any]) -> None:
        """An optimizer updates these variables."""
        if optimizer not in self._optimizers:
            self._optimizers.add(optimizer)
            self._changed = True
        new = {id(native(v)) for v in variables} - self._held
        if new:
            self._held |= new
            self._changed = True

    def flush(self, final: bool = False) -> None:
        """Emit what is new, once the first steps are over."""
        counter = self._counter
        stepless = not counter.updating and self._gradients > _GRADIENTS_BEFORE_STEPLESS
        sure = (counter.updating and counter.done >= _FIRST_STEPS) or stepless or final
        if not self._changed or not sure:
            return
        self._changed = False
        for known in self._models.told():
            wiring = self._wiring(known)
            if wiring is None:
                continue
            before = self._told.get(known.name)
            if before is None or replace(before, step=wiring.step) != wiring:
                self._told[known.name] = wiring
                self._context.emit(wiring)

    def _wiring(self, known: Model) -> Wiring | None:
        model = known.model()
        names: dict[int, str] = {}
        trainable: list[Any] = []
        frozen: list[Any] = []
        for layer in known.layers:
            for weight in layer.weights:
                own = native(weight)
                short = str(getattr(weight, "name", "")).split(":")[0]
                names[id(own)] = f"{layer.name}.{short}"
                (trainable if weight.trainable else frozen).append(own)
        if not self._asked.keys() & names.keys():
            return None  # no loss trains it
        reached = [v for v in trainable if id(v) in self._reached]
        return Wiring(
            model=known.name if model is not None else None,
            step=max(self._counter.done, 1),
            optimizers=len(self._optimizers | self._idle),
            trainable=_set_of(trainable, names),
            frozen=_set_of(frozen, names),
            untrained=_set_of([v for v in reached if id(v) not in self._held], names),
            unreached=_set_of([v for v in trainable if id(v) not in self._reached], names),
            unregistered=ParameterSet(),
            strangers=ParameterSet(),
        )


def _set_of(variables: list[Any], names: dict[int, str]) -> ParameterSet:
    return ParameterSet(
        tensors=len(variables),
        scalars=sum(int(v.shape.num_elements() or 0) for v in variables),
        names=tuple(names[id(v)] for v in variables[:_MOST_NAMES]),
    )

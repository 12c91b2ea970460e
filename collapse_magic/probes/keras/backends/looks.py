"""Full looks at a model's layers, by weights that are copied to the host around a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....records import LayerStatistics
from ...schedule import FULL_LOOKS_AT_FIRST
from ..looks import GAP_AT_FIRST, statistics
from ..names import Model

# Of a large weight some evenly spaced values are kept to measure how far it moves.
_MOST_KEPT = 2**18

Values = NDArray[Any]


class HostLook:
    """One model as its optimizer sees it.

    Attributes
        variables: the Keras variables that are trained, in the model's order.
        due: the next step to look at.
        gap: steps between looks, after the first ones.
        scalars: how many weights there are.
    """

    def __init__(self, model: Model, variables: Sequence[Any], gap: int | None) -> None:
        place = {id(variable): index for index, variable in enumerate(variables)}
        self.model = model
        self.variables = list(variables)
        self.gap = gap or GAP_AT_FIRST
        self.due = 1
        self.seconds = 0.0  # a look is not timed: it waits for the step
        self.scalars = sum(int(np.prod(variable.shape)) for variable in variables)
        self._place = place
        self._groups = [
            [place[id(weight)] for weight in layer.weights if id(weight) in place]
            for layer in model.layers
        ]
        self._kept: list[Values] = []

    def place_of(self, variable: Any) -> int | None:
        """Where a variable stands among those that are trained."""
        return self._place.get(id(variable))

    def is_of(self, variables: Sequence[Any]) -> bool:
        """Whether these are its variables: all of them, and no others."""
        return {id(variable) for variable in variables} == self._place.keys()

    def begin(self, weights: Sequence[Any], host: Any) -> None:
        """Before a step: the weights, in order; `host` brings their values into NumPy."""
        self._kept = [_part(host(weight)).astype(np.float64) for weight in weights]

    def finish(
        self, step: int, weights: Sequence[Any], host: Any, norms: Values
    ) -> LayerStatistics:
        """After the step that `begin` was called for.

        `norms` (variables,) are those of the gradients, -1 where there was none.
        """
        self.due = step + (1 if step < FULL_LOOKS_AT_FIRST else self.gap)
        before, self._kept = self._kept, []
        after = [_part(host(weight)).astype(np.float64) for weight in weights]
        with np.errstate(all="ignore"):
            parts = [
                [_square(old), _square(new), _square(new - old)]
                for old, new in zip(before, after, strict=True)
            ]
            row = np.zeros((4, len(self._groups)))
            for layer, group in enumerate(self._groups):
                there = [float(norms[i]) for i in group if not norms[i] < 0]
                row[0, layer] = sum(norm * norm for norm in there) if there else -1
                if group:
                    row[1:, layer] = np.sum([parts[i] for i in group], axis=0)
        empty = np.array([not group for group in self._groups])
        return statistics(self.model.name, step, row, empty)


def norm(gradient: Values) -> float:
    """The norm of a gradient, in double precision: one of 1e-23 is small, but not zero."""
    with np.errstate(all="ignore"):
        return float(np.sqrt(_square(gradient.astype(np.float64))))


def _square(values: Values) -> float:
    flat = values.reshape(-1)
    return float(flat @ flat)


def _part(value: Values) -> Values:
    if value.size <= _MOST_KEPT:
        return value
    return value.reshape(-1)[:: -(-value.size // _MOST_KEPT)]

"""Full looks at the layers of a model: gradient norms, weight norms and update ratios.

Where Python starts every step, it looks from outside: the weights are read before and after a step
that is due, and the gradients are those that the step hands out. Else the look is in the graph.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records import LayerStatistics
from ..schedule import FULL_LOOKS_AT_FIRST
from .graph_looks import GraphLook, dense, kept_of, part, stride_of
from .names import Model, native

# Until it is known what a step takes: about what an MLP is looked at in the end.
GAP_AT_FIRST = 50

Array = NDArray[np.float64]


class ModelLook:
    """One model as one optimizer sees it.

    What it goes by are sums of squares per variable: of the gradient, of the weights before the
    step, of the weights after it, and of their change; of large weights a part stands for the rest.

    Attributes
        variables: the framework's own that this optimizer holds, layer by layer.
        due: the next step to look at from outside.
        gap: steps between looks, after the first ones.
        seconds: what the latest look from outside took; 0 before the first one.
        lost: the first layer whose weights were not finite at the latest look, and what stood
            there ("nan" or "inf"); None where all were finite.
    """

    def __init__(self, model: Model, variables: Sequence[Any], gap: int = GAP_AT_FIRST) -> None:
        held = {id(native(v)) for v in variables}
        self.model = model
        self.gap = gap
        self.variables: list[Any] = []
        self._layers: list[slice] = []  # which of the variables are a layer's
        for layer in model.layers:
            first = len(self.variables)
            own = [native(weight) for weight in layer.weights]
            self.variables += [variable for variable in own if id(variable) in held]
            self._layers.append(slice(first, len(self.variables)))
        self.scalars = sum(math.prod(v.shape) for v in self.variables)
        self.due = 1
        self.seconds = 0.0
        self.lost: tuple[str, str] | None = None
        self._graph: GraphLook | None = None
        self._before: list[Array] = []

    def holds(self, variables: Sequence[Any]) -> bool:
        """Whether each of these variables is one of this look's; the optimizer may grow."""
        own = {id(v) for v in self.variables}
        return any(id(native(v)) in own for v in variables)

    # -- from outside -----------------------------------------------------------------------------

    def begin(self) -> bool:
        """Before a step: the weights are kept for comparison, where they have values by now."""
        try:
            self._before = [_values(part(v)) for v in self.variables]
        except sys.modules["tensorflow"].errors.FailedPreconditionError:
            return False
        return all(
            values.size == kept_of(variable)
            for values, variable in zip(self._before, self.variables, strict=True)
        )

    def finish(
        self, step: int, gradients: Mapping[int, Any], one_of_several: bool = False
    ) -> LayerStatistics:
        """After the step that `begin` was called for.

        Parameters: gradients with values, by id of the variable; whether other updates of the model
        were made since `begin`, so that how far this one has moved it is not known.
        """
        before, self._before = self._before, []
        squares = np.zeros((4, len(self.variables)))
        with np.errstate(all="ignore"):
            for index, (variable, old) in enumerate(zip(self.variables, before, strict=True)):
                gradient, new = gradients.get(id(variable)), _values(part(variable))
                squares[0, index] = -1 if gradient is None else _square(dense(gradient, variable))
                moves = [float(values @ values) for values in (old, new, new - old)]
                squares[1:, index] = np.array(moves) * stride_of(variable)
        if one_of_several:
            squares[3] = np.nan
        return self._record(step, squares)

    def wait(self, step: int, gap: int) -> None:
        """The next step to look at, after this one."""
        self.due = step + (1 if step < FULL_LOOKS_AT_FIRST else gap)

    def check(self) -> None:
        """Look at the weights for nothing but what is not finite."""
        squares = np.zeros(len(self._layers))
        for index, layer in enumerate(self._layers):
            for variable in self.variables[layer]:
                values = np.asarray(part(variable))
                if values.dtype.kind == "f" and not np.isfinite(values).all():
                    squares[index] = np.nan if np.isnan(values).any() else np.inf
                    break
        self.lost = self._first_lost(squares)

    def _first_lost(self, squares: Array) -> tuple[str, str] | None:
        """The first layer (of the weights' squares by layer) that is not finite."""
        for layer, square in zip(self.model.layers, squares, strict=True):
            if not math.isfinite(square):
                return layer.name, "nan" if math.isnan(square) else "inf"
        return None

    # -- in a graph -------------------------------------------------------------------------------

    def trace(self, gradients: dict[int, Any], steps: Any, rate: Any) -> None:
        """Before an update that is being traced: a branch for the steps that are due.

        Parameters: gradients by id of the native variable, the variable that counts the finished
        steps, and the learning rate that is in force.
        """
        if self._graph is None:
            self._graph = GraphLook(self.variables, self.due, self.gap)
        self._graph.branch(gradients, steps, rate)

    def fetch(self, gap: int) -> list[tuple[LayerStatistics, float]]:
        """What was seen in graphs since the last time, with the learning rates of these steps."""
        if self._graph is None:
            return []
        rows = self._graph.fetch(gap)
        return [(self._record(step, squares), rate) for step, rate, squares in rows]

    def _record(self, step: int, squares: Array) -> LayerStatistics:
        """The record of four squares by variable (4, variables)."""
        row = np.zeros((4, len(self._layers)))
        for index, layer in enumerate(self._layers):
            there = squares[0, layer]
            there = there[~(there < 0)]
            row[0, index] = there.sum() if there.size else -1
            row[1:, index] = squares[1:, layer].sum(1)
        # Weights that this optimizer does not hold stay what they are, and are not looked at.
        empty = np.array([layer.start == layer.stop for layer in self._layers])
        self.lost = self._first_lost(np.where(empty, 0, row[2]))
        return statistics(self.model.name, step, row, empty)


def statistics(model: str, step: int, row: Array, empty: NDArray[np.bool_]) -> LayerStatistics:
    """The record of a row (4, layers); `empty` (layers,) are those that were not looked at."""
    gradient, before, after, change = row
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(before > 0, np.sqrt(change) / np.sqrt(before), np.nan)
    ratio[empty] = np.nan
    norms = np.where(gradient < 0, np.nan, np.sqrt(np.maximum(gradient, 0)))
    norms[np.isnan(gradient)] = np.inf
    return LayerStatistics(
        model=model,
        step=step,
        gradient_norm=tuple(norms.tolist()),
        weight_norm=tuple(np.where(empty, np.nan, np.sqrt(after)).tolist()),
        update_ratio=tuple(ratio.tolist()),
    )


def _values(tensor: Any) -> Array:
    """A copy of a tensor's values, flat.

    In double precision: a norm of 1e-23 is small, but not zero.
    """
    return np.array(tensor, np.float64).reshape(-1)


def _square(tensor: Any) -> float:
    """The sum of a tensor's squares, computed where it lies."""
    if "CPU" in tensor.device:
        values = _values(tensor)
        return float(values @ values)
    tf = sys.modules["tensorflow"]
    return float(tf.reduce_sum(tf.square(tf.cast(tensor, tf.float64))))

"""Full looks at the layers of a model: gradient norms, weight norms and update ratios.

Inside a graph a look is a branch that is taken at the steps that are due. What it finds goes into
a few rows of numbers, which Python fetches now and then. How far the weights have moved is known
when the next update begins, so a row is finished there, or by Python where none has come since.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records import LayerStatistics
from ..schedule import FULL_LOOKS_AT_FIRST
from . import state
from .names import Model, native

# Rows that are kept in the graph until they are fetched: as many as steps that a run of the graph
# takes by itself where every step is looked at.
ROWS = 64
# Until it is known what a step takes: about what an MLP is looked at in the end.
GAP_AT_FIRST = 50
# Of a large weight some evenly spaced values are kept to measure how far it moves.
_MOST_KEPT = 2**18
_NEVER = 2**62

Array = NDArray[np.float64]


class ModelLook:
    """One model as one optimizer sees it.

    Rows hold, per layer, sums of squares: of the gradient, of the weights before the step, of the
    weights after it, and of their change; of the latter three over the values that are kept.
    """

    def __init__(self, model: Model, variables: Sequence[Any], gap: int = GAP_AT_FIRST) -> None:
        held = {id(native(v)) for v in variables}
        self.model = model
        self.gap = gap
        # Of each layer the variables that this optimizer holds.
        self.groups = [
            [native(w) for w in layer.weights if id(native(w)) in held] for layer in model.layers
        ]
        self.scalars = sum(math.prod(v.shape) for group in self.groups for v in group)
        self._graph: _GraphState | None = None
        self._eager: tuple[Any, list[Any]] | None = None
        self.due = 1

    def holds(self, variables: Sequence[Any]) -> bool:
        """Whether each of these variables is one of this look's; the optimizer may grow."""
        own = {id(v) for group in self.groups for v in group}
        return any(id(native(v)) in own for v in variables)

    # -- eagerly ----------------------------------------------------------------------------------

    def begin(self, gradients: dict[int, Any]) -> None:
        """Before an update: gradient norms, and the weights kept for comparison."""
        kept = [_part(v) for group in self.groups for v in group]
        self._eager = _squares(self.groups, gradients), kept

    def finish(self, step: int, gap: int) -> LayerStatistics | None:
        """After the update that `begin` was called for."""
        if self._eager is None:
            return None
        (gradients, kept), self._eager = self._eager, None
        self.due = step + (1 if step < FULL_LOOKS_AT_FIRST else gap)
        before, after, change = _moves(self.groups, kept)
        row = np.stack([t.numpy() for t in (gradients, before, after, change)])
        return self.record(step, row)

    # -- in a graph -------------------------------------------------------------------------------

    def trace(self, gradients: dict[int, Any], steps: Any, rate: Any) -> None:
        """Before an update that is being traced: a branch for the steps that are due.

        Parameters: gradients by id of the native variable, the variable that counts the finished
        steps, and the learning rate that is in force.
        """
        tf = sys.modules["tensorflow"]
        if self._graph is None:
            self._graph = _GraphState(self, tf)
        own = self._graph
        step = steps.read_value() + 1

        def look() -> Any:
            own.trace(gradients, step, rate)
            return tf.constant(True)

        _keep_apart(tf.cond(step >= own.wake, look, lambda: tf.constant(False)), tf)

    def fetch(self, gap: int) -> list[tuple[LayerStatistics, float]]:
        """What was seen in graphs since the last time, with the learning rates of these steps."""
        return [] if self._graph is None else self._graph.fetch(gap)

    def record(self, step: int, row: Array) -> LayerStatistics:
        # Weights that this optimizer does not hold stay what they are, and are not looked at.
        empty = np.array([not group for group in self.groups])
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


class _GraphState:
    """Variables of the probe's own that a graph writes to; none of them is the user's.

    From update number `wake` on the branch is taken: to finish the row that is `pending`, to begin
    row `used`, or both.
    """

    def __init__(self, look: ModelLook, tf: Any) -> None:
        self._look = look
        self._tf = tf
        self.wake, self._due, self._gap = (
            state.variable(number, "int64") for number in (look.due, look.due, look.gap)
        )
        self._used = state.variable(0, "int64")  # rows
        self._pending = state.variable(-1, "int64")
        self._steps = state.variable([0] * ROWS, "int64")
        self._rates = state.variable([0.0] * ROWS, "float32")
        self._rows = state.variable(np.zeros((ROWS, 4, len(look.groups))), "float64")
        weights = [v for group in look.groups for v in group]
        self._kept = [state.variable(np.zeros(_part_shape(v)), v.dtype) for v in weights]

    def trace(self, gradients: dict[int, Any], step: Any, rate: Any) -> None:
        """The branch: finish the row that is open, and begin another one where it is due."""
        tf = self._tf
        groups = self._look.groups
        pending, used, due = (v.read_value() for v in (self._pending, self._used, self._due))
        begins = (used < ROWS) & (step >= due)
        begun = begins & (tf.range(ROWS, dtype=tf.int64) == used)
        moves = tf.stack(_moves(groups, [v.read_value() for v in self._kept]))
        nothing = tf.zeros_like(moves[:1])
        finished = tf.reshape(tf.range(ROWS, dtype=tf.int64) == pending, [ROWS, 1, 1])
        finished &= tf.reshape(tf.range(4) > 0, [1, 4, 1])
        rows = self._rows.read_value()
        rows = tf.where(finished, tf.concat([nothing, moves], 0)[None], rows)
        fresh = tf.concat([_squares(groups, gradients)[None], nothing, nothing, nothing], 0)
        self._rows.assign(tf.where(begun[:, None, None], fresh[None], rows))
        self._steps.assign(tf.where(begun, step, self._steps.read_value()))
        rate = tf.cast(rate, tf.float32)
        self._rates.assign(tf.where(begun, rate, self._rates.read_value()))
        values = [_part(v) for group in groups for v in group]
        for kept, value in zip(self._kept, values, strict=True):
            kept.assign(value)
        self._pending.assign(tf.where(begins, used, tf.constant(-1, tf.int64)))
        used = tf.where(begins, used + 1, used)
        self._used.assign(used)
        one, never = tf.constant(1, tf.int64), tf.constant(_NEVER, tf.int64)
        gap = tf.where(step < FULL_LOOKS_AT_FIRST, one, self._gap.read_value())
        due = tf.where(begins, step + gap, due)
        self._due.assign(due)
        idle = tf.where(used < ROWS, due, never)
        self.wake.assign(tf.where(begins, step + 1, idle))

    def fetch(self, gap: int) -> list[tuple[LayerStatistics, float]]:
        used = int(self._used.numpy())
        self._gap.assign(gap)
        if not used:
            return []
        rows, pending = self._rows.numpy(), int(self._pending.numpy())
        if pending >= 0:  # no update has come since
            rows[pending][1:] = [t.numpy() for t in _moves(self._look.groups, self._kept)]
        steps, rates = self._steps.numpy().tolist(), self._rates.numpy().tolist()
        last = steps[used - 1]
        self._used.assign(0)
        self._pending.assign(-1)
        due = last + (1 if last < FULL_LOOKS_AT_FIRST else gap)
        self._due.assign(due)
        self.wake.assign(due)
        return [(self._look.record(steps[i], rows[i]), rates[i]) for i in range(used)]


def _keep_apart(result: Any, tf: Any) -> None:
    """Keep a branch a function of its own, that costs nothing where it is not called.

    Otherwise its operations become part of the graph, and each is passed over at every step.
    """
    operation = result.op
    while operation.type == "Identity":
        operation = operation.inputs[0].op
    if operation.type in ("If", "StatelessIf"):
        value = tf.compat.v1.AttrValue(b=False)
        operation._set_attr("_lower_using_switch_merge", value)


def _squares(groups: list[list[Any]], gradients: dict[int, Any]) -> Any:
    """Sum of the squares of each group's gradients, (layers,); -1 where there is none.

    In double precision: a norm of 1e-23 is small, but not zero.
    """
    tf = sys.modules["tensorflow"]
    found = []
    for group in groups:
        there = [(v, gradients[id(v)]) for v in group if gradients.get(id(v)) is not None]
        sums = [_square(tf, _dense(gradient, v, tf)) for v, gradient in there]
        found.append(tf.add_n(sums) if sums else tf.constant(-1.0, tf.float64))
    return tf.stack(found)


def _moves(groups: list[list[Any]], kept: list[Any]) -> list[Any]:
    """Sums of squares per layer of the weights as they were kept, as they are, and of the change.

    Where a part is kept of a large weight, it stands for the whole.
    """
    tf = sys.modules["tensorflow"]
    found: list[list[Any]] = [[], [], []]
    rest = iter(kept)
    for group in groups:
        sums: list[list[Any]] = [[], [], []]
        for variable in group:
            old, new = tf.cast(next(rest), tf.float64), tf.cast(_part(variable), tf.float64)
            for place, value in zip(sums, (old, new, new - old), strict=True):
                place.append(_square(tf, value) * _stride(variable))
        for place, values in zip(found, sums, strict=True):
            place.append(tf.add_n(values) if values else tf.constant(0.0, tf.float64))
    return [tf.stack(values) for values in found]


def _square(tf: Any, tensor: Any) -> Any:
    return tf.reduce_sum(tf.square(tf.cast(tensor, tf.float64)))


def _dense(gradient: Any, variable: Any, tf: Any) -> Any:
    """The gradient of an embedding names the rows that it is of; one may come several times."""
    if isinstance(gradient, tf.IndexedSlices):
        rows = int(variable.shape[0])
        return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, rows)
    return gradient


def _part(variable: Any) -> Any:
    """A copy of a weight's values, or of evenly spaced ones of a very large one."""
    tf = sys.modules["tensorflow"]
    value = variable.read_value()
    stride = _stride(variable)
    return tf.identity(value) if stride == 1 else tf.reshape(value, [-1])[::stride]


def _part_shape(variable: Any) -> list[int]:
    """The shape of what `_part` returns, of a variable that may have no values yet, too."""
    stride = _stride(variable)
    shape = [int(length) for length in variable.shape]
    return shape if stride == 1 else [-(-math.prod(shape) // stride)]


def _stride(variable: Any) -> int:
    size = math.prod(int(length) for length in variable.shape)
    return max(-(-size // _MOST_KEPT), 1)

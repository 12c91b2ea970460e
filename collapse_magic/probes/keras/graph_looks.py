"""Looks that are part of a graph, where Python does not start every step by itself.

So it is within branches and loops of a graph (accumulated gradients, scaled losses, several steps
at once), and for models whose gradients are too large to be handed out. A look is a branch that is
taken at the steps that are due. What it finds goes into a few rows of numbers, which Python fetches
now and then. How far the weights have moved is known when the next update begins, so a row is
finished there, or by Python where none has come since.

An operation costs a millisecond when it is traced, so there are five for each weight and some
forty beside them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..schedule import FULL_LOOKS_AT_FIRST
from . import state

# Rows that are kept in the graph until they are fetched: as many as steps that a run of the graph
# takes by itself where every step is looked at.
ROWS = 64
# Of a large weight some evenly spaced values are kept to measure how far it moves.
_MOST_KEPT = 2**18
_NEVER = 2**62

Array = NDArray[np.float64]


class GraphLook:
    """Variables of the probe's own that a graph writes to; none of them is the user's.

    From update number `wake` on the branch is taken: to finish the row that is `pending`, to begin
    row `used`, or both. What belongs to no row is written behind the last one.
    """

    def __init__(self, variables: Sequence[Any], due: int, gap: int) -> None:
        self._variables = variables
        sizes = [kept_of(v) for v in variables]
        self._owners = np.repeat(np.arange(len(variables)), sizes)  # of the values that are kept
        self._strides = np.array([stride_of(v) for v in variables], np.float64)
        self._wake, self._due, self._gap = (
            state.variable(number, "int64") for number in (due, due, gap)
        )
        self._used = state.variable(0, "int64")  # rows
        self._pending = state.variable(ROWS, "int64")
        # Step, learning rate, and the squares of the gradients; those of the weights before and
        # after, and of their change.
        self._begun = state.variable(np.zeros((ROWS + 1, 2 + len(variables))), "float64")
        self._moved = state.variable(np.zeros((ROWS + 1, 3, len(variables))), "float64")
        self._kept = state.variable(np.zeros(sum(sizes)), "float64")

    def branch(self, gradients: Mapping[int, Any], steps: Any, rate: Any) -> None:
        """Before an update that is being traced.

        Parameters: gradients by id of the variable, the variable that counts the finished steps,
        and the learning rate that is in force.
        """
        tf = sys.modules["tensorflow"]
        step = steps.read_value() + 1

        def look() -> Any:
            self._look(gradients, step, rate, tf)
            return tf.constant(True)

        _keep_apart(tf.cond(step >= self._wake, look, lambda: tf.constant(False)), tf)

    def _look(self, gradients: Mapping[int, Any], step: Any, rate: Any, tf: Any) -> None:
        """Finish the row that is open, and begin another one where it is due."""
        used, due = self._used.read_value(), self._due.read_value()
        begins = (used < ROWS) & (step >= due)
        old = self._kept.read_value()
        new = tf.concat(
            [tf.reshape(tf.cast(part(v), tf.float64), [-1]) for v in self._variables], 0
        )
        squares = tf.square(tf.stack([old, new, new - old], 1))
        moved = tf.transpose(tf.math.segment_sum(squares, self._owners)) * self._strides
        _put(self._moved, self._pending.read_value(), moved, tf)
        row = tf.where(begins, used, tf.constant(ROWS, tf.int64))
        facts = [tf.cast(step, tf.float64), tf.cast(rate, tf.float64)]
        norms = [_square(gradients.get(id(v)), v, tf) for v in self._variables]
        _put(self._begun, row, tf.stack(facts + norms), tf)
        self._kept.assign(new)
        self._pending.assign(row)
        used += tf.cast(begins, tf.int64)
        self._used.assign(used)
        gap = tf.where(step < FULL_LOOKS_AT_FIRST, tf.constant(1, tf.int64), self._gap.read_value())
        due = tf.where(begins, step + gap, due)
        self._due.assign(due)
        idle = tf.where(used < ROWS, due, tf.constant(_NEVER, tf.int64))
        self._wake.assign(tf.where(begins, step + 1, idle))

    def fetch(self, gap: int) -> list[tuple[int, float, Array]]:
        """Step, learning rate, and the four squares by variable (4, variables), of every row."""
        used = int(self._used.numpy())
        self._gap.assign(gap)
        if not used:
            return []
        begun, moved = self._begun.numpy(), self._moved.numpy()
        pending = int(self._pending.numpy())
        if pending < ROWS:  # no update has come since
            moved[pending] = self._moves()
        self._used.assign(0)
        self._pending.assign(ROWS)
        last = int(begun[used - 1, 0])
        due = last + (1 if last < FULL_LOOKS_AT_FIRST else gap)
        self._due.assign(due)
        self._wake.assign(due)
        return [
            (int(begun[i, 0]), float(begun[i, 1]), np.vstack([begun[i, 2:], moved[i]]))
            for i in range(used)
        ]

    def _moves(self) -> Array:
        """What a branch would have written by now, (3, variables)."""
        old = self._kept.numpy()
        parts = [np.asarray(part(v), np.float64).reshape(-1) for v in self._variables]
        new = np.concatenate(parts)
        found = [
            np.bincount(self._owners, values * values, len(self._variables))
            for values in (old, new, new - old)
        ]
        return np.array(found) * self._strides


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


def _put(rows: Any, index: Any, values: Any, tf: Any) -> None:
    rows.scatter_update(tf.IndexedSlices(values[None], index[None]))


def _square(gradient: Any, variable: Any, tf: Any) -> Any:
    """The sum of a gradient's squares; -1 where there is none.

    In double precision: a norm of 1e-23 is small, but not zero.
    """
    if gradient is None:
        return tf.constant(-1.0, tf.float64)
    return 2 * tf.nn.l2_loss(tf.cast(dense(gradient, variable), tf.float64))


def dense(gradient: Any, variable: Any) -> Any:
    """The gradient of an embedding names the rows that it is of; one may come several times."""
    tf = sys.modules["tensorflow"]
    if isinstance(gradient, tf.IndexedSlices):
        rows = int(variable.shape[0])
        return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, rows)
    return gradient


def part(variable: Any) -> Any:
    """A weight's values now, or evenly spaced ones of a very large one."""
    tf = sys.modules["tensorflow"]
    # What `read_value` does, in a quarter of its time, and no tape is told to watch the weight.
    value = tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)
    stride = stride_of(variable)
    return value if stride == 1 else tf.reshape(value, [-1])[::stride]


def kept_of(variable: Any) -> int:
    """How many values `part` returns, of a variable that may have none yet, too."""
    size = math.prod(int(length) for length in variable.shape)
    return -(-size // stride_of(variable))


def stride_of(variable: Any) -> int:
    """Of so many values of a weight one is kept, and stands for them."""
    size = math.prod(int(length) for length in variable.shape)
    return max(-(-size // _MOST_KEPT), 1)

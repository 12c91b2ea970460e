"""The number of the step that the training is at, counted where the steps are made."""

from __future__ import annotations

import sys
from typing import Any


class UpdateCounter:
    """Updates of weights, over all optimizers of the run, made eagerly or inside graphs.

    As long as no graph counts, the number is kept here; from then on in a variable that eager
    steps add to, too. Where gradients are accumulated, a step is the update that they end in.
    """

    def __init__(self) -> None:
        self.backwards = 0  # gradients of losses that were asked for, as far as Python sees them
        self._eager = 0
        self._variable: Any = None

    @property
    def done(self) -> int:
        """Finished steps of the run so far; waits for the graph that is running."""
        return self._eager if self._variable is None else int(self._variable.numpy())

    @property
    def current(self) -> int:
        """The step that is under way, from 1."""
        return self.done + 1

    def step(self) -> None:
        """An update was made, eagerly."""
        if self._variable is None:
            self._eager += 1
        else:
            self._variable.assign_add(1)

    def step_in_graph(self) -> None:
        """An update was traced: each time it runs it is counted."""
        self.variable().assign_add(1)

    def variable(self) -> Any:
        """Finished steps as an int64 variable that a graph may read; made outside of any graph."""
        if self._variable is None:
            tf = sys.modules["tensorflow"]
            with tf.init_scope():
                self._variable = tf.Variable(self._eager, dtype=tf.int64, trainable=False)
        return self._variable

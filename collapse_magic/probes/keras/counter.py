"""The number of the step that the training is at, counted where the steps are made."""

from __future__ import annotations

import sys
from typing import Any

from . import state


class StepCounter:
    """Optimizer steps of the run, over all models and optimizers, made eagerly or inside graphs.

    Where Python starts every step, it counts the updates of each; an update in a branch or a loop
    of a graph is counted there. As long as no graph counts, the number is kept here; from then on
    in a variable that all add to. Where gradients are accumulated, a step is the update that they
    end in.

    Attributes
        executed: training steps that Python has seen run. They count where no optimizer of Keras'
            makes the updates.
    """

    __slots__ = ("_expecting", "_made", "_variable", "executed")

    def __init__(self) -> None:
        self.executed = 0
        self._made = 0
        self._expecting = False
        self._variable: Any = None

    @property
    def updating(self) -> bool:
        """Whether updates by an optimizer have been seen, or have become part of a graph."""
        return self._made > 0 or self._variable is not None or self._expecting

    def expect_updates(self) -> None:
        """Executions come first, that only add to the gradients."""
        self._expecting = True

    @property
    def done(self) -> int:
        """Finished steps; waits for the graph that is running."""
        if self._variable is not None:
            return self._in_graphs()
        return self._made if self.updating else self.executed

    def _in_graphs(self) -> int:
        tf = sys.modules["tensorflow"]
        if tf.executing_eagerly():
            return int(self._variable.numpy())
        with tf.init_scope():  # something else is being traced
            return int(self._variable.numpy())

    def current(self) -> int:
        """The step of what was just seen in an evaluation: before any step, step 1."""
        return max(self.done, 1)

    def under_way(self) -> int:
        """The step that ends with the next update; where none is made, the one just executed."""
        return self.done + 1 if self.updating else max(self.executed, 1)

    def step(self, updates: int = 1) -> None:
        """So many updates were made."""
        if self._variable is None:
            self._made += updates
        else:
            self._variable.assign_add(updates)

    def step_in_graph(self) -> None:
        """An update was traced: each time it runs it is counted."""
        self.variable().assign_add(1)

    def variable(self) -> Any:
        """Finished steps as an int64 variable that a graph may read; made outside of any graph."""
        if self._variable is None:
            self._variable = state.variable(self._made, "int64")
        return self._variable

"""The number of the step that the training is at."""

from __future__ import annotations


class StepCounter:
    """Optimizer steps of the run, over all models and optimizers.

    Attributes
        done: finished steps.
    """

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = 0

    def current(self) -> int:
        """The step of what was just seen in an evaluation: before any step, step 1."""
        return max(self.done, 1)

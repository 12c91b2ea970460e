"""A training or evaluation step while its Python code runs: eagerly, or once to be traced.

What the losses of a step were given is handed out of its graph as further results of the step's
function: no operation is added to the user's graph, so that neither its random numbers nor its
arithmetic can change, and a compiled step (XLA) is as good as any.
"""

from __future__ import annotations

import threading
from typing import Any, Self

from ...records import Phase
from .losses import LossSeen

_local = threading.local()


class Stage:
    """Collects the loss calls of one step.

    Attributes
        phase: whether the step trains or evaluates.
        graph: the one that the step is traced into; None where it runs eagerly.
        seen: the loss calls so far whose tensors can be handed out, in order.
        fused: how many updates by an optimizer are in it that XLA compiles: nobody counts there.
    """

    def __init__(self, phase: Phase, graph: Any | None) -> None:
        self.phase = phase
        self.graph = graph
        self.seen: list[LossSeen] = []
        self.fused = 0

    def __enter__(self) -> Self:
        _stack().append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _stack().remove(self)

    def note(self, call: LossSeen) -> bool:
        """Take in a loss call; False where its tensors belong to a graph inside the step's."""
        if any(getattr(tensor, "graph", None) is not self.graph for tensor in call.tensors):
            return False
        self.seen.append(call)
        return True


def current() -> Stage | None:
    """The innermost step whose code runs on this thread."""
    stack = _stack()
    return stack[-1] if stack else None


def _stack() -> list[Stage]:
    stack: list[Stage] | None = getattr(_local, "stack", None)
    if stack is None:
        stack = _local.stack = []
    return stack


def graph_here(tf: Any) -> Any | None:
    """The graph that operations go into just now; None where they run at once."""
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()

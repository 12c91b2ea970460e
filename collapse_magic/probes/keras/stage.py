"""A training or evaluation step while its Python code runs: eagerly, or once to be traced.

What the losses of a step were given, and the gradients of its update, are handed out of its graph
as further results of the step's function: no operation is added to the user's graph, so that
neither its random numbers nor its arithmetic can change, and a compiled step (XLA) is as good as
any.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, Self

from ...records import Phase
from .losses import LossSeen
from .updates import Update

_local = threading.local()


class Stage:
    """Collects the loss calls of one step.

    Attributes
        phase: whether the step trains or evaluates.
        graph: the one that the step is traced into; None where it runs eagerly.
        seen: the loss calls so far whose tensors can be handed out, in order.
        alone: whether Python starts it, and it is one step: so its gradients can be handed out.
        counted: how many updates by an optimizer are in it that Python counts when it has run.
        updates: what is known of these, model by model.
    """

    def __init__(self, phase: Phase, graph: Any | None, one_step: bool = True) -> None:
        self.phase = phase
        self.graph = graph
        self.alone = one_step and not _stack()
        self.seen: list[LossSeen] = []
        self.counted = 0
        self.updates: list[Update] = []

    @property
    def in_xla(self) -> bool:
        """Whether its graph will be compiled by XLA."""
        return self.graph is not None and compiled_by_xla(self.graph)

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


def compiled_by_xla(graph: Any) -> bool:
    """Whether a graph that is being traced will be compiled by XLA."""
    control_flow = sys.modules["tensorflow.python.ops.control_flow_util"]
    return bool(control_flow.GraphOrParentsInXlaContext(graph))

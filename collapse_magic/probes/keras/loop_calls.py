"""Loss calls in loops that the user has written, and the stage of a function being traced."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from .losses import LossSeen
from .names import Model
from .stage import Stage


@dataclass(slots=True, eq=False)
class LoopCall:
    """One loss that was computed, in tensors of a graph or with values.

    Attributes
        place: (cell, line) of the call.
        owner: the model whose weights a gradient of it was asked for; None as long as none was.
        trained: whether such a gradient was asked for.
    """

    seen: LossSeen
    place: tuple[int, int] | None
    owner: Model | None = None
    trained: bool = False


class LoopStage(Stage):
    """A function of the user's while it is traced.

    Attributes
        calls: the losses in it that can be handed out.
        updates_made, gradients: how many updates by an optimizer, and gradients of weights, are in
            it.
    """

    def __init__(self, graph: Any | None, tells: bool = True) -> None:
        super().__init__("train", graph, tells)
        self.calls: list[LoopCall] = []
        self.updates_made = 0
        self.gradients = 0

    def take(self, call: LoopCall) -> None:
        if self.note(call.seen):
            self.calls.append(call)


def recording() -> bool:
    """Whether a gradient tape records what is computed just now: so it is while training."""
    engine = sys.modules["tensorflow.python.pywrap_tfe"]
    return not engine.TFE_Py_TapeSetIsEmpty()

"""Updates in steps that Python starts: what comes out of such a step, and what is known beside."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .looks import ModelLook
    from .optimizers import OptimizerWatch

# Gradients are kept until their step is over: of larger models they would be missed elsewhere.
MOST_SCALARS = 2**24
_RATE = "rate"


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """The update of one model by an optimizer.

    Attributes
        order: how many updates come before it in its step.
        tensors: what is handed out: gradients by number of the look's variable, and the learning
            rate where the step computes it. Of a graph, or with values.
    """

    watch: OptimizerWatch
    look: ModelLook
    order: int
    tensors: Mapping[str, Any]

    @property
    def gradients(self) -> dict[int, Any]:
        """The gradients by id of their variable."""
        found = {key: held for key, held in self.tensors.items() if key != _RATE}
        return {id(self.look.variables[int(key)]): held for key, held in found.items()}

    @property
    def rate(self) -> float | None:
        """The learning rate that was in force, where that was handed out."""
        rate = self.tensors.get(_RATE)
        return None if rate is None else float(rate)

    def after(self, others: int) -> Update:
        """The same update in a step in which so many others come first."""
        return replace(self, order=self.order + others)


def handed_out(
    looks: Sequence[ModelLook], gradients: Mapping[int, Any], rate: Any, graph: Any
) -> list[dict[str, Any]] | None:
    """The tensors of an update by name, look by look; None where they must stay where they are:
    they are large, or belong to a graph inside the step's.

    `gradients` by id of the variable.
    """
    if sum(look.scalars for look in looks) > MOST_SCALARS:
        return None
    if any(getattr(gradient, "graph", None) is not graph for gradient in gradients.values()):
        return None
    computed = isinstance(rate, sys.modules["tensorflow"].Tensor) and rate.graph is graph
    shared = {_RATE: rate} if computed else {}
    pairs = [[(i, gradients.get(id(v))) for i, v in enumerate(look.variables)] for look in looks]
    return [
        {**shared, **{str(index): gradient for index, gradient in own if gradient is not None}}
        for own in pairs
    ]


def forms(updates: Sequence[Update]) -> list[Update]:
    """Updates without their tensors, to be kept."""
    return [replace(update, tensors={}) for update in updates]


def filled(updates: Sequence[Update], tensors: Sequence[Mapping[str, Any]]) -> list[Update]:
    """These updates with what has come out of one execution."""
    return [replace(form, tensors=held) for form, held in zip(updates, tensors, strict=False)]

"""What a model that is trained through `fit` is given: the scale of each feature of its input."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from ...records import InputFacts, InputKind
from ..input_scales import Entered, KeptRows, stride_of
from . import layers

_MOST_TAKEN = 2**13  # scalars of one batch
_GATHERING = 256  # steps; rows that are not finite are never enough
# What leaves the scale of its input as it is, and may stand in front of the first weights.
_PASSING = tuple(
    f"keras.src.layers.{name}" for name in ("reshaping.", "regularization.", "core.identity")
)
_TOKENS = "Embedding"


class ModelInput:
    """The input of one model; some rows of the latest batches are kept.

    What a model is given seldom changes: it is told of at every step whose number has doubled. The
    steps between are looked at for their rows alone, as long as there are too few.

    Attributes
        due: the next of its steps to look at.
    """

    def __init__(self, name: str) -> None:
        self.due = 1
        self._tell_at = 1
        self._name = name
        self._kept = KeptRows()

    def look(self, model: Any, inputs: Any, step: int) -> InputFacts | None:
        """Part of the batch of this step; None where there is nothing to tell.

        Parameters: the only tensor that the model was given, (samples, ...).
        """
        shape = tuple(int(length) for length in inputs.shape)
        first = _first_layer(model)
        if first is None or not math.prod(shape):
            self.due = sys.maxsize
            return None
        name, part = first
        values = np.asarray(inputs[: max(_MOST_TAKEN // math.prod(shape[1:]), 1)])
        tells = step >= self._tell_at
        if tells:
            self._tell_at = 2 * step
        if type(part).__name__ == _TOKENS:
            self.due = 2 * step
            masked = bool(getattr(part, "mask_zero", False))
            tokens = Entered(self._name, name, "integers", shape, 0)
            return tokens.facts_of_integers(step, values, masked=masked)
        by_channel = type(part).__module__.startswith("keras.src.layers.convolutional.")
        kind: InputKind = "channels" if by_channel else "features"
        entered = Entered(self._name, name, kind, shape, shape[-1])
        rows = values.reshape(-1, shape[-1])[:, :: stride_of(shape[-1])]
        self._kept.add(rows.astype(np.float64))
        self.due = step + 1 if step < _GATHERING and not self._kept.enough else self._tell_at
        return entered.facts(step, self._kept.together()) if tells else None


def _first_layer(model: Any) -> tuple[str, Any] | None:
    """The first layer with weights, and its name, where it gets what the model is given.

    What happens in a `call` of the user's own is not known, nor in a layer of another kind.
    """
    function = getattr(model, "_functional", None) or model
    by_depth = getattr(function, "_nodes_by_depth", None)
    if by_depth is None or len(function.inputs) != 1:
        return None
    names = {id(part): name for name, part in layers.walk(model)}
    entering = {id(function.inputs[0])}
    for node in (node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]):
        part = node.operation
        if node.is_input or not any(id(tensor) in entering for tensor in node.input_tensors):
            continue
        if layers.own_weights(part):
            return names.get(id(part), part.name), part
        if not type(part).__module__.startswith(_PASSING):
            return None
        entering.update(id(tensor) for tensor in node.outputs)
    return None

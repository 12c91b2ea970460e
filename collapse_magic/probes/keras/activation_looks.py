"""Scale of the activations, and dead units, of models that are trained through `fit`.

A graph hands out no activation but at a price, and XLA fuses a step with a further result in
another way. So at a look a few samples of the step's batch are sent through the layers once more:
through Keras' own, whose output hangs on nothing but their inputs and weights. None of the user's
code runs, no random number is drawn, nothing is written. Behind a layer of any other kind nothing
is known.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...records import ActivationStatistics
from ..dead_units import ZERO_BELOW, UnitsWindow
from ..schedule import FULL_LOOKS_AT_FIRST, Schedule
from . import layer_activations as activations
from . import layers

# Samples of a batch: as many as have so many numbers together, but not fewer and not more than ...
_MOST_NUMBERS, _FEWEST, _MOST = 2**13, 4, 64
_MOST_LAYERS = 64
_LAYERS, _OPERATIONS = "keras.src.layers.", "keras.src.ops."
# Parts of Keras' modules whose layers depend on their inputs and weights alone. Dropout and noise
# are left out in the run, as they are where a model predicts.
_PLAIN = ("core.dense", "core.einsum_dense", "core.embedding", "core.identity", "convolutional.",
          "pooling.", "reshaping.", "merging.", "activations.", "preprocessing.normalization",
          "preprocessing.rescaling", "normalization.layer", "normalization.group",
          "normalization.rms", "normalization.unit")  # fmt: skip
_BATCH_NORMALIZATION = "normalization.batch"
_LEFT_OUT = "regularization."
# Kinds whose output is told of, as their scale says whether they are saturated.
_TOLD = ZERO_BELOW | {"sigmoid", "tanh"}

Key = tuple[str, str]  # the layer with weights that feeds an activation, and its kind


class ModelActivations:
    """The activations of one model, looked at now and then.

    Attributes
        due: the next of its steps to look at.
    """

    def __init__(self, name: str, plan: Schedule, clock: Callable[[], float]) -> None:
        self.name = name
        self.due = 1
        self._plan = plan
        self._clock = clock
        self._windows: dict[Key, UnitsWindow] = {}
        self._began: tuple[float, int] | None = None
        self._one: Any = None  # the first sample of all

    def look(self, model: Any, inputs: Any, step: int) -> ActivationStatistics | None:
        """Send some samples through after this step; None where there is nothing to tell."""
        began = self._clock()
        found = self._look(model, inputs, step)
        now = self._clock()
        if self._began is None:
            self._began = (now, step)
        before, first = self._began
        taken = (now - before) / max(step - first, 1)
        gap = 1 if step < FULL_LOOKS_AT_FIRST else self._plan.layer_gap(now - began, taken, step)
        self.due = sys.maxsize if found is None else step + gap
        return found

    def _look(self, model: Any, inputs: Any, step: int) -> ActivationStatistics | None:
        squares: dict[Key, list[float]] = {}
        samples = _some(inputs)
        differ = self._differ(np.asarray(samples))
        for key, output in _outputs(model, samples):
            values = np.asarray(output, np.float64).reshape(-1, output.shape[-1])
            squares.setdefault(key, []).append(float(np.mean(values * values)))
            window = self._windows.setdefault(key, UnitsWindow())
            if key[1] in ZERO_BELOW and values.size and differ:  # alike, they tell of no unit
                window.add(values.max(0), len(values))
        if not self._windows:
            return None
        return ActivationStatistics(
            model=self.name,
            step=step,
            layers=tuple(layer for layer, _ in self._windows),
            kinds=tuple(kind for _, kind in self._windows),
            rms=tuple(math.sqrt(np.mean(squares.get(key, [math.nan]))) for key in self._windows),
            dead=tuple(window.dead for window in self._windows.values()),
            seen=tuple(window.values for window in self._windows.values()),
        )

    def _differ(self, samples: Any) -> bool:
        """Whether some of these samples are others than the first one of the run."""
        if self._one is None:
            self._one = samples[:1].copy()
        return samples.shape[1:] != self._one.shape[1:] or bool(np.any(samples != self._one))


def _outputs(model: Any, samples: Any) -> Iterator[tuple[Key, Any]]:
    """The outputs of activations with their keys, in the order of the model's layer graph."""
    function = getattr(model, "_functional", None) or model
    by_depth = getattr(function, "_nodes_by_depth", None)
    if by_depth is None or len(function.inputs) != 1:
        return
    names = {id(part): name for name, part in layers.walk(model)}
    # A model takes whole numbers as well: it makes of them what its input is declared as.
    given = function.inputs[0]
    values = {id(given): sys.modules["tensorflow"].cast(samples, given.dtype)}
    fed_by: dict[int, str] = {}
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    for node in [node for node in nodes if not node.is_input][:_MOST_LAYERS]:
        given = node.input_tensors
        if any(id(tensor) not in values for tensor in given):
            continue  # behind something that is not known
        part = node.operation
        output = _run(part, *node.arguments.fill_in(values))
        if output is None:
            continue
        feeding = next((fed_by[id(t)] for t in given if id(t) in fed_by), "")
        name = names.get(id(part), part.name) if layers.own_weights(part) else feeding
        for tensor in node.outputs:
            values[id(tensor)], fed_by[id(tensor)] = output, name
        kind = activations.of_part(part)
        if kind in _TOLD and name:
            yield (name, kind), output


def _run(part: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any | None:
    """What a layer makes of its inputs; None where it is of a kind that is not known."""
    module = type(part).__module__
    if module.startswith(_LAYERS + _LEFT_OUT):
        return args[0]
    if module.startswith(_LAYERS + _BATCH_NORMALIZATION):
        return _normalized(part, args[0])
    plain = module.startswith(tuple(_LAYERS + name for name in _PLAIN))
    if not plain and not module.startswith(_OPERATIONS):
        return None
    applied = getattr(part, "activation", None)
    known = applied is None or str(getattr(applied, "__module__", "")).startswith("keras.src.")
    if not known or getattr(part, "data_format", "channels_last") != "channels_last":
        return None
    output = part.call(*args, **kwargs)
    return output if hasattr(output, "shape") and len(output.shape) > 1 else None


def _normalized(part: Any, values: Any) -> Any | None:
    """A batch as it is normalized while it trains: by itself; the averages stay what they are."""
    rank = len(values.shape)
    if part.axis not in (-1, rank - 1):
        return None
    tf = sys.modules["tensorflow"]
    mean, variance = tf.nn.moments(values, list(range(rank - 1)))
    return tf.nn.batch_normalization(values, mean, variance, part.beta, part.gamma, part.epsilon)


def _some(inputs: Any) -> Any:
    """The first samples of a batch."""
    of_each = math.prod(inputs.shape[1:]) or 1
    return inputs[: max(_FEWEST, min(_MOST, _MOST_NUMBERS // of_each))]

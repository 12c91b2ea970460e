"""What a Keras model is made of, as a record."""

from __future__ import annotations

import math
from typing import Any

from ...records import LayerFacts, ModelFacts
from . import heads, layers
from . import layer_activations as activations
from .weights import initial_weights

# Layers that bring the inputs to a common scale, beside those that normalise activations.
_RESCALING = ("Rescaling",)


def facts_of(model: Any, name: str) -> ModelFacts:
    """The structure of a model, with the weights that it has now.

    To be called outside of any graph that is being traced (`tf.init_scope`), and before the first
    step. A model that has not been built has no layers with weights yet.
    """
    found = layers.layers_of(model)
    used: list[str] = []
    normalizations: list[str] = []
    dropouts: list[float] = []
    for _, part in layers.walk(model):
        kind = type(part).__name__
        applied = "" if layers.is_recurrent(part) else activations.of_part(part)
        if applied:
            used.append(activations.class_name(applied))
        if heads.is_normalization(part) or kind in _RESCALING:
            normalizations.append(kind)
        rate = heads.dropout_rate(part)
        if rate is not None:
            dropouts.append(rate)
    head = heads.heads_of(model)[0]
    return ModelFacts(
        model=name,
        kind=type(model).__name__,
        layers=tuple(facts_of_layer(layer) for layer in found),
        activations=tuple(used),
        normalizations=tuple(normalizations),
        dropouts=tuple(dropouts),
        last_layer=head.last_layer,
        outputs=head.units,
        last_dropout=head.dropout,
    )


def facts_of_layer(layer: layers.Layer) -> LayerFacts:
    weights = initial_weights(layer.weights[0])
    return LayerFacts(
        name=layer.name,
        kind=layer.kind,
        parameters=sum(math.prod(variable.shape) for variable in layer.weights),
        weight_std=weights.deviation,
        weight_mean=weights.mean,
        start=weights.start,
        identical_rows=weights.identical_rows,
        units=layer.units,
        trainable=layer.trainable,
    )

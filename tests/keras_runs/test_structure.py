"""What is known of Keras models: layers, initial weights, and the end of the model."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from collapse_magic.probes.keras.heads import Head, heads_of
from collapse_magic.probes.keras.layers import layers_of
from collapse_magic.probes.keras.structure import facts_of
from collapse_magic.records import LayerFacts


def sequential() -> Any:
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Normalization(),
            layers.Dense(8, activation="relu", name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.5),
            layers.Dense(3, name="logits"),
            layers.Dropout(0.25),
            layers.Softmax(),
        ]
    )


class Subclassed(keras.Model):
    def __init__(self, **head: Any) -> None:
        super().__init__()
        self.hidden = layers.Dense(5, activation="tanh", name="hidden")
        self.drop = layers.Dropout(0.3, name="drop")
        self.head = layers.Dense(name="head", **head)

    def call(self, x: Any) -> Any:
        return self.head(self.drop(self.hidden(x)))


def test_a_sequential_model() -> None:
    model = sequential()
    facts = facts_of(model, "model")
    assert (facts.model, facts.kind) == ("model", "Sequential")
    assert [la.name for la in facts.layers] == ["hidden", "norm", "logits"]
    assert [la.kind for la in facts.layers] == ["Dense", "BatchNormalization", "Dense"]
    assert [la.parameters for la in facts.layers] == [40, 16, 27]
    assert [la.units for la in facts.layers] == [8, 8, 3]
    assert facts.activations == ("ReLU", "Softmax")
    assert facts.normalizations == ("Normalization", "BatchNormalization")
    assert facts.dropouts == (0.5, 0.25)
    assert (facts.last_layer, facts.outputs, facts.last_dropout) == ("logits", 3, 0.25)


def test_the_weights_that_layers_begin_with() -> None:
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(16, name="usual"),
            layers.Dense(8, kernel_initializer="zeros", name="zero"),
            layers.Dense(8, kernel_initializer=keras.initializers.Constant(0.5), name="constant"),
            layers.Dense(8, name="alike"),
            layers.Dense(200, name="wide"),
        ]
    )
    model.get_layer("alike").kernel.assign(np.outer(np.arange(8.0), np.ones(8)))
    facts = {layer.name: layer for layer in facts_of(model, "m").layers}
    kernel = model.get_layer("usual").kernel.numpy()
    assert facts["usual"].weight_std == pytest.approx(kernel.std(ddof=1), rel=1e-6)
    assert facts["usual"].weight_mean == pytest.approx(kernel.mean(), rel=1e-5)
    assert [facts[n].start for n in ("usual", "zero", "constant")] == ["random", "zero", "constant"]
    assert facts["constant"].weight_mean == 0.5 and facts["constant"].weight_std == 0
    assert facts["alike"].identical_rows and not facts["usual"].identical_rows
    spread = model.get_layer("wide").kernel.numpy().std()
    assert facts["wide"].weight_std == pytest.approx(spread, rel=0.1)


def test_a_functional_model_with_two_outputs_and_bare_operations() -> None:
    x = keras.Input((4,))
    hidden = keras.ops.relu(layers.Dense(6, name="body")(x))
    one = layers.Activation("softmax")(layers.Dense(3, name="kind")(hidden))
    two = keras.ops.sigmoid(layers.Dense(1, name="flag")(hidden))
    model = keras.Model(x, [one, two])
    assert heads_of(model) == [
        Head("kind", 3, ("softmax",), 0.0, sure=True),
        Head("flag", 1, ("sigmoid",), 0.0, sure=True),
    ]
    facts = facts_of(model, "m")
    assert [layer.name for layer in facts.layers] == ["body", "kind", "flag"]
    assert sorted(facts.activations) == ["ReLU", "Sigmoid", "Softmax"]
    assert facts.last_layer == "kind"


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([layers.Dense(2, activation="softmax")], ("softmax",)),
        ([layers.Dense(2), layers.Activation("softmax")], ("softmax",)),
        ([layers.Dense(2, activation="softmax"), layers.Softmax()], ("softmax", "softmax")),
        ([layers.Dense(2, activation="relu")], ("relu",)),
        ([layers.Dense(2), layers.LeakyReLU()], ("leaky_relu",)),
        ([layers.Dense(2, activation=layers.ReLU())], ("relu",)),
        ([layers.Dense(2, activation=keras.ops.sigmoid), layers.Reshape((2,))], ("sigmoid",)),
        ([layers.Dense(2), layers.BatchNormalization()], ()),
        ([layers.Dense(2)], ()),
    ],
)
def test_activations_at_the_end(ends: list[Any], expected: tuple[str, ...]) -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, "relu", name="hidden"), *ends])
    (head,) = heads_of(model)
    assert (head.activations, head.units, head.last_layer) == (expected, 2, ends[0].name)


def test_a_subclassed_model_is_read_by_its_layers() -> None:
    model = Subclassed(units=1, activation="sigmoid")
    assert layers_of(model) == []  # not built yet
    model(np.zeros((2, 4), "float32"))
    assert heads_of(model) == [Head("head", 1, ("sigmoid",), 0.0, sure=False)]
    facts = facts_of(model, "net")
    assert [layer.name for layer in facts.layers] == ["hidden", "head"]
    assert facts.activations == ("Tanh", "Sigmoid")
    assert facts.dropouts == (0.3,)


def test_models_inside_models() -> None:
    backbone = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3, name="conv"), layers.Flatten()], name="base"
    )
    backbone.trainable = False
    head = keras.Sequential(
        [keras.Input((144,)), layers.Dense(3, activation="softmax", name="out")], name="head"
    )
    x = keras.Input((8, 8, 1))
    model = keras.Model(x, head(backbone(x)))
    facts = facts_of(model, "m")
    assert [layer.name for layer in facts.layers] == ["base.conv", "head.out"]
    assert [layer.trainable for layer in facts.layers] == [False, True]
    assert [layer.units for layer in facts.layers] == [4, 3]
    assert heads_of(model) == [Head("head.out", 3, ("softmax",), 0.0, sure=True)]
    assert facts.last_layer == "head.out"


def test_a_subclassed_model_inside_a_functional_one() -> None:
    x = keras.Input((4,))
    model = keras.Model(x, layers.Softmax()(Subclassed(units=3)(x)))
    (head,) = heads_of(model)
    assert head.last_layer.endswith(".head") and head.activations == ("softmax",)
    assert not head.sure


def test_recurrent_layers_and_embeddings() -> None:
    model = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            layers.Embedding(20, 6, name="words"),
            layers.Bidirectional(layers.LSTM(4), name="both"),
            layers.Dense(1, activation="sigmoid", name="out"),
        ]
    )
    found = facts_of(model, "m").layers
    assert [layer.kind for layer in found] == ["Embedding", "LSTM", "LSTM", "Dense"]
    assert found[1].name.startswith("both.forward")
    lstm = 4 * (6 * 4 + 4 * 4 + 4)
    assert [layer.parameters for layer in found] == [120, lstm, lstm, 9]
    assert [layer.units for layer in found] == [6, 4, 4, 1]
    assert facts_of(model, "m").activations == ("Sigmoid",)


def test_depthwise_and_shared_layers() -> None:
    shared = layers.Dense(4, name="shared")
    x = keras.Input((4,))
    twice = keras.Model(x, layers.Dense(2, name="out")(shared(shared(x))))
    assert [layer.name for layer in facts_of(twice, "m").layers] == ["shared", "out"]
    convolved = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.DepthwiseConv2D(3, depth_multiplier=2, name="d")]
    )
    (layer,) = facts_of(convolved, "m").layers
    assert isinstance(layer, LayerFacts) and layer.units == 6


def test_looking_changes_nothing() -> None:
    model = sequential()
    before = [w.numpy().tobytes() for w in model.weights]
    state = {key: id(value) for key, value in vars(model).items()}
    facts_of(model, "m")
    assert before == [w.numpy().tobytes() for w in model.weights]
    assert state == {key: id(value) for key, value in vars(model).items()}

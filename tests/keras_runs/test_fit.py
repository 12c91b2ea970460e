"""`compile` and `fit`: every style is seen, and the numbers are those of the training.

The numbers are compared with what Keras' own layers say of the same batches: data are not
shuffled, and a callback keeps the weights from before each batch, so that every loss and every
prediction can be computed again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from collapse_magic.records import EpochEnded, LossFacts, LossValues, PredictionWindow

from .watched import counted, counts, facts, losses, watched

N, FEATURES, CLASSES, BATCH = 96, 6, 3, 32


def data(classes: int = CLASSES) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(N, FEATURES)).astype("float32")
    return x, (x[:, :classes].argmax(1)).astype("int32")


def mlp(outputs: int = CLASSES, activation: str | None = "softmax") -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((FEATURES,)),
            layers.Dense(8, activation="relu"),
            layers.Dense(outputs, activation=activation),
        ]
    )


class Outputs(keras.callbacks.Callback):
    """What the model answers to each batch of `x` before it is trained on."""

    def __init__(self, x: np.ndarray, batch: int = BATCH) -> None:
        super().__init__()
        self.x, self.batch = x, batch
        self.outputs: list[Any] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        part = self.x[batch * self.batch : (batch + 1) * self.batch]
        self.outputs.append(keras.tree.map_structure(np.array, self.model(part, training=False)))


def cross_entropies(outputs: list[np.ndarray], y: np.ndarray, batch: int = BATCH) -> list[float]:
    """Mean cross entropy of probabilities (n, K) per batch."""
    found = []
    for i, p in enumerate(outputs):
        at = (i * batch) % len(y)
        labels = y[at : at + len(p)]
        found.append(float(-np.log(p[np.arange(len(p)), labels]).mean()))
    return found


def test_losses_predictions_validation_and_epochs_of_a_fit() -> None:
    x, y = data()
    model = mlp()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    seen = Outputs(x)
    with watched(__file__, model=model) as context:
        history = model.fit(
            x, y, batch_size=BATCH, epochs=3, shuffle=False, verbose=0, callbacks=[seen],
            validation_data=(x[:40], y[:40]),
        )  # fmt: skip
    told = facts(context)
    assert (told.loss, told.task, told.classes) == (
        "sparse_categorical_crossentropy", "multiclass", CLASSES,
    )  # fmt: skip
    assert told.activations == ("softmax",)
    assert (told.model, told.cell, told.weighted) == ("model", 7, False)
    expected = cross_entropies(seen.outputs, y)
    assert losses(context) == pytest.approx(dict(enumerate(expected, 1)), rel=1e-5)
    assert np.array_equal(
        counts(context), counted(np.concatenate(seen.outputs), np.tile(y, 3), CLASSES)
    )
    found = counts(context, "eval")
    assert np.array_equal(found[0], 3 * np.bincount(y[:40], minlength=CLASSES))
    assert found[2].sum() == pytest.approx(40 * sum(history.history["val_accuracy"]))
    assert context.of(EpochEnded) == [EpochEnded(1, 3), EpochEnded(2, 6), EpochEnded(3, 9)]


# -- kinds of models ------------------------------------------------------------------------------


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu")
        self.head = layers.Dense(CLASSES, activation="softmax")

    def call(self, inputs: Any) -> Any:
        return self.head(self.hidden(inputs))


class OwnStep(Subclassed):
    """As in Keras' guide to custom training steps."""

    def train_step(self, given: Any) -> dict[str, Any]:
        x, y = given
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


class OwnLoss(Subclassed):
    """A cross entropy by a function of Keras, reduced by hand."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
        training: bool = True,
    ) -> Any:  # fmt: skip
        return tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, y_pred))


class OwnOperation(OwnLoss):
    """The same from scratch: only its value can be told."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
        training: bool = True,
    ) -> Any:  # fmt: skip
        picked = tf.gather(y_pred, tf.cast(y, tf.int32)[:, None], batch_dims=1)
        return -tf.reduce_mean(tf.math.log(picked))


def functional() -> keras.Model:
    inputs = keras.Input((FEATURES,))
    hidden = layers.Dense(8, activation="relu")(inputs)
    outputs = layers.Softmax()(layers.Dense(CLASSES)(hidden))
    return keras.Model(inputs, outputs)


def check_losses_and_counts(model: keras.Model, **settings: Any) -> list[LossFacts]:
    """Two epochs of a model whose outputs are probabilities, against their own computation."""
    x, y = data()
    model.compile("sgd", "sparse_categorical_crossentropy", **settings)
    seen = Outputs(x)
    with watched(model=model) as context:
        model.fit(x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0, callbacks=[seen])
    expected = cross_entropies(seen.outputs, y)
    assert losses(context) == pytest.approx(dict(enumerate(expected, 1)), rel=1e-4)
    if facts(context).loss != "custom":
        wanted = counted(np.concatenate(seen.outputs), np.tile(y, 2), CLASSES)
        assert np.array_equal(counts(context), wanted)
    return context.of(LossFacts)


@pytest.mark.parametrize("make", [functional, Subclassed, OwnStep, OwnLoss])
def test_functional_and_subclassed_models_and_steps_and_losses_of_their_own(
    make: Callable[[], keras.Model],
) -> None:
    told = check_losses_and_counts(make())
    assert told[-1].loss == "sparse_categorical_crossentropy"
    assert told[-1].activations == ("softmax",)


def test_a_loss_from_scratch_is_told_by_its_value() -> None:
    told = check_losses_and_counts(OwnOperation())
    assert [(t.loss, t.task) for t in told] == [("custom", "unknown")]


@pytest.mark.parametrize(
    "settings",
    [{"jit_compile": True}, {"jit_compile": False}, {"jit_compile": "auto"}, {"run_eagerly": True}],
    ids=str,
)
def test_compiled_by_xla_or_not_at_all(settings: dict[str, Any]) -> None:
    check_losses_and_counts(mlp(), **settings)


def test_several_steps_in_one_execution_are_seen_by_their_last() -> None:
    x, y = data()
    model = mlp()
    model.compile("sgd", "sparse_categorical_crossentropy", steps_per_execution=2)
    plain = mlp()
    plain.set_weights(model.get_weights())
    plain.compile("sgd", "sparse_categorical_crossentropy")
    seen = Outputs(x)
    plain.fit(x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0, callbacks=[seen])
    with watched(model=model) as context:
        model.fit(x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    # Three batches an epoch: two in the first execution, one in the second.
    expected = cross_entropies(seen.outputs, y)
    last = {step: expected[step - 1] for step in (2, 3, 5, 6)}
    assert losses(context) == pytest.approx(last, rel=1e-4)
    assert {w.one_in for w in context.of(PredictionWindow)} == {2}
    assert context.of(EpochEnded) == [EpochEnded(1, 3), EpochEnded(2, 6)]


def test_mixed_precision_tells_the_unscaled_loss() -> None:
    x, y = data()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = mlp()
        model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
        seen = Outputs(x)
        with watched(model=model) as context:
            model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[seen])
    finally:
        keras.mixed_precision.set_global_policy("float32")
    expected = cross_entropies([p.astype("float32") for p in seen.outputs], y)
    assert losses(context) == pytest.approx(dict(enumerate(expected, 1)), rel=1e-2)
    assert counts(context)[0].sum() == N


# -- kinds of losses ------------------------------------------------------------------------------

SPARSE, ONE_HOT, BINARY = "index", "one-hot", "binary"

LOSSES: dict[str, tuple[Any, str, str, str | None]] = {
    # name: what `compile` is given, what it is told as, the labels, the activation of the output
    "string": ("sparse_categorical_crossentropy", "sparse_categorical_crossentropy", SPARSE,
               "softmax"),
    "class": (keras.losses.SparseCategoricalCrossentropy(), "sparse_categorical_crossentropy",
              SPARSE, "softmax"),
    "function": (keras.losses.sparse_categorical_crossentropy, "sparse_categorical_crossentropy",
                 SPARSE, "softmax"),
    "logits": (keras.losses.SparseCategoricalCrossentropy(from_logits=True), "cross_entropy",
               SPARSE, None),
    "one-hot": ("categorical_crossentropy", "categorical_crossentropy", ONE_HOT, "softmax"),
    "one-hot logits": (keras.losses.CategoricalCrossentropy(from_logits=True), "cross_entropy",
                       ONE_HOT, None),
    "smoothed": (keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
                 "categorical_crossentropy", ONE_HOT, "softmax"),
    "focal": (keras.losses.CategoricalFocalCrossentropy(), "categorical_crossentropy", ONE_HOT,
              "softmax"),
    "kl": ("kl_divergence", "kl_divergence", ONE_HOT, "softmax"),
    "categorical hinge": ("categorical_hinge", "categorical_hinge", ONE_HOT, None),
    "binary": ("binary_crossentropy", "binary_cross_entropy", BINARY, "sigmoid"),
    "binary logits": (keras.losses.BinaryCrossentropy(from_logits=True),
                      "binary_cross_entropy_with_logits", BINARY, None),
    "binary focal": (keras.losses.BinaryFocalCrossentropy(), "binary_cross_entropy", BINARY,
                     "sigmoid"),
    "hinge": ("hinge", "hinge", BINARY, None),
    "mse": ("mse", "mse", BINARY, "sigmoid"),
    "tf.nn": (lambda y, p: tf.nn.sparse_softmax_cross_entropy_with_logits(
                  tf.cast(tf.reshape(y, [-1]), tf.int32), p),
              "cross_entropy", SPARSE, None),
    "tf.nn sigmoid": (lambda y, p: tf.nn.sigmoid_cross_entropy_with_logits(
                          tf.cast(tf.reshape(y, [-1, 1]), tf.float32), p),
                      "binary_cross_entropy_with_logits", BINARY, None),
}  # fmt: skip


@pytest.mark.parametrize("kind", LOSSES)
def test_losses_by_string_class_and_function(kind: str) -> None:
    loss, name, labels, activation = LOSSES[kind]
    outputs = 1 if labels == BINARY else CLASSES
    x, y = data(2 if labels == BINARY else CLASSES)
    y = keras.utils.to_categorical(y, CLASSES) if labels == ONE_HOT else y
    model = mlp(outputs, activation)
    model.compile("sgd", loss, jit_compile=False)
    seen = Outputs(x)
    per_batch: list[float] = []

    def keep(batch: int, logs: dict[str, float]) -> None:
        # Keras tells the mean over the epoch so far.
        per_batch.append(logs["loss"] * (batch + 1) - sum(per_batch))

    callbacks = [seen, keras.callbacks.LambdaCallback(on_train_batch_end=keep)]
    with watched(model=model) as context:
        model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=callbacks)
    told = facts(context)
    assert (told.loss, told.target_kind) == (name, labels)
    assert told.task == ("binary" if labels == BINARY else "multiclass")
    assert told.activations == (() if activation is None else (activation,))
    assert losses(context) == pytest.approx(dict(enumerate(per_batch, 1)), rel=1e-4, abs=1e-6)
    scores = np.concatenate(seen.outputs)
    if labels == BINARY and activation is None:
        scores = 1 / (1 + np.exp(-scores))
    wanted = y.argmax(1) if labels == ONE_HOT else y
    assert np.array_equal(counts(context), counted(scores, wanted, max(outputs, 2)))


def test_logits_that_keras_finds_behind_a_softmax_are_no_second_softmax() -> None:
    x, y = data()
    model = mlp()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with watched(model=model) as context, pytest.warns(UserWarning, match="from_logits"):
        model.fit(x, y, batch_size=BATCH, verbose=0)
    assert facts(context).loss == "sparse_categorical_crossentropy"


def test_several_outputs_are_several_sites() -> None:
    x, y = data()
    inputs = keras.Input((FEATURES,))
    hidden = layers.Dense(8, activation="relu")(inputs)
    kind = layers.Dense(CLASSES, activation="softmax", name="kind")(hidden)
    flag = layers.Dense(1, activation="sigmoid", name="flag")(hidden)
    model = keras.Model(inputs, [kind, flag])
    model.compile(
        "sgd", ["sparse_categorical_crossentropy", "binary_crossentropy"], loss_weights=[1.0, 0.5]
    )
    z = (y == 1).astype("float32")
    seen = Outputs(x)
    with watched(model=model) as context:
        model.fit(x, [y, z], batch_size=BATCH, shuffle=False, verbose=0, callbacks=[seen])
    assert {f.site for f in context.of(LossFacts)} == {
        "sparse_categorical_crossentropy", "binary_cross_entropy",
    }  # fmt: skip
    for site, outputs, labels, classes in (
        ("sparse_categorical_crossentropy", 0, y, CLASSES),
        ("binary_cross_entropy", 1, z, 2),
    ):
        scores = np.concatenate([one[outputs] for one in seen.outputs])
        wanted = counted(scores, labels, classes)
        assert np.array_equal(counts(context, site=site), wanted)


# -- weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["class_weight", "sample_weight"])
def test_weights_of_classes_and_samples(how: str) -> None:
    x, y = data()
    by_class = {0: 1.0, 1: 5.0, 2: 0.5}
    weights = np.array([by_class[label] for label in y], "float32")
    given = {how: by_class if how == "class_weight" else weights}
    model = mlp()
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    p = model.predict(x, verbose=0)
    with watched(model=model) as context:
        model.fit(x, y, batch_size=N, shuffle=False, verbose=0, **given)
    assert facts(context).weighted
    own = -np.log(p[np.arange(N), y])
    assert losses(context) == pytest.approx({1: float((own * weights).mean())}, rel=1e-4)
    window = context.of(PredictionWindow)[0]
    assert window.cross_entropy_nats == pytest.approx(float(own.mean()), rel=1e-4)
    force = weights * (np.abs(p - np.eye(CLASSES)[y])).sum(1)
    pull = np.bincount(y, force, CLASSES) / force.sum()
    assert window.pull == pytest.approx(tuple(pull), rel=1e-3)


# -- kinds of data --------------------------------------------------------------------------------


class Batches(keras.utils.PyDataset):
    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        super().__init__()
        self.x, self.y = x, y

    def __len__(self) -> int:
        return N // BATCH

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        part = slice(i * BATCH, (i + 1) * BATCH)
        return self.x[part], self.y[part]


def dataset(x: np.ndarray, y: np.ndarray) -> Any:
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH)


def generator(x: np.ndarray, y: np.ndarray) -> Any:
    batches = Batches(x, y)
    return (batches[i % len(batches)] for i in range(2 * len(batches)))


@pytest.mark.parametrize("source", [dataset, generator, Batches])
def test_data_sets_and_generators(source: Callable[..., Any]) -> None:
    x, y = data()
    model = mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    seen = Outputs(x)
    with watched(model=model) as context:
        model.fit(
            source(x, y), epochs=2, steps_per_epoch=N // BATCH if source is generator else None,
            shuffle=False, verbose=0, callbacks=[seen],
        )  # fmt: skip
    expected = cross_entropies(seen.outputs, y)
    assert losses(context) == pytest.approx(dict(enumerate(expected, 1)), rel=1e-4)
    assert counts(context)[0].sum() == 2 * N


def test_batches_that_are_trained_on_and_tested_one_by_one() -> None:
    x, y = data()
    model = mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    trained, tested = [], []
    with watched(__file__, model=model) as context:
        for i in range(4):
            part = slice(i * 16, (i + 1) * 16)
            trained.append(model.train_on_batch(x[part], y[part]))
            tested.append(model.test_on_batch(x[part], y[part]))
    assert losses(context) == pytest.approx(dict(enumerate(map(float, trained), 1)), rel=1e-4)
    assert counts(context, "eval")[0].sum() == 64
    windows = [w for w in context.of(PredictionWindow) if w.phase == "eval"]
    mean = np.average([w.cross_entropy_nats for w in windows], weights=[w.batches for w in windows])
    assert mean == pytest.approx(np.mean(tested), rel=1e-4)
    assert facts(context).cell == 7


def test_sequences_count_every_token_and_leave_out_masked_ones() -> None:
    rng = np.random.default_rng(5)
    words = rng.integers(1, 20, (N, 5))
    words[:, 3:] = 0  # padding
    tags = (words % CLASSES).astype("int32")
    model = keras.Sequential(
        [layers.Embedding(20, 8, mask_zero=True), layers.Dense(CLASSES, activation="softmax")]
    )
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    p = np.array(model(words))
    with watched(model=model) as context:
        history = model.fit(words, tags, batch_size=BATCH, shuffle=False, verbose=0)
    assert facts(context).input_shape == (BATCH, 5, CLASSES)
    wanted = counted(p[:, :3].reshape(-1, CLASSES), tags[:, :3], CLASSES)
    assert np.array_equal(counts(context), wanted)
    assert np.mean(list(losses(context).values())) == pytest.approx(history.history["loss"][0])


# -- other places and times -----------------------------------------------------------------------


def test_fit_twice_and_callbacks_that_stop_or_slow_down() -> None:
    x, y = data()
    model = mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=1, min_delta=100.0)
    slowing = keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, min_delta=100.0)
    with watched(model=model) as context:
        for _ in range(2):
            history = model.fit(
                x, y, batch_size=BATCH, epochs=5, verbose=0, validation_split=1 / 3,
                callbacks=[stopping, slowing],
            )  # fmt: skip
            assert len(history.epoch) == 2
    assert context.of(EpochEnded) == [EpochEnded(i, 2 * i) for i in (1, 2, 3, 4)]
    assert len(losses(context)) == 8
    assert counts(context, "eval")[0].sum() == 4 * N // 3


def test_a_model_that_was_compiled_fitted_and_so_traced_before_and_one_inside_a_function() -> None:
    x, y = data()
    model = mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=BATCH, verbose=0)
    before = model.train_function

    def train(net: keras.Model) -> Any:
        return net.fit(x, y, batch_size=BATCH, verbose=0, shuffle=False)

    with watched() as context:
        history = train(model)
    assert np.mean(list(losses(context).values())) == pytest.approx(history.history["loss"][0])
    assert facts(context).model == "net"
    assert model.train_function is before


def test_only_evaluation_makes_windows_but_no_losses() -> None:
    x, y = data()
    model = mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with watched(model=model) as context:
        model.evaluate(x, y, batch_size=BATCH, verbose=0)
    assert context.of(LossValues) == []
    wanted = counted(model.predict(x, verbose=0), y, CLASSES)
    assert np.array_equal(counts(context, "eval"), wanted)

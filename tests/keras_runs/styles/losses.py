"""How the loss is given."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from .account import BATCH, CLASSES, FEATURES, Account, N, data, style
from .models import fit, mlp


def train(
    account: Account,
    loss: Any,
    outputs: int = CLASSES,
    activation: str | None = None,
    targets: Any = None,
    **options: Any,
) -> None:
    """Two epochs; `targets` makes the targets of the labels."""
    x, y = data(max(outputs, 2))
    model = mlp(outputs, activation)
    model.compile("adam", loss, metrics=["accuracy"])
    given = y if targets is None else targets(y)
    account.fitted(model.fit(x, given, BATCH, 2, verbose=0, **options), y)
    account.result(model)


def one_hot(y: np.ndarray) -> np.ndarray:
    return keras.utils.to_categorical(y, CLASSES)


@style(
    "object, from_logits",
    "`SparseCategoricalCrossentropy(from_logits=True)` on a last layer without activation",
)
def from_logits(account: Account) -> None:
    train(account, keras.losses.SparseCategoricalCrossentropy(from_logits=True))


@style("string, one-hot", '`"categorical_crossentropy"`, `to_categorical(y, 3)`')
def categorical(account: Account) -> None:
    train(account, "categorical_crossentropy", activation="softmax", targets=one_hot)


@style("function", "`loss=keras.losses.binary_crossentropy`, one sigmoid")
def function(account: Account) -> None:
    train(account, keras.losses.binary_crossentropy, 1, "sigmoid")


@style(
    "binary, from_logits",
    "`BinaryCrossentropy(from_logits=True)` on `Dense(1)`; `BinaryAccuracy(threshold=0)`",
)
def binary_logits(account: Account) -> None:
    x, y = data(2)
    model = mlp(1, None)
    metric = keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=[metric])
    account.fitted(model.fit(x, y, BATCH, 2, verbose=0), y)
    account.result(model)


@style("label smoothing", "`CategoricalCrossentropy(label_smoothing=0.1)`")
def smoothed(account: Account) -> None:
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    train(account, loss, activation="softmax", targets=one_hot)


@style("focal", "`BinaryFocalCrossentropy()`, one sigmoid")
def focal(account: Account) -> None:
    train(account, keras.losses.BinaryFocalCrossentropy(), 1, "sigmoid")


@style(
    "tf.nn in a function", "`loss=lambda y, z: tf.nn.sparse_softmax_cross_entropy_with_logits(...)`"
)
def by_tf_nn(account: Account) -> None:
    def loss(y: Any, z: Any) -> Any:
        labels = tf.reshape(tf.cast(y, tf.int32), [-1])
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=z)

    train(account, loss)


def written_binary(y: Any, p: Any) -> Any:
    y, p = tf.cast(y, p.dtype), tf.clip_by_value(p, 1e-7, 1 - 1e-7)
    return -tf.reduce_mean(y * tf.math.log(p) + (1 - y) * tf.math.log(1 - p), axis=-1)


WRITTEN = "`-tf.reduce_mean(y * tf.math.log(p) + (1 - y) * tf.math.log(1 - p))`"


@style("written", f"`compile(loss=a_function)` with {WRITTEN}")
def by_hand(account: Account) -> None:
    train(account, written_binary, 1, "sigmoid", lambda y: y[:, None])


@style("written, run eagerly", "the same under `run_eagerly=True`")
def by_hand_eagerly(account: Account) -> None:
    x, y = data(2)
    model = mlp(1, "sigmoid")
    model.compile("adam", written_binary, metrics=["accuracy"], run_eagerly=True)
    account.fitted(model.fit(x, y[:, None], BATCH, 2, verbose=0), y)
    account.result(model)


def written_focal(y: Any, p: Any) -> Any:
    p = keras.ops.clip(p, 1e-7, 1 - 1e-7)
    return keras.ops.sum(-y * keras.ops.log(p) * (1 - p) ** 2, axis=-1)


@style("written focal", "`-y * log(p) * (1 - p) ** 2` of one-hot labels, with `keras.ops`")
def focal_by_hand(account: Account) -> None:
    train(account, written_focal, activation="softmax", targets=one_hot)


def written_on_logits(y: Any, z: Any) -> Any:
    labels = tf.cast(tf.reshape(y, [-1]), tf.int32)
    return -tf.gather(tf.nn.log_softmax(z), labels, batch_dims=1)


@style("written on logits", "`-tf.gather(tf.nn.log_softmax(z), y, batch_dims=1)`")
def logits_by_hand(account: Account) -> None:
    train(account, written_on_logits)


def overlap(y: Any, p: Any) -> Any:
    return 1 - (2 * tf.reduce_sum(y * p) + 1) / (tf.reduce_sum(y) + tf.reduce_sum(p) + 1)


@style("written without a logarithm", "Dice; the layers tell that `p` is probabilities")
def dice(account: Account) -> None:
    train(account, overlap, activation="softmax", targets=one_hot)


@style(
    "written of parts",
    "`y[:, 0]` is the label, `y[:, 1]` a weight",
    predictions="what is part of an argument is not told from any other number",
)
def of_parts(account: Account) -> None:
    def loss(y: Any, p: Any) -> Any:
        return y[:, 1] * keras.losses.squared_hinge(2 * y[:, :1] - 1, 2 * p - 1)

    x, y = data(2)
    model = mlp(1, "sigmoid")
    model.compile("adam", loss)
    packed = np.stack([y, np.ones_like(y)], 1).astype("float32")
    account.losses = model.fit(x, packed, BATCH, 2, verbose=0).history["loss"]
    account.epochs, account.steps, account.right = 2, 2 * N // BATCH, None
    account.labels.update(2 * y.tolist())
    account.result(model)


@style("squares for classes", '`loss="mse"` on a sigmoid')
def squares(account: Account) -> None:
    train(account, "mse", 1, "sigmoid")


@style("class_weight", "`fit(..., class_weight={0: 1.0, 1: 4.0, 2: 1.0})`")
def class_weight(account: Account) -> None:
    options = {"class_weight": {0: 1.0, 1: 4.0, 2: 1.0}}
    train(account, "sparse_categorical_crossentropy", activation="softmax", **options)


@style("sample_weight", "`fit(..., sample_weight=w)`")
def sample_weight(account: Account) -> None:
    weights = np.random.default_rng(0).uniform(0.5, 2, N).astype("float32")
    train(account, "sparse_categorical_crossentropy", activation="softmax", sample_weight=weights)


@style("several labels per sample", '`"binary_crossentropy"` on K sigmoids; positives are counted')
def several_labels(account: Account) -> None:
    x, _ = data()
    y = (x[:, :CLASSES] > 0).astype("float32")
    model = mlp(CLASSES, "sigmoid")
    model.compile("adam", "binary_crossentropy", metrics=["binary_accuracy"])
    told = model.fit(x, y, BATCH, 2, verbose=0).history
    account.epochs, account.steps, account.losses = 2, 2 * N // BATCH, told["loss"]
    account.right = None  # positives that were found, of which Keras tells no number here
    for label in range(CLASSES):
        account.labels[label] = 2 * int(y[:, label].sum())
    account.result(model)


@style("per token", "`SparseCategoricalCrossentropy(from_logits=True)` on (N, T, K), an LSTM")
def per_token(account: Account) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 5, FEATURES)).astype("float32")
    y = x[..., :CLASSES].argmax(-1)
    model = keras.Sequential(
        [keras.Input((5, FEATURES)), layers.LSTM(4, return_sequences=True), layers.Dense(CLASSES)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    account.fitted(model.fit(x, y, BATCH, 2, verbose=0), y)
    account.result(model)


@style(
    "added losses",
    "`kernel_regularizer=L2(0.01)`",
    losses="of the loss its compiled part is told, without what layers add",
)
def regularized(account: Account) -> None:
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            layers.Dense(6, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01)),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit(model, account)

"""Loops of one's own, with a GradientTape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from .account import BATCH, Account, N, data, style
from .models import mlp

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def batches(classes: int = 3) -> list[tuple[Any, Any]]:
    x, y = data(classes)
    parts = [slice(start, start + BATCH) for start in range(0, N, BATCH)]
    return [(tf.constant(x[rows]), tf.constant(y[rows])) for rows in parts]


def make_step(model: keras.Model, optimizer: Any, loss_of: Callable[[Any, Any], Any]) -> Any:
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            scores = model(x, training=True)
            loss = loss_of(y, scores)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss, scores

    return step


def loop(
    account: Account,
    compiled: bool = False,
    outputs: int = 3,
    loss: Any = LOSS,
    traced_before: bool = False,
    **options: Any,
) -> None:
    model, optimizer = mlp(outputs, None), keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)
    step = make_step(model, optimizer, loss)
    if compiled:
        step = tf.function(**options)(step)
    for x, y in 2 * batches(max(outputs, 2)):
        value, scores = step(x, y)
        account.stepped(value, scores, y)
    account.result(model)


@style(
    "eager tape", "`with tf.GradientTape() as tape: loss = loss_fn(y, model(x))`, `apply_gradients`"
)
def eager_tape(account: Account) -> None:
    loop(account)


@style("@tf.function", "the same step under `@tf.function`, defined in the cell")
def compiled_tape(account: Account) -> None:
    loop(account, compiled=True)


@style("@tf.function(jit_compile=True)", "the same, compiled by XLA")
def xla_tape(account: Account) -> None:
    loop(account, compiled=True, jit_compile=True)


def by_hand(y: Any, z: Any) -> Any:
    y = tf.cast(tf.reshape(y, [-1, 1]), tf.float32)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=z))


@style(
    "tf.nn in a loop",
    "`tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=z))`",
)
def tf_nn(account: Account) -> None:
    loop(account, compiled=True, outputs=1, loss=by_hand)


def written(y: Any, z: Any) -> Any:
    labels, p = tf.one_hot(y, 3), tf.nn.softmax(z)
    return -tf.reduce_mean(tf.reduce_sum(labels * tf.math.log(p + 1e-7), axis=1))


@style(
    "written cross entropy",
    "`-tf.reduce_mean(tf.reduce_sum(y * tf.math.log(p + 1e-7), axis=1))`, eagerly",
)
def written_eagerly(account: Account) -> None:
    loop(account, loss=written)


@style("written cross entropy, compiled", "the same under `@tf.function`")
def written_compiled(account: Account) -> None:
    loop(account, compiled=True, loss=written)


def written_binary(y: Any, z: Any) -> Any:
    y, p = tf.cast(y, tf.float32)[:, None], tf.sigmoid(z)
    return -tf.reduce_mean(y * tf.math.log(p + 1e-7) + (1 - y) * tf.math.log(1 - p + 1e-7))


@style(
    "written binary cross entropy",
    "`-tf.reduce_mean(y * tf.math.log(p) + (1 - y) * tf.math.log(1 - p))`",
)
def binary(account: Account) -> None:
    loop(account, compiled=True, outputs=1, loss=written_binary)


def written_focal(y: Any, z: Any) -> Any:
    labels, p = tf.one_hot(y, 3), tf.nn.softmax(z)
    return -tf.reduce_mean(tf.reduce_sum((1 - p) ** 2 * labels * tf.math.log(p), axis=1))


@style(
    "another loss, written",
    "`-tf.reduce_mean((1 - p) ** 2 * y * tf.math.log(p))`: focal, say",
    predictions="only the logarithm of a cross entropy is told from any other term",
)
def another(account: Account) -> None:
    loop(account, loss=written_focal)


@style(
    "compiled before the cell",
    "a `@tf.function` that had been called, and so traced, before the watching began",
)
def traced_before(account: Account) -> None:
    for x, y in 2 * batches():
        value, scores = TRACED(x, y)
        account.stepped(value, scores, y)
    account.weights += [w.numpy().tobytes() for w in TRACED_MODEL.weights]
    for variable, start in zip(TRACED_VARIABLES, TRACED_START, strict=True):
        variable.assign(start)  # as it was, for the next run


TRACED_MODEL, _OPTIMIZER = mlp(3, None), keras.optimizers.Adam(0.01)
_OPTIMIZER.build(TRACED_MODEL.trainable_variables)
TRACED = tf.function(make_step(TRACED_MODEL, _OPTIMIZER, LOSS))
TRACED(*batches()[0])
TRACED_VARIABLES = [*TRACED_MODEL.weights, *_OPTIMIZER.variables]
TRACED_START = [variable.numpy() for variable in TRACED_VARIABLES]


@style(
    "gradients summed over two batches",
    "`sums[i].assign_add(g)`, `apply_gradients` after every second batch",
)
def accumulated(account: Account) -> None:
    model, optimizer = mlp(3, None), keras.optimizers.SGD(0.1)
    trained = model.trainable_variables
    sums = [tf.Variable(tf.zeros_like(v)) for v in trained]
    for number, (x, y) in enumerate(2 * batches()):
        with tf.GradientTape() as tape:
            scores = model(x, training=True)
            loss = LOSS(y, scores)
        for total, gradient in zip(sums, tape.gradient(loss, trained), strict=True):
            total.assign_add(gradient)
        account.stepped(loss, scores, y)
        if number % 2:
            optimizer.apply_gradients(zip(sums, trained, strict=True))
            for total in sums:
                total.assign(tf.zeros_like(total))
    account.steps //= 2
    account.result(model)

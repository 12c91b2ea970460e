"""How the model and its training step are made."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from .account import BATCH, CLASSES, FEATURES, Account, data, style

SPARSE = "sparse_categorical_crossentropy"


def mlp(outputs: int = CLASSES, activation: str | None = "softmax") -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((FEATURES,)),
            layers.Dense(6, activation="relu"),
            layers.Dense(outputs, activation=activation),
        ]
    )


def fit(model: keras.Model, account: Account, epochs: int = 2, **options: Any) -> None:
    x, y = data()
    account.fitted(model.fit(x, y, BATCH, epochs, verbose=0, **options), y)
    account.result(model)


@style(
    "Sequential",
    '`keras.Sequential([...])`, `compile("adam", "sparse_categorical_crossentropy")`, '
    "`validation_data`",
)
def sequential(account: Account) -> None:
    (x, y), (val_x, val_y) = data(), data(seed=1)
    model = mlp()
    model.compile("adam", SPARSE, metrics=["accuracy"])
    history = model.fit(x, y, BATCH, 2, verbose=0, validation_data=(val_x, val_y))
    account.fitted(history, y, val_y)
    account.result(model)


@style("functional", "`keras.Model(inputs, outputs)`, a residual connection, batch normalisation")
def functional(account: Account) -> None:
    inputs = keras.Input((FEATURES,))
    hidden = layers.Dense(FEATURES, activation="relu")(inputs)
    hidden = layers.BatchNormalization()(layers.Add()([hidden, inputs]))
    model = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(hidden))
    model.compile("sgd", SPARSE, metrics=["accuracy"])
    fit(model, account)


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(6, activation="relu")
        self.head = layers.Dense(CLASSES, activation="softmax")

    def call(self, x: Any) -> Any:
        return self.head(self.hidden(x))


@style("subclassed", "`class Net(keras.Model)` with `__init__` and `call`")
def subclassed(account: Account) -> None:
    model = Subclassed()
    model.compile("adam", SPARSE, metrics=["accuracy"])
    fit(model, account)


class OwnStep(Subclassed):
    """As in Keras' guide to training steps of one's own."""

    def train_step(self, batch: Any) -> Any:
        x, y = batch
        with tf.GradientTape() as tape:
            p = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=p)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        for metric in self.metrics:
            metric.update_state(loss) if metric.name == "loss" else metric.update_state(y, p)
        return {metric.name: metric.result() for metric in self.metrics}


@style(
    "train_step of one's own",
    "`def train_step(self, data)` with a `GradientTape`, in a subclass of `keras.Model`",
)
def own_step(account: Account) -> None:
    model = OwnStep()
    model.compile("adam", SPARSE, metrics=["accuracy"])
    fit(model, account)


class OwnLoss(Subclassed):
    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any
    ) -> Any:
        return keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, y_pred))


@style(
    "compute_loss of one's own",
    "`def compute_loss(self, x, y, y_pred, ...)` over a function of `keras.losses`",
)
def own_loss(account: Account) -> None:
    model = OwnLoss()
    model.compile("adam", metrics=["accuracy"])
    fit(model, account)


@style("two outputs", "`keras.Model(inputs, [a, b])`, a loss for each; two sites")
def two_outputs(account: Account) -> None:
    x, y = data()
    inputs = keras.Input((FEATURES,))
    hidden = layers.Dense(6, activation="relu")(inputs)
    outputs = [layers.Dense(CLASSES, activation="softmax", name=name)(hidden) for name in "ab"]
    model = keras.Model(inputs, outputs)
    model.compile("adam", [SPARSE, SPARSE], metrics=[["accuracy"], ["accuracy"]])
    told = model.fit(x, [y, y], BATCH, 2, verbose=0).history
    account.epochs, account.steps = 2, 2 * len(y) // BATCH
    account.right = round((sum(told["a_accuracy"]) + sum(told["b_accuracy"])) * len(y))
    account.labels.update(y.tolist() * 4)
    account.losses = [*told["a_loss"], *told["b_loss"]]
    account.result(model)


def train_it(model: keras.Model, account: Account) -> None:
    fit(model, account, epochs=3)


@style("inside a function", "`def train(model): model.fit(...)`, defined in an earlier cell")
def inside_a_function(account: Account) -> None:
    model = mlp()
    model.compile("rmsprop", SPARSE, metrics=["accuracy"])
    train_it(model, account)

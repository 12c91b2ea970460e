"""How the steps are executed, and how often fit is called."""

from __future__ import annotations

import keras

from .account import BATCH, Account, data, style
from .models import SPARSE, fit, mlp


def train(account: Account, **settings: object) -> None:
    model = mlp()
    model.compile("adam", SPARSE, metrics=["accuracy"], **settings)
    fit(model, account)


@style("compiled by XLA", "`compile(..., jit_compile=True)`")
def xla(account: Account) -> None:
    train(account, jit_compile=True)


@style("eager", "`compile(..., run_eagerly=True)`")
def eager(account: Account) -> None:
    train(account, run_eagerly=True)


@style(
    "several steps per execution",
    "`compile(..., steps_per_execution=3)`",
    predictions="the last batch of each execution is counted, for no other comes back from it",
    losses="likewise",
)
def several_steps(account: Account) -> None:
    train(account, steps_per_execution=3)


@style("mixed precision", '`set_global_policy("mixed_float16")`, its loss scaled by Keras')
def mixed_precision(account: Account) -> None:
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        train(account)
    finally:
        keras.mixed_precision.set_global_policy("float32")


@style("fit twice", "`model.fit(...)`, again with another learning rate")
def fit_twice(account: Account) -> None:
    x, y = data()
    model = mlp()
    model.compile(keras.optimizers.Adam(0.01), SPARSE, metrics=["accuracy"])
    account.fitted(model.fit(x, y, BATCH, 2, verbose=0), y)
    model.optimizer.learning_rate = 0.001
    account.fitted(model.fit(x, y, BATCH, 1, verbose=0), y)
    account.result(model)


@style(
    "EarlyStopping and ReduceLROnPlateau",
    "`callbacks=[EarlyStopping(...), ReduceLROnPlateau(...)]`",
)
def callbacks(account: Account) -> None:
    (x, y), model = data(), mlp()
    model.compile(keras.optimizers.SGD(0.1), SPARSE, metrics=["accuracy"])
    watching = [
        keras.callbacks.EarlyStopping("loss", patience=2, min_delta=1.0),
        keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=1.0),
    ]
    account.fitted(model.fit(x, y, BATCH, 12, verbose=0, callbacks=watching), y)
    account.result(model)

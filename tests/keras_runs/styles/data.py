"""Where the batches come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .account import BATCH, BATCHES, Account, N, data, style
from .models import SPARSE, mlp


def compiled() -> keras.Model:
    model = mlp()
    model.compile("adam", SPARSE, metrics=["accuracy"])
    return model


@style("shuffled arrays, validation_split", "`fit(x, y, validation_split=1/3)`")
def validation_split(account: Account) -> None:
    (x, y), model = data(), compiled()
    history = model.fit(x, y, BATCH, 2, verbose=0, validation_split=1 / 3)
    first = N - N // 3
    account.fitted(history, y[:first], y[first:])
    account.result(model)


@style("tf.data", "`tf.data.Dataset.from_tensor_slices((x, y)).shuffle(48).batch(16)`")
def tf_data(account: Account) -> None:
    (x, y), model = data(), compiled()
    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(N, seed=1).batch(BATCH)
    account.fitted(model.fit(batches, epochs=2, shuffle=False, verbose=0), y)
    account.result(model)


def forever() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    x, y = data()
    while True:
        for start in range(0, N, BATCH):
            yield x[start : start + BATCH], y[start : start + BATCH]


@style("generator", "`fit(generator(), steps_per_epoch=3)`")
def generator(account: Account) -> None:
    model = compiled()
    history = model.fit(forever(), steps_per_epoch=BATCHES, epochs=2, shuffle=False, verbose=0)
    account.fitted(history, data()[1])
    account.result(model)


class Batches(keras.utils.PyDataset):
    def __len__(self) -> int:
        return BATCHES

    def __getitem__(self, index: int) -> Any:
        rows = slice(index * BATCH, (index + 1) * BATCH)
        x, y = data()
        return x[rows], y[rows]


@style("PyDataset", "`class Batches(keras.utils.PyDataset)`")
def py_dataset(account: Account) -> None:
    model = compiled()
    account.fitted(model.fit(Batches(), epochs=2, shuffle=False, verbose=0), data()[1])
    account.result(model)


@style("train_on_batch", "`for x, y in batches: model.train_on_batch(x, y)`, then `test_on_batch`")
def train_on_batch(account: Account) -> None:
    model = compiled()
    batches = forever()
    for _ in range(BATCHES):
        x, y = next(batches)
        scores = model(x).numpy()
        told = model.train_on_batch(x, y, return_dict=True)
        own = -np.log(scores[np.arange(len(y)), y]).mean()
        account.stepped(own, scores, y)
        model.reset_metrics()
        account.printed.append({key: float(value) for key, value in told.items()})
    x, y = next(batches)
    told = model.test_on_batch(x, y, return_dict=True)
    account.val_labels.update(y.tolist())
    account.val_right = round(float(told["accuracy"]) * len(y))
    account.result(model)

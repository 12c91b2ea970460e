"""`fit` on TensorFlow, by two replicas at once (`MirroredStrategy`)."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

from collapse_magic.records import EpochEnded, LearningRate, ModelFacts, PredictionWindow
from keras_runs.programs import shared

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
tf.config.experimental.enable_op_determinism()


def trained(watch: bool) -> tuple[Any, ...]:
    keras.utils.set_random_seed(3)
    x, y = shared.data()
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        model = shared.mlp()
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    own = shared.Weights(x)
    given: dict[str, Any] = {
        "batch_size": shared.BATCH, "epochs": 2, "shuffle": False, "verbose": 0,
        "callbacks": [own], "validation_data": (x[:40], y[:40]),
    }  # fmt: skip
    context = None
    if watch:
        with shared.watched(__file__, model=model) as context:
            history = model.fit(x, y, **given)
    else:
        history = model.fit(x, y, **given)
    return history.history, shared.state(model), own, context, model


def main() -> None:
    plain, seen = trained(False), trained(True)
    _, _, own, context, model = seen
    _, y = shared.data()
    rows = [np.arange(i, min(i + shared.BATCH, shared.N)) for i in range(0, shared.N, shared.BATCH)]
    expected = [
        float(-np.log(p[np.arange(len(p)), y[at]]).mean())
        for p, at in zip(own.outputs, rows * 2, strict=True)
    ]
    shared.tell(
        {
            "same": plain[0] == seen[0]
            and all(np.array_equal(a, b) for a, b in zip(plain[1], seen[1], strict=True)),
            "losses": [list(shared.losses(context).items()), list(enumerate(expected, 1))],
            "counts": [
                shared.counts(context).tolist(),
                shared.counted(np.concatenate(own.outputs), np.tile(y, 2), shared.CLASSES).tolist(),
            ],
            "samples": [
                sum(w.samples for w in context.of(PredictionWindow) if w.phase == phase)
                for phase in ("train", "eval")
            ],
            "epochs": [[e.epoch, e.step] for e in context.of(EpochEnded)],
            "rates": [r.learning_rates for r in context.of(LearningRate)],
            "models": [m.model for m in context.of(ModelFacts)],
            "left": model.train_function is None,
        }
    )


if __name__ == "__main__":
    main()

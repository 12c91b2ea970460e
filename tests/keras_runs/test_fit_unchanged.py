"""Watching `fit` changes nothing: not a bit of a result, and nothing that stays."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from probes.fakes import FakeContext
from tensorflow.python.framework import config

from collapse_magic.config import WatchConfig
from collapse_magic.probes.base import TrainingStopped
from collapse_magic.probes.keras import KerasProbe, sites
from collapse_magic.records import LossValues, NonFinite, ProbeNote

from .watched import losses, watched


@pytest.fixture(autouse=True)
def deterministic() -> Iterator[None]:
    tf.config.experimental.enable_op_determinism()
    yield
    config.disable_op_determinism()


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(80, 6)).astype("float32")
    return x, (x[:, 0] > 0).astype("int32") + (x[:, 1] > 0)


class Noisy(layers.Layer):
    """Random numbers of TensorFlow's, whose seed hangs on the operations before them."""

    def call(self, inputs: Any) -> Any:
        return inputs + tf.random.normal(tf.shape(inputs), stddev=0.1)


def dense(**settings: Any) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(16, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax", kernel_regularizer="l2"),
        ]
    )
    loss = "sparse_categorical_crossentropy"
    model.compile("adam", loss, metrics=["accuracy", loss], **settings)
    return model


def noisy() -> keras.Model:
    model = keras.Sequential([keras.Input((6,)), layers.Dense(8), Noisy(), layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=False)
    return model


def convolutional() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Reshape((2, 3, 1)),
            layers.Conv2D(4, 2, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


MODELS: dict[str, Callable[[], keras.Model]] = {
    "dense": dense,
    "xla": lambda: dense(jit_compile=True),
    "eager": lambda: dense(run_eagerly=True),
    "several steps": lambda: dense(steps_per_execution=2),
    "noisy": noisy,
    "convolutional": convolutional,
}


def train(model: keras.Model) -> dict[str, Any]:
    """Whatever a user could look at."""
    x, y = data()
    history = model.fit(
        x, y, batch_size=16, epochs=3, verbose=0, validation_split=0.2,
        class_weight={0: 1.0, 1: 2.0, 2: 1.0},
    )  # fmt: skip
    assert history is model.history
    return {
        "history": history.history,
        "epochs": history.epoch,
        "parameters": dict(history.params),
        "evaluated": model.evaluate(x, y, verbose=0),
        "batch": model.train_on_batch(x[:16], y[:16]),
        "weights": [w.tobytes() for w in model.get_weights()],
        "optimizer": [np.array(v).tobytes() for v in model.optimizer.variables],
        "numpy": np.random.random(3).tolist(),
        "tensorflow": tf.random.normal([3]).numpy().tolist(),
        "keras": np.array(keras.random.normal([3])).tolist(),
    }


@pytest.mark.parametrize("kind", MODELS)
def test_the_training_is_the_same_bit_for_bit(kind: str) -> None:
    if kind == "xla":
        config.disable_op_determinism()  # else Keras compiles nothing
    keras.utils.set_random_seed(11)
    plain = train(MODELS[kind]())
    keras.utils.set_random_seed(11)
    model = MODELS[kind]()
    with watched(model=model) as context:
        seen = train(model)
    assert losses(context)
    assert seen == plain


class Counting(layers.Layer):
    """Counts how often its Python code runs: once per trace."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bool] = []

    def call(self, inputs: Any, training: bool = False) -> Any:
        self.calls.append(bool(training))
        return inputs


def counting() -> tuple[keras.Model, Counting]:
    layer = Counting()
    model = keras.Sequential([layer, layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    return model, layer


def test_no_trace_more_where_nothing_was_traced_and_one_where_something_was() -> None:
    x, y = data()

    def fit(model: keras.Model) -> None:
        model.fit(x, y, batch_size=16, epochs=2, verbose=0, validation_data=(x, y))

    plain, layer = counting()
    fit(plain)
    usual = len(layer.calls)
    model, layer = counting()
    with watched():
        fit(model)
        assert len(layer.calls) == usual
        fit(model)
        assert len(layer.calls) == usual
    fit(plain)
    before = plain.train_function, plain.test_function
    layer = plain.layers[0]
    layer.calls.clear()
    with watched():
        fit(plain)
        fit(plain)
    assert sorted(layer.calls) == [False, True]
    assert (plain.train_function, plain.test_function) == before
    layer.calls.clear()
    fit(plain)
    assert layer.calls == []


def graph_of(function: Any) -> tuple[int, list[str]]:
    """Results and operations of the graph that a train function has traced."""
    inner = next(
        cell.cell_contents
        for cell in function.__closure__
        if hasattr(cell.cell_contents, "_list_all_concrete_functions")
    )
    (concrete,) = inner._list_all_concrete_functions()
    graph = concrete.graph
    names = [op.type for op in graph.get_operations()]
    for body in graph._functions.values() if hasattr(graph, "_functions") else ():
        names += [node.op for node in body.definition.node_def]
    return len(graph.outputs), sorted(names)


def test_a_later_plain_fit_runs_uninstrumented() -> None:
    x, y = data()
    plain = dense(jit_compile=False)
    plain.fit(x, y, batch_size=16, verbose=0)
    model = dense(jit_compile=False)
    with watched(model=model):
        model.fit(x, y, batch_size=16, verbose=0)
    assert model.train_function is None
    model.fit(x, y, batch_size=16, verbose=0)
    assert graph_of(model.train_function) == graph_of(plain.train_function)


def test_a_model_compiled_again_in_the_cell_gets_no_stale_function_back() -> None:
    x, y = data()
    model = dense()
    model.fit(x, y, verbose=0)
    with watched(model=model):
        model.fit(x, y, verbose=0)
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(x, y, verbose=0)
    assert model.train_function is None


def test_saved_models_are_the_same_byte_for_byte(tmp_path: Path) -> None:
    x, y = data()
    weights: list[bytes] = []
    for name in ("plain", "watched"):
        keras.utils.clear_session()
        keras.utils.set_random_seed(11)
        model = dense()
        attributes = set(vars(model))
        if name == "watched":
            with watched(model=model):
                model.fit(x, y, verbose=0)
        else:
            model.fit(x, y, verbose=0)
            expected = set(vars(model)) - attributes
        assert set(vars(model)) - attributes == expected
        path = tmp_path / f"{name}.weights.h5"
        model.save_weights(path)
        weights.append(path.read_bytes())
        weights.append(model.to_json().encode())
        weights.append(repr(model.get_compile_config()).encode())
    assert weights[:3] == weights[3:]


def test_nothing_of_ours_keeps_a_model_or_its_data_alive() -> None:
    x, y = data()
    context = FakeContext()
    probe = KerasProbe(context)
    probe.attach()
    model = dense()
    model.fit(x, y, batch_size=16, verbose=0, validation_data=(x, y))
    probe.flush()
    probe.detach()
    kept = weakref.ref(model), weakref.ref(x)
    del model, x, y
    gc.collect()
    assert [one() for one in kept] == [None, None]


def test_a_function_of_the_model_that_the_user_kept_is_a_plain_one_afterwards() -> None:
    x, y = data()
    model = dense(jit_compile=False)
    with watched(model=model) as context:
        model.fit(x, y, batch_size=16, verbose=0)
        kept = model.train_function
    records = len(context.records)
    batch = iter(tf.data.Dataset.from_tensor_slices((x, y)).batch(16))
    assert "loss" in kept(batch)
    assert len(context.records) == records


def test_a_failure_of_ours_ends_the_watching_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("ours")

    keras.utils.set_random_seed(11)
    plain = train(dense())
    for target in ("Site.take", "Site.flush", "window_record"):
        owner, _, name = target.rpartition(".")
        monkeypatch.setattr(getattr(sites, owner) if owner else sites, name, broken)
        context = FakeContext()
        probe = KerasProbe(context)
        probe.attach()
        try:
            keras.utils.set_random_seed(11)
            assert train(dense()) == plain
            probe.flush()
        finally:
            probe.detach()
            monkeypatch.undo()
        (note,) = context.of(ProbeNote)
        assert "RuntimeError: ours" in note.text


def test_an_error_of_the_user_goes_its_way_and_everything_is_put_back() -> None:
    x, y = data()
    model = dense()
    model.fit(x, y, verbose=0)
    before = model.train_function

    def stop(batch: int, logs: Any) -> None:
        if batch == 2:
            raise KeyboardInterrupt

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=stop)
    with watched(model=model) as context:
        with pytest.raises(KeyboardInterrupt):
            model.fit(x, y, batch_size=16, verbose=0, callbacks=[callback])
        model.fit(x, y, batch_size=16, verbose=0)
    assert len(losses(context)) == 8
    assert model.train_function is before


def test_a_call_that_fails_at_once_leaves_the_function_where_it_was() -> None:
    x, y = data()
    model = dense()
    model.fit(x, y, verbose=0)
    before = model.train_function
    with watched(model=model):
        with pytest.raises(ValueError):
            model.fit(x, y[:3], verbose=0)
        assert model.train_function is before


def test_the_cell_can_be_stopped_at_a_step() -> None:
    x, y = data()
    model = dense()
    context = FakeContext(config=WatchConfig(budget=1e6))
    probe = KerasProbe(context)
    probe.attach()
    try:
        model.fit(x, y, batch_size=16, verbose=0)
        context.stop = "stopped by the test"
        with pytest.raises(TrainingStopped, match="by the test"):
            model.fit(x, y, batch_size=16, verbose=0)
        assert probe.steps == 6
    finally:
        probe.detach()
    model.fit(x, y, batch_size=16, verbose=0)


@pytest.mark.parametrize(
    ("spoil", "place"), [("input", "input"), ("target", "target"), ("weights", "logits")]
)
def test_what_is_not_finite_is_told_at_once_and_where(spoil: str, place: str) -> None:
    x, y = data()
    y = y.astype("float32")
    model = keras.Sequential([keras.Input((6,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    if spoil == "input":
        x[40] = np.nan
    elif spoil == "target":
        y[40] = np.nan
    else:
        model.layers[0].bias.assign([math.nan])
    with watched(model=model) as context:
        model.fit(x, y, batch_size=16, verbose=0, shuffle=False)
    (found,) = context.of(NonFinite)
    step = 1 if spoil == "weights" else 3  # the sample is in the third batch
    assert (found.place, found.step, found.value) == (place, step, "nan")
    assert context.of(LossValues)

"""Training loops that are written by hand: tapes, eager or compiled, whenever they were compiled.

Losses and predictions are compared with what the loop itself returns, and with NumPy's.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers
from probes.fakes import FakeContext

from collapse_magic.config import WatchConfig
from collapse_magic.probes.base import TrainingStopped
from collapse_magic.probes.keras import KerasProbe
from collapse_magic.records import (
    EpochEnded,
    LayerStatistics,
    LossFacts,
    LossRaised,
    LossValues,
    OptimizerFacts,
    PredictionWindow,
    ProbeNote,
    TrainingLoop,
    Wiring,
)

from .watched import counted, counts, losses, watched

N, BATCH, CLASSES = 64, 16, 3
BATCHES = N // BATCH


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 4)).astype("float32")
    return x, x[:, :CLASSES].argmax(1).astype("int32")


def batches() -> list[tuple[Any, Any]]:
    x, y = data()
    return [
        (tf.constant(x[i : i + BATCH]), tf.constant(y[i : i + BATCH])) for i in range(0, N, BATCH)
    ]


def mlp(outputs: int = CLASSES, activation: str | None = None) -> keras.Model:
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(outputs, activation)]
    )


LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class Program:
    """A model, its optimizer, and a step that trains it on one batch."""

    def __init__(self, compiled: dict[str, Any] | None = None) -> None:
        self.net, self.opt = mlp(), optimizers.Adam(0.01)
        self.opt.build(self.net.trainable_variables)
        self.step = (
            self.train_step if compiled is None else tf.function(**compiled)(self.train_step)
        )
        self.outputs: list[np.ndarray] = []

    def train_step(self, x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = self.net(x, training=True)
            loss = LOSS(y, logits)  # the loss
        gradients = tape.gradient(loss, self.net.trainable_variables)
        self.opt.apply_gradients(zip(gradients, self.net.trainable_variables, strict=True))
        return loss

    def run(self, epochs: int = 2) -> list[float]:
        values = []
        for _ in range(epochs):
            for x, y in batches():
                self.outputs.append(self.net(x).numpy())
                values.append(float(self.step(x, y)))
        return values

    def weights(self) -> list[bytes]:
        return [w.numpy().tobytes() for w in self.net.weights + self.opt.variables]


def line_of(words: str) -> int:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


STYLES: dict[str, dict[str, Any] | None] = {
    "eager": None,
    "compiled": {},
    "XLA": {"jit_compile": True},
    "retracing reduced": {"reduce_retracing": True},
    "signature": {
        "input_signature": [
            tf.TensorSpec([None, 4], tf.float32),
            tf.TensorSpec([None], tf.int32),
        ]
    },
    "without AutoGraph": {"autograph": False},
}


@pytest.mark.parametrize("style", STYLES)
def test_losses_and_predictions_of_a_loop(style: str) -> None:
    program = Program(STYLES[style])
    with watched(__file__, every=1, net=program.net, opt=program.opt) as context:
        values = program.run()
    assert losses(context) == pytest.approx(dict(enumerate(values, 1)), rel=1e-6)
    told = context.of(LossFacts)[-1]
    assert (told.loss, told.task, told.classes) == ("cross_entropy", "multiclass", CLASSES)
    assert (told.model, told.activations) == ("net", ())
    assert (told.cell, told.line) == (7, line_of("# the " + "loss"))
    y = np.tile(data()[1], 2)
    assert np.array_equal(counts(context), counted(np.concatenate(program.outputs), y, CLASSES))
    assert [r.step for r in context.of(LayerStatistics)] == list(range(1, 2 * BATCHES + 1))
    assert [f.optimizer for f in context.of(OptimizerFacts)] == ["opt"]
    (wiring,) = context.of(Wiring)
    assert (wiring.model, wiring.trainable.tensors, wiring.untrained.tensors) == ("net", 4, 0)
    assert context.of(TrainingLoop) == []


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("before", [0, 1])
def test_a_loop_is_the_same_before_during_and_after(style: str, before: int) -> None:
    """Bit for bit; and the user's function is as if it had not been called in between."""
    plain, seen = Program(STYLES[style]), Program(STYLES[style])
    expected = [plain.run(before), plain.run(1), plain.run(1), plain.weights()]
    found: list[Any] = [seen.run(before)]
    with watched(every=1) as context:
        found.append(seen.run(1))
        count = getattr(seen.step, "experimental_get_tracing_count", lambda: before)
        assert count() == before
    found += [seen.run(1), seen.weights()]
    assert found == expected
    assert len(losses(context)) == BATCHES
    if STYLES[style] is not None:
        assert operations(seen.step) == operations(plain.step)


def operations(function: Any) -> list[list[str]]:
    """The kinds of operations in each graph of a compiled function."""
    concrete = function._list_all_concrete_functions()
    return [[op.type for op in one.graph.get_operations()] for one in concrete]


def test_traces_are_counted_and_few() -> None:
    program, traced = Program(), []

    @tf.function
    def step(x: Any, y: Any) -> Any:
        traced.append(tuple(x.shape))
        return program.train_step(x, y)

    @tf.function
    def augmented(x: Any) -> Any:
        traced.append("augmented")
        return x * 1.0

    program.step = lambda x, y: step(augmented(x), y)
    program.run(1)
    assert traced == ["augmented", (BATCH, 4)]
    with watched():
        program.run(2)
        assert traced == ["augmented", (BATCH, 4)] * 2  # one more of each
        step(tf.zeros([3, 4]), tf.zeros([3], tf.int32))
        assert traced[-1] == (3, 4) and len(traced) == 5
    program.run(1)
    assert len(traced) == 5


class Trainer:
    """A step that is a method, compiled, with functions inside that are compiled, too."""

    def __init__(self) -> None:
        self.model, self.optimizer = mlp(), optimizers.SGD(0.1)

    @tf.function
    def loss_of(self, x: Any, y: Any) -> Any:
        return LOSS(y, self.model(x))  # inside

    @tf.function
    def step(self, x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = self.loss_of(x, y)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return loss

    def eager_step(self, x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = self.loss_of(x, y)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return loss


@pytest.mark.parametrize("method", ["step", "eager_step"])
@pytest.mark.parametrize("before", [False, True])
def test_methods_and_nested_functions(method: str, before: bool) -> None:
    trainer = Trainer()
    step = getattr(trainer, method)
    if before:
        step(*batches()[0])
    with watched(__file__, every=1, trainer=trainer) as context:
        values = [float(step(x, y)) for x, y in batches()]
    assert losses(context) == pytest.approx(dict(enumerate(values, 1)))
    assert context.of(LossFacts)[-1].line == line_of("# in" + "side")
    assert sum(w.samples for w in context.of(PredictionWindow)) == N
    assert len(context.of(LayerStatistics)) == BATCHES


def test_a_function_that_makes_the_weights_in_its_first_call() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([layers.Dense(8, "relu"), layers.Dense(CLASSES)])
    optimizer, kept = optimizers.Adam(0.01), []

    @tf.function
    def step(x: Any, y: Any) -> Any:
        if not kept:
            kept.append(tf.Variable(0))
        kept[0].assign_add(1)
        with tf.GradientTape() as tape:
            loss = LOSS(y, model(x))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    with watched(every=1, model=model) as context:
        values = [float(step(x, y)) for x, y in batches()]
    assert losses(context) == pytest.approx(dict(enumerate(values, 1)))
    assert int(kept[0]) == BATCHES
    for x, y in batches():
        values.append(float(step(x, y)))
    assert int(kept[0]) == 2 * BATCHES and values[-1] < values[0]


@pytest.mark.parametrize("compiled", [False, True])
def test_evaluation_belongs_to_the_loss_that_is_trained(compiled: bool) -> None:
    program = Program({} if compiled else None)
    validate: Callable[..., Any] = lambda x, y: LOSS(y, program.net(x, training=False))
    if compiled:
        validate = tf.function(validate)
    x, y = data()
    with watched(__file__, net=program.net) as context:
        for _ in range(2):
            program.run(1)
            validate(tf.constant(x), tf.constant(y))
    scores = program.net(x).numpy()
    windows = [w for w in context.of(PredictionWindow) if w.phase == "eval"]
    assert {w.site for w in context.of(PredictionWindow)} == {"cross_entropy"}
    assert sum(w.samples for w in windows) == 2 * N
    assert windows[-1].last_step == 2 * BATCHES
    assert counts(context, "eval")[0].sum() == 2 * N
    assert (windows[-1].predicted == counted(scores, y, CLASSES)[1]).any()


def steps_of(model: keras.Model, loss_of: Callable[[Any, Any], Any], compiled: bool) -> Any:
    """A step of a loop that returns its loss, and what the model answered."""
    optimizer = optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = model(x)
            loss = loss_of(y, outputs)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss, outputs

    return tf.function(step) if compiled else step


def two_sided(y: Any, p: Any) -> Any:
    y = tf.cast(y > 0, tf.float32)[:, None]
    return -tf.reduce_mean(y * tf.math.log(p + 1e-7) + (1 - y) * tf.math.log(1 - p + 1e-7))


def picked(y: Any, z: Any) -> Any:
    return -tf.reduce_mean(tf.gather(tf.nn.log_softmax(z), y, batch_dims=1))


def at_labels(y: Any, p: Any) -> Any:
    return -tf.reduce_mean(tf.math.log(tf.gather(p, y, batch_dims=1)))


def one_hot(y: Any, p: Any) -> Any:
    known = tf.clip_by_value(p, 1e-7, 1 - 1e-7)
    return -tf.reduce_mean(tf.reduce_sum(tf.one_hot(y, CLASSES) * tf.math.log(known), axis=1))


def of_logits(y: Any, z: Any) -> Any:
    return tf.reduce_mean(tf.reduce_sum(-tf.nn.log_softmax(z) * tf.one_hot(y, CLASSES), axis=-1))


def weighted(y: Any, p: Any) -> Any:
    y = tf.one_hot(y, CLASSES) * tf.constant([1.0, 3.0, 2.0])
    return -tf.reduce_mean(tf.reduce_sum(y * tf.math.log(p), axis=1))


def two_signs(y: Any, p: Any) -> Any:
    y = tf.cast(y > 0, tf.float32)[:, None]
    return tf.reduce_mean(-3.0 * y * tf.math.log(p) - (1 - y) * (0.5 * tf.math.log(1 - p)))


def in_keras_words(y: Any, p: Any) -> Any:
    return -keras.ops.mean(keras.ops.sum(keras.ops.log(p) * keras.ops.one_hot(y, CLASSES), axis=-1))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("loss_of", "outputs", "activation", "told"),
    [
        (two_sided, 1, "sigmoid", "binary_cross_entropy"),
        (two_signs, 1, "sigmoid", "binary_cross_entropy"),
        (one_hot, CLASSES, "softmax", "categorical_crossentropy"),
        (weighted, CLASSES, "softmax", "categorical_crossentropy"),
        (of_logits, CLASSES, None, "cross_entropy"),
        (in_keras_words, CLASSES, "softmax", "categorical_crossentropy"),
        (at_labels, CLASSES, "softmax", "sparse_categorical_crossentropy"),
        (picked, CLASSES, None, "cross_entropy"),
    ],
)
def test_predictions_of_losses_that_are_written_out_are_counted(
    loss_of: Any, outputs: int, activation: str | None, told: str, compiled: bool
) -> None:
    model = mlp(outputs, activation)
    step = steps_of(model, loss_of, compiled)
    with watched(__file__, model=model) as context:
        done = [(step(x, y), y) for x, y in batches()]
    assert losses(context) == pytest.approx(
        {number: float(loss) for number, ((loss, _), _) in enumerate(done, 1)}
    )
    facts = context.of(LossFacts)[-1]
    expected = (told, "model", "binary" if outputs == 1 else "multiclass", max(outputs, 2))
    assert (facts.loss, facts.model, facts.task, facts.classes) == expected
    assert facts.activations == (() if activation is None else (activation,))
    assert facts.weighted == (loss_of in (two_signs, weighted))
    answers = np.concatenate([answer for (_, answer), _ in done])
    labels = np.concatenate([y for _, y in done])
    labels = labels > 0 if outputs == 1 else labels
    assert (counts(context) == counted(answers, labels, max(outputs, 2))).all()


class OwnStep(keras.Model):
    """Writes out the loss in its own `train_step`."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = mlp(activation="softmax")

    def call(self, x: Any) -> Any:
        return self.inner(x)

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        with tf.GradientTape() as tape:
            loss = one_hot(y, self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


def test_a_written_loss_in_a_train_step_is_seen() -> None:
    x, y = data()
    model = OwnStep()
    model.compile("sgd", jit_compile=False)
    first = float(one_hot(y[:BATCH], model(x[:BATCH])))
    with watched(__file__, model=model) as context:
        model.fit(x, y, batch_size=BATCH, epochs=1, shuffle=False, verbose=0)
    assert list(losses(context)) == [1, 2, 3, 4]
    assert losses(context)[1] == pytest.approx(first)
    assert counts(context)[0].tolist() == np.bincount(y).tolist()
    assert context.of(LossFacts)[-1].loss == "categorical_crossentropy"


def focal(y: Any, p: Any) -> Any:
    y = tf.one_hot(y, CLASSES)
    return -tf.reduce_mean(tf.reduce_sum((1 - p) ** 2 * y * tf.math.log(p), axis=1))


def mixed(y: Any, p: Any) -> Any:
    y = 0.9 * tf.one_hot(y, CLASSES) + tf.constant([0.0, 0.5, 0.0])
    return -tf.reduce_mean(tf.reduce_sum(y * tf.math.log(p), axis=1))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("loss_of", [focal, mixed])
def test_a_written_loss_that_is_not_understood_is_known_by_its_value(
    loss_of: Any, compiled: bool
) -> None:
    model = mlp(activation="softmax")
    step = steps_of(model, loss_of, compiled)
    with watched(__file__, model=model) as context:
        values = [float(step(x, y)[0]) for x, y in batches()]
    assert losses(context) == pytest.approx(dict(enumerate(values, 1)))
    told = context.of(LossFacts)[-1]
    assert (told.loss, told.task, told.model) == ("custom", "unknown", "model")
    assert not context.of(PredictionWindow)


def test_activations_come_from_the_layers_where_there_is_no_graph() -> None:
    model, optimizer = mlp(1, "sigmoid"), optimizers.SGD(0.1)
    loss_of = keras.losses.BinaryCrossentropy()
    with watched(model=model) as context:
        for x, y in batches():
            with tf.GradientTape() as tape:
                loss = loss_of(tf.cast(y > 0, tf.float32)[:, None], model(x))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
    told = context.of(LossFacts)[-1]
    assert (told.loss, told.activations) == ("binary_cross_entropy", ("sigmoid",))


@pytest.mark.parametrize("compiled", [False, True])
def test_passes_over_the_data_are_epochs_where_there_is_training(compiled: bool) -> None:
    model, (x, y) = mlp(), data()
    step = steps_of(model, LOSS, compiled)
    training = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH)
    validation = tf.data.Dataset.from_tensor_slices((x[:20], y[:20])).batch(10)
    with watched(model=model) as context:
        for _ in range(2):
            for inputs, labels in training:
                step(inputs, labels)
            for inputs, labels in validation:
                LOSS(labels, model(inputs))
    told = [(epoch.epoch, epoch.step) for epoch in context.of(EpochEnded)]
    assert told == [(1, BATCHES), (2, 2 * BATCHES)]


def test_an_epoch_of_a_fit_on_a_data_set_is_told_once() -> None:
    model, (x, y) = mlp(), data()
    model.compile("sgd", LOSS, run_eagerly=True)
    training = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH)
    with watched(model=model) as context:
        model.fit(training, epochs=2, shuffle=False, verbose=0)
    assert [epoch.epoch for epoch in context.of(EpochEnded)] == [1, 2]


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_that_no_optimizer_is_given(compiled: bool) -> None:
    model = mlp()

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = LOSS(y, model(x))
        return tape.gradient(loss, model.trainable_variables)

    step = tf.function(step) if compiled else step
    with watched(model=model) as context:
        for _ in range(6):
            for x, y in batches():
                step(x, y)
    told = context.of(TrainingLoop)[-1]
    assert (told.optimizer, told.steps) == ("", 0) and 16 < told.backwards <= 24
    assert context.of(Wiring)[-1].untrained.tensors == 4
    assert context.of(Wiring)[-1].optimizers == 0
    assert losses(context).keys() == set(range(1, 25))


def test_weights_that_are_updated_by_hand() -> None:
    w = tf.Variable(tf.zeros([4, CLASSES]), name="w")
    with watched(every=1) as context:
        for x, y in batches():
            with tf.GradientTape() as tape:
                loss = LOSS(y, x @ w)
            w.assign_sub(0.5 * tape.gradient(loss, w))
    assert list(losses(context)) == [1, 2, 3, 4]
    assert losses(context)[1] == pytest.approx(np.log(CLASSES))
    assert context.of(LossFacts)[-1].model == "variables"


def test_two_losses_of_a_persistent_tape_and_a_gradient_of_inputs() -> None:
    one, two = mlp(), mlp(1)
    first, second = optimizers.SGD(0.1), optimizers.SGD(0.1)
    binary = keras.losses.BinaryCrossentropy(from_logits=True)

    @tf.function
    def step(x: Any, y: Any) -> None:
        with tf.GradientTape() as outer:
            outer.watch(x)
            score = tf.reduce_sum(one(x))
        slope = outer.gradient(score, x)
        with tf.GradientTape(persistent=True) as tape:
            a = LOSS(y, one(x)) + 0.0 * tf.reduce_sum(slope)
            b = binary(tf.cast(y > 0, tf.float32)[:, None], two(x))
        first.apply(tape.gradient(a, one.trainable_variables), one.trainable_variables)
        second.apply(tape.gradient(b, two.trainable_variables), two.trainable_variables)

    with watched(every=1, one=one, two=two, first=first, second=second) as context:
        for x, y in batches():
            step(x, y)
    assert {f.loss for f in context.of(LossFacts)} == {
        "cross_entropy", "binary_cross_entropy_with_logits",
    }  # fmt: skip
    assert [r.step for r in context.of(LayerStatistics) if r.model == "two"] == [2, 4, 6, 8]
    assert {f.optimizer for f in context.of(OptimizerFacts)} == {"first", "second"}


def test_seeded_random_numbers_that_a_function_keeps_are_let_be() -> None:
    tf.random.set_seed(3)
    net, opt = mlp(), optimizers.SGD(0.1)

    def program() -> Callable[..., Any]:
        @tf.function
        def step(x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = LOSS(y, net(tf.nn.dropout(x, 0.5)))
            opt.apply(tape.gradient(loss, net.trainable_variables), net.trainable_variables)
            return tf.random.uniform([2])

        return step

    def run(watch: bool) -> list[Any]:
        tf.random.set_seed(3)
        step, found = program(), []
        found += [step(*b).numpy().tolist() for b in batches()]
        if not watch:
            return found + [step(*b).numpy().tolist() for b in batches()]
        context = FakeContext(config=WatchConfig(budget=1e6))
        probe = KerasProbe(context)
        probe.attach()
        try:
            found += [step(*b).numpy().tolist() for b in batches()]
            probe.flush()
        finally:
            probe.detach()
        assert [note.text.split()[0] for note in context.of(ProbeNote)] == ["step"]
        return found

    assert run(watch=True) == run(watch=False)


def test_errors_are_the_users_own_and_the_watching_goes_on() -> None:
    program = Program({})
    with watched(net=program.net) as context:
        program.run(1)
        with pytest.raises(ValueError, match="shape"):
            program.step(tf.zeros([4, 5]), tf.zeros([4], tf.int32))
        program.run(1)
    assert len(losses(context)) == 2 * BATCHES
    assert context.of(LossRaised) == []


@pytest.mark.parametrize("style", ["eager", "compiled"])
def test_a_loop_is_stopped_at_a_step(style: str) -> None:
    program = Program(STYLES[style])
    with watched(net=program.net) as context:
        program.run(1)
        context.stop = "enough"
        with pytest.raises(TrainingStopped):
            program.run(1)
    assert int(program.opt.iterations) == BATCHES + 1


def test_a_function_that_is_traced_for_other_purposes_is_not_touched() -> None:
    plain, seen = Program({}), Program({})
    x, y = batches()[0]
    with watched(net=seen.net):
        seen.step.get_concrete_function(x, y)
    plain.step.get_concrete_function(x, y)
    assert operations(seen.step) == operations(plain.step)


def test_nothing_of_the_users_is_kept() -> None:
    program = Program({})
    with watched(every=1):
        program.run(1)
    references = [weakref.ref(o) for o in (program, program.net, program.opt, program.step)]
    del program
    keras.backend.clear_session()
    gc.collect()
    assert [r() for r in references] == [None] * 4


def test_values_are_told_in_order() -> None:
    program = Program({})
    with watched(net=program.net) as context:
        program.run(3)
    steps = [step for record in context.of(LossValues) for step in record.steps]
    assert steps == list(range(1, 3 * BATCHES + 1))

"""Logs of Keras' own TensorBoard callback: what is derived from them, and what stays silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from tensorboard_plugin_collapse.log_report import judge
from tensorboard_plugin_collapse.run_logs import read_runs

from collapse_magic.report import Report

CLASSES = 4


def data(samples: int, seed: int) -> tuple[Any, Any]:
    draw = np.random.default_rng(seed)
    centres = 2 * np.random.default_rng(0).normal(size=(CLASSES, 6))
    y = draw.integers(0, CLASSES, samples)
    return (centres[y] + draw.normal(size=(samples, 6))).astype("float32"), y


def fit(logdir: Path, layers: list[Any], lr: float = 0.1, epochs: int = 15) -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), *layers])
    model.compile(keras.optimizers.SGD(lr), "sparse_categorical_crossentropy", metrics=["accuracy"])
    callback = keras.callbacks.TensorBoard(
        str(logdir), histogram_freq=1, write_graph=False, update_freq="epoch"
    )
    model.fit(
        *data(320, 1), epochs=epochs, validation_data=data(160, 2), verbose=0, callbacks=[callback]
    )
    return model


def judged(logdir: Path, run: str) -> tuple[Report, Any]:
    runs = {each.name: each for each in judge(list(read_runs(logdir))).runs}
    assert set(runs) == {run}
    return Report.from_dict(runs[run].report or {}), runs[run]


def dense() -> list[Any]:
    layers = keras.layers
    return [layers.Dense(16, activation="relu"), layers.Dense(CLASSES, activation="softmax")]


def test_a_healthy_fit_is_silent_and_its_two_runs_are_one(tmp_path: Path) -> None:
    model = fit(tmp_path / "exp", dense())
    report, run = judged(tmp_path, "exp")
    assert report.findings == ()
    assert report.steps == 15 * 10  # as the callback counts them for its evaluations
    assert {"not-learning", "overfitting", "train-eval-gap", "non-finite"} <= set(report.clear)
    names = [layer["name"] for layer in run.facts["models"][0]["layers"]]
    assert len(names) == 2
    # What the last histograms show is what the model was left with, to the width of a bucket.
    from tensorboard_plugin_collapse.standard_summaries.training import trainings

    (training,) = trainings([each.summaries for each in read_runs(tmp_path)])
    for layer, kept in zip(training.layers, model.layers, strict=True):
        norm = np.sqrt(sum(float((w.numpy() ** 2).sum()) for w in kept.weights))
        assert layer.weight is not None
        np.testing.assert_allclose(layer.weight.values[-1], norm, rtol=0.02)
    assert training.classes == CLASSES


def test_a_dead_hidden_layer_is_not_learning(tmp_path: Path) -> None:
    layers = dense()
    layers[0] = keras.layers.Dense(16, "relu", bias_initializer=keras.initializers.Constant(-1e3))
    fit(tmp_path / "exp", layers)
    report, _ = judged(tmp_path, "exp")
    assert [finding.rule for finding in report.findings] == ["not-learning"]
    assert report.findings[0].confidence == "likely"
    assert report.findings[0].evidence[-1].text.startswith("from standard summaries")


def test_averages_that_never_settle_are_a_gap_from_the_start(tmp_path: Path) -> None:
    """GIVEN batch normalization whose averages hardly move, on inputs far from zero."""
    layers = [
        keras.layers.Rescaling(1.0, offset=30.0),
        keras.layers.BatchNormalization(momentum=0.99999),
        *dense(),
    ]
    fit(tmp_path / "exp", layers)
    report, _ = judged(tmp_path, "exp")
    assert "train-eval-gap" in [finding.rule for finding in report.findings]
    (finding,) = [f for f in report.findings if f.rule == "train-eval-gap"]
    assert finding.confidence == "to check"
    assert finding.evidence[0].values["train"] > 0.9

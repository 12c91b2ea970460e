"""Keras on PyTorch and JAX, and several replicas: each in a process of its own.

Keras' backend and TensorFlow's devices are chosen once per process, so the training is in
`programs/`, which print what was recorded beside what they have computed themselves.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parent.parent


@cache
def found(program: str) -> dict[str, Any]:
    """What a program prints; it is run once."""
    paths = (TESTS.parent, TESTS, os.environ.get("PYTHONPATH", ""))
    done = subprocess.run(
        [sys.executable, "-m", f"keras_runs.programs.{program}"],
        capture_output=True, text=True, check=False, timeout=280,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


both = pytest.mark.parametrize("program", ["on_torch", "on_jax"])


@both
def test_losses_and_predictions_of_a_fit_are_those_of_the_training(program: str) -> None:
    numbers = found(program)["numbers"]
    assert numbers["facts"] == [
        "sparse_categorical_crossentropy", "multiclass", 3, ["softmax"], "model", 7,
    ]  # fmt: skip
    recorded, expected = numbers["losses"]
    assert [step for step, _ in recorded] == [1, 2, 3, 4, 5, 6]
    assert dict(recorded) == pytest.approx(dict(expected), rel=1e-5)
    assert numbers["counts"][0] == numbers["counts"][1]
    assert numbers["evaluated"][0] == numbers["evaluated"][1]
    assert numbers["epochs"] == [[1, 3], [2, 6]]
    assert numbers["models"] == [["model", "Sequential", [8, 3], 3]]


@both
def test_every_step_of_the_layers_is_what_the_weights_tell(program: str) -> None:
    recorded, expected = found(program)["numbers"]["layers"]
    assert [row[0] for row in recorded] == [1, 2, 3, 4, 5, 6]
    for own, wanted in zip(recorded, expected, strict=True):
        for quantity, by_numpy in zip(own[1:], wanted[1:], strict=True):
            # The gradients are taken from float32 differences of weights there.
            assert quantity == pytest.approx(by_numpy, rel=1e-4)


def test_optimizers_may_be_made_for_the_first_time_in_the_watched_cell() -> None:
    assert found("on_torch")["first of all"] == 3  # steps


@both
def test_training_is_the_same_bit_by_bit(program: str) -> None:
    assert set(found(program)["same"]) == {True}


@both
def test_a_fault_anywhere_in_the_probe_ends_the_watching_and_nothing_else(program: str) -> None:
    assert found(program)["faults"] == {}


@both
def test_the_first_nan_is_placed(program: str) -> None:
    assert found(program)["broken"] == [[2, "input", "x[:, 2]", "nan"]]


@both
def test_a_session_sees_one_run_and_says_what_is_wrong_on_this_backend(program: str) -> None:
    session = found(program)["session"]
    assert session["steps"] == 60
    assert session["epochs"] == 20
    assert session["notes"] == []
    assert session["rules"] == ["double-activation"]


def test_on_jax_a_later_fit_is_not_watched() -> None:
    lasting = found("on_jax")["lasting"]
    assert lasting["seen"]
    assert lasting["put back"], "the function of a model that was fitted before"
    assert lasting["traced again"] == 0
    assert lasting["none left"]
    assert lasting["plain"], "a later step is Keras' own"
    assert lasting["jit"]
    assert lasting["history"] == ["loss"]


def test_on_jax_a_training_that_is_stopped_keeps_its_weights() -> None:
    assert found("on_jax")["stopped"] == {"ended": 2, "iterations": 3, "finite": True}


def test_on_jax_steps_end_in_updates() -> None:
    assert found("on_jax")["accumulated"] == [1, 2, 3, 4]


def test_on_jax_every_way_to_step_is_seen() -> None:
    several = found("on_jax")["several"]
    assert several["several"] == several["eager"] == [1, 2, 3]
    recorded, told = several["by hand"]
    assert recorded == pytest.approx(told, rel=1e-6)


def test_on_jax_steps_that_are_only_counted_hide_no_nan() -> None:
    passing = found("on_jax")["passing"]
    assert passing["non finite"] == [[555, "logits", "nan"]]
    assert passing["steps"] == [600]
    assert passing["looks"] == [1, 2, 3, 103, 203, 303, 403, 503]
    assert 128 <= passing["counted"] < 400


def test_on_torch_a_later_fit_is_not_watched() -> None:
    assert found("on_torch")["lasting"] == {"seen": True, "put back": True, "backward": True}


def test_on_torch_a_loop_of_pytorchs_is_seen_once_by_its_own_probe() -> None:
    loop = found("on_torch")["custom loop"]
    recorded, told = loop["losses"]
    assert recorded == pytest.approx(told, rel=1e-6)
    assert loop["sites"] == ["cross_entropy"]
    assert loop["samples"] == 5 * 84
    assert found("on_torch")["both"] == {
        "sparse_categorical_crossentropy": 2 * 84, "cross_entropy": 4 * 84,
    }  # fmt: skip


def test_on_torch_steps_without_a_loss_of_keras_are_left_to_pytorchs_probe() -> None:
    own = found("on_torch")["own step"]
    assert own["sites"] == ["cross_entropy"]
    assert own["samples"] == 4 * 84 - 32, "all but the step that showed it"
    assert own["epochs"] == [1, 2, 3, 4]
    assert own["models"] == 1


def test_on_torch_compiled_steps_are_left_to_pytorchs_probe() -> None:
    compiled = found("on_torch")["compiled"]
    assert compiled["sites"] == ["nll"]
    assert compiled["samples"] == 4 * 84
    assert compiled["epochs"] == [1, 2, 3, 4]
    assert compiled["models"] == 1


def test_on_torch_steps_end_in_updates_at_the_rate_of_the_schedule() -> None:
    accumulated = found("on_torch")["accumulated"]
    assert accumulated["steps"] == [1, 2]
    assert accumulated["rates"] == pytest.approx([0.5 * 0.5**2, 0.5 * 0.5**5])


def test_on_torch_a_training_stops_at_a_step() -> None:
    assert found("on_torch")["stopped"] == 2


def test_several_replicas_are_one_run_whose_batches_count_once() -> None:
    replicas = found("on_replicas")
    recorded, expected = replicas["losses"]
    assert [step for step, _ in recorded] == [1, 2, 3, 4, 5, 6]
    assert dict(recorded) == pytest.approx(dict(expected), rel=1e-5)
    assert replicas["counts"][0] == replicas["counts"][1]
    assert replicas["samples"] == [2 * 84, 2 * 40]
    assert replicas["epochs"] == [[1, 3], [2, 6]]
    assert replicas["rates"] == [[pytest.approx(0.1)]]
    assert replicas["models"] == ["model"]


def test_several_replicas_train_the_same_bit_by_bit() -> None:
    assert found("on_replicas")["same"]
    assert found("on_replicas")["left"]

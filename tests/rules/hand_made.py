"""Records written by hand, for what a test wants to say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from collapse_magic.history import History
from collapse_magic.records import (
    ActivationStatistics,
    InputFacts,
    LayerFacts,
    LayerStatistics,
    LossFacts,
    LossRaised,
    ModelFacts,
    ModelMode,
    OptimizerFacts,
    ParameterSet,
    PredictionWindow,
    TrainingLoop,
    Wiring,
)

BATCHES = 64


def loss_facts(loss: str = "cross_entropy", **changes: Any) -> LossFacts:
    values: dict[str, Any] = {
        "site": "loss",
        "step": 1,
        "loss": loss,
        "task": "binary",
        "classes": 2,
        "activations": (),
        "input_shape": (32, 2),
        "target_shape": (32,),
        "target_kind": "index",
        "target_min": 0.0,
        "target_max": 1.0,
        "broadcast": False,
        "weighted": False,
        "model": "model",
        "cell": 1,
        "line": 1,
    }
    return LossFacts(**{**values, **changes})


def window(
    index: int = 0,
    labels: Sequence[int] = (320, 320),
    predicted: Sequence[int] | None = None,
    recall: Sequence[float] = (0.9, 0.9),
    **changes: Any,
) -> PredictionWindow:
    """The ``index``-th window of 64 batches; predictions follow from the recalls of two classes."""
    correct = tuple(round(n * share) for n, share in zip(labels, recall, strict=True))
    if predicted is None:
        missed = [n - right for n, right in zip(labels, correct, strict=True)]
        # what one class misses goes to the next
        predicted = tuple(right + missed[k - 1] for k, right in enumerate(correct))
    values: dict[str, Any] = {
        "site": "loss",
        "phase": "train",
        "first_step": index * BATCHES + 1,
        "last_step": (index + 1) * BATCHES,
        "batches": BATCHES,
        "one_in": 1,
        "samples": sum(labels),
        "labels": tuple(labels),
        "predicted": tuple(predicted),
        "correct": correct,
        "cross_entropy_nats": 0.3,
        "mean_probability": tuple(n / sum(labels) for n in labels),
        "pull": tuple(n / sum(labels) for n in labels),
        "spread": 1.0,
        "rank": 0.95,
        "outside_unit": float("nan"),
        "input_row_sums_to_one": False,
        "out_of_range": 0,
        "single_class_batches": 0,
    }
    return PredictionWindow(**{**values, **changes})


def model_facts(
    layers: Sequence[str | LayerFacts] = ("first", "last"),
    activations: Sequence[str] = (),
    **changes: Any,
) -> ModelFacts:
    values: dict[str, Any] = {
        "model": "model",
        "kind": "Sequential",
        "layers": tuple(
            LayerFacts(one, "Linear", 10, 0.1) if isinstance(one, str) else one for one in layers
        ),
        "activations": tuple(activations),
        "normalizations": (),
        "dropouts": (),
    }
    return ModelFacts(**{**values, **changes})


def model_mode(**changes: Any) -> ModelMode:
    values: dict[str, Any] = {
        "model": "model",
        "step": 3,
        "since": 1,
        "looks": 3,
        "training": True,
        "sensitive": 2,
        "in_eval": 0,
    }
    return ModelMode(**{**values, **changes})


def wiring(**changes: Any) -> Wiring:
    values: dict[str, Any] = {
        "model": "model",
        "step": 3,
        "optimizers": 1,
        "trainable": ParameterSet(4, 20, ("first.weight", "first.bias")),
        "frozen": ParameterSet(),
        "untrained": ParameterSet(),
        "unreached": ParameterSet(),
        "unregistered": ParameterSet(),
        "strangers": ParameterSet(),
    }
    return Wiring(**{**values, **changes})


def training_loop(**changes: Any) -> TrainingLoop:
    values: dict[str, Any] = {
        "optimizer": "optimizer",
        "step": 30,
        "backwards": 31,
        "steps": 30,
        "cleared": 29,
        "kept": 0,
    }
    return TrainingLoop(**{**values, **changes})


def input_facts(**changes: Any) -> InputFacts:
    values: dict[str, Any] = {
        "model": "model",
        "step": 1,
        "layer": "first",
        "kind": "features",
        "shape": (32, 4),
        "values": 128,
        "minimum": -2.0,
        "maximum": 2.0,
        "p99": 1.9,
        "zero_share": 0.0,
        "features": 4,
        "feature_std": (0.9, 0.95, 1.0, 1.05, 1.1),
        "constant_features": 0,
        "narrowest": 0,
        "widest": 3,
        "narrowest_p99": 1.8,
        "widest_p99": 1.9,
    }
    return InputFacts(**{**values, **changes})


def activation_statistics(
    step: int, dead: Sequence[float] = (0.1,), rms: Sequence[float] = (0.5,)
) -> ActivationStatistics:
    layers = tuple(f"layer{index}" for index in range(len(dead)))
    kinds, seen = ("relu",) * len(dead), (512,) * len(dead)
    return ActivationStatistics("model", step, layers, kinds, tuple(rms), tuple(dead), seen)


def optimizer_facts(rate: float = 0.01, **changes: Any) -> OptimizerFacts:
    values: dict[str, Any] = {
        "optimizer": "optimizer",
        "kind": "SGD",
        "step": 1,
        "learning_rates": (rate,),
        "weight_decay": 0.0,
        "momentum": 0.0,
        "models": ("model",),
    }
    return OptimizerFacts(**{**values, **changes})


def layer_statistics(
    step: int, gradients: Sequence[float] = (0.1, 0.1), updates: Sequence[float] = (1e-3, 1e-3)
) -> LayerStatistics:
    return LayerStatistics(
        "model", step, tuple(gradients), tuple(1.0 for _ in gradients), tuple(updates)
    )


def raised(loss: str = "cross_entropy", **changes: Any) -> LossRaised:
    values: dict[str, Any] = {
        "loss": loss,
        "error": "RuntimeError",
        "message": "",
        "input_shape": (8, 3),
        "target_shape": (8,),
        "input_dtype": "torch.float32",
        "target_dtype": "torch.int64",
        "input_min": -1.0,
        "input_max": 1.0,
        "target_min": 0.0,
        "target_max": 2.0,
        "step": 1,
        "cell": 1,
        "line": 1,
    }
    assert set(values) == {field.name for field in fields(LossRaised)}
    return LossRaised(**{**values, **changes})


def history_of(*records: Any) -> History:
    history = History()
    for record in records:
        history.append(record)
    return history

"""Every rule on records written by hand: what fires, with which numbers, and what stays silent."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from collapse_magic.engine import Engine
from collapse_magic.findings import Diagnosis
from collapse_magic.history import History
from collapse_magic.records import (
    EpochEnded,
    LayerFacts,
    LossValues,
    NonFinite,
    ParameterSet,
    RunStarted,
)
from collapse_magic.rules import RULES
from collapse_magic.rules.wording import MAX_COLUMNS

from .hand_made import (
    activation_statistics,
    history_of,
    input_facts,
    layer_statistics,
    loss_facts,
    model_facts,
    optimizer_facts,
    raised,
    training_loop,
    window,
    wiring,
)

ONE_CLASS: dict[str, Any] = {
    "recall": (1.0, 0.0),
    "rank": 0.5,
    "spread": 1e-4,
    "cross_entropy_nats": 0.6932,
}


def windows(count: int, **changes: Any) -> list[Any]:
    return [window(index, **changes) for index in range(count)]


def diagnoses(history: History) -> dict[str, Diagnosis]:
    return {found.rule: found for rule in RULES for found in rule.check(history)}


NEW_HEAD = (
    LayerFacts("first", "Linear", 48, 0.4, 0.0, "random", units=16),
    LayerFacts("head", "Linear", 34, 0.144, 0.0, "random", units=2, trainable=False),
)
NEW_BODY = (
    LayerFacts("first", "Linear", 272, 0.144, 0.0, "random", units=16),
    LayerFacts("head", "Linear", 34, 0.144, 0.0, "random", units=2),
)
ALIKE = (replace(NEW_BODY[0], weight_std=0.0, weight_mean=0.1, start="constant"), NEW_BODY[1])
TRAINED_BODY = (LayerFacts("first", "Linear", 272, 0.5, 0.0, "random", units=16), NEW_BODY[1])

FIRES: dict[str, tuple[str, str | None, list[Any]]] = {
    # what is wrong: (rule, kind of remedy, records)
    "all predictions are one class": (
        "single-class-predictions",
        "check-one-batch",
        [loss_facts(), *windows(4, **ONE_CLASS)],
    ),
    "the minority is never found": (
        "class-imbalance",
        "weigh-classes",
        [loss_facts(), *windows(8, labels=(900, 100), recall=(1.0, 0.0), cross_entropy_nats=0.25)],
    ),
    "the minority lags": (
        "class-imbalance",
        "weigh-classes",
        [loss_facts(), *windows(8, labels=(900, 100), recall=(0.98, 0.5), cross_entropy_nats=0.15)],
    ),
    "the minority lags in very many cases": (
        "class-imbalance",
        "weigh-classes",
        [loss_facts(), *windows(8, labels=(90_000, 10_000), recall=(0.98, 0.5))],
    ),
    "one of three classes lags": (
        "class-imbalance",
        "weigh-classes",
        [
            loss_facts(task="multiclass", classes=3),
            *windows(8, labels=(500, 400, 100), recall=(0.95, 0.95, 0.3)),
        ],
    ),
    "softmax before cross entropy": (
        "double-activation",
        "drop-activation",
        [loss_facts(activations=("softmax",))],
    ),
    "sigmoid before the loss on logits": (
        "double-activation",
        "drop-activation",
        [loss_facts("binary_cross_entropy_with_logits", activations=("sigmoid",))],
    ),
    "two sigmoids": (
        "double-activation",
        "drop-activation",
        [loss_facts("binary_cross_entropy", activations=("sigmoid", "sigmoid"))],
    ),
    "a relu before a sigmoid": (
        "output-activation",
        "drop-activation",
        [loss_facts("binary_cross_entropy_with_logits", activations=("relu",)), window()],
    ),
    "a relu before a loss over classes": (
        "output-activation",
        "drop-activation",
        [loss_facts(activations=("log_softmax", "relu"))],
    ),
    "a relu in front of Keras' loss on probabilities": (
        "output-activation",
        "replace-output-activation",
        [
            loss_facts("categorical_crossentropy", activations=("relu",), task="multiclass"),
            window(outside_unit=0.8),
        ],
    ),
    "a tanh under which nothing is learned": (
        "output-activation",
        "drop-activation",
        [loss_facts(activations=("tanh",)), *windows(6, **ONE_CLASS)],
    ),
    "labels of one class": (
        "one-class-labels",
        "count-labels",
        [
            loss_facts(target_min=1.0),
            model_facts(outputs=2),
            *windows(2, labels=(0, 640), recall=(1.0, 1.0), single_class_batches=64),
            EpochEnded(1, 128),
        ],
    ),
    "labels -1 and 1": (
        "labels-out-of-range",
        "binarize-labels",
        [loss_facts("binary_cross_entropy_with_logits", target_min=-1.0)],
    ),
    "labels 1 and 2": (
        "labels-out-of-range",
        "shift-labels",
        [loss_facts("binary_cross_entropy_with_logits", target_min=1.0, target_max=2.0)],
    ),
    "ten classes into one output": (
        "labels-out-of-range",
        "widen-output",
        [loss_facts("binary_cross_entropy_with_logits", target_max=9.0)],
    ),
    "a mask of 0 and 255": (
        "labels-out-of-range",
        "binarize-labels",
        [loss_facts("binary_cross_entropy_with_logits", target_max=255.0)],
    ),
    "labels 1..K raise": (
        "labels-out-of-range",
        "shift-labels",
        [raised(target_min=1.0, target_max=3.0)],
    ),
    "more classes than outputs raise": (
        "labels-out-of-range",
        "widen-output",
        [raised(target_max=4.0)],
    ),
    "targets of 2 raise in BCE": (
        "labels-out-of-range",
        "widen-output",
        [
            raised(
                "binary_cross_entropy",
                input_shape=(8,),
                input_min=0.1,
                target_dtype="torch.float32",
                target_max=2.0,
            )
        ],
    ),
    "one-hot rows of zeros": (
        "labels-out-of-range",
        "widen-output",
        [
            loss_facts(
                "categorical_crossentropy",
                target_kind="one-hot",
                target_shape=(32, 2),
                task="multiclass",
            ),
            window(out_of_range=200),
        ],
    ),
    "labels 1..K in Keras' sparse loss": (
        "labels-out-of-range",
        "shift-labels",
        [
            raised(
                "sparse_categorical_crossentropy",
                target_min=1.0,
                target_max=3.0,
                target_shape=(8, 1),
                target_dtype="float32",
            )
        ],
    ),
    "one-hot labels with a column too many": (
        "labels-out-of-range",
        "widen-output",
        [raised("categorical_crossentropy", target_shape=(8, 4), target_max=1.0)],
    ),
    "class indices in Keras' categorical loss": (
        "label-encoding",
        "change-loss",
        [raised("categorical_crossentropy")],
    ),
    "a column of class indices in Keras' categorical loss": (
        "label-encoding",
        "change-loss",
        [raised("categorical_crossentropy", target_shape=(8, 1))],
    ),
    "one-hot labels in Keras' sparse loss": (
        "label-encoding",
        "change-loss",
        [raised("sparse_categorical_crossentropy", target_shape=(8, 3), target_max=1.0)],
    ),
    "float labels in TensorFlow's sparse op": (
        "label-encoding",
        "cast-labels",
        [raised("sparse_softmax_cross_entropy_with_logits", target_dtype="float32")],
    ),
    "labels 1..K in TensorFlow's sparse op": (
        "labels-out-of-range",
        "shift-labels",
        [
            raised(
                "sparse_softmax_cross_entropy_with_logits",
                target_dtype="int32",
                target_min=1.0,
                target_max=3.0,
            )
        ],
    ),
    "raw outputs into Keras' categorical loss": (
        "missing-activation",
        "use-logits-loss",
        [
            loss_facts("categorical_crossentropy", task="multiclass"),
            window(outside_unit=0.8),
        ],
    ),
    "a softmax over one unit": (
        "single-unit-softmax",
        "replace-output-activation",
        [
            loss_facts("binary_cross_entropy", activations=("softmax",), input_shape=(32, 1)),
            model_facts(outputs=1),
        ],
    ),
    "a softmax over one unit and a loss over classes": (
        "single-unit-softmax",
        "replace-output-activation",
        [
            loss_facts(
                "categorical_crossentropy",
                activations=("softmax",),
                input_shape=(32, 1),
                task="multiclass",
                classes=1,
                target_shape=(32, 1),
            ),
            model_facts(outputs=1),
        ],
    ),
    "outputs (N, 1), targets (N,)": (
        "label-shape-broadcast",
        "match-shapes",
        [
            loss_facts(
                "mse", task="regression", input_shape=(32, 1), target_shape=(32,), broadcast=True
            )
        ],
    ),
    "BCE refuses (N, 1) and (N,)": (
        "label-shape-broadcast",
        "match-shapes",
        [raised("binary_cross_entropy_with_logits", input_shape=(8, 1), target_max=1.0)],
    ),
    "cross entropy refuses labels (N, 1)": (
        "label-shape-broadcast",
        "match-shapes",
        [raised(target_shape=(8, 1))],
    ),
    "batches of different size": (
        "label-shape-broadcast",
        None,
        [raised(target_shape=(7,))],
    ),
    "float labels in cross entropy": (
        "label-encoding",
        "cast-labels",
        [raised(target_dtype="torch.float32")],
    ),
    "whole numbers in BCE": (
        "label-encoding",
        "cast-labels",
        [raised("binary_cross_entropy_with_logits", target_shape=(8, 3), target_max=1.0)],
    ),
    "indices in BCE with a column per class": (
        "label-encoding",
        "widen-output",
        [raised("binary_cross_entropy_with_logits", target_dtype="torch.float32")],
    ),
    "cross entropy over one column": (
        "label-encoding",
        "widen-output",
        [loss_facts(classes=1, input_shape=(32, 1), target_shape=(32, 1))],
    ),
    "raw outputs into BCE": (
        "missing-activation",
        "use-logits-loss",
        [
            raised(
                "binary_cross_entropy",
                input_shape=(8,),
                target_dtype="torch.float32",
                target_max=1.0,
            )
        ],
    ),
    "raw outputs into the negative log-likelihood": (
        "missing-activation",
        "use-logits-loss",
        [
            loss_facts("nll"),
            LossValues("loss", (1, 2), (0.1, -0.4)),
            window(outside_unit=0.4),
        ],
    ),
    "probabilities into the negative log-likelihood": (
        "missing-activation",
        None,
        [loss_facts("nll", activations=("softmax",)), window(outside_unit=1.0)],
    ),
    "no gradient at the first layer": (
        "vanishing-gradients",
        "replace-hidden-activation",
        [
            loss_facts(),
            model_facts(activations=("Sigmoid",)),
            *[layer_statistics(step, (1e-9, 0.1)) for step in range(1, 400, 20)],
            *windows(6, **ONE_CLASS),
        ],
    ),
    "a layer of units that are zero for everything": (
        "dead-relu",
        "replace-hidden-activation",
        [
            loss_facts(),
            model_facts(activations=("ReLU",)),
            *[activation_statistics(step, (0.97, 0.2), (0.5, 0.5)) for step in (100, 120)],
            *windows(6, **ONE_CLASS),
        ],
    ),
    "a layer that gives out zeros only, seen a few times": (
        "dead-relu",
        "replace-hidden-activation",
        [
            loss_facts(),
            model_facts(activations=("ReLU",)),
            *[activation_statistics(step, (math.nan, math.nan), (0.0, 0.3)) for step in (1, 2, 3)],
            *windows(6, **ONE_CLASS),
        ],
    ),
    "units that begin alike": (
        "bad-initialization",
        "initialize-anew",
        [
            loss_facts(),
            model_facts(layers=ALIKE, last_layer="head"),
            *windows(6, **ONE_CLASS),
        ],
    ),
    "weights that begin far too large": (
        "bad-initialization",
        "initialize-anew",
        [
            loss_facts(),
            model_facts(layers=(replace(NEW_BODY[0], weight_std=2.0), NEW_BODY[1])),
            *windows(6, **{**ONE_CLASS, "cross_entropy_nats": 7.0}),
        ],
    ),
    "steps far too large": (
        "learning-rate-too-high",
        "scale-learning-rate",
        [
            loss_facts(),
            model_facts(),
            optimizer_facts(1.0),
            *[layer_statistics(step, updates=(0.6, 0.4)) for step in range(1, 400, 20)],
            *windows(6, **{**ONE_CLASS, "cross_entropy_nats": 7.0}),
        ],
    ),
    "backwards and no step": (
        "no-optimizer-step",
        "make-step",
        [
            loss_facts(),
            wiring(),
            training_loop(optimizer="", backwards=300, steps=0, cleared=0),
            *windows(6, **ONE_CLASS),
        ],
    ),
    "gradients that are never cleared": (
        "missing-zero-grad",
        "clear-gradients",
        [
            loss_facts(),
            optimizer_facts(),
            wiring(),
            training_loop(cleared=0, kept=20),
            *[layer_statistics(step, (step / 100, 1.0)) for step in range(1, 400, 20)],
            *windows(6, **ONE_CLASS),
        ],
    ),
    "an optimizer of another model": (
        "optimizer-mismatch",
        "give-optimizer",
        [
            loss_facts(),
            model_facts(),
            optimizer_facts(models=("parameters",)),
            wiring(untrained=ParameterSet(4, 20), strangers=ParameterSet(4, 20)),
        ],
    ),
    "layers in a plain list": (
        "optimizer-mismatch",
        "register-layers",
        [
            loss_facts(),
            model_facts(),
            optimizer_facts(),
            wiring(
                untrained=ParameterSet(2, 9, ("a_list_of_layers[10].a_long_name.weight",) * 2),
                unregistered=ParameterSet(2, 9, ("a_list_of_layers[10].a_long_name.weight",) * 2),
            ),
        ],
    ),
    "the last layer is in no optimizer": (
        "optimizer-mismatch",
        "give-optimizer",
        [
            loss_facts(),
            model_facts(("first", "the_last_layer_of_all"), last_layer="the_last_layer_of_all"),
            optimizer_facts(),
            wiring(untrained=ParameterSet(2, 10)),
            *[layer_statistics(step, updates=(0.1, math.nan)) for step in range(1, 400, 20)],
            *windows(6, **ONE_CLASS),
        ],
    ),
    "the last layer is frozen": (
        "frozen-parameters",
        "unfreeze",
        [
            loss_facts(),
            model_facts(layers=NEW_HEAD, last_layer="first"),
            wiring(frozen=ParameterSet(2, 34, ("head.weight", "head.bias"))),
            window(cross_entropy_nats=0.69),
        ],
    ),
    "everything is frozen and raises": (
        "frozen-parameters",
        "unfreeze",
        [
            wiring(trainable=ParameterSet(), frozen=ParameterSet(4, 20)),
            raised("backward", input_shape=(), target_shape=(), input_dtype="", target_dtype=""),
        ],
    ),
    "a loss without a graph": (
        "broken-graph",
        "join-graph",
        [
            wiring(),
            raised("backward", input_shape=(), target_shape=(), input_dtype="", target_dtype=""),
        ],
    ),
    "no gradient in any look": (
        "broken-graph",
        "join-graph",
        [
            loss_facts(),
            model_facts(),
            optimizer_facts(),
            *[layer_statistics(step, (math.nan,) * 2, (0.0, 0.0)) for step in (1, 2, 3)],
        ],
    ),
    "new layers before a cut": (
        "broken-graph",
        "join-graph",
        [
            loss_facts(),
            model_facts(layers=NEW_BODY, last_layer="head"),
            optimizer_facts(),
            wiring(unreached=ParameterSet(2, 300)),
            input_facts(layer="head", features=16),
            *[layer_statistics(step, (math.nan, 0.1), (0.0, 1e-3)) for step in (1, 2, 3)],
        ],
    ),
    "nan in the input": (
        "non-finite",
        "clean-inputs",
        [loss_facts(), NonFinite("loss", 3, "input", "x", "nan")],
    ),
    "nan in the input that a graph hides from the loss": (
        "non-finite",
        "clean-inputs",
        [
            loss_facts(),
            NonFinite("model", 2, "weight", "first", "nan", lost="first"),
            NonFinite("model", 2, "input", "x[:, 3]", "nan", 17, 1200, "first"),
            LossValues("loss", (1, 2, 3, 4, 5, 6), (0.7,) * 6),
            *windows(8, **ONE_CLASS),
        ],
    ),
    "weights are nan, and the loss hides it": (
        "non-finite",
        "clean-inputs",
        [
            loss_facts(),
            NonFinite("model", 2, "weight", "first", "nan", lost="first"),
            LossValues("loss", (1, 2, 3, 4, 5, 6), (0.7,) * 6),
            *windows(8, **ONE_CLASS),
        ],
    ),
    "a model's gradient overflows and nan follows": (
        "non-finite",
        "clip-gradients",
        [
            loss_facts(),
            NonFinite("model", 3, "gradient", "first", "nan"),
            LossValues("loss", (2, 3, 4, 5), (0.5, 0.4, math.nan, math.nan)),
        ],
    ),
    "the loss overflows": (
        "non-finite",
        "scale-learning-rate",
        [loss_facts(), optimizer_facts(10.0), NonFinite("loss", 3, "loss", "", "inf")],
    ),
    "a gradient overflows and nan follows": (
        "non-finite",
        "clip-gradients",
        [
            loss_facts(),
            NonFinite("loss", 3, "gradient", "first.weight", "inf"),
            LossValues("loss", (2, 3, 4, 5), (0.5, 0.4, math.nan, math.nan)),
        ],
    ),
    "BCE was given nan": (
        "non-finite",
        "scale-learning-rate",
        [
            optimizer_facts(10.0),
            raised(
                "binary_cross_entropy",
                input_shape=(8,),
                input_min=math.nan,
                input_max=math.nan,
                target_max=1.0,
            ),
        ],
    ),
}


@pytest.mark.parametrize("case", FIRES)
def test_the_true_cause_comes_first_with_its_remedy(case: str) -> None:
    # GIVEN records of one thing that is wrong
    rule, remedy, records = FIRES[case]
    engine = Engine(RULES, history_of(*records))

    # WHEN the rules run
    finding = engine.update()[0]

    # THEN that is what comes first, with the numbers for its cure
    assert finding.rule == rule
    assert finding.severity in ("error", "warning")
    diagnosis = engine.diagnosis(finding)
    assert (diagnosis.remedy.kind if diagnosis.remedy else None) == remedy
    # and it fits a card
    assert len(f"{finding.severity}[{finding.code}] {finding.rule}: {finding.message}") <= 79
    assert finding.evidence
    for evidence in finding.evidence:
        assert 0 < len(evidence.text) <= MAX_COLUMNS, evidence.text
    assert not engine.skipped or all("rule failed" not in why for why in engine.skipped.values())


SILENT: dict[str, list[Any]] = {
    "healthy": [loss_facts(), *windows(8, cross_entropy_nats=0.2)],
    "balanced, but one class is hard": [loss_facts(), *windows(8, recall=(0.95, 0.4))],
    "9 to 1, both found": [loss_facts(), *windows(8, labels=(900, 100), recall=(0.99, 0.95))],
    "too few labels": [loss_facts(), *windows(2, labels=(58, 6), recall=(1.0, 0.0))],
    "no signal: constant answers by the label shares, labels 9.5 to .5": [
        loss_facts(),
        # rank .7: it does tell them apart, and has only begun
        *windows(2, labels=(950, 50), recall=(1.0, 0.0), rank=0.7),
    ],
    "log_softmax before cross entropy": [loss_facts(activations=("log_softmax",))],
    "softmax over many labels": [
        loss_facts("binary_cross_entropy_with_logits", task="multilabel", activations=("softmax",))
    ],
    "one sigmoid before BCE": [loss_facts("binary_cross_entropy", activations=("sigmoid",))],
    "log of softmax into the negative log-likelihood": [
        loss_facts("nll", activations=("log", "softmax")),
        window(outside_unit=0.0),
    ],
    "soft labels": [loss_facts("binary_cross_entropy", target_min=0.05, target_max=0.95)],
    "ignored labels of -100": [loss_facts(target_min=-100.0), window()],
    "a gradient scaler's first steps": [
        loss_facts(),
        NonFinite("loss", 1, "gradient", "first.weight", "inf"),
        LossValues("loss", (1, 2, 3, 4), (0.7, 0.7, 0.6, 0.6)),
    ],
    "one batch of ignored labels only": [
        loss_facts(),
        NonFinite("loss", 2, "loss", "", "nan"),
        LossValues("loss", (1, 2, 3, 4, 5), (0.7, math.nan, 0.6, 0.6, 0.5)),
    ],
    "large updates that learn": [
        loss_facts(),
        model_facts(),
        *[layer_statistics(step, updates=(0.6, 0.4)) for step in range(1, 400, 20)],
        *windows(6, cross_entropy_nats=0.2),
    ],
    "small first gradients that learn": [
        loss_facts(),
        model_facts(activations=("Tanh",)),
        *[layer_statistics(step, (1e-9, 0.1)) for step in range(1, 400, 20)],
        *windows(6, cross_entropy_nats=0.2),
    ],
    "softmax before Keras' loss on probabilities": [
        loss_facts("categorical_crossentropy", activations=("softmax",)),
        *windows(8, outside_unit=0.0, input_row_sums_to_one=True),
    ],
    "sigmoids before Keras' categorical loss": [
        loss_facts("categorical_crossentropy", activations=("sigmoid",)),
        *windows(8, outside_unit=0.0),
    ],
    "one of two outputs of a softmax": [
        loss_facts("binary_cross_entropy", activations=("softmax",), input_shape=(32, 1)),
        model_facts(outputs=2),
        *windows(8),
    ],
    "one of two outputs of a softmax, of a model that is not known": [
        loss_facts("binary_cross_entropy", activations=("softmax",), input_shape=(32, 1)),
        *windows(8),
    ],
    "zeros fill up sequences of one-hot rows": [
        loss_facts(
            "categorical_crossentropy",
            target_kind="one-hot",
            target_shape=(32, 9, 2),
            input_shape=(32, 9, 2),
            activations=("softmax",),
        ),
        window(out_of_range=200),
    ],
    "one class at a time": [
        loss_facts(),
        *windows(6, **{**ONE_CLASS, "single_class_batches": 64}),
    ],
    "backwards and no step so far": [
        loss_facts(),
        wiring(),
        training_loop(optimizer="", backwards=255, steps=0, cleared=0),
    ],
    "backwards of a model that is trained": [
        loss_facts(),
        wiring(),
        training_loop(optimizer="", backwards=300, steps=0, cleared=0),
        *windows(4, cross_entropy_nats=0.3),
    ],
    "backwards without an optimizer": [
        loss_facts(),
        wiring(optimizers=0),
        training_loop(optimizer="", backwards=300, steps=0, cleared=0),
        *windows(4, cross_entropy_nats=0.69),
    ],
    "gradients that were not cleared nineteen times": [
        loss_facts(),
        training_loop(cleared=0, kept=19),
    ],
    "gradients of one optimizer left over now and then": [
        loss_facts(),
        training_loop(cleared=20, kept=40),
    ],
    "a backbone in no optimizer": [
        loss_facts(),
        model_facts(last_layer="last"),
        optimizer_facts(),
        wiring(untrained=ParameterSet(2, 10)),
        *[layer_statistics(step, updates=(math.nan, 0.1)) for step in range(1, 400, 20)],
        *windows(6, cross_entropy_nats=0.68),
    ],
    "a teacher beside the model": [
        loss_facts(),
        model_facts(),
        optimizer_facts(),
        wiring(model="teacher", untrained=ParameterSet(4, 20)),
    ],
    "a frozen last layer that was trained, and learning": [
        loss_facts(),
        model_facts(layers=(NEW_HEAD[0], replace(NEW_HEAD[1], weight_std=0.9)), last_layer="first"),
        wiring(frozen=ParameterSet(2, 34, ("head.weight", "head.bias"))),
        *windows(6, cross_entropy_nats=0.5),
    ],
    "a frozen judge of a single label": [
        loss_facts(target_min=1.0, target_max=1.0),
        model_facts(layers=NEW_HEAD, last_layer="first"),
        wiring(frozen=ParameterSet(2, 34, ("head.weight", "head.bias"))),
        window(labels=(0, 640), recall=(1.0, 0.5)),
    ],
    "trained features in front of a new head": [
        loss_facts(),
        model_facts(layers=TRAINED_BODY, last_layer="head"),
        optimizer_facts(),
        wiring(unreached=ParameterSet(2, 300)),
        input_facts(layer="head", features=16),
        *[layer_statistics(step, (math.nan, 0.1), (0.0, 1e-3)) for step in (1, 2, 3)],
    ],
    "new features that no optimizer holds": [
        loss_facts(),
        model_facts(layers=NEW_BODY, last_layer="head"),
        optimizer_facts(),
        wiring(unreached=ParameterSet(2, 300)),
        input_facts(layer="head", features=16),
        *[layer_statistics(step, (math.nan, 0.1), (math.nan, 1e-3)) for step in (1, 2, 3)],
    ],
    "a dead layer beside another way": [
        loss_facts(),
        model_facts(activations=("ReLU",)),
        *[activation_statistics(step, (1.0, 0.2), (0.5, 0.5)) for step in (100, 120)],
        *windows(6),
    ],
    "a branch that begins at zero": [
        loss_facts(),
        model_facts(layers=ALIKE, last_layer="head"),
        *windows(6),
    ],
    "a tanh that learns": [loss_facts(activations=("tanh",)), *windows(6)],
    "a relu in regression": [loss_facts("mse", task="regression", activations=("relu",))],
    "labels of one class so far": [
        loss_facts(target_min=1.0),
        model_facts(outputs=2),
        *windows(2, labels=(0, 640), recall=(1.0, 1.0), single_class_batches=64),
    ],
    "one class against the rest of a queue": [
        loss_facts(target_min=0.0, target_max=0.0, input_shape=(32, 257)),
        model_facts(outputs=64),
        *windows(2, labels=(640, 0), recall=(1.0, 1.0), single_class_batches=64),
        EpochEnded(1, 128),
    ],
    "real and made ones apart": [
        loss_facts("binary_cross_entropy_with_logits", target_min=1.0, input_shape=(32, 1)),
        loss_facts(
            "binary_cross_entropy_with_logits", site="loss-2", target_max=0.0, input_shape=(32, 1)
        ),
        model_facts(outputs=1),
        *windows(2, labels=(0, 640), recall=(1.0, 1.0), single_class_batches=64),
        *windows(2, site="loss-2", labels=(640, 0), recall=(1.0, 1.0), single_class_batches=64),
        EpochEnded(1, 128),
    ],
    "a generator before a frozen judge": [
        loss_facts("binary_cross_entropy_with_logits", target_min=1.0, input_shape=(32, 1)),
        model_facts(outputs=1, layers=(NEW_BODY[0], replace(NEW_HEAD[1], units=1))),
        *windows(2, labels=(0, 640), recall=(1.0, 1.0), single_class_batches=64),
        EpochEnded(1, 128),
    ],
    "regression": [loss_facts("mse", task="regression", classes=0, target_max=17.0)],
}


@pytest.mark.parametrize("case", SILENT)
def test_what_is_well_stays_silent(case: str) -> None:
    assert diagnoses(history_of(*SILENT[case])) == {}


@pytest.mark.parametrize(
    ("framework", "words"),
    [
        ("torch 2.13.0", "binary_cross_entropy_with_logits"),
        ("keras 3.15.1, tensorflow 2.21.0", "binary_crossentropy on logits"),
        ("torch 2.13.0, tensorflow 2.21.0", "binary_cross_entropy_with_logits"),
    ],
)
def test_a_loss_is_called_what_its_users_call_it(framework: str, words: str) -> None:
    started = RunStarted("run", 0.0, framework, 1, None)
    facts = loss_facts("binary_cross_entropy_with_logits", activations=("sigmoid",))
    found = diagnoses(history_of(started, facts))["double-activation"]
    assert found.evidence[0].text == f"{words} <- sigmoid <- last layer"


def test_keras_needs_no_loss_on_logits_against_an_overflow() -> None:
    records = [
        loss_facts("binary_cross_entropy", activations=("sigmoid",)),
        optimizer_facts(1.0),
        NonFinite("loss", 3, "logits", "", "nan"),
    ]
    in_torch = diagnoses(history_of(*records))["non-finite"]
    started = RunStarted("run", 0.0, "keras 3.15.1", 1, None)
    in_keras = diagnoses(history_of(started, *records))["non-finite"]
    assert in_torch.remedy is not None and in_torch.remedy.kind == "use-logits-loss"
    assert in_keras.remedy is not None and in_keras.remedy.kind == "scale-learning-rate"

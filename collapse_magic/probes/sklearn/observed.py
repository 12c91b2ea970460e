"""Sites and models of the run, and the records that a fitted classifier is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...records import LossFacts, LossValues, ModelFacts, Record
from .calls import Call
from .classes import classifier_in, loss_name, losses, scalers, weighs_classes
from .looking import Array
from .sample import Sample, input_facts

_MOST_CLASSES = 1000  # with more, "class" is hardly the word
_MOST_NAME = 40


class Sites:
    """Names of the places where classifiers are trained: "LogisticRegression", "...-2"."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, Any, str], str] = {}

    def name(self, kind: str, call: Call) -> str:
        key = (kind, call.place, call.method)
        if key not in self._names:
            number = 1 + sum(known == kind for known, _, _ in self._names)
            self._names[key] = kind if number == 1 else f"{kind}-{number}"
        return self._names[key]


def model_name(estimator: Any, variables: Mapping[str, Any]) -> str:
    """The user's variable, or the name of the class where none holds the estimator (yet)."""
    for name, value in list(variables.items()):
        if value is estimator and not name.startswith("_"):
            return name
    return type(estimator).__name__


def classes_of(estimator: Any) -> Array | None:
    """(K,) labels that a fitted estimator knows, sorted; None where it does not say."""
    found = getattr(estimator, "classes_", None)
    if found is None or isinstance(found, list):  # a list of arrays: several outputs
        return None
    classes = np.asarray(found)
    if classes.ndim != 1 or not 1 <= len(classes) <= _MOST_CLASSES:
        return None
    return classes if bool((np.sort(classes) == classes).all()) else None


def class_names(classes: Array) -> tuple[str, ...]:
    """How the classes are to be called; () where they are numbered from 0 anyway."""
    if classes.dtype.kind in "iufb":
        numbers = [float(value) for value in classes]
        if numbers == list(range(len(classes))):
            return ()
        return tuple(f"class {value:g}" for value in numbers)
    return tuple(str(value)[:_MOST_NAME] for value in classes)


def facts(call: Call, site: str, model: str, step: int, classes: Array | None) -> list[Record]:
    """What does not change from step to step."""
    estimator, sample = call.estimator, call.sample
    classifier = classifier_in(estimator)
    several = sample is not None and sample.labels.ndim == 2
    count = 0 if classes is None else len(classes)
    low = 0.0 if count else float("nan")
    cell, line = call.place or (None, None)
    steps = getattr(estimator, "steps", ())  # of a pipeline
    first = type(steps[0][1]).__name__ if steps else type(classifier).__name__
    found: list[Record] = [
        ModelFacts(
            model=model,
            kind=type(estimator).__name__,
            layers=(),
            activations=(),
            normalizations=scalers(estimator),
            dropouts=(),
            outputs=count,
        ),
        LossFacts(
            site=site,
            step=step,
            loss=loss_name(classifier),
            task="multilabel" if several else _task(count),
            classes=count,
            activations=(),
            input_shape=() if sample is None else sample.shape,
            target_shape=() if sample is None else sample.target_shape,
            target_kind="index" if count else "unknown",
            target_min=low,
            target_max=float(count - 1) if count else low,
            broadcast=False,
            weighted=call.weighted or weighs_classes(estimator),
            model=model,
            cell=cell,
            line=line,
            class_names=() if classes is None else class_names(classes),
        ),
    ]
    scales = None if sample is None else input_facts(sample, model, first, step)
    return found if scales is None else [*found, scales]


def _task(classes: int) -> Any:
    if classes == 0:
        return "unknown"
    return "binary" if classes <= 2 else "multiclass"


def loss_values(call: Call, site: str, first: int, last: int) -> LossValues | None:
    """The estimator's own loss, one value for each round of this call."""
    values = losses(classifier_in(call.estimator))[call.losses :]
    steps = range(first, last + 1)
    if not values or len(values) != len(steps):
        return None
    return LossValues(site, tuple(steps), tuple(values))


def one_label(sample: Sample | None) -> str | None:
    """The label of all rows, where there is only one."""
    if sample is None or sample.labels.ndim != 1:
        return None
    first = sample.labels[0]
    return str(first) if bool((sample.labels == first).all()) else None

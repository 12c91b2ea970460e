"""Asks a fitted estimator for its predictions, and leaves no trace of having asked.

What is asked is a twin: another object with the same fitted parts. What its methods set stays with
the twin. Warnings and prints of ours are not shown, and random numbers are given back.
"""

from __future__ import annotations

import io
import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .classes import classifier_in, is_estimator, is_lazy, parts
from .sample import LEAST_ROWS, Sample

Array = NDArray[Any]

_FIRST_ROWS = 64
_FIRST_ROWS_OF_LAZY = 16
# Values of the training data that a lazy classifier may go through for each row asked about.
_MOST_LAZY_VALUES = 2**22
# The next part is so many times as large. It takes less than so many times as long: for a few rows
# most of the time is what a call takes anyway. A lazy one's time is that of its rows.
_GROWTH = 16
_LONGER, _LONGER_OF_LAZY = 4, 16
# Their `predict` names the class of the highest probability, or of the highest score.
_BY_HIGHEST = (
    "sklearn.linear_model",
    "sklearn.ensemble",
    "sklearn.tree",
    "sklearn.naive_bayes",
    "sklearn.neural_network",
    "sklearn.discriminant_analysis",
)
_LEAST_PROBABILITY = 1e-7  # about float32's resolution next to 1
_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Outputs:
    """Answers for the first n rows of a sample."""

    predicted: Array  # (n,) indices of classes
    scores: Array  # (n, K): log-probabilities, margins, or 0 and 1 where only classes are told
    probabilities: bool  # whether they are the logarithms of probabilities


def ask(
    estimator: Any,
    sample: Sample,
    classes: Array,
    allowed_seconds: float,
    clock: Callable[[], float],
) -> Outputs | None:
    """Predictions of as many rows as fit into the time; None where these are too few.

    Raises what the estimator's methods raise.
    """
    lazy = is_lazy(estimator)
    if lazy and np.prod(sample.shape) > _MOST_LAZY_VALUES:
        return None
    began = clock()
    found: list[Outputs] = []
    longer = _LONGER_OF_LAZY if lazy else _LONGER
    at, size = 0, _FIRST_ROWS_OF_LAZY if lazy else _FIRST_ROWS
    with _unnoticed(estimator) as twin:
        while at < len(sample.labels):
            before = clock()
            found.append(_outputs(twin, sample.part(at, at + size), classes))
            at += size
            now = clock()
            if (now - before) * longer > allowed_seconds - (now - began):
                break
            size *= _GROWTH
    if sum(len(part.predicted) for part in found) < min(LEAST_ROWS, len(sample.labels)):
        return None
    return Outputs(
        np.concatenate([part.predicted for part in found]),
        np.concatenate([part.scores for part in found]),
        found[0].probabilities,
    )


def _outputs(estimator: Any, rows: Any, classes: Array) -> Outputs:
    probabilities = False
    scores: Array | None = None
    with np.errstate(all="ignore"):
        if hasattr(estimator, "predict_proba"):
            scores = np.asarray(estimator.predict_proba(rows), dtype=np.float64)
            if scores.ndim == 2 and scores.shape[1] == len(classes):
                scores = np.log(np.clip(scores, _LEAST_PROBABILITY, None))
                probabilities = True
            else:
                scores = None
        elif hasattr(estimator, "decision_function"):
            scores = np.asarray(estimator.decision_function(rows), dtype=np.float64)
            if scores.ndim == 1 and len(classes) == 2:
                scores = np.stack([np.zeros_like(scores), scores], axis=1)
            elif scores.ndim != 2 or scores.shape[1] != len(classes):
                scores = None
        if scores is not None and _names_the_highest(estimator):
            return Outputs(scores.argmax(axis=1), scores, probabilities)
        predicted = indices(np.asarray(estimator.predict(rows)), classes)
        if scores is None:
            scores = np.zeros((len(predicted), len(classes)))
            scores[np.arange(len(predicted)), predicted] = 1.0
    return Outputs(predicted, scores, probabilities)


def _names_the_highest(estimator: Any) -> bool:
    classifier = classifier_in(estimator)
    return type(classifier).__module__.startswith(_BY_HIGHEST)


def indices(values: Array, classes: Array) -> Array:
    """(n,) places of the values among the classes, which are sorted.

    Raises ValueError where one is none of them.
    """
    values = values.reshape(-1)
    places = np.searchsorted(classes, values).clip(0, len(classes) - 1)
    if not bool((classes[places] == values).all()):
        raise ValueError("a label that is none of the classes")
    return places.astype(np.int64)


# -- leaving no trace ------------------------------------------------------------------------------


@contextmanager
def _unnoticed(estimator: Any) -> Iterator[Any]:
    with ExitStack() as stack:
        stack.enter_context(_silent_warnings())
        if not all(_is_known(part) for part in parts(estimator)):
            stack.enter_context(_silent_prints())
            stack.enter_context(_random_state_kept(estimator))
        yield _twin(estimator)


def _is_known(part: Any) -> bool:
    """scikit-learn's own classes print nothing and draw nothing when asked, but one."""
    module = type(part).__module__
    return module.startswith("sklearn.") and not module.startswith("sklearn.dummy")


def _twin(value: Any, depth: int = _DEPTH) -> Any:
    """Another object of the same class with the same attributes, its parts twins likewise."""
    if not hasattr(value, "__dict__"):
        return value
    twin = object.__new__(type(value))
    state = dict(vars(value))
    if "verbose" in state:
        state["verbose"] = 0
    for name, held in state.items():
        if depth and is_estimator(held):
            state[name] = _twin(held, depth - 1)
        elif depth and isinstance(held, list) and any(map(_holds_estimator, held)):
            state[name] = [_twin_of_item(item, depth - 1) for item in held]
    twin.__dict__.update(state)
    return twin


def _holds_estimator(item: Any) -> bool:
    return is_estimator(item) or (isinstance(item, tuple) and any(map(is_estimator, item)))


def _twin_of_item(item: Any, depth: int) -> Any:
    if is_estimator(item):
        return _twin(item, depth)
    if isinstance(item, tuple):
        return tuple(_twin(each, depth) if is_estimator(each) else each for each in item)
    return item


class _OwnThread:
    """Matches any text, in the thread that made it."""

    pattern = ""  # where a filter is copied for a helper of that thread

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def match(self, _text: str) -> bool:
        return threading.get_ident() == self._thread


@contextmanager
def _silent_warnings() -> Iterator[None]:
    """No warning of this thread is shown, and none is noted as shown.

    `warnings.catch_warnings` would forget which ones have been shown, so that they came again, and
    would act on all threads.
    """
    filters: Any = getattr(warnings, "_get_filters", lambda: warnings.filters)()
    ignored = ("ignore", _OwnThread(), Warning, None, 0)
    filters.insert(0, ignored)
    try:
        yield
    finally:
        filters.remove(ignored)


class _Hush(io.TextIOBase):
    """Swallows what one thread prints; what others print goes on its way."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._thread = threading.get_ident()

    def write(self, text: str) -> int:
        if threading.get_ident() != self._thread:
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


@contextmanager
def _silent_prints() -> Iterator[None]:
    before, ours = sys.stdout, None
    if before is not None:
        ours = sys.stdout = _Hush(before)
    try:
        yield
    finally:
        if sys.stdout is ours:
            sys.stdout = before


@contextmanager
def _random_state_kept(estimator: Any) -> Iterator[None]:
    """The global generators, and those that the estimator holds, stand as before."""
    held = [getattr(part, "random_state", None) for part in parts(estimator)]
    states = [(each, each.get_state()) for each in held if isinstance(each, np.random.RandomState)]
    newer = [
        (each, each.bit_generator.state) for each in held if isinstance(each, np.random.Generator)
    ]
    whole, python = np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(whole)
        for each, state in states:
            each.set_state(state)
        for generator, kept in newer:
            generator.bit_generator.state = kept

"""Why a loss call raised, read from what it was given rather than from the exception's words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import Enum, auto

from ..history import History
from ..records import LossRaised

# Keras' sparse loss takes labels (N,) and (N, 1) of any type, TensorFlow's op whole numbers only.
SPARSE = "sparse_categorical_crossentropy"
SPARSE_OP = "sparse_softmax_cross_entropy_with_logits"
TAKES_INDICES = ("cross_entropy", "nll", SPARSE, SPARSE_OP)
TAKES_COLUMNS = ("categorical_crossentropy",)
TAKES_PROBABILITIES = ("binary_cross_entropy", "categorical_crossentropy", SPARSE)
INDEX_TYPES = {SPARSE: ("int", "float", "bool"), SPARSE_OP: ("int32", "int64")}
TORCH_INDEX_TYPES = ("int64", "uint8")
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")


class Problem(Enum):
    """What is wrong with the arguments of a loss call; at most one is named."""

    NON_FINITE = auto()
    SHAPE = auto()
    ENCODING = auto()
    LABEL_RANGE = auto()
    RAW_OUTPUT = auto()


def raised_problems(history: History, problem: Problem) -> Iterator[LossRaised]:
    """The latest loss call that raised, where it raised for this reason."""
    if history.raised() and problem_of(record := history.raised()[-1]) is problem:
        yield record


def problem_of(record: LossRaised) -> Problem | None:
    if math.isnan(record.input_min) and math.isnan(record.input_max) and _numbers(record):
        return Problem.NON_FINITE
    if record.loss in TAKES_INDICES:
        return _problem_of_indices(record)
    if record.loss in TAKES_COLUMNS:
        return _problem_of_columns(record)
    if record.input_shape != record.target_shape:
        if record.loss in BINARY and _names_classes(record):
            return Problem.ENCODING
        return Problem.SHAPE
    known = math.isfinite(record.input_min) or math.isfinite(record.input_max)
    outside = record.input_min < 0 or record.input_max > 1
    if record.loss in TAKES_PROBABILITIES and known and outside:
        return Problem.RAW_OUTPUT
    known = math.isfinite(record.target_min) or math.isfinite(record.target_max)
    if record.loss in BINARY and known and (record.target_min < 0 or record.target_max > 1):
        return Problem.LABEL_RANGE
    if record.target_dtype != record.input_dtype:
        return Problem.ENCODING
    return None


def _problem_of_indices(record: LossRaised) -> Problem | None:
    shapes = record.input_shape, record.target_shape
    classes = shapes[0][1] if len(shapes[0]) > 1 else 0
    if shapes[0] == shapes[1]:
        # For torch class probabilities: these have to be floating point. For a sparse loss one-hot
        # rows, which it does not read.
        sparse = record.loss in (SPARSE, SPARSE_OP)
        return Problem.ENCODING if sparse or "float" not in record.target_dtype else None
    if record.loss == SPARSE and shapes[1][1:] == (1,):
        shapes = shapes[0], shapes[1][:1]
    if len(shapes[0]) > 1 and (shapes[0][0], *shapes[0][2:]) != shapes[1]:
        return Problem.SHAPE
    types = INDEX_TYPES.get(record.loss, TORCH_INDEX_TYPES)
    if not any(name in record.target_dtype for name in types):
        return Problem.ENCODING
    known = math.isfinite(record.target_min) or math.isfinite(record.target_max)
    if not known:
        return None
    if record.target_min < 0 or (classes and record.target_max >= classes):
        return Problem.LABEL_RANGE
    return None


def _problem_of_columns(record: LossRaised) -> Problem | None:
    """A loss over classes that wants a column per class, as the outputs have."""
    outputs, targets = record.input_shape, record.target_shape
    if outputs == targets or len(outputs) < 2:
        return None
    if targets in (outputs[:-1], (*outputs[:-1], 1)):
        return Problem.ENCODING
    return Problem.LABEL_RANGE if targets[:-1] == outputs[:-1] else Problem.SHAPE


def _numbers(record: LossRaised) -> bool:
    return 0 not in record.input_shape and "float" in record.input_dtype


def _names_classes(record: LossRaised) -> bool:
    """One index per sample where the loss wants a column per class."""
    return (
        len(record.input_shape) == 2
        and record.input_shape[1] > 1
        and record.target_shape in (record.input_shape[:1], (record.input_shape[0], 1))
    )


# The "loss" of a record that tells of the call which sends a loss backward.
BACKWARD = "backward"


def raised_at_backward(history: History) -> LossRaised | None:
    """The call that sends the loss backward, where it found no way from the loss to any weight."""
    raised = history.raised()
    return raised[-1] if raised and raised[-1].loss == BACKWARD else None

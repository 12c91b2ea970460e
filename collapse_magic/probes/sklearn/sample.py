"""Some rows of what a classifier is given, copied before it may change them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records import InputFacts
from ..input_scales import Entered, stride_of

Array = NDArray[Any]

# A class of which there is one in 500 is then still met some thirty times.
MOST_ROWS = 2**14
MOST_BYTES = 2**23
# Of text and the like nobody knows the size; a short paragraph.
_UNKNOWN_BYTES = 1000
# Fewer say nothing about shares.
LEAST_ROWS = 16
# Rows for the scales of the features.
_SCALE_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows (n of `given`) and their labels: (n,), or (n, L) where a row has several."""

    rows: Any
    labels: Array
    shape: tuple[int, ...]  # of all rows, as the user gave them
    target_shape: tuple[int, ...]

    def part(self, start: int, stop: int) -> Any:
        if isinstance(self.rows, (np.ndarray, list)):
            return self.rows[start:stop]
        return _rows(self.rows, np.arange(start, min(stop, len(self.labels))))


def take(
    X: Any, y: Any, most: int, random: np.random.Generator, least: int = LEAST_ROWS
) -> Sample | None:
    """At most so many rows, drawn evenly from all; None where there would be fewer than ``least``.

    The generator is our own. The rows are copies: a scaler may work in place.
    """
    count = _length(X)
    if y is None or count != _length(y):
        return None
    most = min(most, MOST_BYTES // max(_row_bytes(X, count), 1))
    if min(most, count) < least:
        return None
    places = np.arange(count)
    if count > most:
        places = np.unique(random.integers(0, count, most))
    labels = np.asarray(_rows(y, places))
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels.reshape(-1)
    if labels.ndim not in (1, 2):
        return None
    return Sample(_rows(X, places), labels, _shape(X, count), _shape(y, count))


def _rows(values: Any, places: Array) -> Any:
    if type(values) is np.ndarray:
        return values[places]
    return sys.modules["sklearn.utils"]._safe_indexing(values, places)


def _length(values: Any) -> int:
    shape = getattr(values, "shape", None)
    return int(shape[0]) if shape else len(values)


def _shape(values: Any, count: int) -> tuple[int, ...]:
    shape = getattr(values, "shape", None)
    if shape:
        return tuple(int(size) for size in shape)
    first = values[0] if isinstance(values, (list, tuple)) else None
    return (count, len(first)) if isinstance(first, (list, tuple)) else (count,)


def _row_bytes(X: Any, count: int) -> int:
    size = getattr(X, "nbytes", None)
    if size is None and hasattr(X, "data") and hasattr(X, "indptr"):  # sparse, by rows
        size = 2 * X.data.nbytes
    if size is None and len(getattr(X, "shape", ())) == 2:  # a table
        size = 8 * X.shape[0] * X.shape[1]
    return _UNKNOWN_BYTES if size is None else int(size) // max(count, 1)


def input_facts(sample: Sample, model: str, layer: str, step: int) -> InputFacts | None:
    """The scale of each feature; None where the rows are no table of numbers."""
    rows = _numbers(sample.part(0, _SCALE_ROWS))
    if rows is None:
        return None
    entered = Entered(model, layer, "features", sample.shape, rows.shape[1])
    kept = rows[:, :: stride_of(entered.features)].astype(np.float64)
    return entered.facts(step, kept[np.isfinite(kept).all(axis=1)])


def _numbers(rows: Any) -> Array | None:
    """Rows as an array (n, features), where they are dense numbers."""
    if hasattr(rows, "indptr"):
        return None
    if hasattr(rows, "dtypes"):  # a table; one column of text makes it none
        rows = rows.to_numpy()
    found = np.asarray(rows)
    if found.ndim != 2 or not found.shape[1] or found.dtype.kind not in "fiub":
        return None
    return found

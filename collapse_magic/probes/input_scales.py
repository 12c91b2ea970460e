"""What a model is given, as a record: the scale of each feature, in plain NumPy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..records import InputFacts, InputKind

MOST_FEATURES = 1024  # of more, evenly spaced ones are looked at
ENOUGH_ROWS = 256  # for a deviation; small batches are gathered until there are so many
_MOST_KEPT = 2**16  # scalars of all batches that are kept
_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
# Spread of a feature, relative to its largest value, below which it is constant.
_CONSTANT = 1e-6

Array = NDArray[np.float64]


def stride_of(features: int) -> int:
    """Of so many features one is looked at."""
    return -(-features // MOST_FEATURES)


@dataclass(frozen=True, slots=True)
class Entered:
    """Where inputs enter: the model, its layer, and the shape of what comes in at once.

    ``features``: columns, or channels, of which `stride_of` so many are looked at.
    """

    model: str
    layer: str
    kind: InputKind
    shape: tuple[int, ...]
    features: int

    def facts(self, step: int, rows: Array) -> InputFacts | None:
        """The scales of features in ``rows`` (n, features that are looked at), which are finite;
        None of a single row, which has no deviation."""
        if len(rows) < 2:
            return None
        stride = stride_of(self.features)
        deviation = rows.std(axis=0, ddof=1)
        varies = deviation > _CONSTANT * np.abs(rows).max(axis=0)
        narrowest = int(np.where(varies, deviation, np.inf).argmin()) if varies.any() else -1
        widest = int(np.where(varies, deviation, -1.0).argmax()) if varies.any() else -1
        return InputFacts(
            model=self.model,
            step=step,
            layer=self.layer,
            kind=self.kind,
            shape=self.shape,
            values=rows.size,
            minimum=float(rows.min()),
            maximum=float(rows.max()),
            p99=_p99(rows),
            zero_share=float(np.mean(rows == 0)),
            features=self.features,
            feature_std=tuple(_quantiles(deviation, _QUANTILES)),
            constant_features=int((~varies).sum()),
            narrowest=narrowest * stride if narrowest >= 0 else -1,
            widest=widest * stride if widest >= 0 else -1,
            narrowest_p99=_p99(rows[:, narrowest]) if narrowest >= 0 else math.nan,
            widest_p99=_p99(rows[:, widest]) if widest >= 0 else math.nan,
            padding_share=float(np.mean(~rows.any(axis=1))),
        )

    def facts_of_integers(
        self, step: int, values: NDArray[np.int_], *, masked: bool = False
    ) -> InputFacts:
        """Tokens have no scale: only their range is told, and how many of them are one and the
        same, unless the layer masks these."""
        most = int(np.unique(values, return_counts=True)[1].max())
        return InputFacts(
            model=self.model,
            step=step,
            layer=self.layer,
            kind="integers",
            shape=self.shape,
            values=values.size,
            minimum=float(values.min()),
            maximum=float(values.max()),
            p99=_p99(values),
            zero_share=float(np.mean(values == 0)),
            features=0,
            feature_std=(math.nan,) * len(_QUANTILES),
            constant_features=0,
            narrowest=-1,
            widest=-1,
            narrowest_p99=math.nan,
            widest_p99=math.nan,
            padding_share=math.nan if masked else most / values.size,
        )


class KeptRows:
    """Rows of the latest batches: a small batch alone tells no deviation."""

    def __init__(self) -> None:
        self._batches: list[Array] = []

    @property
    def enough(self) -> bool:
        return sum(map(len, self._batches)) >= ENOUGH_ROWS

    def add(self, rows: NDArray[np.floating]) -> None:
        """Keep the finite ones of these rows (n, features); those of another width go."""
        kept = rows[np.isfinite(rows).all(axis=1)].astype(np.float64)
        if self._batches and self._batches[0].shape[1] != kept.shape[1]:
            self._batches = []
        self._batches.append(kept)
        while len(self._batches) > 1 and sum(map(np.size, self._batches)) > _MOST_KEPT:
            del self._batches[0]

    def together(self) -> Array:
        return np.concatenate(self._batches)


def _p99(values: NDArray[np.number]) -> float:
    return next(_quantiles(np.abs(values), (0.99,)))


def _quantiles(values: NDArray[np.number], shares: tuple[float, ...]) -> Iterator[float]:
    """As `np.quantile` gives them, which takes ten times as long for a few hundred values."""
    flat = values.astype(np.float64).ravel()
    places = [share * (flat.size - 1) for share in shares]
    flat.partition(sorted({end for at in places for end in (int(at), math.ceil(at))}))
    for at in places:
        low, high = flat[int(at)], flat[math.ceil(at)]
        yield float(low + (high - low) * (at - int(at)))

"""What enters a model: the scale of each feature, taken from the input that a first layer saved."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records import InputFacts
from .saved import saved
from .survey import Spot

_MOST_TAKEN = 2**13  # scalars of one batch
_MOST_KEPT = 2**16  # scalars of all batches that are kept
_FIRST_LOOKS = 3
_ENOUGH_ROWS = 256  # for a deviation; small batches are gathered until there are so many
_MOST_FEATURES = 1024  # of more, evenly spaced ones are looked at
_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
# Spread of a feature, relative to its largest value, below which it is constant.
_CONSTANT = 1e-6

_BY_CHANNEL = ("ConvolutionBackward0", "NativeBatchNormBackward0", "CudnnBatchNormBackward0")

Array = NDArray[Any]


class Input:
    """The input of one layer; some rows of the latest batches are kept."""

    def __init__(self, model: str, layer: str) -> None:
        self._model = model
        self._layer = layer
        self._batches: list[Array] = []
        self._stride = 1  # between the features that are looked at
        self._looks = 0
        self._tell_at = 1
        self._enough = False

    def take(
        self, node: Any, spot: Spot
    ) -> tuple[list[Any], Callable[[int, list[Array]], InputFacts | None]] | None:
        """Values to be fetched, and what makes a record of (step, the values); None if not due.

        What a model is given seldom changes: it is told of at the first look, with the rows of the
        first three, and then, once there are enough, at ever longer intervals.
        """
        self._looks += 1
        due = self._looks >= self._tell_at
        if not due and self._enough:
            return None
        tensor = saved(node, spot.saves)
        if tensor is None or tensor.numel() == 0 or tensor.is_complex():
            return None
        if due:
            self._tell_at = max(2 * self._looks, _FIRST_LOOKS)
        tensor = tensor.detach()
        shape = tuple(tensor.shape)
        if not tensor.is_floating_point():
            self._enough = True
            step = -(-tensor.numel() // _MOST_TAKEN)
            values = tensor.reshape(-1)[::step].clone()
            return [values], lambda step, arrays: self._integers(step, shape, arrays[0])
        by_channel = tensor.dim() > 3 or (tensor.dim() == 3 and spot.node in _BY_CHANNEL)
        rows = self._rows(tensor, by_channel)
        return [rows], lambda step, arrays: self._features(step, shape, arrays[0], by_channel, due)

    def _rows(self, tensor: Any, by_channel: bool) -> Any:
        """Some samples (pixels, tokens) as rows, features (channels) as columns; a copy."""
        if tensor.dim() < 2:
            tensor = tensor.reshape(-1, 1)
        if by_channel:
            tensor = tensor.movedim(1, -1)
        features = tensor.shape[-1]
        self._stride = -(-features // _MOST_FEATURES)
        tensor = tensor[..., :: self._stride]
        for dimension in range(tensor.dim() - 1):
            step = min(-(-tensor.numel() // _MOST_TAKEN), tensor.shape[dimension])
            tensor = tensor[(slice(None),) * dimension + (slice(None, None, max(step, 1)),)]
        return tensor.reshape(-1, tensor.shape[-1]).float().clone()

    def _integers(self, step: int, shape: tuple[int, ...], values: Array) -> InputFacts:
        none = (float("nan"),) * len(_QUANTILES)
        return InputFacts(
            model=self._model,
            step=step,
            layer=self._layer,
            kind="integers",
            shape=shape,
            values=values.size,
            minimum=float(values.min()),
            maximum=float(values.max()),
            p99=_p99(values),
            zero_share=float(np.mean(values == 0)),
            features=0,
            feature_std=none,
            constant_features=0,
            narrowest=-1,
            widest=-1,
            narrowest_p99=none[0],
            widest_p99=none[0],
        )

    def _features(
        self, step: int, shape: tuple[int, ...], rows: Array, by_channel: bool, due: bool
    ) -> InputFacts | None:
        rows = rows[np.isfinite(rows).all(axis=1)].astype(np.float64)
        if self._batches and self._batches[0].shape[1] != rows.shape[1]:
            self._batches = []
        self._batches.append(rows)
        while len(self._batches) > 1 and sum(map(np.size, self._batches)) > _MOST_KEPT:
            del self._batches[0]
        count = sum(map(len, self._batches))
        self._enough = count >= _ENOUGH_ROWS
        if not due or count < 2:  # a single row has no deviation
            return None
        kept = np.concatenate(self._batches)
        deviation = kept.std(axis=0, ddof=1)
        varies = deviation > _CONSTANT * np.abs(kept).max(axis=0)
        narrowest = int(np.where(varies, deviation, np.inf).argmin()) if varies.any() else -1
        widest = int(np.where(varies, deviation, -1.0).argmax()) if varies.any() else -1
        return InputFacts(
            model=self._model,
            step=step,
            layer=self._layer,
            kind="channels" if by_channel else "features",
            shape=shape,
            values=kept.size,
            minimum=float(kept.min()),
            maximum=float(kept.max()),
            p99=_p99(kept),
            zero_share=float(np.mean(kept == 0)),
            features=shape[1] if by_channel else (shape[-1] if len(shape) > 1 else 1),
            feature_std=_quantiles(deviation, _QUANTILES),
            constant_features=int((~varies).sum()),
            narrowest=narrowest * self._stride if narrowest >= 0 else -1,
            widest=widest * self._stride if widest >= 0 else -1,
            narrowest_p99=_p99(kept[:, narrowest]) if narrowest >= 0 else float("nan"),
            widest_p99=_p99(kept[:, widest]) if widest >= 0 else float("nan"),
        )


def _p99(values: Array) -> float:
    return _quantiles(np.abs(values), (0.99,))[0]


def _quantiles(values: Array, shares: tuple[float, ...]) -> tuple[float, ...]:
    """As `np.quantile` gives them, which takes ten times as long for a few hundred values."""
    flat = values.astype(np.float64).ravel()
    found = []
    places = [share * (flat.size - 1) for share in shares]
    flat.partition(sorted({end for at in places for end in (int(at), math.ceil(at))}))
    for at in places:
        low, high = flat[int(at)], flat[math.ceil(at)]
        found.append(float(low + (high - low) * (at - int(at))))
    return tuple(found)

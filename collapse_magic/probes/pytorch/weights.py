"""The weights that layers begin with: of all layers together one sample is taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records import Start
from .sharded import local

# Of every layer's weights so many are looked at, as rows (units) and columns: enough for the
# deviation to be right within a few percent.
_MOST_ROWS = 32
_MOST_COLUMNS = 32
# Spread, relative to the largest value, below which all weights of a layer are the same.
_CONSTANT = 1e-6

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class InitialWeights:
    mean: float = math.nan
    deviation: float = math.nan
    start: Start = "unknown"
    identical_rows: bool = False


UNKNOWN = InitialWeights()


def initial_weights(tensors: list[Any], torch: Any) -> list[InitialWeights]:
    """What each of the tensors (or of their samples) holds; of those on a device nothing."""
    found = [UNKNOWN] * len(tensors)
    blocks: list[Any] = []
    places: list[int] = []
    for place, tensor in enumerate(map(local, tensors)):
        if on_host(tensor) and not unready(tensor) and tensor.is_floating_point():
            block = _block(tensor.detach())
            if block.numel() > 1:
                blocks.append(block)
                places.append(place)
    if not blocks:
        return found
    with torch.no_grad():
        values = torch.cat([block.reshape(-1) for block in blocks]).double().numpy()
    lengths = [block.numel() for block in blocks]
    starts = np.cumsum([0, *lengths[:-1]])
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    mean = np.add.reduceat(values, starts) / lengths
    away = values - np.repeat(mean, lengths)
    variance = np.add.reduceat(away * away, starts) / (np.array(lengths) - 1)
    several = zip(low.tolist(), high.tolist(), mean.tolist(), variance.tolist(), strict=True)
    for order, (least, most, middle, spread) in enumerate(several):
        if most - least <= _CONSTANT * max(abs(least), abs(most)):
            start: Start = "zero" if most == least == 0 else "constant"
            found[places[order]] = InitialWeights(middle, 0.0, start)
        else:
            begin = starts[order]
            alike = _rows_alike(values[begin : begin + lengths[order]], blocks[order].shape[0])
            found[places[order]] = InitialWeights(middle, math.sqrt(spread), "random", alike)
    return found


def _rows_alike(values: Array, rows: int) -> bool:
    columns = len(values) // rows
    if rows < 2 or columns < 2 or values[0] != values[columns]:
        return False
    block = values.reshape(rows, columns)
    return bool((block[1:] == block[0]).all())


def _block(weight: Any) -> Any:
    """Evenly spaced units and, of each, evenly spaced weights: a view, but for convolutions."""
    if weight.dim() < 2:
        weight = weight.reshape(-1)
        size, most = weight.numel(), _MOST_ROWS * _MOST_COLUMNS
        return weight if size <= most else weight[:: -(-size // most)]
    rows = weight.shape[0]
    if rows > _MOST_ROWS:
        weight = weight[:: -(-rows // _MOST_ROWS)]
    if weight.dim() > 2:
        weight = weight.flatten(1)
    if weight.shape[1] > _MOST_COLUMNS:
        weight = weight[:, :: -(-weight.shape[1] // _MOST_COLUMNS)]
    return weight


def on_host(tensor: Any) -> bool:
    return bool(tensor.is_cpu)


def a_sample(tensor: Any) -> Any:
    """As much of a tensor as `initial_weights` looks at, wherever it is."""
    return tensor if unready(tensor) else _block(local(tensor).detach())


def unready(parameter: Any) -> bool:
    """Whether a lazy module has not made this parameter yet."""
    return type(parameter).__name__ == "UninitializedParameter"

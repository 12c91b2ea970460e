"""The weights that layers begin with: of all layers together one sample is taken."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..initial_weights import UNKNOWN, InitialWeights, flat
from .sharded import local

# Of every layer's weights so many are looked at, as rows (units) and columns: enough for the
# deviation to be right within a few percent.
_MOST_ROWS = 32
_MOST_COLUMNS = 32

Array = NDArray[Any]


def initial_weights(tensors: list[Any], torch: Any) -> list[InitialWeights]:
    """What each of the tensors (or of their samples) holds; of those on a device nothing."""
    found = [UNKNOWN] * len(tensors)
    blocks: list[Any] = []
    places: list[int] = []
    lengths: list[int] = []
    with torch.no_grad():  # so that nothing has to be detached, which takes as long as the rest
        for place, tensor in enumerate(map(local, tensors)):
            if tensor.is_cpu and not unready(tensor) and tensor.is_floating_point():
                block = _block(tensor)
                length = block.numel()
                if length > 1:
                    blocks.append(block)
                    places.append(place)
                    lengths.append(length)
        if not blocks:
            return found
        values = _joined(blocks, torch).double().numpy()
    starts = np.cumsum([0, *lengths[:-1]])
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    mean = np.add.reduceat(values, starts) / lengths
    away = values - np.repeat(mean, lengths)
    variance = np.add.reduceat(away * away, starts) / (np.array(lengths) - 1)
    rows = np.array([len(block) for block in blocks])
    columns = np.array(lengths) // rows
    # The first two rows begin alike: worth comparing all of them.
    close = (rows > 1) & (columns > 1)
    close &= values[starts] == values[starts + np.where(close, columns, 0)]
    several = zip(low.tolist(), high.tolist(), mean.tolist(), variance.tolist(), strict=True)
    for order, (least, most, middle, spread) in enumerate(several):
        known = flat(least, most, middle)
        if known is None:
            begin, identical = starts[order], False
            if close[order]:
                block = values[begin : begin + lengths[order]].reshape(rows[order], -1)
                identical = bool((block[1:] == block[0]).all())
            known = InitialWeights(middle, math.sqrt(spread), "random", identical)
        found[places[order]] = known
    return found


def _joined(blocks: list[Any], torch: Any) -> Any:
    """The values of all blocks end to end."""
    if all(block.dtype is torch.float32 for block in blocks):
        return torch._C._nn.flatten_dense_tensors(blocks)
    return torch.cat([block.reshape(-1) for block in blocks])


def _block(weight: Any) -> Any:
    """Evenly spaced units and, of each, evenly spaced weights: a view, but for convolutions."""
    shape = weight.shape
    if len(shape) < 2:
        weight = weight.reshape(-1)
        size, most = weight.numel(), _MOST_ROWS * _MOST_COLUMNS
        return weight if size <= most else weight[:: -(-size // most)]
    rows = shape[0]
    if rows <= _MOST_ROWS and len(shape) == 2 and shape[1] <= _MOST_COLUMNS:
        return weight
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

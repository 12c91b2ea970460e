"""The weights that layers begin with: of all layers together one sample is taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..initial_weights import UNKNOWN, InitialWeights, flat
from .sharded import local, ordinary

# Of every layer's weights so many are looked at, as rows (units) and columns: enough for the
# deviation to be right within a few percent.
_MOST_ROWS = 32
_MOST_COLUMNS = 32

# Spread relative to the range below which a layer's weights are worth asking whether they are all
# the same.
_NEARLY_CONSTANT = 1e-3

Array = NDArray[Any]


def initial_weights(tensors: list[Any], torch: Any) -> list[InitialWeights]:
    """What each of the tensors (or of their samples) holds; of those on a device nothing."""
    found = [UNKNOWN] * len(tensors)
    blocks: list[Any] = []
    places: list[int] = []
    samples: list[_Sample] = []
    known: dict[Any, _Sample] = {}  # a thousand layers are of a few shapes
    plain = ordinary(tensors)
    with torch.no_grad():  # so that nothing has to be detached, which takes as long as the rest
        for place, given in enumerate(tensors):
            tensor = given if plain else local(given)
            if not tensor.is_cpu or not tensor.is_floating_point():
                continue
            if not plain and unready(tensor):
                continue
            shape = tensor.shape
            sample = known.get(shape)
            if sample is None:
                sample = known[shape] = _Sample.of(shape)
            if sample.values > 1:
                blocks.append(tensor if sample.whole else sample.take(tensor))
                places.append(place)
                samples.append(sample)
        if not blocks:
            return found
        values = _joined(blocks, torch).double().numpy()
    lengths = np.array([sample.values for sample in samples])
    rows = np.array([sample.rows for sample in samples])
    starts = np.concatenate([[0], np.cumsum(lengths[:-1])])
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    mean = np.add.reduceat(values, starts) / lengths
    away = values - np.repeat(mean, lengths)
    spread = np.sqrt(np.add.reduceat(away * away, starts) / (lengths - 1))
    # The first two rows begin alike: worth comparing all of them.
    columns = lengths // rows
    close = (rows > 1) & (columns > 1)
    close &= values[starts] == values[starts + np.where(close, columns, 0)]
    for place, middle, deviation in zip(places, mean.tolist(), spread.tolist(), strict=True):
        found[place] = InitialWeights(middle, deviation, "random")
    with np.errstate(invalid="ignore"):
        narrow = high - low <= _NEARLY_CONSTANT * (np.abs(high) + np.abs(low))
    for order in np.flatnonzero(narrow).tolist():
        alike = flat(float(low[order]), float(high[order]), float(mean[order]))
        found[places[order]] = alike or found[places[order]]
    for order in np.flatnonzero(close).tolist():
        begin = starts[order]
        block = values[begin : begin + lengths[order]].reshape(rows[order], -1)
        if found[places[order]].start == "random" and (block[1:] == block[0]).all():
            found[places[order]] = found[places[order]]._replace(identical_rows=True)
    return found


def _joined(blocks: list[Any], torch: Any) -> Any:
    """The values of all blocks end to end."""
    if all(block.dtype is torch.float32 for block in blocks):
        return torch._C._nn.flatten_dense_tensors(blocks)
    return torch.cat([block.reshape(-1) for block in blocks])


class _Sample(NamedTuple):
    """What is taken of every weight of one shape: evenly spaced units and, of each, evenly spaced
    weights."""

    rows: int
    values: int
    row_step: int
    column_step: int
    deep: bool  # whether the weights of a unit stand in several dimensions
    whole: bool = False  # all of them are looked at

    @staticmethod
    def of(shape: Sequence[int]) -> _Sample:
        size = math.prod(shape)
        if len(shape) < 2:
            step = max(-(-size // (_MOST_ROWS * _MOST_COLUMNS)), 1)
            values = -(-size // step)
            return _Sample(values, values, step, 0, False, step == 1)
        columns = math.prod(shape[1:])
        row_step = max(-(-shape[0] // _MOST_ROWS), 1)
        column_step = max(-(-columns // _MOST_COLUMNS), 1)
        rows = -(-shape[0] // row_step)
        return _Sample(
            rows,
            rows * -(-columns // column_step),
            row_step,
            column_step,
            len(shape) > 2,
            row_step == column_step == 1,
        )

    def take(self, weight: Any) -> Any:
        """A view, but for convolutions."""
        if not self.column_step:
            weight = weight.reshape(-1)
        if self.row_step > 1:
            weight = weight[:: self.row_step]
        if self.deep:
            weight = weight.flatten(1)
        return weight[:, :: self.column_step] if self.column_step > 1 else weight


def on_host(tensor: Any) -> bool:
    return bool(tensor.is_cpu)


def a_sample(tensor: Any) -> Any:
    """As much of a tensor as `initial_weights` looks at, wherever it is."""
    if unready(tensor):
        return tensor
    part = local(tensor).detach()
    return _Sample.of(part.shape).take(part)


def unready(parameter: Any) -> bool:
    """Whether a lazy module has not made this parameter yet."""
    return type(parameter).__name__ == "UninitializedParameter"

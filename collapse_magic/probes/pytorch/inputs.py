"""What enters a model: the scale of each feature, taken from the input that a first layer saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from ...records import InputFacts, InputKind
from ..input_scales import Entered, KeptRows, stride_of
from .saved import saved
from .survey import Spot

_MOST_TAKEN = 2**13  # scalars of one batch
_FIRST_LOOKS = 3

_BY_CHANNEL = ("ConvolutionBackward0", "NativeBatchNormBackward0", "CudnnBatchNormBackward0")

Array = NDArray[Any]


class Input:
    """The input of one layer; some rows of the latest batches are kept."""

    def __init__(self, model: str, layer: str) -> None:
        self._model = model
        self._layer = layer
        self._kept = KeptRows()
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
            tokens = Entered(self._model, self._layer, "integers", shape, 0)
            return [values], lambda step, arrays: tokens.facts_of_integers(step, arrays[0])
        by_channel = tensor.dim() > 3 or (tensor.dim() == 3 and spot.node in _BY_CHANNEL)
        features = shape[1] if by_channel else (shape[-1] if len(shape) > 1 else 1)
        kind: InputKind = "channels" if by_channel else "features"
        entered = Entered(self._model, self._layer, kind, shape, features)
        rows = self._rows(tensor, by_channel)
        return [rows], lambda step, arrays: self._features(step, arrays[0], entered, due)

    def _rows(self, tensor: Any, by_channel: bool) -> Any:
        """Some samples (pixels, tokens) as rows, features (channels) as columns; a copy."""
        if tensor.dim() < 2:
            tensor = tensor.reshape(-1, 1)
        if by_channel:
            tensor = tensor.movedim(1, -1)
        tensor = tensor[..., :: stride_of(tensor.shape[-1])]
        for dimension in range(tensor.dim() - 1):
            step = min(-(-tensor.numel() // _MOST_TAKEN), tensor.shape[dimension])
            tensor = tensor[(slice(None),) * dimension + (slice(None, None, max(step, 1)),)]
        return tensor.reshape(-1, tensor.shape[-1]).float().clone()

    def _features(self, step: int, rows: Array, entered: Entered, due: bool) -> InputFacts | None:
        self._kept.add(rows)
        self._enough = self._kept.enough
        return entered.facts(step, self._kept.together()) if due else None

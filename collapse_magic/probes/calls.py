"""What is known of one loss call, whichever framework makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
MOST_SAMPLES = 4096  # of one batch; pixels and tokens come in far larger numbers


@dataclass(frozen=True, slots=True)
class LossCall:
    """One loss call as the user wrote it, apart from the values of its batch."""

    loss: str
    activations: tuple[str, ...]
    input_shape: tuple[int, ...]
    target_shape: tuple[int, ...]
    broadcast: bool
    weighted: bool
    ignore_index: int | None
    # (K,) or, for a binary task, (2,); of several labels per sample those of the positives
    class_weights: Array | None
    handwritten: bool = False
    weighed_outside: bool = False  # by a product or a mask, which the call itself does not show
    # (samples, outputs) where the classes stand in the last of more than two dimensions
    rows_shape: tuple[int, ...] | None = None

    @property
    def by_sample(self) -> tuple[int, ...]:
        """The input's shape with the outputs of a sample, if any, in its second place."""
        return self.input_shape if self.rows_shape is None else self.rows_shape

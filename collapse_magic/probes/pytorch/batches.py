"""What is kept of some batches until the next flush: copies, where the originals are."""

from __future__ import annotations

from typing import Any

from ..calls import Array
from .transfer import Transfers, stream_of

MOST_BATCHES = 64
# The first windows are shorter, each twice the one before: a short run has a course, too.
FIRST_BATCHES = 16
MOST_BYTES = 4 * 2**20
_MOST_BYTES_OF_ONE = 16 * 2**20  # on a device; what is larger is left out


class Batches:
    """Copies of some batches' loss inputs and targets, and the steps they belong to.

    Copies of what is on a device stay there, and are made in one stream only.
    """

    def __init__(self, most: int = MOST_BATCHES) -> None:
        self.most = most
        self.stream: Any = None
        self.steps: list[int] = []
        self.scores: list[Any] = []
        self.targets: list[Any] = []
        self.weights: list[Any] = []
        self.bytes = 0

    @property
    def full(self) -> bool:
        return len(self.steps) >= self.most or self.bytes >= MOST_BYTES

    @property
    def crowded(self) -> bool:
        """Whether no more may be held."""
        return len(self.steps) >= MOST_BATCHES or self.bytes >= MOST_BYTES

    @property
    def tensors(self) -> list[Any]:
        return [*self.scores, *self.targets, *self.weights]

    def add(
        self, step: int, scores: Any, targets: Any, weights: Any | None, transfers: Transfers
    ) -> None:
        """Copies are made at once: what is handed in may share memory that the user writes to."""
        size = scores.nbytes + targets.nbytes
        if not scores.is_cpu:
            stream = stream_of(scores.device, transfers.torch)
            other = self.steps and stream != self.stream
            if other or self.crowded or size > _MOST_BYTES_OF_ONE:
                return  # left out: the device is behind
            self.stream = stream
        self.steps.append(step)
        self.scores.append(copied(scores))
        self.targets.append(copied(targets))
        if weights is not None:
            self.weights.append(copied(weights))
        self.bytes += size


def copied(tensor: Any) -> Any:
    """An array of our own of a small CPU tensor; of a device tensor a clone that stays there."""
    tensor = tensor.detach()
    if not tensor.is_cpu:
        return tensor.clone()
    try:
        return tensor.numpy().copy()
    except TypeError:  # bfloat16 has no NumPy counterpart
        return tensor.float().numpy()


def by_step(steps: tuple[int, ...], held: list[Array]) -> dict[int, tuple[Array, Array]]:
    """Scores and targets of each step, of `Batches.tensors` that have come to the host."""
    count = len(steps)
    return dict(zip(steps, zip(held[:count], held[count : 2 * count], strict=True), strict=True))

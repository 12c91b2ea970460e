"""What is known of a site's loss call, where some of it may be on a device."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import ProbeContext
from ..calls import Array, LossCall
from ..facts import Facts
from ..tasks import DISTANCE_LOSSES, INDEX_LOSSES, judge
from . import reading
from .batches import copied
from .names import Model
from .transfer import Transfers

_MOST_JUDGED = 2**18  # target values from a device that the kind of task is judged by


class TorchFacts(Facts):
    """The facts of a loss in a graph; what is on a device comes when it has arrived."""

    def __init__(self, site: str, context: ProbeContext, transfers: Transfers) -> None:
        super().__init__(site, context)
        self.owner: Model | None = None
        self._transfers = transfers
        self._weights_of: tuple[Any, ...] | None = None  # `_material` of the late weights

    @property
    def model_name(self) -> str | None:
        return self.owner.name if self.owner is not None else None

    def learn(self, call: LossCall, step: int, targets: Any) -> None:
        """Take in what the call looks like now, and tell it where it differs materially."""
        if not self.meet(call):
            return
        if call.loss in DISTANCE_LOSSES:
            targets = reading.once(targets)
        if targets.is_cpu:
            self.judge(step, copied(targets))
            return
        if call.loss in INDEX_LOSSES:  # the shape is enough to know how much there is to keep
            self.judged = judge(call.loss, call.by_sample, np.empty(0))
        if targets.dim() and targets.numel() > _MOST_JUDGED:
            targets = targets[:: -(-targets.numel() // _MOST_JUDGED)]

        def arrived(arrays: list[Array]) -> None:
            if self.call is not None and self.call.loss == call.loss:
                self.judge(step, arrays[0])

        self._transfers.later([copied(targets)], arrived)

    def fetch_weights(self, node: Any) -> None:
        """Class weights that are on a device; once, as long as the call stays what it is."""
        call = self.call
        if call is None or not call.weighted or call.class_weights is not None:
            return
        weight = reading.class_weight(node, call.loss)
        if weight is None or self._weights_of == self._material:
            return

        def arrived(arrays: list[Array]) -> None:
            self._late_weights = reading.by_class(arrays[0], call.loss)

        if self._transfers.later([copied(weight)], arrived):
            self._weights_of, self._late_weights = self._material, None

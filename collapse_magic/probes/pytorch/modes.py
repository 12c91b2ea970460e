"""In which mode a model stands while it is trained."""

from __future__ import annotations

import weakref
from typing import Any

from ...records import ModelMode
from ..base import ProbeContext
from .names import Model, Names


class Mode:
    """One model's flags; told when they change, and when a stretch without a change has doubled."""

    def __init__(self, model: Model, names: Names, torch: Any) -> None:
        self._model = model
        self._parts: list[weakref.ref[Any]] = []
        module = model.module()
        kinds = (torch.nn.modules.batchnorm._BatchNorm, torch.nn.modules.dropout._DropoutNd)
        if module is not None:
            for _, part in names.tree(module).parts:
                # Without probability a dropout does nothing, without statistics of its own a batch
                # normalisation does the same in both modes.
                if not isinstance(part, kinds):
                    continue
                if getattr(part, "p", True) and getattr(part, "track_running_stats", True):
                    self._parts.append(weakref.ref(part))
        self._flags: tuple[bool, int] | None = None
        self._since = 0
        self._looks = 0
        self._tell_at = 1

    def look(self, step: int, context: ProbeContext) -> None:
        module = self._model.module()
        if module is None or not self._parts:
            return
        parts = [part for reference in self._parts if (part := reference()) is not None]
        flags = (bool(module.training), sum(not part.training for part in parts))
        if flags != self._flags:
            self._flags, self._since, self._looks, self._tell_at = flags, step, 0, 1
        self._looks += 1
        if self._looks >= self._tell_at:
            self._tell_at = 2 * self._looks
            context.emit(
                ModelMode(
                    model=self._model.name,
                    step=step,
                    since=self._since,
                    looks=self._looks,
                    training=flags[0],
                    sensitive=len(parts),
                    in_eval=flags[1],
                )
            )

"""What the user calls his models."""

from __future__ import annotations

from types import FrameType
from typing import Any

from ..base import ProbeContext

_MOST_FRAMES = 16


class Names:
    """Names of models and sites, each given once in a run."""

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._given: dict[str, int] = {}

    def of_model(self, model: Any, frame: FrameType | None) -> str:
        """The variable that holds the model, in the notebook or in a function that is running;
        else the name that Keras gave it."""
        found = _variable(model, self._context.namespace())
        for _ in range(_MOST_FRAMES):
            if found is not None or frame is None:
                break
            found = _variable(model, frame.f_locals)
            frame = frame.f_back
        return self.unique(found or str(getattr(model, "name", "") or type(model).__name__))

    def unique(self, name: str) -> str:
        """NAME, NAME-2, NAME-3 ..."""
        count = self._given[name] = self._given.get(name, 0) + 1
        return name if count == 1 else f"{name}-{count}"


def _variable(value: Any, variables: Any) -> str | None:
    for name, held in list(variables.items()):
        if held is value and not name.startswith("_") and name != "self":
            return str(name)
    return None

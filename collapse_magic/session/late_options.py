"""The options of a run, those that name the user's variables among them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ..config import WatchConfig
from .expressions import Expression


class LateOptions:
    """``--model`` and ``--class-names`` get their values as soon as their names exist.

    The cell itself may make the model that ``--model`` names, and an earlier run of the cell may
    have left another one under that name: what counts is what is there when the probe first sees a
    loss. So they are looked up anew until training has begun.
    """

    def __init__(self, config: WatchConfig) -> None:
        self.config = config
        self._problems: dict[str, str] = {}
        self._open: dict[str, Expression] = {
            name: value
            for name in ("model", "class_names")
            if isinstance(value := getattr(config, name), Expression)
        }

    @property
    def open(self) -> bool:
        return bool(self._open)

    @property
    def problems(self) -> list[str]:
        """A sentence for each option whose name never came to mean anything."""
        return [problem for problem in self._problems.values() if problem]

    def look_up(self, variables: Mapping[str, Any], training: bool) -> None:
        values = {}
        for name, expression in list(self._open.items()):
            values[name], self._problems[name] = expression.value(variables)
            if training and not self._problems[name]:
                del self._open[name]
        self.config = dataclasses.replace(self.config, **values)

    def class_names(self) -> tuple[str, ...] | None:
        names = self.config.class_names
        if names is None or isinstance(names, Expression):
            return None
        return tuple(str(name) for name in names)

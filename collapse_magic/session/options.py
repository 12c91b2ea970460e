"""Options as the user gave them, checked and made into a `WatchConfig`."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import rules
from ..config import STOP_ON, WatchConfig
from . import expressions

EXPORTS = (".json", ".html", ".txt")


class OptionError(ValueError):
    """An option that cannot be meant; the message is one sentence for the user."""


def nearest(word: str, words: Iterable[str]) -> str:
    """`` (did you mean X?)``, or nothing where no word is near."""
    near = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return f" (did you mean {near[0]}?)" if near else ""


def make_config(values: Mapping[str, Any]) -> WatchConfig:
    """Raises `OptionError` where a value will not do; keys are names of `WatchConfig`'s fields."""
    names = [field.name for field in dataclasses.fields(WatchConfig)]
    for key in values:
        if key not in names:
            raise OptionError(f"unknown option {key}{nearest(key, names)}")
    given = dict(values)
    for key in ("select", "ignore"):
        if key in given:
            given[key] = _words(given[key])
    for key in ("model", "class_names"):
        value = given.get(key)
        if value is not None and not isinstance(value, expressions.Expression):
            given[key] = _checked(key, value)
    if given.get("logdir") is not None:
        given["logdir"] = str(given["logdir"])
    if given.get("export") is not None:
        given["export"] = str(given["export"])
    config = WatchConfig(**given)
    _check(config)
    return config


def _words(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(word for part in parts if (word := str(part).strip()))


def _checked(key: str, value: Any) -> Any:
    try:
        return expressions.CHECKS[key](value)
    except ValueError as error:
        raise OptionError(f"{key} {error}") from None


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value > 0


def _check(config: WatchConfig) -> None:
    if not isinstance(config.budget, (int, float)) or not math.isfinite(config.budget):
        raise OptionError(f"--budget: {config.budget!r} is no percentage")
    if config.budget <= 0:
        raise OptionError(f"--budget: must be more than 0, not {config.budget:g}")
    if config.every is not None and (not isinstance(config.every, int) or config.every < 1):
        raise OptionError(f"--every: must be a whole number from 1, not {config.every!r}")
    if config.steps is not None and (not isinstance(config.steps, int) or config.steps < 1):
        raise OptionError(f"--steps: must be a whole number from 1, not {config.steps!r}")
    if config.seconds is not None and not _is_positive(config.seconds):
        raise OptionError(f"--seconds: must be a number above 0, not {config.seconds!r}")
    if config.stop_on not in STOP_ON:
        raise OptionError(
            f"--stop-on: {config.stop_on!r} is none of {', '.join(STOP_ON)}"
            f"{nearest(str(config.stop_on), STOP_ON)}"
        )
    if config.out is not None and not config.out.isidentifier():
        raise OptionError(f"-o: {config.out!r} is no name for a variable")
    if config.export is not None and Path(config.export).suffix not in EXPORTS:
        raise OptionError(f"--export: {config.export!r} must end in {', '.join(EXPORTS)}")
    try:
        chosen = rules.select(config.select, config.ignore)
    except ValueError as error:
        raise OptionError(str(error)) from None
    if not chosen:
        raise OptionError("--select and --ignore leave no rule to run")

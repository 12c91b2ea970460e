"""Where NaN and Inf come from, as far as the user's data and a step's own batch tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...records import NonFinite
from .arrays import array
from .losses import LossSeen

_MOST_VALUES = 2**24  # of the training data, that are looked through once


class Holes(NamedTuple):
    """Values that are not finite among what a model was given.

    `name` says where as the user would write it: `x`, `x[:, 3]`, `x['age']`.
    """

    name: str
    word: str
    bad: int
    values: int

    def record(self, site: str, step: int, lost: str = "") -> NonFinite:
        return NonFinite(site, step, "input", self.name, self.word, self.bad, self.values, lost)


def first_place(site: str, step: int, seen: LossSeen, given: Iterable[Any]) -> NonFinite | None:
    """The first place along input, target, logits and loss that is not finite.

    `given`: what the model was given, in the order in which it is looked through.
    """
    for inputs in given:
        if (holes := holes_in(inputs)) is not None:
            return holes.record(site, step)
    if seen.targets is not None and (word := _word(array(seen.targets))) is not None:
        return NonFinite(site, step, "target", "target", word)
    if seen.scores is not None and (word := _word(array(seen.scores))) is not None:
        return NonFinite(site, step, "logits", "", word)
    word = _word(array(seen.value))
    return None if word is None else NonFinite(site, step, "loss", "", word)


def holes_in(inputs: Any) -> Holes | None:
    """What is not finite in arrays, tables and tensors with values, alone or nested."""
    found: list[Holes] = []
    left = _MOST_VALUES
    for name, values in _parts(inputs, "x"):
        left -= values.size
        if left < 0:
            break
        word = _word(values)
        if word is not None:
            bad = ~np.isfinite(values)
            found.append(_at_a_feature(Holes(name, word, int(bad.sum()), bad.size), bad))
    if len(found) < 2:
        return found[0] if found else None
    bad, values = sum(holes.bad for holes in found), sum(holes.values for holes in found)
    return Holes("x", found[0].word, bad, values)


def _at_a_feature(holes: Holes, bad: Any) -> Holes:
    """The same holes, where all of them are in one column of a table."""
    if bad.ndim == 2:
        columns = np.flatnonzero(bad.any(0))
        if len(columns) == 1:
            return holes._replace(name=f"{holes.name}[:, {columns[0]}]", values=len(bad))
    return holes


def _parts(data: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The arrays in what a model is given, by the names that they have there."""
    if isinstance(data, Mapping) or _is_table(data):
        for key, part in data.items():
            yield from _parts(part, f"{name}[{key!r}]")
    elif isinstance(data, list | tuple):
        for index, part in enumerate(data):
            yield from _parts(part, f"{name}[{index}]")
    elif hasattr(data, "shape") and hasattr(data, "dtype"):
        values = data if isinstance(data, np.ndarray) else _values(data)
        if values is not None:
            yield name, values


def _is_table(data: Any) -> bool:
    return hasattr(data, "columns") and type(data).__module__.partition(".")[0] == "pandas"


def _values(data: Any) -> Any | None:
    """Of a tensor with values, or of a column of a table."""
    convert = getattr(data, "to_numpy", None) or getattr(data, "numpy", None)
    values = None if convert is None else convert()
    return values if isinstance(values, np.ndarray) else None


def finite(value: Any) -> bool:
    """Whether a loss with values is finite."""
    number = value.numpy() if hasattr(value, "numpy") else value
    if number.ndim == 0:  # as nearly always, and so many times faster
        return math.isfinite(number)
    difference = number - number  # neither NaN nor an infinity gives 0
    return bool((difference == 0).all())


def _word(values: Any) -> str | None:
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return None
    if np.isnan(values).any():
        return "nan"
    return "inf" if (values == np.inf).any() else "-inf"

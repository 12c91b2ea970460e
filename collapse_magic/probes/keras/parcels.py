"""What a step hands out beside its results, as few results more as can be.

TensorFlow takes some twenty microseconds of Python for every result of a compiled function, and
thrice that for one level more of structure. So all that is seldom looked at travels as one tensor:
a `tf.experimental.Optional`, which holds on to tensors that exist anyway and is opened only where
they are wanted. The values of losses, which are looked at often, travel beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

Given = dict[str, dict[str, Any]]  # tensors that losses were given, by name, by loss

_MARK = "collapse_magic"


class Parcel:
    """The form of what one tracing hands out, by which it is opened again.

    Parameters
        number: of the tracing; it stands in the names of the results.
        content: tensors of a graph in nested tuples and dicts.
        losses: how many values travel beside.
    """

    def __init__(self, number: int, content: Any, losses: int) -> None:
        flat = _flat(content)
        self.key = f"{_MARK} {number}"
        self.losses = [f"{self.key} loss {i}" for i in range(losses)]
        self._form = _form_of(content, count())
        self._types = [tensor.dtype for tensor in flat]
        self._shapes = [tensor.shape for tensor in flat]

    def results(self, content: Any, losses: Any, wrap: bool = True) -> dict[str, Any]:
        """The results by name; of a step that XLA compiles nothing can be wrapped."""
        held: Any = tuple(_flat(content))
        if wrap and held:
            held = sys.modules["tensorflow"].raw_ops.OptionalFromValue(components=held)
        return {self.key: held, **dict(zip(self.losses, losses, strict=True))}

    def opened(self, held: Any) -> Any:
        """The content, whether it was wrapped or not."""
        if not isinstance(held, tuple | list):
            held = sys.modules["tensorflow"].raw_ops.OptionalGetValue(
                optional=held, output_types=self._types, output_shapes=self._shapes
            )
        return _filled(self._form, held)


def _flat(content: Any) -> list[Any]:
    tensors: list[Any] = sys.modules["tensorflow"].nest.flatten(content, expand_composites=True)
    return tensors


class _Slices(NamedTuple):
    """Where the parts of a gradient by rows are."""

    values: int
    indices: int
    rows: int | None


def _form_of(content: Any, places: Iterator[int]) -> Any:
    """Content with the places of its tensors, as `_flat` has them, in their stead.

    For `tf.nest` knows more forms than these, and takes ten times as long to make one.
    """
    if isinstance(content, dict):
        places_of = {key: _form_of(content[key], places) for key in sorted(content)}
        return {key: places_of[key] for key in content}
    if isinstance(content, tuple):
        return tuple(_form_of(part, places) for part in content)
    if isinstance(content, sys.modules["tensorflow"].IndexedSlices):
        values, indices = next(places), next(places)
        return _Slices(values, indices, None if content.dense_shape is None else next(places))
    return next(places)


def _filled(form: Any, tensors: Sequence[Any]) -> Any:
    if isinstance(form, int):
        return tensors[form]
    if isinstance(form, dict):
        return {key: _filled(part, tensors) for key, part in form.items()}
    if isinstance(form, _Slices):
        rows = None if form.rows is None else tensors[form.rows]
        slices = sys.modules["tensorflow"].IndexedSlices
        return slices(tensors[form.values], tensors[form.indices], rows)
    return tuple(_filled(part, tensors) for part in form)


class Outcome(NamedTuple):
    """What a step of `fit` hands out: to Keras, and beside that.

    `updates` holds the tensors of each update.
    """

    logs: Any
    given: Given
    updates: Any


class Parcels:
    """Puts what the steps of one function hand out among their logs, and takes it out again."""

    def __init__(self) -> None:
        self._known: list[Parcel] = []

    def pack(self, outcome: Outcome) -> Any:
        """Results of a step that is being traced; where there is no place for them, as they are."""
        if sys.modules["tensorflow"].executing_eagerly() or type(outcome.logs) is not dict:
            return outcome
        values = [tensors["value"] for tensors in outcome.given.values()]
        content = outcome.given, outcome.updates
        self._known.append(Parcel(len(self._known), content, len(values)))
        return {**outcome.logs, **self._known[-1].results(content, values)}

    def taken(self, result: Any) -> Taken:
        """What is ours is taken out of the results of a step that has been executed."""
        if isinstance(result, Outcome):
            logs, given, updates = result
            values = [tensors["value"] for tensors in given.values()]
            return Taken(logs, values, None, (given, updates))
        for parcel in self._known:
            if parcel.key in result:
                held = result.pop(parcel.key)
                return Taken(result, [result.pop(key) for key in parcel.losses], parcel, held)
        return Taken(result, (), None, ({}, ()))


def without_ours(result: Any) -> Any:
    """The user's part of a step's results, of which ours could not be taken out."""
    if isinstance(result, Outcome):
        return result.logs
    if not isinstance(result, dict):
        return result
    return {key: held for key, held in result.items() if not key.startswith(_MARK)}


class Taken:
    """What has come out of a step that was executed: the user's logs, and what is ours."""

    __slots__ = ("_held", "_parcel", "logs", "values")

    def __init__(self, logs: Any, values: Any, parcel: Parcel | None, held: Any) -> None:
        self.logs, self.values, self._parcel, self._held = logs, values, parcel, held

    @property
    def compiled(self) -> bool:
        """Whether TensorFlow has handed it out of a graph, and it is still as it came."""
        return self._parcel is not None

    @property
    def given(self) -> Given:
        """What the losses were given."""
        given: Given = self._opened()[0]
        return given

    @property
    def updates(self) -> Any:
        """The tensors of each update."""
        return self._opened()[1]

    def _opened(self) -> Any:
        if self._parcel is not None:
            self._held, self._parcel = self._parcel.opened(self._held), None
        return self._held

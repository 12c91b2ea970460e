"""Nested tensors as one, so that TensorFlow has no more to do than for one.

It takes some twenty microseconds of Python for every result of a compiled function, and thrice that
for one level more of structure. So all that is seldom looked at travels as one tensor: a
`tf.experimental.Optional`, which holds on to tensors that exist anyway and is opened only where
they are wanted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

Given = dict[str, dict[str, Any]]  # tensors that losses were given, by name, by loss

_MARK = "collapse_magic"


class Form:
    """The form of content of one tracing, by which it is opened again where it was wrapped.

    Parameters
        content: tensors of a graph in nested tuples and dicts.
    """

    def __init__(self, content: Any) -> None:
        flat = _flat(content)
        self._form = _form_of(content, count())
        self._types = [tensor.dtype for tensor in flat]
        self._shapes = [tensor.shape for tensor in flat]

    def wrapped(self, content: Any) -> Any:
        """Content of this form as one tensor."""
        operations = sys.modules["tensorflow"].raw_ops
        if not self._types:
            return operations.OptionalNone()
        return operations.OptionalFromValue(components=_flat(content))

    def opened(self, held: Any) -> Any:
        """The content of one tensor."""
        if self._types:
            held = sys.modules["tensorflow"].raw_ops.OptionalGetValue(
                optional=held, output_types=self._types, output_shapes=self._shapes
            )
        return _filled(self._form, held)


class Parcel(Form):
    """What one tracing of a function hands out, by name, beside the values of its losses.

    Parameters
        number: of the tracing; it stands in the names of the results.
        content: tensors of a graph in nested tuples and dicts.
        losses: how many values travel beside.
    """

    def __init__(self, number: int, content: Any, losses: int) -> None:
        super().__init__(content)
        self.key = f"{_MARK} {number}"
        self.losses = [f"{self.key} loss {i}" for i in range(losses)]

    def results(self, content: Any, losses: Any, wrap: bool = True) -> dict[str, Any]:
        """The results by name; of a function that XLA compiles nothing can be wrapped."""
        flat: Any = tuple(_flat(content))
        held = self.wrapped(content) if wrap and flat else flat
        return {self.key: held, **dict(zip(self.losses, losses, strict=True))}

    def opened(self, held: Any) -> Any:
        """The content, whether it was wrapped or not."""
        if isinstance(held, tuple | list):
            return _filled(self._form, held)
        return super().opened(held)


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

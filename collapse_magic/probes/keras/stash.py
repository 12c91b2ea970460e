"""What a step of `fit` leaves behind, beside its results: in variables of ours.

Every result of a compiled function takes TensorFlow and Keras some twenty microseconds of Python
per step, whether anybody looks at it or not. What the graph writes to a variable takes as long as
an operation, and is read where it is wanted. So a step has the results that it would have had.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from . import state
from .parcels import Form, Given


class Outcome(NamedTuple):
    """What a step of `fit` comes to: for Keras, and beside that.

    `updates` holds the tensors of each update.
    """

    logs: Any
    given: Given
    updates: Any


# What the losses were given, the tensors of each update, and the only input where there is one.
Content = tuple[Given, Any, tuple[Any, ...]]


class Stash:
    """The variables that the traces of one step function write to.

    All that is seldom looked at is one tensor, which says which trace has written it: a variable
    for that would take longer than the operation does. Whether the losses are finite is seen by a
    number of its own, or by the mean of them that Keras tells, where it surely does.

    Parameters
        checked: whether the losses are to be checked.
        mean_told: whether the logs hold the mean of the losses over the epoch so far.
    """

    def __init__(self, checked: bool = True, mean_told: bool = False) -> None:
        self._checked, self.mean_told = checked, mean_told
        self._forms: list[Form] = []  # trace by trace
        self._left: Any = None
        self.given: tuple[Any, ...] = ()  # to the model, in a step that Python has run itself
        self._check: Any = None

    # -- in a graph -------------------------------------------------------------------------------

    def clear(self) -> None:
        """Before a step: what the last one has left takes memory no longer."""
        tf = sys.modules["tensorflow"]
        if tf.executing_eagerly():
            return
        if self._left is None:
            # Where TensorFlow places what wraps tensors: on a device they would be copied twice.
            with tf.init_scope(), tf.device("CPU:0"):
                self._left = state.variable(tf.raw_ops.OptionalNone())
        _assign(self._left, tf.raw_ops.OptionalNone())

    def keep(self, outcome: Outcome, inputs: Any) -> bool:
        """After a step that is traced; False where it has run. `inputs`: of the model."""
        tf = sys.modules["tensorflow"]
        if tf.executing_eagerly():
            self.given = _only_tensor(inputs, tf)
            return False
        content = outcome.given, outcome.updates, _only_tensor(inputs, tf)
        form = Form(content)
        numbered = [tf.constant(len(self._forms)), form.wrapped(content)]
        _assign(self._left, tf.raw_ops.OptionalFromValue(components=numbered))
        values = [tensors["value"] for tensors in outcome.given.values()]
        if values and self._checked and not self.mean_told:
            if self._check is None:
                self._check = state.variable(0.0, "float32")
            _assign(self._check, _sum(values, tf))
        self._forms.append(form)
        return True

    # -- afterwards -------------------------------------------------------------------------------

    def check(self) -> Any | None:
        """What is not finite where a loss of the latest step is not; None where that is unknown."""
        return None if self._check is None else _read(self._check)

    def opened(self) -> Content:
        """What is left of the latest step."""
        tf = sys.modules["tensorflow"]
        number, held = tf.raw_ops.OptionalGetValue(
            optional=_read(self._left), output_types=[tf.int32, tf.variant], output_shapes=[[], []]
        )
        content: Content = self._forms[int(number)].opened(held)
        return content


class Taken:
    """What has come out of a step that was executed: the user's logs, and what is ours.

    Attributes
        compiled: whether it was left behind by a graph.
    """

    __slots__ = ("_content", "_stash", "compiled", "logs")

    def __init__(self, result: Any, stash: Stash) -> None:
        self._stash = stash
        self._content: Content | None = None
        self.compiled = not isinstance(result, Outcome)
        if self.compiled:
            self.logs = result
        else:
            self.logs, given, updates = result
            self._content = given, updates, stash.given

    def checks(self) -> Sequence[Any]:
        """Numbers that are finite only where all losses are, and all before them in the epoch."""
        if self._content is None:
            stash = self._stash
            number = self.logs.get("loss") if stash.mean_told else stash.check()
            return () if number is None else (number,)
        return self.losses()

    def losses(self) -> Sequence[Any]:
        """The values of the losses."""
        return [tensors["value"] for tensors in self.given.values()]

    @property
    def given(self) -> Given:
        """What the losses were given."""
        return self._opened()[0]

    @property
    def updates(self) -> Any:
        """The tensors of each update."""
        return self._opened()[1]

    @property
    def inputs(self) -> Any | None:
        """What the model was given, where that is one tensor and is known."""
        return next(iter(self._opened()[2]), None)

    def _opened(self) -> Content:
        if self._content is None:
            self._content = self._stash.opened()
        return self._content


def without_ours(result: Any) -> Any:
    """The user's part of what a step has come to, where ours could not be taken out."""
    return result.logs if isinstance(result, Outcome) else result


def _only_tensor(inputs: Any, tf: Any) -> tuple[Any, ...]:
    """The tensor that a model is given, where it is one of samples."""
    rank = inputs.shape.rank if isinstance(inputs, tf.Tensor) else None
    return (inputs,) if rank is not None and rank > 1 else ()


def _sum(values: Sequence[Any], tf: Any) -> Any:
    """One float32 number that is finite only if all values are; the only one, where it is one."""
    parts = [tf.cast(value, tf.float32) for value in values]
    sums = [tf.reduce_sum(part) if part.shape.rank != 0 else part for part in parts]
    return sums[0] if len(sums) == 1 else tf.add_n(sums)


def _assign(variable: Any, value: Any) -> None:
    operation = sys.modules["tensorflow"].raw_ops.AssignVariableOp
    operation(resource=variable.handle, value=value)


def _read(variable: Any) -> Any:
    """What `read_value` does, in a quarter of its time."""
    operation = sys.modules["tensorflow"].raw_ops.ReadVariableOp
    return operation(resource=variable.handle, dtype=variable.dtype)

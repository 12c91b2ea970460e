"""Losses that a loop writes out: a logarithm of probabilities, times the labels or at them.

Signs and weights may stand anywhere in between.

TensorFlow tells nobody what an eager value was made of, so the few operations that such losses are
made of are seen while a tape records. What they come to is known once its gradient is asked for.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, NamedTuple

from ..guard import Guard
from ..patching import Patches
from .loop_calls import recording

_OPS = "tensorflow.python.ops"
_MOST_MADE = 32  # results between the logarithm and the labels that it is multiplied with
_LOGARITHMS = ("log", "log_softmax")
_MOST_TERMS = 4  # more than a two-sided cross entropy has are not understood


class _Made(NamedTuple):
    """A result, and what it was made of."""

    result: Any
    operation: str  # log | log_softmax | gather | complement | negative | weighted
    operands: tuple[Any, ...]
    weighted: bool = False


class _Term(NamedTuple):
    """Log-likelihoods at, or times, what should be labels."""

    operation: str  # log | log_softmax
    scores: Any
    labels: Any
    gathered: bool
    weighted: bool = False


class Terms(NamedTuple):
    """A written loss: as what it goes by, its scores and what should be its labels."""

    loss: str
    scores: Any
    labels: Any
    weighted: bool = False  # some of its terms are multiplied with weights


class _Local(threading.local):
    def __init__(self) -> None:
        self.made: deque[_Made] = deque(maxlen=_MOST_MADE)
        self.terms: list[_Term] = []


class WrittenLosses:
    """Sees the operations of losses that are written out.

    Parameters
        guard: runs what is ours.
        silent: whether what is computed just now is no affair of the user's loop.
    """

    def __init__(self, guard: Guard, silent: Callable[[], bool]) -> None:
        self._guard = guard
        self._silent = silent
        self._local = _Local()

    def attach(self, patches: Patches) -> None:
        tf = sys.modules["tensorflow"]
        arrays = sys.modules[f"{_OPS}.gen_array_ops"]
        maths = sys.modules[f"{_OPS}.gen_math_ops"]
        networks = sys.modules[f"{_OPS}.gen_nn_ops"]
        for owner in (maths, tf.math):
            patches.replace(owner, "log", partial(self._around_origin, "log"))
        patches.replace(networks, "log_softmax", partial(self._around_origin, "log_softmax"))
        patches.replace(maths, "sub", partial(self._around_origin, "complement"))
        patches.replace(tf.Tensor, "__neg__", partial(self._around_origin, "negative"))
        patches.replace(arrays, "gather_v2", partial(self._around_origin, "gather"))
        patches.replace(maths, "mul", self._around_product)

    def take(self) -> Terms | None:
        """What has been written since the last time, where it is understood."""
        local = self._local
        terms, made = local.terms, list(local.made)
        local.terms = []
        local.made.clear()
        if len(terms) == 1:
            return _one_sided(terms[0])
        return _two_sided(terms[0], terms[1], made) if len(terms) == 2 else None

    # -- the functions that stand in place --------------------------------------------------------

    def _around_origin(self, operation: str, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)  # AutoGraph leaves TensorFlow's own functions alone, by their module
        def origin(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if not self._silent():
                self._guard.run(self._made, operation, args, kwargs, result)
            return result

        return origin

    def _around_product(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def mul(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if not self._silent():
                self._guard.run(self._multiplied, args, result)
            return result

        return mul

    # -- what they tell ---------------------------------------------------------------------------

    def _made(
        self, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if operation == "complement" and _rank(args[0]) != 0:
            return  # a difference, not 1 - p
        if not recording():
            return
        local, operands = self._local, (*args, *kwargs.values())
        behind = _origin(args[0], local.made)
        if operation == "negative" and behind is not None and behind.operation in _LOGARITHMS:
            local.made.append(behind._replace(result=result))
            return
        local.made.append(_Made(result, operation, operands))
        if operation == "gather":
            if kwargs.get("batch_dims", 0) + 1 == _rank(args[0]):
                self._found(args[0], args[1], gathered=True)
        elif operation == "log" and behind is not None and behind.operation == "gather":
            params, indices = behind.operands[:2]
            self._add(_Term("log", params, indices, gathered=True))

    def _multiplied(self, args: tuple[Any, ...], result: Any) -> None:
        if not recording():
            return  # a gradient, which is a product with the logarithm, too
        first, second = _rank(args[0]), _rank(args[1])
        if first is None or second is None:
            return
        if first != second:  # weights: what they weigh is of the higher rank
            weighed = args[0] if first > second else args[1]
            origin = _origin(weighed, self._local.made)
            if origin is not None and origin.operation in _LOGARITHMS:
                self._local.made.append(origin._replace(result=result, weighted=True))
            else:
                self._local.made.append(_Made(result, "weighted", (weighed,)))
            return
        for logarithm, labels in ((args[0], args[1]), (args[1], args[0])):
            self._found(logarithm, labels, gathered=False)

    def _found(self, logarithm: Any, labels: Any, gathered: bool) -> None:
        made = self._local.made
        origin = _origin(logarithm, made)
        if origin is not None and origin.operation in _LOGARITHMS:
            labels, weighted = (labels, False) if gathered else _bare(labels, made)
            weighted = weighted or origin.weighted
            self._add(_Term(origin.operation, origin.operands[0], labels, gathered, weighted))

    def _add(self, term: _Term) -> None:
        if len(self._local.terms) < _MOST_TERMS:
            self._local.terms.append(term)


def _one_sided(term: _Term) -> Terms | None:
    """Of one class per sample, by index or one-hot."""
    raw = term.operation == "log_softmax"
    if term.gathered:
        loss = "cross_entropy" if raw else "sparse_categorical_crossentropy"
        return Terms(loss, term.scores, term.labels, term.weighted)
    shape = tuple(term.scores.shape)
    if len(shape) < 2 or shape[-1] in (None, 1) or tuple(term.labels.shape) != shape:
        return None
    loss = "soft_cross_entropy" if raw else "categorical_crossentropy"
    return Terms(loss, term.scores, term.labels, term.weighted)


def _two_sided(first: _Term, second: _Term, made: list[_Made]) -> Terms | None:
    """Of yes and no: y * log(p) and (1 - y) * log(1 - p), in either order."""
    for yes, no in ((first, second), (second, first)):
        opposite = _origin(no.labels, made)
        if opposite is None or opposite.operation != "complement":
            continue
        if opposite.operands[1] is not yes.labels or yes.operation != "log" or yes.gathered:
            continue
        if tuple(yes.scores.shape) == tuple(yes.labels.shape):
            weighted = yes.weighted or no.weighted
            return Terms("binary_cross_entropy", yes.scores, yes.labels, weighted)
    return None


def _bare(labels: Any, made: Any) -> tuple[Any, bool]:
    """Labels without the signs and weights that they were given, and whether there were weights."""
    origin, weighted = _origin(labels, made), False
    while origin is not None and origin.operation in ("negative", "weighted"):
        weighted = weighted or origin.operation == "weighted"
        labels = origin.operands[0]
        origin = _origin(labels, made)
    return labels, weighted


def _origin(tensor: Any, made: Any) -> _Made | None:
    return next((known for known in reversed(made) if known.result is tensor), None)


def _rank(value: Any) -> int | None:
    shape = getattr(value, "shape", ())
    return getattr(shape, "rank", len(shape))

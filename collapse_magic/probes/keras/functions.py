"""Functions that TensorFlow compiles (`tf.function`), whenever they were traced.

While a run is watched, such a function is called through a shadow: a function of the same kind
around the same Python code, whose graphs hand out what its losses were given as further results.
The user's function is neither traced nor changed, and nothing of ours is left in it. A function in
which there is nothing to see is called as it is from then on.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import retraces
from .loop_calls import LoopCall, LoopStage
from .parcels import Parcel
from .stage import current, graph_here
from .updates import Update, forms

if TYPE_CHECKING:
    from ..guard import Guard
    from .loops import Loops

_PARTS = ("scores", "targets", "weights")  # of a loss, beside its value
# Modules that compile functions for purposes of their own, `fit` among them.
_NOT_THE_USERS = ("keras.", "tensorflow.", "tensorflow_")
# Where a function is traced for ever new arguments: it is not made worse than it is.
_MOST_TRACES = 64


class Trace:
    """What one tracing has seen: loss calls and updates without their tensors, in the order of the
    results."""

    def __init__(self, stage: LoopStage, number: int) -> None:
        self.updates, self.gradients = stage.updates_made, stage.gradients
        self.counted, self.of_models = stage.counted, forms(stage.updates)
        self.material = bool(stage.calls or stage.updates_made or stage.gradients)
        # Whether gradients of all losses were asked for in the function itself.
        self.trained = all(call.trained for call in stage.calls)
        self._forms: list[tuple[LoopCall, tuple[str, ...]]] = []
        for call in stage.calls:
            parts = tuple(part for part in _PARTS if getattr(call.seen, part) is not None)
            bare: dict[str, Any] = dict.fromkeys(("value", *_PARTS))
            form = replace(call, seen=replace(call.seen, **bare))
            self._forms.append((form, parts))

        values = [call.seen.value for call in stage.calls]
        given = [getattr(call.seen, part) for call in stage.calls for part in _PARTS]
        rest = tuple(tensor for tensor in given if tensor is not None)
        content = rest, tuple(dict(update.tensors) for update in stage.updates)
        self.parcel = Parcel(number, content, len(values))
        wrap = stage.alone and not stage.in_xla
        self.results = self.parcel.results(content, values, wrap)  # let go of when handed out

    def calls(self, values: Sequence[Any], rest: Sequence[Any]) -> list[LoopCall]:
        """The loss calls with the tensors that one execution has handed out."""
        others = iter(rest)
        return [
            replace(
                form,
                seen=replace(form.seen, value=value, **{part: next(others) for part in parts}),
            )
            for (form, parts), value in zip(self._forms, values, strict=True)
        ]


class Shadow:
    """The stand-in for one function of the user's, which itself is held weakly.

    Attributes
        traced: whether the user's code has come to its end in one: what fails then, may have run.
        traces: what the tracings so far have seen, in their order.
        atomic: whether it runs as a whole or, where it fails, not at all: as XLA has it.
    """

    def __init__(self, function: Any, guard: Guard) -> None:
        self.traced = False
        self.retrace = retraces.of_function(function)
        self.traces: list[Trace] = []
        self.updates: list[Update] = []  # in all of them
        self.due = False  # whether the next call is to be looked at from outside
        self.guard = guard
        self.atomic = bool(function._jit_compile)
        self.function = function._clone(_staged(function.python_function, self))

    def trace_of(self, results: dict[str, Any]) -> Trace | None:
        """The tracing that these results come from."""
        return next((trace for trace in self.traces if trace.parcel.key in results), None)

    @property
    def full(self) -> bool:
        return len(self.traces) >= _MOST_TRACES

    def stage(self) -> LoopStage:
        """The stage for the user's code, which is about to be traced."""
        return LoopStage(graph_here(sys.modules["tensorflow"]), not self.full)

    def told(self, stage: LoopStage) -> dict[str, Any]:
        """The tensors to hand out of a tracing."""
        if self.full:
            return {}
        trace = Trace(stage, len(self.traces))
        # Names are part of a result's structure: these say which tracing it comes from.
        results, trace.results = trace.results, {}
        self.traces.append(trace)
        self.updates += trace.of_models
        return results

    @property
    def dull(self) -> bool:
        """Whether nothing was to be seen in all that was traced."""
        return bool(self.traces) and not any(trace.material for trace in self.traces)


def _staged(python_function: Any, shadow: Shadow) -> Callable[..., Any]:
    """The user's code within a stage; its results, and what its losses were given."""
    reference = weakref.ref(shadow)

    def staged(*args: Any, **kwargs: Any) -> Any:
        owner = reference()
        stage = None if owner is None else owner.guard.run(owner.stage)
        code = vars(staged)["__wrapped__"]  # the user's, or what AutoGraph has made of it
        with stage or nullcontext():
            result = code(*args, **kwargs)
        if owner is None:
            return result, {}
        owner.traced = True
        return result, {} if stage is None else owner.guard.run(owner.told, stage) or {}

    made: Callable[..., Any] = sys.modules["tensorflow.python.util.tf_decorator"].make_decorator(
        python_function, staged
    )
    return made


class Functions:
    """The shadows of a run, by function.

    Attributes
        plain: functions that are called as they are, for there is nothing to see, or they must not
            be traced again.
    """

    def __init__(self, loops: Loops) -> None:
        self.plain: weakref.WeakSet[Any] = weakref.WeakSet()
        self._loops = loops
        self._shadows: weakref.WeakKeyDictionary[Any, Shadow] = weakref.WeakKeyDictionary()

    def shadow_of(self, function: Any) -> Shadow | None:
        """The shadow to call in the place of a function; None where it is to be called itself."""
        tf = sys.modules["tensorflow"]
        if tf.config.functions_run_eagerly():
            return None  # nothing is compiled: it is code like any other
        if not tf.executing_eagerly() and current() is None:
            return None  # within a graph of the user's, which is to stay what it is
        shadow = self._shadows.get(function)
        if shadow is None and not self._is_left_alone(function):
            shadow = self._shadows[function] = Shadow(function, self._loops.guard)
        if shadow is None or shadow.dull:
            self.give_up(function)
            return None
        return shadow

    def give_up(self, function: Any) -> None:
        self.plain.add(function)
        self._shadows.pop(function, None)

    def _is_left_alone(self, function: Any) -> bool:
        python = function.python_function
        if str(getattr(python, "__module__", "")).startswith(_NOT_THE_USERS):
            return True
        if _draws_random_numbers(function):
            self._loops.tell_random(function)
            return True
        return False


def _draws_random_numbers(function: Any) -> bool:
    """Whether a function has run before that draws seeded random numbers by the old operations.

    These keep the state of their generator in the compiled function: a shadow would begin it anew.
    Generators in variables, as those of Keras' layers, are no obstacle.
    """
    if not function.experimental_get_tracing_count():
        return False  # and to ask for its graphs could have one made
    cached = function._list_all_concrete_functions()
    return any(
        "seed2" in operation.node_def.attr
        and (operation.node_def.attr["seed"].i or operation.node_def.attr["seed2"].i)
        for concrete in cached
        for operation in concrete.graph.get_operations()
    )

"""The functions that stand in Keras' and TensorFlow's place around updates, gradients, and
functions that are compiled.

Each of them refers to a switch, never to the probe, so that one that has to stay behind (because
somebody else has wrapped it since) is a plain pass-through. The original is called exactly once,
and its result or exception is handed on.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..base import TrainingStopped
from ..patching import Patches
from .loop_calls import LoopStage
from .stage import current

if TYPE_CHECKING:
    from .fit_steps import Switch
    from .functions import Shadow

_OPTIMIZER = "keras.src.backend.tensorflow.optimizer"
_BASE = "keras.src.optimizers.base_optimizer"
_TAPE = "tensorflow.python.eager.backprop"
_DATASET = "tensorflow.python.data.ops.dataset_ops"
_ITERATOR = "tensorflow.python.data.ops.iterator_ops"
_FUNCTION = "tensorflow.python.eager.polymorphic_function.polymorphic_function"


def attach_to_keras(patches: Patches, switch: Switch) -> None:
    optimizer, base = sys.modules[_OPTIMIZER].TFOptimizer, sys.modules[_BASE].BaseOptimizer
    update = functools.partial(around_update, switch=switch)
    patches.replace(optimizer, "_backend_update_step", update)
    patches.replace(base, "apply", functools.partial(around_apply, switch=switch))


def attach_to_tensorflow(patches: Patches, switch: Switch) -> None:
    """Put the wrappers around gradients, compiled functions and data sets in place."""
    dataset, iterator = sys.modules[_DATASET].DatasetV2, sys.modules[_ITERATOR].OwnedIterator
    patches.replace(dataset, "__iter__", functools.partial(around_iter, switch=switch))
    patches.replace(iterator, "__next__", functools.partial(around_next, switch=switch))
    tape, function = sys.modules[_TAPE].GradientTape, sys.modules[_FUNCTION].Function
    patches.replace(tape, "gradient", functools.partial(around_gradient, switch=switch))
    patches.replace(function, "__call__", functools.partial(around_call, switch=switch))


def around_update(original: Callable[..., Any], switch: Switch) -> Callable[..., Any]:
    """A wrapper for `_backend_update_step` of optimizers: one step of training."""

    @functools.wraps(original)
    def update(self: Any, grads: Any, trainable_variables: Any, learning_rate: Any) -> Any:
        probe = switch.probe
        if probe is None or not _is_ours(probe.tensorflow):
            return original(self, grads, trainable_variables, learning_rate)
        run, steps = probe.guard.run, probe.optimizers
        frame = sys._getframe(1)
        run(steps.before_update, self, grads, trainable_variables, learning_rate, frame)
        result = original(self, grads, trainable_variables, learning_rate)
        run(steps.after_update)
        run(probe.wirings.update, self, trainable_variables)
        run(_count)
        return result

    return update


def around_apply(original: Callable[..., Any], switch: Switch) -> Callable[..., Any]:
    """A wrapper for `apply` of optimizers: where it has run, a step is over, and may be the last.

    Within functions and `fit` the step goes on: there it is ended where these are called.
    """

    @functools.wraps(original)
    def apply(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        probe = switch.probe
        if probe is not None and current() is None and probe.tensorflow.executing_eagerly():
            _stop_if_asked(probe)
        return result

    return apply


def around_gradient(original: Callable[..., Any], switch: Switch) -> Callable[..., Any]:
    """A wrapper for `GradientTape.gradient`: losses are trained with."""

    @functools.wraps(original)
    def gradient(self: Any, target: Any, sources: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, target, sources, *args, **kwargs)
        probe = switch.probe
        if probe is not None and _is_ours(probe.tensorflow):
            found = probe.loops.gradient
            probe.guard.run(found, self, target, sources, result, sys._getframe(1))
        return result

    return gradient


def around_call(original: Callable[..., Any], switch: Switch) -> Callable[..., Any]:
    """A wrapper for the call of a compiled function."""

    @functools.wraps(original)
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807 - it stands in for one
        probe = switch.probe
        if probe is None or self in probe.loops.functions.plain:
            return original(self, *args, **kwargs)
        shadow = probe.guard.run(probe.loops.functions.shadow_of, self)
        if shadow is None:
            return original(self, *args, **kwargs)
        if shadow.due:
            probe.guard.run(probe.begin_look, shadow.updates)
        began = perf_counter() if shadow.retrace.left else 0.0
        try:
            result, given = original(shadow.function, *args, **kwargs)
        except Exception:
            if shadow.traced and not shadow.atomic:
                raise
            # Nothing has run yet: were it for us that it failed, it would not by itself.
            probe.guard.run(probe.loops.functions.give_up, self)
            return original(self, *args, **kwargs)
        if shadow.retrace.left:
            probe.guard.run(shadow.retrace.took, probe, perf_counter() - began)
        updated = probe.guard.run(_executed, probe, shadow, given)
        if updated and switch.probe is probe:
            _stop_if_asked(probe)
        return result

    return __call__


def around_iter(original: Callable[..., Any], switch: Switch) -> Callable[..., Any]:
    """A wrapper for `DatasetV2.__iter__`: a pass over the data begins."""

    @functools.wraps(original)
    def __iter__(self: Any) -> Any:  # noqa: N807 - it stands in for one
        iterator = original(self)
        probe = switch.probe
        if probe is not None:
            probe.guard.run(probe.loops.pass_begins, iterator)
        return iterator

    return __iter__


def around_next(original: Callable[..., Any], switch: Switch) -> Callable[..., Any]:
    """A wrapper for the `__next__` of such a pass, which may have come to its end."""

    @functools.wraps(original)
    def __next__(self: Any) -> Any:  # noqa: N807 - it stands in for one
        try:
            return original(self)
        except StopIteration:
            probe = switch.probe
            if probe is not None:
                probe.guard.run(probe.loops.pass_ends, self)
            raise

    return __next__


def _executed(probe: Any, shadow: Shadow, given: dict[str, Any]) -> bool:
    """Whether a step of the user's own is over with it."""
    trace = shadow.trace_of(given)
    if trace is None:
        return False
    probe.loops.executed(trace, given)
    shadow.due = probe.optimizers.due(shadow.updates, probe.counter.done)
    return trace.updates > 0 and current() is None


def _count() -> None:
    """An update was made: what is traced around it has one more."""
    stage = current()
    if isinstance(stage, LoopStage):
        stage.updates_made += 1


def _is_ours(tf: Any) -> bool:
    """Whether operations run at once, or go into a graph of the run's own."""
    return current() is not None or bool(tf.executing_eagerly())


def _stop_if_asked(probe: Any) -> None:
    reason = probe.context.stop_reason()
    if reason is not None:
        raise TrainingStopped(reason)

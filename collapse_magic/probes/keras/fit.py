"""`fit`, `evaluate`, `train_on_batch` and `test_on_batch` of Keras models.

A model's train and test functions are made anew while it is watched, so that what its losses were
given comes out of them; the old ones are put back afterwards. What a caller of these functions
gets is what it would get without us.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from functools import partial, wraps
from time import perf_counter
from types import FrameType
from typing import TYPE_CHECKING, Any

from ...records import Phase
from ..base import TrainingStopped
from ..patching import Patches
from . import replicas, retraces
from .fit_steps import Step, Switch, Watched
from .losses import LossSeen, of_function
from .stage import Stage, current
from .stash import Outcome, Stash, Taken, without_ours

if TYPE_CHECKING:
    from .probe import KerasProbe

TRAINER = "keras.src.backend.tensorflow.trainer"
# What the user calls -> the function of the model that it runs; `fit` calls `evaluate`.
CALLS = {
    "fit": "train_function",
    "train_on_batch": "train_function",
    "evaluate": "test_function",
    "test_on_batch": "test_function",
}


class Fit:
    """Finds the models that are trained through Keras, and has their steps seen."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._models: dict[int, Watched] = {}
        self._made_of: Step | None = None  # what Keras is making a function of just now

    def attach(self, patches: Patches) -> None:
        probe = self._switch.probe
        assert probe is not None
        module = sys.modules[TRAINER]
        trainer = module.TensorFlowTrainer
        guard = probe.guard
        patches.replace(module, "reduce_per_replica", partial(replicas.around_reduce, guard))
        patches.replace(trainer, "_make_function", self._around_make_function)
        if hasattr(trainer, "_autoconvert_optionals"):  # Keras' older versions lack it
            patches.replace(trainer, "_autoconvert_optionals", self._around_autoconvert)
        patches.replace(trainer, "_compute_loss", self.around_compute_loss)
        self.attach_to_calls(trainer, patches)

    def attach_to_calls(self, trainer: Any, patches: Patches) -> None:
        """See the calls that train and evaluate, and where epochs end."""
        for call, function in CALLS.items():
            patches.replace(trainer, call, partial(self.around_call, function))
        callbacks = sys.modules["keras.src.callbacks.callback_list"].CallbackList
        patches.replace(callbacks, "on_epoch_end", self._around_epoch_end)

    def release(self) -> None:
        """Put back every model's own functions, and forget the models."""
        models, self._models = list(self._models.values()), {}
        for watched in models:
            for name in watched.ours:
                watched.put_back(name)

    def of(self, model: Any, frame: FrameType | None = None) -> Watched:
        known = self._models.get(id(model))
        if known is None or known.model() is not model:
            probe = self._switch.probe
            name = "" if probe is None else probe.names.meet(model, frame).name
            known = self._models[id(model)] = Watched(weakref.ref(model), name)
        return known

    @property
    def running(self) -> bool:
        """Whether a call that trains or evaluates is under way."""
        return any(watched.calls for watched in self._models.values())

    # -- the functions that stand in place --------------------------------------------------------

    def around_call(self, function: str, original: Callable[..., Any]) -> Callable[..., Any]:
        switch = self._switch

        def call(model: Any, *args: Any, **kwargs: Any) -> Any:
            probe = switch.probe
            if probe is None:
                return original(model, *args, **kwargs)
            inputs = args[0] if args else kwargs.get("x")
            frame = sys._getframe(1)
            watched = probe.guard.run(self._enter, model, function, inputs, frame)
            try:
                return original(model, *args, **kwargs)
            finally:
                if watched is not None:
                    if original.__name__ == "fit":
                        probe.guard.run(probe.fitted, watched)
                    try:
                        self._leave(watched, function)
                    except Exception as error:
                        probe.guard.fail(error)

        return like(call, original)

    def _around_make_function(self, original: Callable[..., Any]) -> Callable[..., Any]:
        switch = self._switch

        def _make_function(model: Any, step_function: Any) -> Any:
            probe = switch.probe
            if probe is None:
                return original(model, step_function)
            step = probe.guard.run(self._step_of, probe, model, step_function)
            if step is None:
                return original(model, step_function)

            def watched_step(data: Any) -> Outcome:
                stage = probe.guard.run(step.stage, probe.tensorflow)
                if stage is None:
                    return Outcome(step_function(data), {}, ())
                with stage:
                    logs = step_function(data)
                return Outcome(logs, *(probe.guard.run(step.handed, stage) or ({}, ())))

            self._made_of = step
            try:
                function = original(model, watched_step)
            finally:
                self._made_of = None

            retrace = step.retrace

            def run(iterator: Any) -> Any:
                probe = switch.probe
                if step.due and probe is not None:
                    probe.guard.run(probe.begin_look, step.of_models)
                began = perf_counter() if retrace.left else 0.0
                result = function(iterator)
                if retrace.left and probe is not None:
                    probe.guard.run(retrace.took, probe, perf_counter() - began)
                probe = switch.probe
                if probe is None:
                    return without_ours(result)
                try:
                    taken = Taken(result, step.stash)
                except Exception as error:
                    probe.guard.fail(error)
                    return without_ours(result)
                logs = taken.logs
                if not probe.passes(step, taken):
                    probe.guard.run(probe.after_execution, step, taken)
                training = step.phase == "train"
                reason = probe.context.stop_reason() if training else None
                if reason is not None:
                    raise TrainingStopped(reason)
                return logs

            step.watched.ours[step.function] = run
            return run

        return like(_make_function, original)

    def _around_autoconvert(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """What Keras gives a step to once that is compiled: what is around it is not XLA's."""

        def _autoconvert_optionals(model: Any, step_function: Any) -> Any:
            converted, made_of = original(model, step_function), self._made_of
            if made_of is None:
                return converted
            stash = made_of.stash

            @wraps(converted)
            def stashing(data: Any) -> Any:
                probe = self._switch.probe
                if probe is None:
                    return converted(data)
                probe.guard.run(stash.clear)
                outcome = converted(data)
                inputs = data[0] if type(data) is tuple and data else data
                kept = probe.guard.run(stash.keep, outcome, inputs)
                return outcome.logs if kept else outcome

            return stashing

        return like(_autoconvert_optionals, original)

    def around_compute_loss(self, original: Callable[..., Any]) -> Callable[..., Any]:
        switch = self._switch

        def _compute_loss(model: Any, *args: Any, **kwargs: Any) -> Any:
            stage = current()
            known = 0 if stage is None else len(stage.seen)
            loss = original(model, *args, **kwargs)
            probe = switch.probe
            if stage is not None and probe is not None and len(stage.seen) == known:
                probe.guard.run(_by_nobody_known, stage, loss, args, kwargs)
            return loss

        return like(_compute_loss, original)

    def _around_epoch_end(self, original: Callable[..., Any]) -> Callable[..., Any]:
        switch = self._switch

        def on_epoch_end(callbacks: Any, epoch: Any, logs: Any = None) -> Any:
            probe = switch.probe
            if probe is not None:
                probe.guard.run(self._epoch_ended, probe, callbacks)
            return original(callbacks, epoch, logs)

        return like(on_epoch_end, original)

    # -- steps ------------------------------------------------------------------------------------

    def _step_of(self, probe: KerasProbe, model: Any, step_function: Any) -> Step:
        if replicas.of_model(model) > 1:  # while nothing is traced: within, it has no values
            probe.models.meet(model, None)
        phase: Phase = "eval" if step_function == model.test_step else "train"
        most = int(getattr(model, "steps_per_execution", 1))
        watched = self.of(model)
        stash = Stash(phase == "train", _tells_mean(model))
        step = Step(watched, phase, most, stash)
        before = watched.before.get(step.function)
        step.retrace = retraces.of_model(model, step.function, before)
        step.executed()
        return step

    # -- what they tell ---------------------------------------------------------------------------

    def _enter(self, model: Any, function: str, inputs: Any, frame: FrameType) -> Watched | None:
        probe = self._switch.probe
        if probe is None:
            return None
        watched = self.of(model, frame)
        if not watched.calls:
            watched.place = probe.context.place(frame)
            watched.inputs = inputs
        watched.make_room(function)
        watched.calls += 1
        return watched

    def _leave(self, watched: Watched, function: str) -> None:
        if function not in watched.ours:
            watched.put_back(function)  # the call has failed before one was made
        watched.calls -= 1
        if not watched.calls:
            watched.inputs = None

    def _epoch_ended(self, probe: KerasProbe, callbacks: Any) -> None:
        model = getattr(callbacks, "_model", None) or getattr(callbacks, "model", None)
        if model is None:
            return
        watched = self.of(model)
        watched.epochs += 1
        self.meet_unmoved(probe, model)
        probe.epoch_ended(watched.epochs)

    def meet_unmoved(self, probe: KerasProbe, model: Any) -> None:
        """A model that was run: where nothing can be trained no optimizer will ever show it."""
        if not model.trainable_variables:
            probe.models.meet(model, None)


def _tells_mean(model: Any) -> bool:
    """Whether the logs of a model hold the mean of its losses: so Keras' own functions have it."""
    names = ("train_step", "compute_metrics", "get_metrics_result")
    functions = [getattr(model, name, None) for name in names]
    return all(str(getattr(one, "__module__", "")).startswith("keras.src.") for one in functions)


def _by_nobody_known(
    stage: Stage, loss: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """A loss that was computed by functions which are none of Keras'."""
    given = dict(zip(("x", "y", "y_pred"), args, strict=False)) | kwargs
    known = of_function(loss, given.get("y"), given.get("y_pred"))
    stage.note(known or LossSeen("custom", loss))


def like(wrapper: Any, original: Any) -> Callable[..., Any]:
    wrapper.__name__ = original.__name__
    wrapper.__qualname__ = original.__qualname__
    wrapper.__doc__ = original.__doc__
    wrapper.__module__ = original.__module__
    wrapper.__wrapped__ = original  # the signature is the original's
    function: Callable[..., Any] = wrapper
    return function

"""`fit`, `evaluate`, `train_on_batch` and `test_on_batch` of Keras models.

A model's train and test functions are made anew while it is watched, so that what its losses were
given comes out of them; the old ones are put back afterwards. What a caller of these functions
gets is what it would get without us.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from types import FrameType
from typing import TYPE_CHECKING, Any

from ...records import Phase
from ..base import TrainingStopped
from ..patching import Patches
from . import replicas
from .losses import LossSeen
from .parcels import Given, Outcome, Parcels, without_ours
from .stage import Stage, current, graph_here
from .updates import Update, forms

if TYPE_CHECKING:
    from .probe import KerasProbe

TRAINER = "keras.src.backend.tensorflow.trainer"
_TENSORS = ("value", "scores", "targets", "weights")  # of a loss that was seen
# What the user calls -> the function of the model that it runs; `fit` calls `evaluate`.
CALLS = {
    "fit": "train_function",
    "train_on_batch": "train_function",
    "evaluate": "test_function",
    "test_on_batch": "test_function",
}


class Switch:
    """What the replacements refer to: the probe while it watches, None before and after."""

    __slots__ = ("probe",)

    def __init__(self) -> None:
        self.probe: KerasProbe | None = None


@dataclass(slots=True, eq=False)
class Watched:
    """One model, and its functions as they were before.

    Attributes
        place: (cell, line) of the user's latest call that trains or evaluates it.
        inputs: the arrays that this call was given, as long as it runs.
        calls: how many of its calls are running, one inside the other.
        epochs: finished ones in this run.
    """

    model: weakref.ref[Any]
    name: str
    place: tuple[int, int] | None = None
    inputs: Any = None
    calls: int = 0
    epochs: int = 0
    before: dict[str, Any] = field(default_factory=dict)
    ours: dict[str, Any] = field(default_factory=dict)

    def make_room(self, name: str) -> None:
        """A function that is not ours is put aside: Keras makes a new one, which is."""
        model = self.model()
        held = getattr(model, name, None)
        if held is None or held is not self.ours.get(name):
            self.before[name] = held
            self.ours.pop(name, None)
            setattr(model, name, None)

    def put_back(self, name: str) -> None:
        """The user's function again, where ours stands in its place or none has been made."""
        model = self.model()
        if model is not None and getattr(model, name, None) is self.ours.get(name):
            setattr(model, name, self.before.get(name))


@dataclass(slots=True, eq=False)
class Step:
    """The losses of a step function, as they were met when it was traced last.

    Where one execution takes several steps, the last one is what comes out of it.
    """

    watched: Watched
    phase: Phase
    most: int = 1  # steps of one execution
    seen: dict[str, LossSeen] = field(default_factory=dict)
    iterations: int = 0  # of the optimizer, before the next execution
    counted: int = 0  # updates of one step that are counted when it has been executed
    of_models: list[Update] = field(default_factory=list)  # what is known of them
    due: bool = False  # whether the next execution is to be looked at from outside
    parcels: Parcels = field(default_factory=Parcels)

    def stage(self, tensorflow: Any) -> Stage:
        """The stage for its Python code, which is about to run."""
        return Stage(self.phase, graph_here(tensorflow), self.most == 1)

    def note(self, stage: Stage) -> Given:
        """The tensors to hand out; what is known without them is kept."""
        given: Given = {}
        for order, call in enumerate(stage.seen):
            key = f"{order}:{call.loss}"
            tensors = {name: getattr(call, name) for name in _TENSORS}
            given[key] = {name: held for name, held in tensors.items() if held is not None}
            self.seen[key] = call.without_tensors()
        return given

    def handed(self, stage: Stage) -> tuple[Given, tuple[dict[str, Any], ...]]:
        """What a step hands out: what its losses were given, and the tensors of its updates."""
        self.counted, self.of_models = stage.counted, forms(stage.updates)
        return self.note(stage), tuple(dict(update.tensors) for update in stage.updates)

    def filled(self, key: str, tensors: dict[str, Any]) -> LossSeen:
        """One of the losses, with the tensors of an execution."""
        return replace(self.seen[key], **tensors)

    def executed(self) -> int:
        """Steps that the latest execution took: of several at once the optimizer knows."""
        optimizer = getattr(self.watched.model(), "optimizer", None)
        if self.most == 1 or optimizer is None:
            return self.most
        before, self.iterations = self.iterations, int(optimizer.iterations)
        return min(max(self.iterations - before, 1), self.most)


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

            def run(iterator: Any) -> Any:
                probe = switch.probe
                if step.due and probe is not None:
                    probe.guard.run(probe.begin_look, step.of_models)
                result = function(iterator)
                try:
                    taken = step.parcels.taken(result)
                except Exception as error:
                    if probe is not None:
                        probe.guard.fail(error)
                    return without_ours(result)
                probe, logs = switch.probe, taken.logs
                if probe is None:
                    return logs
                if not probe.passes(step, taken):
                    probe.guard.run(probe.after_execution, step, taken)
                training = step.phase == "train"
                reason = probe.context.stop_reason() if training else None
                if reason is not None:
                    raise TrainingStopped(reason)
                return logs

            name = "train_function" if step.phase == "train" else "test_function"
            step.watched.ours[name] = run
            return run

        return like(_make_function, original)

    def _around_autoconvert(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """What Keras gives a step to once that is compiled: from here on no result is XLA's."""

        def _autoconvert_optionals(model: Any, step_function: Any) -> Any:
            converted, made_of = original(model, step_function), self._made_of
            if made_of is None:
                return converted

            @wraps(converted)
            def packing(data: Any) -> Any:
                outcome, probe = converted(data), self._switch.probe
                packed = None if probe is None else probe.guard.run(made_of.parcels.pack, outcome)
                return packed or outcome

            return packing

        return like(_autoconvert_optionals, original)

    def around_compute_loss(self, original: Callable[..., Any]) -> Callable[..., Any]:
        switch = self._switch

        def _compute_loss(model: Any, *args: Any, **kwargs: Any) -> Any:
            stage = current()
            known = 0 if stage is None else len(stage.seen)
            loss = original(model, *args, **kwargs)
            probe = switch.probe
            if stage is not None and probe is not None and len(stage.seen) == known:
                probe.guard.run(_by_nobody_known, stage, loss)
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
        step = Step(self.of(model), phase, most)
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
        if not model.trainable_variables:  # no optimizer will ever show it
            probe.models.meet(model, None)
        probe.epoch_ended(watched.epochs)


def _by_nobody_known(stage: Stage, loss: Any) -> None:
    """A loss that was computed by functions which are none of Keras'."""
    stage.note(LossSeen("custom", loss))


def like(wrapper: Any, original: Any) -> Callable[..., Any]:
    wrapper.__name__ = original.__name__
    wrapper.__qualname__ = original.__qualname__
    wrapper.__doc__ = original.__doc__
    wrapper.__module__ = original.__module__
    wrapper.__wrapped__ = original  # the signature is the original's
    function: Callable[..., Any] = wrapper
    return function

"""Keras on PyTorch: every step of `fit` runs eagerly, and is seen while it runs.

What PyTorch's own probe would see of such a step is the same once more, in other names; so it
stands aside meanwhile. Only where Keras computes no loss at all (a `train_step` with functions of
PyTorch's), or the step is compiled, it is left to that probe.
"""

from __future__ import annotations

import importlib
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np

from ....records import Phase
from ...base import Probe, TrainingStopped, attached_beside
from ...calls import Array
from ...patching import Patches
from ..fit import CALLS, Fit, like
from ..fit_steps import Step, Switch, Watched
from ..optimizers import OptimizerWatch
from ..stage import Stage, current
from .looks import HostLook, norm
from .optimizers import accumulated

if TYPE_CHECKING:
    from .probe import BackendProbe

TRAINER = "keras.src.backend.torch.trainer"
_OPTIMIZERS = (
    ("keras.src.backend.torch.optimizers.torch_parallel_optimizer", "TorchParallelOptimizer"),
    ("keras.src.optimizers.base_optimizer", "BaseOptimizer"),  # of those that users write
)


class TorchStage(Stage):
    """A step while it runs.

    Attributes
        watched: the model that it is a step of.
        look: what has been begun before the update that is under way.
        updated: whether an update was made in it.
    """

    def __init__(self, phase: Phase, watched: Watched) -> None:
        super().__init__(phase, None)
        self.watched = watched
        self.look: tuple[HostLook, Array] | None = None
        self.updated = False


class TorchFit(Fit):
    """Finds the models that are trained through Keras, and sees their steps."""

    def __init__(self, switch: Switch, probe: BackendProbe) -> None:
        super().__init__(switch)
        self._probe = probe
        self._inner = Patches()  # what runs inside of steps, and so might be compiled
        self._aside: list[Probe] = []
        self._others: weakref.WeakSet[Any] = weakref.WeakSet()  # models without a loss of Keras'
        self._depth = 0

    def attach(self, patches: Patches) -> None:
        trainer = sys.modules[TRAINER].TorchTrainer
        self.attach_to_calls(trainer, patches)
        for function in dict.fromkeys(CALLS.values()):
            patches.replace(trainer, f"make_{function}", partial(self._around_make, function))
        self._attach_inside()

    def _attach_inside(self) -> None:
        self._probe.losses.attach_to_keras(self._inner)
        trainer = sys.modules[TRAINER].TorchTrainer
        self._inner.replace(trainer, "_compute_loss", self.around_compute_loss)
        for module, name in _OPTIMIZERS:
            # Keras imports its optimizers with the first one that is made.
            owner = getattr(importlib.import_module(module), name)
            self._inner.replace(owner, "_backend_update_step", self._around_update)

    def release(self) -> None:
        self._inner.restore()
        self._come_back()
        super().release()

    def host(self, tensor: Any) -> Array:
        """The values of a tensor, as they are now."""
        if not hasattr(tensor, "detach"):
            return np.array(tensor)
        values = tensor.detach().cpu()
        floating = values.is_floating_point() and values.element_size() < 4
        return np.array((values.float() if floating else values).numpy())

    def ready(self, tensor: Any) -> bool:  # noqa: ARG002 - whoever asks for values waits
        return True

    # -- the functions that stand in place --------------------------------------------------------

    def around_call(self, function: str, original: Callable[..., Any]) -> Callable[..., Any]:
        watched_call = super().around_call(function, original)

        def call(model: Any, *args: Any, **kwargs: Any) -> Any:
            if self._switch.probe is None:
                return original(model, *args, **kwargs)
            with self._turn(model):
                return watched_call(model, *args, **kwargs)

        return like(call, original)

    @contextmanager
    def _turn(self, model: Any) -> Iterator[None]:
        """Until the outermost call has ended: who sees it, and with what in place."""
        if self._depth:
            yield
            return
        self._depth += 1
        guard = self._probe.guard
        guard.run(self._begin_turn, model)
        try:
            yield
        finally:
            self._depth -= 1
            try:  # whatever has become of the watching: the other probe is to go on
                self._end_turn(model)
            except Exception as error:
                guard.fail(error)

    def _begin_turn(self, model: Any) -> None:
        self._aside = attached_beside(self._probe)
        for probe in self._aside:
            probe.stand_aside()
        if model.jit_compile:  # compiled code meets the functions that it was compiled with
            self._inner.restore()
        if model.jit_compile or model in self._others:
            self._give_way()

    def _end_turn(self, model: Any) -> None:
        try:
            if model.jit_compile and self._switch.probe is not None:
                self._attach_inside()
        finally:
            self._come_back()

    def _give_way(self) -> None:
        for probe in self._aside:
            probe.come_back(epochs=False)

    def _come_back(self) -> None:
        aside, self._aside = self._aside, []
        for probe in aside:
            probe.come_back()

    def _around_make(self, function: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def make(model: Any, force: bool = False) -> Any:
            result = original(model, force)
            probe = self._switch.probe
            if probe is not None and self._depth:
                probe.guard.run(self._wrap, model, function)
            return result

        return like(make, original)

    def _wrap(self, model: Any, name: str) -> None:
        watched = self.of(model)
        function = getattr(model, name)
        if function is watched.ours.get(name):
            return
        phase: Phase = "train" if name == "train_function" else "eval"
        step = Step(watched, phase)
        if phase == "train" and accumulated(model.optimizer) > 1:
            self._probe.counter.expect_updates()

        def run(data: Any) -> Any:
            probe = self._switch.probe
            if probe is None:
                return function(data)
            stage = probe.guard.run(TorchStage, phase, watched)
            with stage or nullcontext():
                logs = function(data)
            if stage is not None:
                probe.guard.run(self._ran, stage, step)
            reason = probe.context.stop_reason() if phase == "train" else None
            if reason is not None:
                raise TrainingStopped(reason)
            return logs

        setattr(model, name, run)
        watched.ours[name] = run

    def _ran(self, stage: TorchStage, step: Step) -> None:
        if stage.phase == "train":
            self._probe.counter.executed += 1
            model = step.watched.model()
            if not stage.seen and model is not None and model not in self._others:
                self._others.add(model)
                self._give_way()
        self._probe.executed(step, step.note(stage), stage.updated)

    def _around_update(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def _backend_update_step(
            optimizer: Any, grads: Any, trainable_variables: Any, learning_rate: Any
        ) -> Any:
            stage, probe = current(), self._switch.probe
            if probe is None or not isinstance(stage, TorchStage):
                return original(optimizer, grads, trainable_variables, learning_rate)
            given = (optimizer, grads, trainable_variables, learning_rate)
            probe.guard.run(self._before_update, stage, *given, sys._getframe(1))
            result = original(*given)
            probe.guard.run(self._after_update, stage)
            return result

        return like(_backend_update_step, original)

    # -- updates ----------------------------------------------------------------------------------

    def _before_update(
        self, stage: TorchStage, optimizer: Any, gradients: Sequence[Any],
        variables: Sequence[Any], rate: Any, frame: FrameType,
    ) -> None:  # fmt: skip
        stage.look = None
        if not stage.seen:
            return
        optimizers, step = self._probe.optimizers, self._step()
        watch, look = optimizers.meet(optimizer, stage.watched, variables, frame)
        due = step >= look.due
        if due or self._is_at_hand(rate):
            self._tell_rate(watch, step, rate)
        if due:
            look.begin([variable.value for variable in look.variables], self.host)
            norms = np.full(len(look.variables), -1.0)
            for variable, gradient in zip(variables, gradients, strict=True):
                place = look.place_of(variable)
                if place is not None and gradient is not None:
                    norms[place] = norm(self.host(gradient))
            stage.look = look, norms

    def _tell_rate(self, watch: OptimizerWatch, step: int, rate: Any) -> None:
        self._probe.optimizers.tell_rate(watch, step, float(rate))

    def _is_at_hand(self, rate: Any) -> bool:
        """Whether nobody has to wait for a device."""
        value = getattr(rate, "value", rate)
        return bool(getattr(value, "is_cpu", True))

    def _after_update(self, stage: TorchStage) -> None:
        counter = self._probe.counter
        if stage.look is not None:
            (look, norms), stage.look = stage.look, None
            weights = [variable.value for variable in look.variables]
            found = look.finish(self._step(), weights, self.host, norms)
            self._probe.optimizers.looked(look, found)
        counter.step()
        stage.updated = True

    def _step(self) -> int:
        """The step that the update under way ends."""
        counter = self._probe.counter
        return counter.done + 1 if counter.updating else 1

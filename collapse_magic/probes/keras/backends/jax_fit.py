"""Keras on JAX: a step of `fit` is traced once, and what is to be known comes out as a result.

The compiled step returns, beside what Keras asks of it, the tensors that its losses were given and
the norms of its gradients; those of large models are computed only where the step is to be looked
at, which is an argument. Nothing is fetched before it has been computed anyway.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ....records import Phase
from ...base import TrainingStopped
from ...calls import Array
from ...patching import Patches
from ..fit import CALLS, Fit, like
from ..fit_steps import Step, Switch, Watched
from ..losses import LossSeen
from ..optimizers import OptimizerWatch
from ..parcels import Given
from ..stage import Stage, current
from .looks import HostLook, norm
from .optimizers import Rate, accumulated

if TYPE_CHECKING:
    from .probe import BackendProbe

TRAINER = "keras.src.backend.jax.trainer"
_OPTIMIZER = "keras.src.optimizers.base_optimizer"


# The norms of so few gradients are computed at every step: a branch would take longer.
_ALWAYS = 2**18
_SCALE = 2.0**20


class JaxStage(Stage):
    """A step while it is traced, or runs eagerly.

    Attributes
        optimizer, gradients, rate: of the update in it; gradients by the variable's id.
    """

    def __init__(self, phase: Phase, arguments: Any) -> None:
        super().__init__(phase, None)
        jax = sys.modules["jax"]
        self._tracer = jax.core.Tracer
        traced = [leaf for leaf in jax.tree.leaves(arguments) if isinstance(leaf, self._tracer)]
        self.trace = traced[0]._trace if traced else None
        self.optimizer: Any = None
        self.gradients: dict[int, Any] = {}
        self.rate: Any = None

    def note(self, call: LossSeen) -> bool:
        given = (call.value, call.scores, call.targets, call.weights)
        outer = [None if tensor is None else self.outer(tensor) for tensor in given]
        if outer[0] is None:
            return False
        if any(to is None for of, to in zip(given, outer, strict=True) if of is not None):
            outer[1:] = [None, None, None]  # they belong to something that is traced by itself
        value, scores, targets, weights = outer
        self.seen.append(
            replace(call, value=value, scores=scores, targets=targets, weights=weights)
        )
        return True

    def update(self, optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any], rate: Any
    ) -> None:  # fmt: skip
        """An optimizer updates these variables; inside of a branch of the step nothing is known."""
        found = [self.outer(gradient) for gradient in gradients]
        self.optimizer, self.rate = optimizer, self.outer(getattr(rate, "value", rate))
        if all(gradient is not None for gradient in found):
            self.gradients = {id(v): g for v, g in zip(variables, found, strict=True)}

    def outer(self, tensor: Any) -> Any | None:
        """A tensor as the step itself knows it, of one that is being derived, say; else None."""
        while isinstance(tensor, self._tracer):
            if tensor._trace is self.trace:
                return tensor
            tensor = getattr(tensor, "primal", None)
        return tensor


@dataclass(slots=True, eq=False)
class JaxStep(Step):
    """A step function, and what is known of its update.

    Attributes
        compiled: the function that returns more than Keras asks for.
        optimizer: the one whose update is in it.
        calls: executions so far; where gradients are accumulated, beginning with those before.
        of_update: what is known of that optimizer, and the look at the model's layers.
        passing: so many of the next executions need only be counted.
    """

    compiled: Any = None
    optimizer: Any = None
    calls: int = 0
    of_update: tuple[OptimizerWatch, HostLook] | None = None
    passing: int = 0

    def told(self, stage: JaxStage, look: Any) -> tuple[Given, Any | None]:
        """What its losses were given, and what is told of its update, as it was traced."""
        self.optimizer = stage.optimizer
        return self.note(stage), _told_of_update(stage, self.watched.model(), look)

    def updates(self, optimizer: Any) -> bool:
        """Whether the next execution ends in an update, and does not only accumulate gradients."""
        return (self.calls + 1) % accumulated(optimizer) == 0


class JaxFit(Fit):
    """Finds the models that are trained through Keras, and has their steps tell more."""

    def __init__(self, switch: Switch, probe: BackendProbe) -> None:
        super().__init__(switch)
        self._probe = probe
        self._making: tuple[Watched, Phase] | None = None
        self._made: JaxStep | None = None

    def attach(self, patches: Patches) -> None:
        module = sys.modules[TRAINER]
        trainer = module.JAXTrainer
        self.attach_to_calls(trainer, patches)
        self._probe.losses.attach_to_keras(patches)
        patches.replace(trainer, "_compute_loss", self.around_compute_loss)
        for function in dict.fromkeys(CALLS.values()):
            patches.replace(trainer, f"make_{function}", partial(self._around_make, function))
        patches.replace(module, "jit", self._around_jit)
        patches.replace(trainer, "_make_function", self._around_make_function)
        optimizer = sys.modules[_OPTIMIZER].BaseOptimizer
        patches.replace(optimizer, "_backend_update_step", self._around_update)

    def host(self, tensor: Any) -> Array:
        """The values of a tensor, which may share its memory with arrays of the user's."""
        return np.array(tensor)

    def ready(self, tensor: Any) -> bool:
        asked = getattr(tensor, "is_ready", None)
        return asked is None or bool(asked())

    # -- the functions that stand in place --------------------------------------------------------

    def _around_make(self, function: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def make(model: Any, force: bool = False) -> Any:
            probe = self._switch.probe
            if probe is None or (getattr(model, function) is not None and not force):
                return original(model, force)
            self._making = probe.guard.run(self._begin, probe, model, function)
            try:
                result = original(model, force)
            finally:
                making, self._making, self._made = self._making, None, None
            if making is not None:
                making[0].ours[function] = getattr(model, function)
            return result

        return like(make, original)

    def _around_jit(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def jit(function: Any, **options: Any) -> Any:
            if self._making is None or sys.modules[TRAINER].is_nnx_enabled():
                return original(function, **options)
            self._made = step = self._probe.guard.run(self._telling, function)
            if step is None:
                return original(function, **options)
            step.compiled = original(step.compiled, **options)
            return step.compiled

        return like(jit, original)

    def _around_make_function(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def _make_function(
            model: Any, step_function: Any, concatenate_outputs: bool = False
        ) -> Any:
            if self._making is None:
                return original(model, step_function, concatenate_outputs)
            if self._made is None:
                if sys.modules[TRAINER].is_nnx_enabled():
                    return original(model, step_function, concatenate_outputs)
                # It is to run eagerly.
                self._made = self._probe.guard.run(self._telling, step_function)
            told = step_function if self._made is None else self._told(self._made)
            return original(model, told, concatenate_outputs)

        return like(_make_function, original)

    def _begin(self, probe: BackendProbe, model: Any, function: str) -> tuple[Watched, Phase]:
        """A function of a model is about to be made."""
        probe.models.meet(model, None)  # as long as it owns its weights
        return self.of(model), "train" if function == "train_function" else "eval"

    def _telling(self, function: Any) -> JaxStep:
        """A step function that returns what is to be known beside its own results."""
        assert self._making is not None
        watched, phase = self._making
        step, guard = JaxStep(watched, phase), self._probe.guard
        optimizer = getattr(watched.model(), "optimizer", None)
        if optimizer is not None and phase == "train" and accumulated(optimizer) > 1:
            step.calls = int(np.asarray(optimizer.iterations))
            self._probe.counter.expect_updates()

        def telling(state: Any, data: Any, look: Any = False) -> Any:
            stage = guard.run(JaxStage, phase, (state, data))
            with stage or nullcontext():
                logs, new_state = function(state, data)
            told = None if stage is None else guard.run(step.told, stage, look)
            return (logs, *(told or ({}, None))), new_state

        step.compiled = telling
        return step

    def _told(self, step: JaxStep) -> Callable[..., Any]:
        """What Keras calls in the place of its step function."""
        training = step.phase == "train"
        numpy = sys.modules["jax"].numpy
        # Made once: what comes from Python has to be brought to the device at every step.
        no, yes = numpy.asarray(False), numpy.asarray(True)

        def told(state: Any, data: Any) -> Any:
            probe = self._switch.probe
            if probe is None or not training:
                (logs, given, _), state = step.compiled(state, data, no)
                if probe is not None:
                    probe.guard.run(self._probe.executed, step, given)
                return logs, state
            if step.passing > 0:
                step.passing -= 1
                step.calls += 1
                (logs, given, _), state = step.compiled(state, data, no)
                self._probe.passed(step, given)
            else:
                look = probe.guard.run(self._before, step, state)
                asked = no if look is None else yes
                (logs, given, update), state = step.compiled(state, data, asked)
                probe.guard.run(self._after, step, look, given, update, state)
            reason = probe.context.stop_reason()
            if reason is not None:
                _keep(step.watched.model(), state)
                raise TrainingStopped(reason)
            return logs, state

        return told

    def _around_update(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def _backend_update_step(
            optimizer: Any, grads: Any, trainable_variables: Any, learning_rate: Any
        ) -> Any:
            stage, probe = current(), self._switch.probe
            if probe is not None and isinstance(stage, JaxStage):
                given = (optimizer, grads, trainable_variables, learning_rate)
                probe.guard.run(stage.update, *given)
            return original(optimizer, grads, trainable_variables, learning_rate)

        return like(_backend_update_step, original)

    # -- steps ------------------------------------------------------------------------------------

    def _before(self, step: JaxStep, state: Any) -> HostLook | None:
        """A look, where this step is due for one; its weights are lent to the step and lost."""
        optimizer = self._optimizer(step)
        if optimizer is None or not step.updates(optimizer):
            return None
        _, look = self._of_update(step, optimizer)
        if self._probe.counter.under_way() < look.due:
            return None
        look.begin(state[0], self.host)
        return look

    def _after(
        self, step: JaxStep, begun: HostLook | None, given: Given, update: Any, state: Any
    ) -> None:
        """A step has been started; all of its results are on their way."""
        counter = self._probe.counter
        counter.executed += 1
        rate: Rate | None = None
        updated = step.optimizer is not None and step.updates(step.optimizer)
        if updated:
            watch, look = self._of_update(step, step.optimizer)
            at = counter.under_way()
            if update is not None:
                rate = Rate(watch, at, update)
            if begun is look:
                unknown = np.full(len(state[0]), -1.0)
                known = unknown if update is None else self.host(update)[:-1]
                found = look.finish(at, state[0], self.host, known)
                self._probe.optimizers.looked(look, found)
            counter.step()
        step.calls += 1
        self._probe.executed(step, given, updated, rate)
        if updated and accumulated(step.optimizer) == 1:
            step.passing = min(look.due - counter.under_way(), self._probe.passing(given))

    def _of_update(self, step: JaxStep, optimizer: Any) -> tuple[OptimizerWatch, HostLook]:
        """What is known of an optimizer; which weights are trained is settled with the step."""
        known = step.of_update
        if known is None or known[0].optimizer() is not optimizer:
            model: Any = step.watched.model()
            variables = model.trainable_variables
            meet = self._probe.optimizers.meet
            known = step.of_update = meet(optimizer, step.watched, variables, None)
        return known

    def _optimizer(self, step: JaxStep) -> Any | None:
        """The optimizer whose update is in a step; the model's own until that has been traced."""
        if step.optimizer is not None or step.calls:
            return step.optimizer
        model = getattr(step.watched.model(), "optimizer", None)
        return getattr(model, "inner_optimizer", model)


def _told_of_update(stage: JaxStage, model: Any, look: Any) -> Any | None:
    """One array: the norms of the gradients where `look` is true, and at the end the learning rate.

    None where the update cannot be seen into.
    """
    if stage.optimizer is None or stage.rate is None or not stage.gradients:
        return None
    gradients = [stage.gradients.get(id(variable)) for variable in model.trainable_variables]
    if stage.trace is None:
        norms = [-1.0 if g is None else norm(np.asarray(g)) for g in gradients] if look else []
        return np.array([*norms, float(stage.rate)])
    jax = sys.modules["jax"]
    numpy = jax.numpy

    def norms_of_all() -> Any:
        none = numpy.float32(-1)
        return numpy.stack([none if g is None else _norm(g) for g in gradients])

    if sum(g.size for g in gradients if g is not None) <= _ALWAYS:
        found = norms_of_all()
    else:
        found = jax.lax.cond(look, norms_of_all, lambda: numpy.zeros(len(gradients)))
    return numpy.append(found, stage.rate)


def _norm(gradient: Any) -> Any:
    """In single precision: right from 1e-25 to 1e13, for squares are taken of larger numbers."""
    numpy = sys.modules["jax"].numpy
    larger = gradient.astype(numpy.float32) * _SCALE
    return numpy.sqrt(numpy.sum(numpy.square(larger))) / _SCALE


def _keep(model: Any, state: Any) -> None:
    """The model owns its weights again, before the training ends in between two steps."""
    names = (
        "trainable_variables", "non_trainable_variables", "optimizer_variables",
        "metrics_variables",
    )  # fmt: skip
    model._jax_state = dict(zip(names, state, strict=True))
    model._jax_state_synced = False
    model.jax_state_sync()

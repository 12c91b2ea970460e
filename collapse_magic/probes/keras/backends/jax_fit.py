"""Keras on JAX: a step of `fit` is traced once, and what is to be known comes out as a result.

The compiled step returns, beside what Keras asks of it, the tensors that its losses were given and
the norms of its gradients; the latter are computed only where the step is to be looked at, which
is an argument. Nothing is fetched before it has been computed anyway.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ....records import Phase
from ...base import TrainingStopped
from ...calls import Array
from ...patching import Patches
from ..fit import CALLS, Fit, Given, Step, Switch, Watched, like
from ..losses import LossSeen
from ..stage import Stage, current
from .looks import HostLook, norm
from .optimizers import Rate, accumulated

if TYPE_CHECKING:
    from .probe import BackendProbe

TRAINER = "keras.src.backend.jax.trainer"
_OPTIMIZER = "keras.src.optimizers.base_optimizer"


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
    """

    compiled: Any = None
    optimizer: Any = None
    calls: int = 0


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
            watched = self.of(model)
            self._making = watched, "train" if function == "train_function" else "eval"
            probe.guard.run(probe.models.meet, model, None)  # as long as it owns its weights
            try:
                result = original(model, force)
            finally:
                self._making = self._made = None
            watched.ours[function] = getattr(model, function)
            return result

        return like(make, original)

    def _around_jit(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def jit(function: Any, **options: Any) -> Any:
            if self._making is None or sys.modules[TRAINER].is_nnx_enabled():
                return original(function, **options)
            self._made = step = self._telling(function)
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
                self._made = self._telling(step_function)  # it is to run eagerly
            return original(model, self._told(self._made), concatenate_outputs)

        return like(_make_function, original)

    def _telling(self, function: Any) -> JaxStep:
        """A step function that returns what is to be known beside its own results."""
        assert self._making is not None
        watched, phase = self._making
        step = JaxStep(watched, phase)
        optimizer = getattr(watched.model(), "optimizer", None)
        if optimizer is not None and phase == "train" and accumulated(optimizer) > 1:
            step.calls = int(np.asarray(optimizer.iterations))
            self._probe.counter.expect_updates()

        def telling(state: Any, data: Any, look: Any = False) -> Any:
            with JaxStage(phase, (state, data)) as stage:
                logs, new_state = function(state, data)
            given = step.note(stage.seen)
            step.optimizer = stage.optimizer
            return (logs, given, _of_update(stage, watched.model(), look)), new_state

        step.compiled = telling
        return step

    def _told(self, step: JaxStep) -> Callable[..., Any]:
        """What Keras calls in the place of its step function."""
        training = step.phase == "train"

        def told(state: Any, data: Any) -> Any:
            probe = self._switch.probe
            begun = None
            if probe is not None and training:
                begun = probe.guard.run(self._before, step, state)
            (logs, given, update), state = step.compiled(state, data, begun is not None)
            if probe is None:
                return logs, state
            probe.guard.run(self._after, step, begun, given, update, state)
            reason = probe.context.stop_reason() if training else None
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
        model = step.watched.model()
        if model is None or optimizer is None or not _updates(step, optimizer):
            return None
        _, look = self._probe.optimizers.meet(
            optimizer, step.watched, model.trainable_variables, None
        )
        if self._probe.counter.under_way() < look.due:
            return None
        look.begin(state[0], self.host)
        return look

    def _after(
        self, step: JaxStep, begun: HostLook | None, given: Given, update: Given, state: Any
    ) -> None:
        """A step has been started; all of its results are on their way."""
        if step.phase == "eval":
            self._probe.executed(step, given)
            return
        counter, optimizers = self._probe.counter, self._probe.optimizers
        counter.executed += 1
        optimizer, model = self._optimizer(step), step.watched.model()
        rate: Rate | None = None
        updated = step.optimizer is not None and model is not None and _updates(step, optimizer)
        if updated and model is not None:
            variables = model.trainable_variables
            watch, look = optimizers.meet(optimizer, step.watched, variables, None)
            if "rate" in update:
                rate = Rate(watch, counter.under_way(), update["rate"])
            if begun is look:
                norms = update.get("norms")
                known = np.full(len(variables), -1.0) if norms is None else self.host(norms)
                optimizers.looked(
                    look, look.finish(counter.under_way(), state[0], self.host, known)
                )
            counter.step()
        step.calls += 1
        self._probe.executed(step, given, updated, rate)

    def _optimizer(self, step: JaxStep) -> Any | None:
        """The optimizer whose update is in a step; the model's own until that has been traced."""
        if step.optimizer is not None or step.calls:
            return step.optimizer
        model = getattr(step.watched.model(), "optimizer", None)
        return getattr(model, "inner_optimizer", model)


def _updates(step: JaxStep, optimizer: Any) -> bool:
    """Whether the next execution ends in an update, and does not only accumulate gradients."""
    return (step.calls + 1) % accumulated(optimizer) == 0


def _of_update(stage: JaxStage, model: Any, look: Any) -> dict[str, Any]:
    """The learning rate of a step, and the norms of its gradients where `look` is true."""
    if stage.optimizer is None:
        return {}
    known = {} if stage.rate is None else {"rate": stage.rate}
    variables = model.trainable_variables
    if not any(id(variable) in stage.gradients for variable in variables):
        return known
    gradients = [stage.gradients.get(id(variable)) for variable in variables]
    if stage.trace is None:
        norms = [-1.0 if g is None else norm(np.asarray(g)) for g in gradients] if look else []
        return known | {"norms": np.array(norms)}
    jax = sys.modules["jax"]
    numpy = jax.numpy
    none = numpy.float32(-1)
    norms = jax.lax.cond(
        look,
        lambda: numpy.stack([none if g is None else _norm(g) for g in gradients]),
        lambda: numpy.full(len(gradients), none),
    )
    return known | {"norms": norms}


def _norm(gradient: Any) -> Any:
    """In single precision, and yet right for 1e-23: squares are taken of what is near 1."""
    numpy = sys.modules["jax"].numpy
    values = gradient.astype(numpy.float32)
    largest = numpy.max(numpy.abs(values), initial=0)
    scale = numpy.where(numpy.isfinite(largest) & (largest > 0), largest, 1)
    return scale * numpy.sqrt(numpy.sum(numpy.square(values / scale)))


def _keep(model: Any, state: Any) -> None:
    """The model owns its weights again, before the training ends in between two steps."""
    names = (
        "trainable_variables", "non_trainable_variables", "optimizer_variables",
        "metrics_variables",
    )  # fmt: skip
    model._jax_state = dict(zip(names, state, strict=True))
    model._jax_state_synced = False
    model.jax_state_sync()

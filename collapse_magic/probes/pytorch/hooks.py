"""The functions that stand in the framework's place: as short as can be where nothing is due.

Each of them refers to a switch, never to the probe, so that one that has to stay behind (because
somebody else has wrapped it since) is a plain pass-through. Whatever goes wrong in our part is the
probe's affair; the original is called exactly once, and its result or exception is handed on.
"""

from __future__ import annotations

import inspect
import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..base import TrainingStopped
from ..schedule import Countdown

if TYPE_CHECKING:
    from .probe import TorchProbe


class Switch:
    """What the replacements refer to: the probe while it watches, None before and after.

    Attributes
        backwards, steps, evaluations: how many may pass without a look.
        unchecked: bits of `backwards.left` that must be 0 for a loss to be checked in passing; all
            of them where that would make the training wait for a device.
        stepping: a step that is looked at is under way.
        plain: the optimizers whose steps may pass: known, and without steps inside.
        only: gives the one in `plain`, where there has been one only.
    """

    __slots__ = (
        "backwards", "evaluations", "only", "plain", "probe", "stepping", "steps", "unchecked",
    )  # fmt: skip

    def __init__(self) -> None:
        self.probe: TorchProbe | None = None
        self.backwards, self.steps, self.evaluations = Countdown(), Countdown(), Countdown()
        self.unchecked = 0
        self.stepping = False
        self.plain: dict[int, weakref.ref[Any]] = {}
        self.only: Callable[[], Any] = _NOBODY

    def let_pass(self, optimizer: Any) -> None:
        """From now on its steps need not be looked at."""
        reference = self.plain[id(optimizer)] = weakref.ref(optimizer)
        self.only = reference if len(self.plain) == 1 else _NOBODY

    def watch(self, optimizer: Any) -> None:
        """From now on its steps are to be looked at."""
        self.plain.pop(id(optimizer), None)
        self.only = _NOBODY

    def off(self) -> None:
        """From now on everything passes, and nothing is counted."""
        self.probe = None
        for countdown in (self.backwards, self.steps, self.evaluations):
            countdown.grant(0)
        self.stepping = False


_NOBODY: Callable[[], Any] = type(None)  # gives None
# To hand on arguments by name takes as long as all the rest of a call that may pass.
_BACKWARD = (
    "tensors", "grad_tensors", "retain_graph", "create_graph", "grad_variables", "inputs",
)  # fmt: skip


def around_backward(original: Callable[..., Any], switch: Switch) -> Callable[..., Any]:
    """A wrapper for `torch.autograd.backward`, whose first argument is the loss."""
    countdown = switch.backwards

    def is_finite(loss: Any) -> bool:
        try:
            value = loss.item()
            return bool(value - value == 0.0)  # neither NaN nor an infinity gives 0
        except Exception:  # no tensor, or not a single number
            return False

    def backward(
        tensors: Any,
        grad_tensors: Any = None,
        retain_graph: Any = None,
        create_graph: Any = False,
        grad_variables: Any = None,
        inputs: Any = None,
    ) -> Any:
        left = countdown.left
        if left > 0:
            countdown.left = left - 1
            if left & switch.unchecked or is_finite(tensors):
                return original(
                    tensors, grad_tensors, retain_graph, create_graph, grad_variables, inputs
                )
            countdown.left = left
        probe = switch.probe
        if probe is not None:
            probe.guard.run(probe.before_backward, tensors, grad_tensors, sys._getframe(1))
        return original(tensors, grad_tensors, retain_graph, create_graph, grad_variables, inputs)

    def with_any_arguments(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        left = countdown.left
        if left > 0 and (left & switch.unchecked or is_finite(tensors)):
            countdown.left = left - 1
            return original(tensors, *args, **kwargs)
        probe = switch.probe
        if probe is not None:
            gradients = args[0] if args else kwargs.get("grad_tensors")
            probe.guard.run(probe.before_backward, tensors, gradients, sys._getframe(1))
        return original(tensors, *args, **kwargs)

    known = tuple(inspect.signature(original).parameters) == _BACKWARD
    return _as_original(backward if known else with_any_arguments, original)


def around_grad(original: Callable[..., Any], switch: Switch) -> Callable[..., Any]:
    """A wrapper for `torch.autograd.grad`: a loss is derived there, or something else."""

    def grad(outputs: Any, *args: Any, **kwargs: Any) -> Any:
        probe = switch.probe
        if probe is not None:
            probe.guard.run(probe.before_grad, outputs, sys._getframe(1))
        return original(outputs, *args, **kwargs)

    return _as_original(grad, original)


def _as_original(wrapper: Any, original: Any) -> Callable[..., Any]:
    wrapper.__name__ = wrapper.__qualname__ = original.__name__
    wrapper.__doc__ = original.__doc__
    wrapper.__module__ = original.__module__
    return _not_compiled(wrapper)


def _not_compiled(function: Any) -> Callable[..., Any]:
    """What `torch.compiler.disable` sets, without importing the compiler (seconds): compiled code
    calls this function as it is, and is neither broken up nor compiled again."""
    function._torchdynamo_disable = True
    return function  # type: ignore[no-any-return]


def before_step(switch: Switch) -> Callable[..., None]:
    countdown = switch.steps

    def hook(optimizer: Any, args: Any, kwargs: Any) -> None:  # noqa: ARG001
        left = countdown.left
        if left > 0 and (switch.only() is optimizer or id(optimizer) in switch.plain):
            countdown.left = left - 1
            return
        probe = switch.probe
        if probe is not None:
            probe.guard.run(probe.before_step, optimizer, sys._getframe(1))

    return _not_compiled(hook)


def after_step(switch: Switch) -> Callable[..., None]:
    def hook(optimizer: Any, args: Any, kwargs: Any) -> None:  # noqa: ARG001
        if not switch.stepping:
            return
        probe = switch.probe
        if probe is None:
            return
        reason = probe.guard.run(probe.after_step)
        if reason is not None:
            raise TrainingStopped(reason)

    return _not_compiled(hook)


def around_next(original: Callable[[Any], Any], switch: Switch) -> Callable[[Any], Any]:
    """A wrapper for the `__next__` of DataLoader iterators: sees passes begin and end."""

    def next_batch(self: Any) -> Any:
        probe = switch.probe
        if probe is None:
            return original(self)
        yielded = self._num_yielded
        if yielded == 0:
            probe.guard.run(probe.before_batch, self)
        try:
            batch = original(self)
        except StopIteration:
            probe.guard.run(probe.after_pass, self)
            raise
        if probe.epochs.sizes.get(id(self)) == yielded + 1:
            probe.guard.run(probe.after_pass, self)
        return batch

    return next_batch


def around_loss(loss: str, original: Any, switch: Switch, torch: Any) -> Callable[..., Any]:
    """A wrapper for a C-level loss function: sees the calls that are made without gradients."""
    training = torch.is_grad_enabled
    compiling = torch.compiler.is_compiling
    countdown = switch.evaluations

    def call(*args: Any, **kwargs: Any) -> Any:
        if training() or compiling():
            return original(*args, **kwargs)
        if countdown.left > 0:
            countdown.left -= 1
            return original(*args, **kwargs)
        probe = switch.probe
        if probe is not None:
            scores = args[0] if args else kwargs.get("input", kwargs.get("self"))
            targets = args[1] if len(args) > 1 else kwargs.get("target")
            probe.guard.run(probe.evaluated, loss, scores, targets)
        return original(*args, **kwargs)

    return call

"""The functions that stand in the framework's place: as short as can be where nothing is due.

Each of them refers to a switch, never to the probe, so that one that has to stay behind (because
somebody else has wrapped it since) is a plain pass-through. Whatever goes wrong in our part is the
probe's affair; the original is called exactly once, and its result or exception is handed on.
"""

from __future__ import annotations

import sys
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
        plain: ids of the optimizers whose steps may pass: known, and without steps inside.
    """

    __slots__ = (
        "backwards", "evaluations", "plain", "probe", "stepping", "steps", "unchecked",
    )  # fmt: skip

    def __init__(self) -> None:
        self.probe: TorchProbe | None = None
        self.backwards, self.steps, self.evaluations = Countdown(), Countdown(), Countdown()
        self.unchecked = 0
        self.stepping = False
        self.plain: set[int] = set()

    def off(self) -> None:
        """From now on everything passes, and nothing is counted."""
        self.probe = None
        for countdown in (self.backwards, self.steps, self.evaluations):
            countdown.grant(0)
        self.stepping = False


def around_backward(original: Callable[..., Any], switch: Switch) -> Callable[..., Any]:
    """A wrapper for `torch.autograd.backward`, whose first argument is the loss."""
    countdown = switch.backwards

    def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        left = countdown.left
        if left > 0:
            countdown.left = left - 1
            if left & switch.unchecked:
                return original(tensors, *args, **kwargs)
            try:
                value = tensors.item()
                quiet = value - value == 0.0  # neither NaN nor an infinity gives 0
            except Exception:  # no tensor, or not a single number
                quiet = False
            if quiet:
                return original(tensors, *args, **kwargs)
            countdown.left = left
        probe = switch.probe
        if probe is not None and not probe.busy:
            gradients = args[0] if args else kwargs.get("grad_tensors")
            probe.guarded(probe.before_backward, tensors, gradients, sys._getframe(1))
        return original(tensors, *args, **kwargs)

    return _as_original(backward, original)


def around_grad(original: Callable[..., Any], switch: Switch) -> Callable[..., Any]:
    """A wrapper for `torch.autograd.grad`: a loss is derived there, or something else."""

    def grad(outputs: Any, *args: Any, **kwargs: Any) -> Any:
        probe = switch.probe
        if probe is not None and not probe.busy:
            probe.guarded(probe.before_grad, outputs, sys._getframe(1))
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
    countdown, plain = switch.steps, switch.plain

    def hook(optimizer: Any, args: Any, kwargs: Any) -> None:  # noqa: ARG001
        left = countdown.left
        if left > 0 and id(optimizer) in plain:
            countdown.left = left - 1
            return
        probe = switch.probe
        if probe is not None and not probe.busy:
            probe.guarded(probe.before_step, optimizer, sys._getframe(1))

    return _not_compiled(hook)


def after_step(switch: Switch) -> Callable[..., None]:
    def hook(optimizer: Any, args: Any, kwargs: Any) -> None:  # noqa: ARG001
        if not switch.stepping:
            return
        probe = switch.probe
        if probe is None or probe.busy:
            return
        reason = probe.guarded(probe.after_step)
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
            probe.guarded(probe.before_batch, self)
        try:
            batch = original(self)
        except StopIteration:
            probe.guarded(probe.after_pass, self)
            raise
        if probe.epochs.sizes.get(id(self)) == yielded + 1:
            probe.guarded(probe.after_pass, self)
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
        if probe is not None and not probe.busy:
            scores = args[0] if args else kwargs.get("input", kwargs.get("self"))
            targets = args[1] if len(args) > 1 else kwargs.get("target")
            probe.guarded(probe.evaluated, loss, scores, targets)
        return original(*args, **kwargs)

    return call

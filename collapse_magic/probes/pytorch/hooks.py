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

if TYPE_CHECKING:
    from .probe import TorchProbe

_SAMPLED = 0x3F  # one quick pass in 64 is timed


class Switch:
    """What the replacements refer to: the probe while it watches, None before and after."""

    def __init__(self) -> None:
        self.probe: TorchProbe | None = None


def around_backward(original: Callable[..., Any], switch: Switch) -> Callable[..., Any]:
    """A wrapper for `torch.autograd.backward` or `grad`, whose first argument is the loss."""
    losses_only = original.__name__ == "grad"

    def backward(*args: Any, **kwargs: Any) -> Any:
        probe = switch.probe
        if probe is not None and not probe.busy:
            plan = probe.plan
            if plan.until_next > 0 and not losses_only and args:
                began = 0.0 if probe.counter.backwards & _SAMPLED else probe.clock()
                try:
                    quiet = probe.passes(args[0])
                except Exception:
                    quiet = False
                if began:
                    plan.book_quick(probe.clock() - began)
                if quiet:
                    return original(*args, **kwargs)
            probe.guarded(probe.before_backward, args, kwargs, losses_only)
        return original(*args, **kwargs)

    backward.__name__ = backward.__qualname__ = original.__name__
    backward.__doc__ = original.__doc__
    backward.__module__ = original.__module__
    return _not_compiled(backward)


def _not_compiled(function: Any) -> Callable[..., Any]:
    """What `torch.compiler.disable` sets, without importing the compiler (seconds): compiled code
    calls this function as it is, and is neither broken up nor compiled again."""
    function._torchdynamo_disable = True
    return function  # type: ignore[no-any-return]


def before_step(switch: Switch) -> Callable[..., None]:
    def hook(optimizer: Any, *_: Any) -> None:
        probe = switch.probe
        if probe is not None and not probe.busy:
            try:
                if probe.steps_watch.passes_before(optimizer):
                    return
            except Exception as error:
                probe.fail(error)
                return
            probe.guarded(probe.before_step, optimizer, sys._getframe(1))

    return _not_compiled(hook)


def after_step(switch: Switch) -> Callable[..., None]:
    def hook(*_: Any) -> None:
        probe = switch.probe
        if probe is not None and not probe.busy:
            reason = None
            try:
                if probe.steps_watch.passes_after():
                    reason = probe.context.stop_reason()
                else:
                    reason = probe.guarded(probe.after_step)
            except Exception as error:
                probe.fail(error)
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

    def call(*args: Any, **kwargs: Any) -> Any:
        if training() or compiling():
            return original(*args, **kwargs)
        probe = switch.probe
        if probe is not None and not probe.busy:
            scores = args[0] if args else kwargs.get("input", kwargs.get("self"))
            targets = args[1] if len(args) > 1 else kwargs.get("target")
            probe.guarded(probe.evaluated, loss, scores, targets)
        return original(*args, **kwargs)

    return call

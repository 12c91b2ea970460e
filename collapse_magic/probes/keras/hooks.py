"""The functions that stand in Keras' and TensorFlow's place around updates and gradients.

Each of them refers to a switch, never to the probe, so that one that has to stay behind (because
somebody else has wrapped it since) is a plain pass-through. The original is called exactly once,
and its result or exception is handed on.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any


def around_update(original: Callable[..., Any], switch: Any) -> Callable[..., Any]:
    """A wrapper for `_backend_update_step` of optimizers: one step of training."""

    @functools.wraps(original)
    def update(self: Any, grads: Any, trainable_variables: Any, learning_rate: Any) -> Any:
        probe = switch.probe
        if probe is None or not probe.sees_here():
            return original(self, grads, trainable_variables, learning_rate)
        steps = probe.optimizers
        probe.guarded(
            steps.before_update, self, grads, trainable_variables, learning_rate, sys._getframe(1)
        )
        result = original(self, grads, trainable_variables, learning_rate)
        probe.guarded(steps.after_update)
        return result

    return update

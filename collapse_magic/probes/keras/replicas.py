"""Steps that several replicas take at once, each with its part of the batch (`tf.distribute`)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from .stash import Outcome

if TYPE_CHECKING:
    from ..guard import Guard
    from .parcels import Given


def of_model(model: Any) -> int:
    """How many replicas train a model."""
    strategy = getattr(model, "distribute_strategy", None)
    return int(getattr(strategy, "num_replicas_in_sync", 1))


def here() -> bool:
    """Whether the code that runs just now is run by several replicas."""
    strategy = sys.modules["tensorflow"].distribute.get_strategy()
    return int(strategy.num_replicas_in_sync) > 1


def around_reduce(guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    """A wrapper for `reduce_per_replica`: what is ours is put together, not averaged."""

    @wraps(original)
    def reduce_per_replica(values: Any, strategy: Any, reduction: Any) -> Any:
        if not isinstance(values, Outcome):
            return original(values, strategy, reduction)
        logs = original(values.logs, strategy, reduction)
        given = guard.run(_whole, values.given, strategy)
        return Outcome(logs, given or {}, values.updates)

    return reduce_per_replica


def _whole(given: Given, strategy: Any) -> Given:
    return {
        key: {name: _joined(tensor, strategy) for name, tensor in tensors.items()}
        for key, tensors in given.items()
    }


def _joined(tensor: Any, strategy: Any) -> Any:
    """The whole batch; of losses the sum, since each is divided by the number of replicas."""
    tf = sys.modules["tensorflow"]
    parts = strategy.experimental_local_results(tensor)
    if len(parts) == 1:
        return parts[0]
    return tf.concat(parts, 0) if len(parts[0].shape) else tf.add_n(parts)

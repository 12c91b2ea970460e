"""What holds for every test."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

# One thread: training in tests is tiny, and results stay the same on any machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def hooked() -> dict[str, Any]:
    """What watching replaces, as it stands now, by name."""
    state: dict[str, Any] = {}
    torch = sys.modules.get("torch")
    if torch is not None:
        state["torch.autograd.backward"] = torch.autograd.backward
        state["torch.autograd.grad"] = torch.autograd.grad
        state["DataLoader.__iter__"] = torch.utils.data.DataLoader.__iter__
        for module in (torch._C._nn, torch.nn.functional):
            for name, value in vars(module).items():
                if "loss" in name or "entropy" in name:
                    state[f"{module.__name__}.{name}"] = value
        state["torch.binary_cross_entropy_with_logits"] = torch.binary_cross_entropy_with_logits
        optimizer = sys.modules["torch.optim.optimizer"]  # torch.optim deletes the attribute
        state["optimizer pre-hooks"] = len(optimizer._global_optimizer_pre_hooks)
        state["optimizer post-hooks"] = len(optimizer._global_optimizer_post_hooks)
    base = sys.modules.get("sklearn.base")
    if base is not None:
        state["sklearn's methods"] = _watched_methods(base.BaseEstimator, base.ClassifierMixin)
    return state | _hooked_in_keras()


def _hooked_in_keras() -> dict[str, Any]:
    """Functions of the modules and classes that are replaced while Keras training is watched."""
    owners = [
        vars(sys.modules[module]).get(name) if name else sys.modules[module]
        for module, name in (
            ("keras.src.backend.tensorflow.trainer", ""),
            ("keras.src.backend.tensorflow.trainer", "TensorFlowTrainer"),
            ("keras.src.backend.tensorflow.nn", ""),
            ("keras.src.backend.jax.trainer", ""),
            ("keras.src.backend.jax.trainer", "JAXTrainer"),
            ("keras.src.backend.jax.nn", ""),
            ("keras.src.backend.torch.trainer", "TorchTrainer"),
            ("keras.src.backend.torch.nn", ""),
            (
                "keras.src.backend.torch.optimizers.torch_parallel_optimizer",
                "TorchParallelOptimizer",
            ),
            ("keras.src.backend.tensorflow.optimizer", "TFOptimizer"),
            ("keras.src.callbacks.callback_list", "CallbackList"),
            ("keras.src.losses.loss", "Loss"),
            ("keras.src.metrics.reduction_metrics", "MeanMetricWrapper"),
            ("keras.src.optimizers.base_optimizer", "BaseOptimizer"),
            ("tensorflow.python.ops.gen_nn_ops", ""),
            ("tensorflow.python.ops.nn_impl", ""),
            ("tensorflow.python.ops.gen_array_ops", ""),
            ("tensorflow.python.ops.gen_math_ops", ""),
            ("tensorflow._api.v2.math", ""),
            ("tensorflow.python.framework.tensor", "Tensor"),
            ("tensorflow.python.data.ops.dataset_ops", "DatasetV2"),
            ("tensorflow.python.data.ops.iterator_ops", "OwnedIterator"),
            ("tensorflow.python.eager.backprop", "GradientTape"),
            ("tensorflow.python.eager.polymorphic_function.polymorphic_function", "Function"),
        )
        if module in sys.modules
    ]
    return {
        f"{owner.__name__}.{name}": value
        for owner in owners
        if owner is not None
        for name, value in vars(owner).items()
        if callable(value)
    }


def _watched_methods(*roots: type) -> int:
    """How many attributes of these classes and of those below are ours."""
    waiting, seen = [*roots], set(roots)
    ours = 0
    while waiting:
        cls = waiting.pop()
        ours += sum(type(value).__name__ == "WatchedMethod" for value in vars(cls).values())
        ours += cls in roots and "__init_subclass__" in vars(cls)
        new = [derived for derived in type.__subclasses__(cls) if derived not in seen]
        seen.update(new)
        waiting += new
    return ours


@pytest.fixture(autouse=True)
def nothing_stays_hooked() -> Iterator[None]:
    """Whatever a test does, the frameworks are as before, and no thread of ours runs on."""
    before = hooked()
    yield
    left = [name for name, value in hooked().items() if before.get(name, value) is not value]
    left += [t.name for t in threading.enumerate() if t.name.startswith("collapse-magic")]
    assert not left, f"left hooked or running: {left}"

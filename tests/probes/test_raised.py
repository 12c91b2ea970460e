"""A loss that raises is explained from its traceback."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collapse_magic.probes.pytorch import TorchProbe
from collapse_magic.records import LossRaised

from .fakes import FakeContext


def explained(call: Callable[[], object]) -> LossRaised | None:
    probe = TorchProbe(FakeContext(user_file="test_raised.py"))
    try:
        call()
    except Exception as error:
        return probe.explain(error)
    raise AssertionError("it should have raised")


def test_a_target_out_of_bounds() -> None:
    x, y = torch.randn(4, 3), torch.tensor([1, 2, 3, 1])

    def train() -> object:
        return nn.CrossEntropyLoss()(x, y)

    found = explained(train)
    assert found is not None
    assert (found.loss, found.error) == ("cross_entropy", "IndexError")
    assert "Target 3 is out of bounds" in found.message
    assert (found.input_shape, found.target_shape) == ((4, 3), (4,))
    assert (found.target_min, found.target_max, found.target_dtype) == (1.0, 3.0, "int64")
    assert (found.cell, found.line) == (7, train.__code__.co_firstlineno + 1)


@pytest.mark.parametrize(
    ("call", "loss"),
    [
        (lambda: F.cross_entropy(torch.randn(4, 3), torch.ones(4)), "cross_entropy"),
        (
            lambda: F.binary_cross_entropy_with_logits(torch.randn(4, 1), torch.ones(4)),
            "binary_cross_entropy_with_logits",
        ),
        (lambda: nn.BCELoss()(torch.randn(4, 1) * 9, torch.ones(4, 1)), "binary_cross_entropy"),
        (
            lambda: nn.BCELoss()(torch.rand(4), torch.ones(4, dtype=torch.long)),
            "binary_cross_entropy",
        ),
        (lambda: F.mse_loss(torch.randn(4, 3), torch.ones(4, 2)), "mse"),
    ],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_dtypes_and_shapes(call: Callable[[], object], loss: str) -> None:
    found = explained(call)
    assert found is not None and found.loss == loss
    assert found.cell == 7 and found.message


def test_other_errors_are_not_ours_to_explain() -> None:
    assert explained(lambda: nn.Linear(2, 1)(torch.randn(3, 4))) is None
    assert explained(lambda: [].pop()) is None

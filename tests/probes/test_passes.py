"""A validation of many passes keeps its course, whenever the flush comes."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from collapse_magic.probes.pytorch.passes import Passes
from collapse_magic.records import PredictionWindow

from .watched import watched


def _sizes(passes: Passes, steps: list[int]) -> list[int]:
    """How many passes each window holds."""
    return [len({*steps[part]}) for part in passes.cut(tuple(steps))]


def test_windows_hold_ever_more_passes_and_no_part_of_one() -> None:
    steps = [step for step in range(1, 51) for _ in range(3)]  # three batches each
    passes = Passes()
    parts = list(passes.cut(tuple(steps)))
    assert [len({*steps[part]}) for part in parts] == [1] * 4 + [2] * 4 + [4] * 4 + [8] * 2 + [6]
    assert [step for part in parts for step in steps[part]] == steps
    assert all(steps[part.stop - 1] != steps[part.stop] for part in parts[:-1])


def test_what_a_flush_leaves_over_is_a_window_of_its_own() -> None:
    passes = Passes()
    assert _sizes(passes, [1, 2, 3, 4, 5]) == [1, 1, 1, 1, 1]
    assert _sizes(passes, [6, 7, 8]) == [2, 1]
    assert list(passes.cut(())) == []


@pytest.mark.parametrize("passes", [3, 12])
def test_each_of_the_first_validations_is_told_by_itself(passes: int) -> None:
    torch.manual_seed(0)
    x, y = torch.randn(90, 4), torch.randint(0, 3, (90,))
    model = torch.nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    expected: list[tuple[float, int]] = []
    with watched(model=model, optimizer=optimizer) as context:
        for _ in range(passes):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            with torch.no_grad():
                for rows in torch.arange(90).split(30):
                    F.cross_entropy(model(x[rows]), y[rows])
                own = model(x).double().log_softmax(1)[torch.arange(90), y]
                right = (model(x).argmax(1) == y).sum()
                expected.append((-own.mean().item(), int(right)))
    found = [w for w in context.of(PredictionWindow) if w.phase == "eval"]
    for step, window in enumerate(found[:3], start=1):
        loss, right = expected[step - 1]
        assert (window.first_step, window.last_step) == (step, step)
        assert window.samples == 90
        assert window.cross_entropy_nats == pytest.approx(loss, rel=1e-5)
        assert sum(window.correct) == right

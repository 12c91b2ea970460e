"""unmasked-padding and low-capacity: trained, and on records written by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from collapse_magic.findings import Diagnosis
from collapse_magic.history import History
from collapse_magic.records import BatchTried, LayerFacts
from collapse_magic.rules.low_capacity import LowCapacity
from collapse_magic.rules.unmasked_padding import UnmaskedPadding
from tests.rules.hand_made import history_of, input_facts, loss_facts, model_facts, window
from tests.rules.training import Watched, watch

# -- unmasked-padding --------------------------------------------------------------------------


class Titles(nn.Module):
    """The mean of some words; ``masked``: of those that are none of the filling."""

    def __init__(self, masked: bool) -> None:
        super().__init__()
        self.table, self.out = nn.Embedding(20, 8, padding_idx=0), nn.Linear(8, 2)
        self.masked = masked

    def forward(self, words: Tensor) -> Tensor:
        found = self.table(words)
        real = (words != 0).sum(1, keepdim=True) if self.masked else words.shape[1]
        scores: Tensor = self.out(found.sum(1) / real)
        return scores


def titles(masked: bool) -> Watched:
    torch.manual_seed(0)
    words = torch.zeros(800, 200, dtype=torch.long)
    words[:, :3] = torch.randint(3, 20, (800, 3))
    labels = torch.arange(800) % 2
    words[:, 1] = labels + 1
    model = Titles(masked)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    def train() -> None:
        for _ in range(10):
            for rows in torch.randperm(800).split(25):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(words[rows]), labels[rows]).backward()
                optimizer.step()

    return watch(train)


def test_a_mean_over_mostly_nothing() -> None:
    watched = titles(masked=False)
    finding = watched.first
    assert (finding.rule, finding.severity) == ("unmasked-padding", "warning")
    assert finding.evidence[0].values["padding_share"] == pytest.approx(197 / 200, abs=0.005)
    assert {found.explained_by for found in watched.findings[1:]} <= {"unmasked-padding"}
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None and remedy.values == {"inputs": "integers"}


def test_padding_that_does_no_harm_is_silent() -> None:
    assert titles(masked=True).alarms == {}


NOWHERE: dict[str, Any] = {
    "cross_entropy_nats": math.log(2),
    "rank": 0.5,
    "spread": 0.05,
    "spread_in_batch": 0.04,
}
GRU = LayerFacts("first", "GRU", 100, 0.1)


def padded(
    layer: LayerFacts = GRU, windows: int = 5, end: bool = False, **changes: Any
) -> list[Diagnosis]:
    inputs = {"shape": (640, 3), "padding_share": 0.7}
    outputs = {key: changes.pop(key) for key in [*changes] if key in NOWHERE}
    history = history_of(
        loss_facts(),
        model_facts((layer, "last")),
        input_facts(**{**inputs, **changes}),
        *(window(index, **{**NOWHERE, **outputs}) for index in range(windows)),
    )
    history.finished = end
    return list(UnmaskedPadding().check(history))


def test_steps_of_zeros_that_a_recurrent_layer_reads() -> None:
    (found,) = padded()
    assert found.message == "70% of what the model reads is padding"


@pytest.mark.parametrize(
    ("layer", "changes"),
    [
        (GRU, {"padding_share": 0.4}),
        (GRU, {"padding_share": math.nan}),
        (GRU, {"padding_share": 1.0}),  # its first state
        (GRU, {"cross_entropy_nats": 0.3}),  # it learns
        (LayerFacts("first", "Linear", 8, 0.1), {}),  # rows of a table
        (LayerFacts("first", "Embedding", 8, 0.1), {"kind": "integers", "shape": (640, 3)}),
        (LayerFacts("first", "MultiheadAttention", 8, 0.1), {"shape": (32, 20, 3)}),
    ],
)
def test_what_is_no_padding_or_does_no_harm(layer: LayerFacts, changes: dict[str, Any]) -> None:
    assert padded(layer, **changes) == []


def test_a_short_run_is_judged_at_its_end_by_how_little_its_outputs_differ() -> None:
    assert padded(windows=2) == []
    assert len(padded(windows=2, end=True)) == 1
    assert padded(windows=2, end=True, spread_in_batch=0.3) == []


# -- low-capacity ------------------------------------------------------------------------------


def tried(loss: float = 0.69, **changes: Any) -> tuple[LowCapacity, History]:
    values: dict[str, Any] = {
        "site": "loss",
        "model": "model",
        "step": 128,
        "samples": 32,
        "learned": False,
        "right": 0.6,
        "possible": 1.0,
        "steps": 300,
        "parameters": 4,
        "unreached": 0,
    }
    record = BatchTried(**{**values, **changes})
    outcome = [window(index, cross_entropy_nats=loss) for index in range(2)]
    return LowCapacity(), history_of(loss_facts(), *outcome, record)


def test_a_batch_that_is_not_learned_by_heart_is_advice() -> None:
    rule, history = tried()
    assert rule.missing(history) is None
    (found,) = rule.check(history)
    assert (found.severity, found.confidence) == ("info", "to check")
    assert found.evidence[0].values["right"] == 0.6


@pytest.mark.parametrize(
    "changes",
    [
        {"learned": True, "right": 1.0},
        {"unreached": 1},
        {"steps": 60},  # cut short by the clock
        {"right": 0.6, "possible": 0.62},  # samples that are equal, with different labels
        {"right": 0.97},
        {"loss": 0.2},  # the training does well
    ],
)
def test_what_else_may_be_wrong_is_no_lack_of_capacity(changes: dict[str, Any]) -> None:
    rule, history = tried(**changes)
    assert list(rule.check(history)) == []


def test_without_a_trial_the_reason_is_told() -> None:
    reason = LowCapacity().missing(history_of(loss_facts(), window()))
    assert reason is not None and "--probe" in reason

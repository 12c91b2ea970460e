"""exploding-gradients: recurrent nets whose gradient grows with every time step, really trained."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from collapse_magic.records import LossValues
from collapse_magic.rules.exploding_gradients import ExplodingGradients
from tests.rules.hand_made import (
    history_of,
    input_facts,
    layer_statistics,
    loss_facts,
    model_facts,
    window,
)
from tests.rules.programs import blobs, fit
from tests.rules.training import Watched, watch


class Recurrent(nn.Module):
    """A plain recurrent net with relu units; ``gain`` is what a time step makes of a state."""

    def __init__(self, gain: float, outputs: int = 2, units: int = 32) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, units, nonlinearity="relu", batch_first=True)
        self.head = nn.Linear(units, outputs)
        nn.init.orthogonal_(self.rnn.weight_hh_l0, gain=gain)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.rnn(x)
        return self.head(states[:, -1])


def walks(count: int = 600, time: int = 50) -> tuple[Tensor, Tensor]:
    """Noise that drifts up or down."""
    generator = torch.Generator().manual_seed(1)
    y = torch.arange(count) % 2
    drift = (0.4 * y - 0.2)[:, None, None]
    return torch.randn(count, time, 1, generator=generator) + drift, y


def trained(gain: float, clip: float = math.inf, rate: float = 0.05, epochs: int = 8) -> Watched:
    x, y = walks()
    model = Recurrent(gain)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)

    def train() -> None:
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(30):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
                nn.utils.clip_grad_norm_(model.parameters(), clip)
                optimizer.step()

    return watch(train)


def test_a_gradient_that_grows_with_every_time_step() -> None:
    watched = trained(1.2, rate=0.1)
    finding = watched.first
    assert (finding.rule, finding.severity) == ("exploding-gradients", "error")
    assert finding.message.startswith("the training blows up at step ")
    assert finding.evidence[0].values["highest_loss"] > 100 * math.log(2)
    assert finding.evidence[1].values["update_ratio"] < 0.1
    assert "back through time in rnn" in finding.evidence[2].text
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None
    assert (remedy.kind, remedy.values) == ("clip-gradients", {"max_norm": 1.0})
    by_rule = {found.rule: found.explained_by for found in watched.findings}
    assert by_rule.pop("exploding-gradients") is None
    assert set(by_rule.values()) <= {"exploding-gradients", "non-finite"}
    assert by_rule.get("non-finite") == "exploding-gradients"


def test_a_clipped_gradient_is_silent() -> None:
    assert trained(1.2, clip=1.0, rate=0.1).alarms == {}


def test_a_state_that_fades_is_silent() -> None:
    assert "exploding-gradients" not in trained(0.8, rate=0.1).ever


def test_far_too_high_a_learning_rate_is_that() -> None:
    watched = trained(1.0, rate=30.0)
    assert watched.alarms
    assert "exploding-gradients" not in watched.ever


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_that_are_missing_are_that(value: float) -> None:
    x, y = walks()
    x = x.clone()
    x[300:, 7] = value
    watched = watch(
        lambda: fit(Recurrent(0.9), nn.CrossEntropyLoss(), x, y, 0.05, 4, 30, shuffle=False)
    )
    assert watched.first.rule == "non-finite"
    assert "exploding-gradients" not in watched.ever


def test_a_short_chain_is_no_explosion() -> None:
    x, y = blobs(features=10)
    model = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 2))
    watched = watch(lambda: fit(model, nn.CrossEntropyLoss(), x, y, lr=200.0, epochs=6))
    assert watched.alarms
    assert "exploding-gradients" not in watched.ever


def blown_up(*more: object, layers: int = 12, loss: float = 5000.0) -> tuple[str, ...]:
    """What is said of a model of so many layers whose loss leaps at step 100."""
    steps = tuple(range(1, 257))
    values = tuple(loss if step == 100 else 0.7 for step in steps)
    history = history_of(
        loss_facts(),
        model_facts([f"layer{index}" for index in range(layers)]),
        layer_statistics(3, [0.1] * layers, [1e-3] * layers),
        LossValues("loss", steps, values),
        *more,
    )
    history.finished = True
    return tuple(found.message for found in ExplodingGradients().check(history))


BAD = [window(i, predicted=(640, 0), recall=(1, 0), cross_entropy_nats=9.0) for i in range(4)]


def test_many_layers_are_a_long_chain_and_few_are_none() -> None:
    assert blown_up(*BAD) == ("the training blows up at step 100",)
    assert blown_up(*BAD, layers=9) == ()


def test_a_leap_that_training_recovers_from_is_silent() -> None:
    assert blown_up(*[window(i) for i in range(4)]) == ()
    assert blown_up(*BAD, loss=60.0) == ()


def test_raw_inputs_are_told_by_their_own_rule() -> None:
    assert blown_up(*BAD, input_facts(p99=300.0)) == ()

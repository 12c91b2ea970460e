"""Facts about a model: its layers and the weights they began with, its head, its mode."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collapse_magic.probes.pytorch.weights import initial_weights
from collapse_magic.records import LayerFacts, ModelFacts, ModelMode

from .watched import watched

LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 0])


def facts_of(model: nn.Module, *inputs: torch.Tensor, steps: int = 3) -> ModelFacts:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(net=model) as context:
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(model(*inputs), LABELS).backward()
            optimizer.step()
    return context.of(ModelFacts)[-1]


def test_weights_are_those_before_the_first_step() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, 40), nn.BatchNorm1d(40), nn.ReLU(), nn.Linear(40, 20), nn.Linear(20, 3)
    )
    nn.init.constant_(model[3].weight, 0.25)
    nn.init.zeros_(model[4].weight)
    model[4].requires_grad_(True)
    model[0].bias.requires_grad_(False)
    expected = model[0].weight.detach().clone()
    facts = facts_of(model, torch.randn(8, 6))
    first, norm, constant, zero = facts.layers
    # 32 of the 40 rows' places are looked at: every second row, all columns
    assert first.weight_std == pytest.approx(expected[::2].std().item(), rel=1e-5)
    assert first.weight_mean == pytest.approx(expected[::2].mean().item(), rel=1e-4)
    assert (first.start, first.units, first.parameters, first.trainable) == (
        "random",
        40,
        280,
        True,
    )
    assert (norm.start, norm.weight_mean, norm.units) == ("constant", 1.0, 40)
    assert (constant.start, constant.weight_mean, constant.weight_std) == ("constant", 0.25, 0.0)
    assert (zero.start, zero.weight_std, zero.units) == ("zero", 0.0, 3)
    assert not any(layer.identical_rows for layer in facts.layers)
    assert (facts.last_layer, facts.outputs) == ("4", 3)


def test_the_sample_of_a_large_layer_is_right_within_a_few_percent() -> None:
    torch.manual_seed(1)
    tensors = [torch.randn(512, 256) * 0.02 + 0.01, torch.randn(64, 3, 7, 7) * 3, torch.randn(9000)]
    for tensor, weights in zip(tensors, initial_weights(tensors, torch), strict=True):
        assert weights.deviation == pytest.approx(tensor.std().item(), rel=0.08)
        assert weights.mean == pytest.approx(tensor.mean().item(), abs=0.1 * weights.deviation)
        assert weights.start == "random"


def test_identical_units_are_told_from_random_and_from_constant_ones() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    with torch.no_grad():
        model[0].weight.copy_(torch.randn(6).expand(16, 6))
    first, last = facts_of(model, torch.randn(8, 6)).layers
    assert (first.start, first.identical_rows, last.identical_rows) == ("random", True, False)


def test_the_last_layer_is_the_one_nearest_to_the_loss_not_the_last_registered() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(16, 3)
            self.body = nn.Sequential(nn.Embedding(9, 16), nn.Flatten(), nn.Linear(32, 16))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.dropout(self.head(self.body(x)), 0.25)

    facts = facts_of(Net(), torch.randint(0, 9, (8, 2)))
    assert (facts.last_layer, facts.outputs, facts.last_dropout) == ("head", 3, 0.25)
    assert [layer.units for layer in facts.layers] == [3, 16, 16]


def test_a_dropout_before_the_last_layer_is_none_behind_it() -> None:
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.9), nn.Linear(16, 3))
    facts = facts_of(model, torch.randn(8, 6))
    assert (facts.dropouts, facts.last_dropout) == ((0.9,), 0.0)
    behind = nn.Sequential(nn.Linear(6, 3), nn.Dropout(0.5))
    assert facts_of(behind, torch.randn(8, 6)).last_dropout == 0.5


def test_frozen_layers_and_layers_whose_size_is_not_known_yet() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.LazyLinear(3))
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(net=model) as context:
        F.cross_entropy(model(torch.randn(8, 6)), LABELS).backward()
        optimizer.step()
    first, last = context.of(ModelFacts)[-1].layers
    assert (first.trainable, last.trainable) == (False, True)
    assert last.parameters == 15


def test_facts_as_older_logs_hold_them_still_make_records() -> None:
    layer = LayerFacts("0", "Linear", 8, 0.1)
    assert (layer.start, layer.units, math.isnan(layer.weight_mean)) == ("unknown", 0, True)
    assert ModelFacts("net", "Linear", (layer,), (), (), ()).last_layer == ""


def train(model: nn.Module, modes: list[bool]) -> list[ModelMode]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watched(net=model) as context:
        for training in modes:
            model.train(training)
            optimizer.zero_grad()
            F.cross_entropy(model(torch.randn(8, 6)), LABELS).backward()
            optimizer.step()
            model.eval()
            with torch.no_grad():  # an evaluation after each step is none of training's modes
                F.cross_entropy(model(torch.randn(8, 6)), LABELS)
    return context.of(ModelMode)


def small(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(6, 4), *layers, nn.Linear(4, 3))


def test_training_in_eval_mode_is_told_with_the_steps_it_lasted() -> None:
    modes = train(small(nn.BatchNorm1d(4), nn.Dropout(0.1)), [True] * 2 + [False] * 40)
    assert [(m.training, m.in_eval) for m in modes[:2]] == [(True, 0), (True, 0)]
    last = modes[-1]
    assert (last.training, last.sensitive, last.in_eval) == (False, 2, 2)
    assert (last.since, last.looks, last.step) == (3, 32, 34)
    assert len(modes) == 2 + 6  # told ever more seldom


def test_a_frozen_normalisation_is_counted_and_the_models_own_flag_stands() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.drop, self.head = nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 3)

        def train(self, mode: bool = True) -> nn.Module:
            super().train(mode)
            self.norm.eval()
            return self

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.drop(self.norm(x)))

    last = train(Net(), [True] * 4)[-1]
    assert (last.training, last.sensitive, last.in_eval) == (True, 2, 1)


def test_models_that_do_the_same_in_both_modes_have_none() -> None:
    norm = nn.BatchNorm1d(4, track_running_stats=False)
    assert train(small(norm, nn.Dropout(0.0), nn.LayerNorm(4)), [False] * 4) == []

"""What enters a model: the scale of its features, channels or indices."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collapse_magic.records import InputFacts

from .watched import watched


def inputs_of(
    model: nn.Module, batch: Callable[[int], torch.Tensor], steps: int = 3, rows: int = 32
) -> list[InputFacts]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watched(net=model) as context:
        for index in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(model(batch(index)), torch.randint(0, 2, (rows,))).backward()
            optimizer.step()
    return context.of(InputFacts)


def test_features_of_a_table_with_very_different_scales() -> None:
    torch.manual_seed(0)
    data = torch.randn(3, 32, 5) * torch.tensor([1.0, 1000.0, 0.001, 0.0, 2.0]) + 3.0
    facts = inputs_of(nn.Linear(5, 2), lambda index: data[index])
    assert [one.step for one in facts] == [1, 3]
    seen = data.reshape(-1, 5).double().numpy()
    last, deviation = facts[-1], seen.std(axis=0, ddof=1)
    assert (last.model, last.layer, last.kind) == ("net", "(model)", "features")
    assert (last.shape, last.values, last.features) == ((32, 5), seen.size, 5)
    assert last.feature_std == pytest.approx(np.quantile(deviation, [0, 0.25, 0.5, 0.75, 1]))
    assert (last.widest, last.narrowest, last.constant_features) == (1, 2, 1)
    assert last.p99 == pytest.approx(np.quantile(np.abs(seen), 0.99))
    assert last.widest_p99 == pytest.approx(np.quantile(np.abs(seen[:, 1]), 0.99))
    assert last.narrowest_p99 == pytest.approx(np.quantile(np.abs(seen[:, 2]), 0.99))
    assert (last.minimum, last.maximum) == (seen.min(), seen.max())


def test_channels_of_an_image() -> None:
    torch.manual_seed(0)
    data = torch.rand(32, 3, 6, 6) * torch.tensor([1.0, 255.0, 1.0]).view(3, 1, 1)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(64, 2))
    facts = inputs_of(model, lambda _: data, steps=1)
    (first,) = facts
    assert (first.layer, first.kind, first.features) == ("0", "channels", 3)
    assert first.shape == (32, 3, 6, 6)
    expected = data.transpose(0, 1).flatten(1).std(dim=1)
    assert sorted(first.feature_std)[-1] == pytest.approx(expected[1].item(), rel=1e-4)
    assert first.widest == 1


def test_a_normalising_first_layer_is_what_the_input_enters() -> None:
    model = nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 2))
    facts = inputs_of(model, lambda _: torch.randn(32, 5) * 100, steps=1)
    assert [(one.layer, one.kind) for one in facts] == [("0", "features")]


def test_indices_are_told_as_integers_with_their_padding() -> None:
    torch.manual_seed(0)
    tokens = torch.randint(1, 50, (32, 10))
    tokens[:, 2:] = 0
    model = nn.Sequential(nn.Embedding(50, 4), nn.Flatten(), nn.Linear(40, 2))
    (first,) = inputs_of(model, lambda _: tokens, steps=1)
    assert (first.kind, first.layer, first.features, first.values) == ("integers", "0", 0, 320)
    assert first.zero_share == first.padding_share == 0.8
    assert (first.minimum, first.maximum) == (0.0, float(tokens.max()))
    assert math.isnan(first.widest_p99)


def test_steps_of_zeros_behind_a_recurrent_layer_are_padding() -> None:
    torch.manual_seed(0)
    frames = torch.randn(32, 20, 3)
    frames[:, 5:] = 0
    frames[0, 0, 0] = 0  # one feature of a step is no step

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru, self.head = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.head(self.gru(x)[0][:, -1])
            return out

    (first,) = inputs_of(Last(), lambda _: frames, steps=1)
    assert first.layer == "gru" and first.padding_share == 0.75


def test_of_wide_inputs_a_part_is_taken_and_the_index_is_that_of_the_feature() -> None:
    torch.manual_seed(0)
    data = torch.randn(32, 4096)
    data[:, 2048] *= 500
    (first,) = inputs_of(nn.Linear(4096, 2), lambda _: data, steps=1)
    assert (first.features, first.widest) == (4096, 2048)
    assert first.values <= 2**13


def test_batches_of_one_are_gathered_until_there_is_a_deviation() -> None:
    torch.manual_seed(0)
    data = torch.randn(40, 1, 3)
    facts = inputs_of(nn.Linear(3, 2), lambda index: data[index], steps=40, rows=1)
    assert [one.step for one in facts] == [3, 6, 12, 24]
    seen = data[:24].reshape(-1, 3).double().numpy()
    assert facts[-1].values == 24 * 3
    assert facts[-1].feature_std[0] == pytest.approx(seen.std(axis=0, ddof=1).min())


def test_what_a_frozen_backbone_gives_is_told_as_the_input_of_the_head() -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    (first,) = inputs_of(model, lambda _: torch.randn(32, 5), steps=1)
    assert (first.layer, first.features) == ("2", 4)


def test_rows_that_are_not_finite_are_left_out() -> None:
    data = torch.randn(32, 3)
    data[4, 1] = math.nan
    (first,) = inputs_of(nn.Linear(3, 2), lambda _: data, steps=1)
    assert first.values == 31 * 3 and math.isfinite(first.feature_std[4])

"""The windows' statistics against independent computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import confusion_matrix, roc_auc_score

from collapse_magic.probes import windows


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_auc_is_that_of_scikit_learn_with_ties(random: np.random.Generator) -> None:
    scores = random.integers(0, 12, 300).astype(float)
    labels = random.random(300) < 0.2 + scores / 30
    assert windows.auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))


def test_auc_of_a_large_sample_is_close(random: np.random.Generator) -> None:
    labels = random.random(50_000) < 0.1
    scores = random.normal(size=50_000) + labels
    assert windows.auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=0.03)


def test_auc_without_pairs_is_nan() -> None:
    assert math.isnan(windows.auc(np.array([1.0, 2.0]), np.array([True, True])))


def test_macro_auc_is_that_of_scikit_learn(random: np.random.Generator) -> None:
    labels = random.integers(0, 4, 140)
    scores = random.normal(size=(140, 4)) + np.eye(4)[labels]
    log_p = windows.log_softmax(scores.T)
    expected = roc_auc_score(labels, np.exp(log_p).T, multi_class="ovr", average="macro")
    assert windows.macro_auc(log_p, labels) == pytest.approx(expected, abs=1e-9)


def test_macro_auc_of_a_large_sample_is_close_for_rare_classes_too(
    random: np.random.Generator,
) -> None:
    labels = random.choice(4, 20_000, p=[0.9, 0.06, 0.03, 0.01])
    scores = random.normal(size=(20_000, 4)) + 1.5 * np.eye(4)[labels]
    expected = np.mean([roc_auc_score(labels == c, scores[:, c]) for c in range(4)])
    assert windows.macro_auc(scores.T, labels) == pytest.approx(expected, abs=0.02)


def test_multiclass_window(random: np.random.Generator) -> None:
    scores = random.normal(size=(200, 3)) * 2
    labels = random.integers(0, 3, 200)
    weight = np.array([1.0, 5.0, 0.5])
    window = windows.multiclass(scores, labels, weight[labels])

    logits = torch.tensor(scores, requires_grad=True)
    target = torch.tensor(labels)
    assert window.cross_entropy_nats == pytest.approx(F.cross_entropy(logits, target).item())
    assert window.mean_probability == pytest.approx(logits.softmax(1).mean(0).tolist())
    F.cross_entropy(logits, target, torch.tensor(weight), reduction="sum").backward()
    assert logits.grad is not None
    force = logits.grad.abs().sum(1)
    share = [float(force[target == c].sum() / force.sum()) for c in range(3)]
    assert window.pull == pytest.approx(share)
    predicted = scores.argmax(1)
    assert window.samples == 200
    assert window.labels == tuple(int((labels == c).sum()) for c in range(3))
    assert window.predicted == tuple(int((predicted == c).sum()) for c in range(3))
    assert window.correct == tuple(int(((labels == c) & (predicted == c)).sum()) for c in range(3))


def test_binary_window(random: np.random.Generator) -> None:
    logits = random.normal(size=150)
    labels = (random.random(150) < 0.3).astype(int)
    window = windows.binary(logits, labels, np.where(labels == 1, 4.0, 1.0))

    z = torch.tensor(logits, requires_grad=True)
    t = torch.tensor(labels, dtype=torch.float64)
    plain = F.binary_cross_entropy_with_logits(z, t)
    assert window.cross_entropy_nats == pytest.approx(plain.item())
    F.binary_cross_entropy_with_logits(
        z, t, pos_weight=torch.tensor(4.0), reduction="sum"
    ).backward()
    assert z.grad is not None
    force = z.grad.abs()
    assert window.pull[1] == pytest.approx(float(force[t == 1].sum() / force.sum()))
    assert window.spread == pytest.approx(float(logits.std()))
    assert window.rank == pytest.approx(roc_auc_score(labels, logits))
    assert sum(window.mean_probability) == pytest.approx(1)


def test_spread_is_zero_for_constant_outputs_whatever_the_labels() -> None:
    scores = np.tile([0.1, 2.0, -1.0], (50, 1))
    window = windows.multiclass(scores, np.arange(50) % 3)
    assert window.spread == pytest.approx(0, abs=1e-12)
    assert window.predicted == (0, 50, 0)
    assert window.rank == pytest.approx(0.5)


def test_a_window_of_nan_does_not_raise_or_warn() -> None:
    window = windows.multiclass(np.full((8, 2), np.nan), np.zeros(8, dtype=int))
    assert math.isnan(window.cross_entropy_nats)
    assert windows.binary(np.full(8, np.nan), np.ones(8, dtype=int)).samples == 8


@pytest.mark.parametrize("classes", [3, 16, 100])
def test_confusions_are_those_of_scikit_learn(random: np.random.Generator, classes: int) -> None:
    labels = random.integers(0, classes, 5000)
    predicted = np.where(random.random(5000) < 0.5, labels, random.integers(0, classes, 5000))
    found = windows.confused(labels, predicted, classes)
    expected = confusion_matrix(labels, predicted, labels=range(classes))
    np.fill_diagonal(expected, 0)
    most = np.sort(expected[expected > 0])[::-1][: windows.MOST_CONFUSED]
    assert [count for *_, count in found] == most.tolist()
    assert all(expected[true, taken] == count for true, taken, count in found)
    assert len({(true, taken) for true, taken, _ in found}) == len(found)


def test_two_classes_need_no_confusions_and_neither_does_nothing() -> None:
    labels = np.array([0, 1, 1])
    assert windows.confused(labels, 1 - labels, 2) == ()
    assert windows.confused(labels, labels, 3) == ()

"""Losses written by hand give the counts and labels that the ready-made ones would."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from torch import nn

from collapse_magic.records import LossFacts, LossValues, PredictionWindow

from .accelerator import accelerator
from .fakes import FakeContext
from .test_observed import counts
from .test_observed import watched as watched_in_time


def watched(**options: Any) -> AbstractContextManager[FakeContext]:
    """With a clock that stands still: one window, however slow the machine."""
    return watched_in_time(clock=lambda: 0.0, **options)


Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
STEPS, BATCH = 12, 16
WEIGHTS = torch.tensor([1.0, 3.0, 0.5])


def train(
    loss: Loss, classes: int, put: Callable[[torch.Tensor], torch.Tensor] = lambda t: t
) -> tuple[torch.Tensor, torch.Tensor, list[Any]]:
    """The logits and labels that a small model was trained with, and the records of it."""
    torch.manual_seed(1)
    width = 1 if classes == 2 else classes
    model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, width))._apply(put)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    logits, labels = [], []
    with watched(namespace={"model": model}) as context:
        for _ in range(STEPS):
            x, y = put(torch.randn(BATCH, 5)), put(torch.randint(0, classes, (BATCH,)))
            z = model(x) * 2
            optimizer.zero_grad()
            loss(z.squeeze(1) if classes == 2 else z, y).backward()
            optimizer.step()
            logits.append(z.detach().clone().squeeze(1) if classes == 2 else z.detach().clone())
            labels.append(y)
    return torch.cat(logits), torch.cat(labels), context.records


@functools.cache
def trained(kind: str, name: str) -> tuple[torch.Tensor, torch.Tensor, list[Any]]:
    """`train` with a form of the loss that stands in the tables below; nobody changes what it
    gives."""
    return train(TWO[name][0], 2) if kind == "two" else train(MANY[name][0], 3)


def check(records: list[Any], predicted: torch.Tensor, labels: torch.Tensor, k: int) -> None:
    windows = [r for r in records if isinstance(r, PredictionWindow)]
    assert counts(windows, "labels") == torch.bincount(labels, minlength=k).tolist()
    assert counts(windows, "predicted") == torch.bincount(predicted, minlength=k).tolist()
    hits = labels[labels == predicted]
    assert counts(windows, "correct") == torch.bincount(hits, minlength=k).tolist()
    values = [v for r in records if isinstance(r, LossValues) for v in r.values]
    assert len(values) == STEPS


def average(records: list[Any], field: str) -> float:
    windows = [r for r in records if isinstance(r, PredictionWindow)]
    return sum(getattr(w, field) * w.samples for w in windows) / sum(w.samples for w in windows)


def focal(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    p, t = z.sigmoid(), y.float()
    ones = 0.25 * (1 - p) ** 2 * t * torch.log(p)
    zeros = 0.75 * p**2 * (1 - t) * torch.log(1 - p)
    return -(ones + zeros).mean()


def clamped(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    p = torch.sigmoid(z).clamp(1e-7, 1 - 1e-7)
    return torch.sum(-y * torch.log(p) - (1 - y) * torch.log(1 - p)) / 8


def per_sample(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    p = torch.sigmoid(z)
    each = -(y * p.log() + (1 - y) * (1 - p).log())
    return (each * torch.where(y == 1, 5.0, 1.0)).mean()


def chosen_side(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    p = z.sigmoid()
    return -torch.log(torch.where(y == 1, p, 1 - p)).mean()


def sides(weight: float = 1.0, epsilon: float = 0.0) -> Loss:
    def loss(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        p = torch.sigmoid(z)
        ones = weight * y * torch.log(p + epsilon)
        return -(ones + (1 - y) * torch.log(1 - p + epsilon)).mean()

    return loss


BCE = {"loss": "binary_cross_entropy", "task": "binary", "activations": ("sigmoid",)}
LOGITS = {"loss": "binary_cross_entropy_with_logits", "task": "binary", "activations": ()}
TWO: dict[str, tuple[Loss, dict[str, Any]]] = {
    "plain": (lambda z, y: sides()(z, y.float()), BCE),
    "of whole numbers": (sides(), BCE),
    "with an epsilon": (sides(epsilon=1e-6), BCE),
    "divided": (lambda z, y: sides()(z, y) / 4, BCE),
    "clamped, summed": (clamped, BCE),
    "weighted side": (sides(weight=5.0), BCE | {"weighted": True}),
    "weighted samples": (per_sample, BCE | {"weighted": True}),
    "focal": (focal, BCE | {"weighted": True}),
    "two means": (
        lambda z, y: -(y * z.sigmoid().log()).mean() - ((1 - y) * torch.log1p(-z.sigmoid())).mean(),
        BCE,
    ),
    "chosen side": (chosen_side, BCE),
    "logsigmoid": (
        lambda z, y: -(y * F.logsigmoid(z) + (1 - y) * F.logsigmoid(-z)).mean(),
        LOGITS,
    ),
    "squares": (lambda z, y: ((z.sigmoid() - y) ** 2).mean(), BCE | {"loss": "mse"}),
    "squares the other way": (
        lambda z, y: (y - z.sigmoid()).square().sum(),
        BCE | {"loss": "mse"},
    ),
    "absolute": (lambda z, y: (z.sigmoid() - y).abs().mean(), BCE | {"loss": "l1"}),
    "l1": (lambda z, y: F.l1_loss(z.sigmoid(), y.float()), BCE | {"loss": "l1"}),
}


@pytest.mark.parametrize("name", TWO)
def test_two_classes(name: str) -> None:
    expected = TWO[name][1]
    logits, labels, records = trained("two", name)
    check(records, (logits > 0).long(), labels, 2)
    own = F.binary_cross_entropy_with_logits(logits, labels.float()).item()
    assert average(records, "cross_entropy_nats") == pytest.approx(own, rel=1e-4)
    (window,) = [r for r in records if isinstance(r, PredictionWindow)]
    assert window.rank == pytest.approx(roc_auc_score(labels, logits), abs=1e-6)
    assert window.spread == pytest.approx(logits.std(correction=0).item(), rel=1e-3)
    assert window.mean_probability[1] == pytest.approx(logits.sigmoid().mean().item(), rel=1e-4)
    force = (logits.sigmoid() - labels).abs()
    if expected.get("weighted"):
        force = force * torch.where(labels == 1, 5.0, 1.0) if name != "focal" else force
    if name != "focal":
        assert window.pull[1] == pytest.approx(
            float(force[labels == 1].sum() / force.sum()), rel=1e-4
        )
    (facts,) = [r for r in records if isinstance(r, LossFacts)]
    assert {key: getattr(facts, key) for key in expected} == expected
    assert (facts.target_min, facts.target_max, facts.model) == (0.0, 1.0, "model")
    assert (facts.input_shape, facts.broadcast, facts.target_kind) == ((BATCH,), False, "binary")


def by_hand(z: torch.Tensor) -> torch.Tensor:
    return z - z.exp().sum(-1).log().unsqueeze(-1)


def exp_once(z: torch.Tensor) -> torch.Tensor:
    e = torch.exp(z)
    return e / e.sum(1, keepdim=True)


def soft(y: torch.Tensor) -> torch.Tensor:
    return F.one_hot(y, 3) * 0.7 + 0.1


def one_hot(y: torch.Tensor) -> torch.Tensor:
    return F.one_hot(y, 3).float()


def multi_focal(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    log_p = F.log_softmax(z, 1).gather(1, y[:, None]).squeeze(1)
    return (-((1 - log_p.exp()) ** 2) * log_p).mean()


ROWS = range(BATCH)
CE = {"loss": "cross_entropy", "activations": (), "target_kind": "index"}
NLL = {"loss": "nll", "activations": ("log", "softmax"), "target_kind": "index"}
HOT = CE | {"target_kind": "one-hot"}
SOFT = CE | {"target_kind": "probabilities"}
MANY: dict[str, tuple[Loss, dict[str, Any]]] = {
    "gather": (lambda z, y: -z.log_softmax(1).gather(1, y[:, None]).mean(), CE),
    "index": (lambda z, y: -F.log_softmax(z, -1)[torch.arange(len(y)), y].mean(), CE),
    "range": (lambda z, y: -F.log_softmax(z, 1)[ROWS, y].sum() / 7, CE),
    "log_softmax by hand": (lambda z, y: -by_hand(z)[ROWS, y].mean(), CE),
    "logsumexp": (lambda z, y: (torch.logsumexp(z, 1) - z[ROWS, y]).mean(), CE),
    "logsumexp, gathered": (
        lambda z, y: (-z.gather(1, y[:, None]).squeeze(1) + z.logsumexp(1)).mean(),
        CE,
    ),
    "log of softmax": (lambda z, y: -torch.log(z.softmax(1)[ROWS, y]).mean(), NLL),
    "log of softmax, kept from zero": (
        lambda z, y: -torch.log(z.softmax(1).gather(1, y[:, None]) + 1e-9).mean(),
        NLL,
    ),
    "softmax by hand": (lambda z, y: -torch.log(exp_once(z)[ROWS, y]).mean(), NLL),
    "double softmax": (
        lambda z, y: -z.softmax(1).log_softmax(1)[ROWS, y].mean(),
        CE | {"activations": ("softmax",)},
    ),
    "focal": (multi_focal, CE),
    "weights of classes": (
        lambda z, y: -(WEIGHTS[y] * z.log_softmax(1)[ROWS, y]).mean(),
        CE | {"weighted": True},
    ),
    "one-hot": (lambda z, y: -(one_hot(y) * z.log_softmax(1)).sum(1).mean(), HOT),
    "one-hot, log of softmax": (
        lambda z, y: -(F.one_hot(y, 3) * torch.log(z.softmax(1) + 1e-9)).sum(1).mean(),
        NLL | {"target_kind": "one-hot"},
    ),
    "one-hot to the ready-made loss": (lambda z, y: F.cross_entropy(z, one_hot(y)), HOT),
    "one-hot, weighted": (
        lambda z, y: F.cross_entropy(z, one_hot(y), weight=WEIGHTS),
        HOT | {"weighted": True},
    ),
    "probabilities": (lambda z, y: nn.CrossEntropyLoss()(z, soft(y)), SOFT),
    "probabilities, smoothed": (
        lambda z, y: F.cross_entropy(z, one_hot(y), label_smoothing=0.1),
        SOFT,
    ),
    "divergence": (
        lambda z, y: F.kl_div(z.log_softmax(1), soft(y), reduction="batchmean"),
        SOFT | {"loss": "kl_div"},
    ),
    "divergence of logarithms": (
        lambda z, y: nn.KLDivLoss(log_target=True)(z.log_softmax(1), soft(y).log()),
        SOFT | {"loss": "kl_div"},
    ),
}


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")
@pytest.mark.parametrize("name", MANY)
def test_many_classes(name: str) -> None:
    expected = MANY[name][1]
    logits, labels, records = trained("many", name)
    scores = logits.softmax(1) if name == "double softmax" else logits
    check(records, logits.argmax(1), labels, 3)
    own = F.cross_entropy(scores, labels).item()
    assert average(records, "cross_entropy_nats") == pytest.approx(own, rel=1e-4)
    (window,) = [r for r in records if isinstance(r, PredictionWindow)]
    p = scores.softmax(1)
    rank = roc_auc_score(labels, p, multi_class="ovr", average="macro")
    assert window.mean_probability == pytest.approx(p.mean(0).tolist(), rel=1e-4)
    assert window.rank == pytest.approx(rank, abs=2e-2 if name == "log of softmax" else 1e-6)
    force = 1 - p[torch.arange(len(labels)), labels]
    if expected.get("weighted"):
        force = force * WEIGHTS[labels]
    pull = [float(force[labels == k].sum() / force.sum()) for k in range(3)]
    assert window.pull == pytest.approx(pull, rel=1e-4)
    (facts,) = [r for r in records if isinstance(r, LossFacts)]
    assert {key: getattr(facts, key) for key in expected} == expected
    assert (facts.task, facts.classes, facts.model) == ("multiclass", 3, "model")
    assert facts.input_shape == (BATCH, 3) and not facts.broadcast


DISTANCES = {"squares", "squares the other way", "absolute", "l1"}
FORMS = [("two", name) for name in TWO] + [("many", name) for name in MANY]


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")
@pytest.mark.parametrize(("kind", "name"), FORMS)
def test_on_a_device_they_are_recognised_without_waiting(
    kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their form at once, and by their values when these have arrived."""
    k = 2 if kind == "two" else 3
    loss = (TWO if kind == "two" else MANY)[name][0]
    _, _, records = trained(kind, name)
    # Of a range PyTorch makes a tensor on the device, where the stand-in does not see it.
    monkeypatch.setattr(sys.modules[__name__], "ROWS", torch.arange(BATCH))
    with accelerator(monkeypatch) as device:
        _, _, others = train(loss, k, device.put)
        assert set(device.our_waits) == {"synchronize"}
    (facts, *_), (found, *_) = (
        [r for r in one if isinstance(r, LossFacts)] for one in (records, others)
    )
    if name in DISTANCES:  # left alone: only values tell them from regressions
        assert found.task == "unknown"
        return
    for field in ("loss", "task", "classes", "activations", "target_kind", "weighted"):
        assert getattr(found, field) == getattr(facts, field), field
    windows, others = (
        [r for r in one if isinstance(r, PredictionWindow)] for one in (records, others)
    )
    counted = sum(w.batches for w in others)
    assert STEPS - 4 <= counted < STEPS == sum(w.batches for w in windows)

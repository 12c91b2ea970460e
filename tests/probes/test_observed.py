"""What is recorded equals what an independent computation finds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from collapse_magic.config import WatchConfig
from collapse_magic.probes.pytorch import TorchProbe
from collapse_magic.records import (
    EpochEnded,
    LayerStatistics,
    LearningRate,
    LossFacts,
    LossValues,
    ModelFacts,
    NonFinite,
    OptimizerFacts,
    PredictionWindow,
    ProbeNote,
)

from .fakes import FakeContext


@contextmanager
def watched(**options: Any) -> Iterator[FakeContext]:
    options.setdefault("config", WatchConfig(budget=1e6, every=1))
    context = FakeContext(user_file="test_observed.py", **options)
    probe = TorchProbe(context)
    probe.attach()
    try:
        yield context
        probe.flush()
    finally:
        probe.detach()
    assert context.of(ProbeNote) == []


def counts(windows: list[PredictionWindow], field: str) -> list[int]:
    return [sum(values) for values in zip(*(getattr(w, field) for w in windows), strict=True)]


def test_counts_losses_and_norms_of_a_classifier() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(300, 5), torch.randint(0, 3, (300,))
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9, weight_decay=0.01)
    losses, logits, gradients, ratios = [], [], [], []
    with watched(namespace={"net": model, "opt": optimizer}) as context:
        for i in range(30):
            rows = slice(10 * i, 10 * i + 10)
            out = model(x[rows])
            loss = F.cross_entropy(out, y[rows])
            optimizer.zero_grad()
            loss.backward()
            before = [p.detach().clone() for p in model.parameters()]
            gradients.append([p.grad.norm().item() for p in model.parameters()])
            optimizer.step()
            change = [
                (p - b).norm().item() for p, b in zip(model.parameters(), before, strict=True)
            ]
            ratios.append((change, [b.norm().item() for b in before]))
            losses.append(loss.item())
            logits.append(out.detach().clone())
            with torch.no_grad():
                out.zero_()  # what was seen must not change afterwards
    labels, predicted = y, torch.cat(logits).argmax(1)

    windows = context.of(PredictionWindow)
    assert counts(windows, "labels") == torch.bincount(labels, minlength=3).tolist()
    assert counts(windows, "predicted") == torch.bincount(predicted, minlength=3).tolist()
    hits = labels[labels == predicted]
    assert counts(windows, "correct") == torch.bincount(hits, minlength=3).tolist()
    own = sum(w.cross_entropy_nats * w.samples for w in windows) / 300
    assert own == pytest.approx(F.cross_entropy(torch.cat(logits), y).item(), rel=1e-5)
    assert {(w.phase, w.one_in) for w in windows} == {("train", 1)}

    values = context.of(LossValues)
    assert [v for record in values for v in record.values] == losses
    assert [s for record in values for s in record.steps] == list(range(1, 31))

    looks = context.of(LayerStatistics)
    assert [look.step for look in looks] == list(range(1, 31))
    pairs = [(0, 1), (2, 3), (4, 5)]
    for look, norms, (change, size) in zip(looks, gradients, ratios, strict=True):
        for layer, (a, b) in enumerate(pairs):
            assert look.gradient_norm[layer] == pytest.approx(math.hypot(norms[a], norms[b]))
            moved, was = math.hypot(change[a], change[b]), math.hypot(size[a], size[b])
            assert look.update_ratio[layer] == pytest.approx(moved / was, rel=1e-3)

    (facts,) = context.of(LossFacts)
    assert (facts.site, facts.loss, facts.task) == ("cross_entropy", "cross_entropy", "multiclass")
    assert (facts.classes, facts.input_shape, facts.target_shape) == (3, (10, 3), (10,))
    assert (facts.activations, facts.target_kind, facts.model) == ((), "index", "net")
    assert facts.cell == 7 and facts.line is not None
    (structure,) = context.of(ModelFacts)
    assert [layer.kind for layer in structure.layers] == ["Linear", "BatchNorm1d", "Linear"]
    assert (structure.model, structure.normalizations) == ("net", ("BatchNorm1d",))
    (settings,) = context.of(OptimizerFacts)
    assert (settings.optimizer, settings.kind, settings.step) == ("opt", "SGD", 1)
    assert (settings.momentum, settings.weight_decay, settings.models) == (0.9, 0.01, ("net",))


def probabilities(loss: nn.Module) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    return lambda z, t: loss(torch.sigmoid(z), t)


Call = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Z1, Z3 = (8, 1), (8, 3)
INDEX = torch.tensor([0, 1, 2, 0, 1, 2, 0, 0])
BITS = torch.tensor([[0.0], [1.0], [0.0], [0.0], [1.0], [0.0], [0.0], [0.0]])
LOSS_CALLS: dict[str, tuple[Call, tuple[int, ...], torch.Tensor, dict[str, Any]]] = {
    "double softmax": (
        lambda z, t: F.cross_entropy(z.softmax(1), t),
        Z3,
        INDEX,
        {"loss": "cross_entropy", "activations": ("softmax",), "classes": 3},
    ),
    "harmless log_softmax": (
        lambda z, t: F.cross_entropy(z.log_softmax(1), t),
        Z3,
        INDEX,
        {"loss": "cross_entropy", "activations": ("log_softmax",)},
    ),
    "log of softmax": (
        lambda z, t: F.nll_loss(torch.log(z.softmax(1)), t),
        Z3,
        INDEX,
        {"loss": "nll", "activations": ("log", "softmax")},
    ),
    "raw logits in nll": (F.nll_loss, Z3, INDEX, {"loss": "nll", "activations": ()}),
    "sigmoid and BCE": (
        probabilities(nn.BCELoss()),
        Z1,
        BITS,
        {"loss": "binary_cross_entropy", "activations": ("sigmoid",), "task": "binary"},
    ),
    "double sigmoid": (
        lambda z, t: F.binary_cross_entropy_with_logits(
            z.sigmoid().squeeze(1), t.squeeze(1), pos_weight=torch.tensor(3.0)
        ),
        Z1,
        BITS,
        {
            "loss": "binary_cross_entropy_with_logits",
            "activations": ("sigmoid",),
            "weighted": True,
            "input_shape": (8,),
        },
    ),
    "relu output": (
        lambda z, t: F.cross_entropy(z.relu(), t, weight=torch.ones(3)),
        Z3,
        INDEX,
        {"activations": ("relu",), "weighted": True},
    ),
    "broadcast mse": (
        lambda z, t: F.mse_loss(z, t),
        Z1,
        BITS.squeeze(1),
        {"loss": "mse", "input_shape": (8, 1), "target_shape": (8,), "broadcast": True},
    ),
    "broadcast the other way": (
        lambda z, t: F.smooth_l1_loss(z.squeeze(1), t),
        Z1,
        BITS,
        {"loss": "smooth_l1", "input_shape": (8,), "target_shape": (8, 1), "broadcast": True},
    ),
    "one-hot mse": (
        F.mse_loss,
        Z3,
        F.one_hot(INDEX, 3).float(),
        {"task": "multiclass", "target_kind": "one-hot", "classes": 3, "broadcast": False},
    ),
    "regression": (
        F.huber_loss,
        Z1,
        torch.linspace(-3, 7, 8).unsqueeze(1),
        {"loss": "huber", "task": "regression", "target_kind": "continuous", "target_max": 7.0},
    ),
    "one-hot BCE": (
        F.binary_cross_entropy_with_logits,
        Z3,
        F.one_hot(INDEX, 3).float(),
        {"task": "multiclass", "target_kind": "one-hot"},
    ),
    "multi-label": (
        F.binary_cross_entropy_with_logits,
        Z3,
        torch.tensor([[1.0, 1, 0], [0, 0, 0]] * 4),
        {"task": "multilabel", "target_kind": "binary", "classes": 3},
    ),
    "ten classes into one unit": (
        F.binary_cross_entropy_with_logits,
        Z1,
        torch.arange(8.0).unsqueeze(1),
        {"task": "binary", "target_kind": "index", "target_max": 7.0},
    ),
    "labels -1 and 1 in BCE": (
        F.binary_cross_entropy_with_logits,
        Z1,
        BITS * 2 - 1,
        {"task": "binary", "target_kind": "binary", "target_min": -1.0},
    ),
    "soft margin": (
        F.soft_margin_loss,
        Z1,
        BITS * 2 - 1,
        {"loss": "soft_margin", "task": "binary", "target_kind": "binary"},
    ),
    "multi margin": (F.multi_margin_loss, Z3, INDEX, {"loss": "multi_margin", "classes": 3}),
    "l1": (F.l1_loss, Z1, BITS, {"loss": "l1", "task": "binary"}),
    "l1 of something that is not kept": (
        lambda z, t: F.l1_loss(z * 2, t),
        Z1,
        BITS,
        {"loss": "l1", "task": "unknown"},
    ),
    "handwritten": (
        lambda z, t: ((z * 2 - t) ** 2).mean(),
        Z1,
        BITS,
        {"loss": "custom", "task": "unknown"},
    ),
    "scaled, with a penalty": (
        lambda z, t: 0.5 * F.cross_entropy(z, t) + 0.1 * z.pow(2).mean(),
        Z3,
        INDEX,
        {"loss": "cross_entropy", "task": "multiclass"},
    ),
    "clamped": (
        lambda z, t: F.binary_cross_entropy(z.sigmoid().clamp(1e-6, 1 - 1e-6), t),
        Z1,
        BITS,
        {"activations": ("sigmoid",)},
    ),
    "batch of one": (F.cross_entropy, (1, 3), torch.tensor([2]), {"classes": 3}),
    "unbatched": (
        lambda z, t: F.cross_entropy(z[0], t[0]),
        Z3,
        INDEX,
        {"classes": 3, "input_shape": (3,), "target_shape": ()},
    ),
}


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("name", LOSS_CALLS)
def test_what_a_loss_call_looks_like(name: str) -> None:
    call, shape, targets, expected = LOSS_CALLS[name]
    torch.manual_seed(0)
    model = nn.Linear(4, shape[1])
    with watched() as context:
        call(model(torch.randn(shape[0], 4)), targets).backward()
    facts = context.of(LossFacts)[0]
    assert {key: getattr(facts, key) for key in expected} == expected


def test_sequences_and_pixels_keep_their_shapes() -> None:
    model = nn.Conv1d(2, 4, 1)
    with watched() as context:
        F.cross_entropy(model(torch.randn(3, 2, 7)), torch.zeros(3, 7).long()).backward()
    (facts,) = context.of(LossFacts)
    assert (facts.input_shape, facts.target_shape, facts.classes) == ((3, 4, 7), (3, 7), 4)
    (window,) = context.of(PredictionWindow)
    assert window.samples == 21


def test_ignored_targets_are_not_counted_and_big_batches_are_thinned() -> None:
    model = nn.Conv2d(1, 3, 1)
    y = torch.randint(0, 3, (4, 64, 64))
    y[:, :32] = 255
    with watched() as context:
        loss = F.cross_entropy(model(torch.randn(4, 1, 64, 64)), y, ignore_index=255)
        loss.backward()
    (window,) = context.of(PredictionWindow)
    assert sum(window.labels) == window.samples == 2048
    assert window.out_of_range == 0
    assert context.of(LossFacts)[0].target_max == 2.0


def test_targets_out_of_range_are_counted() -> None:
    model = nn.Linear(2, 1)
    with watched() as context:
        targets = torch.tensor([[0.0], [1.0], [2.0], [-1.0], [1.0]])
        F.binary_cross_entropy_with_logits(model(torch.randn(5, 2)), targets).backward()
    (window,) = context.of(PredictionWindow)
    assert window.out_of_range == 2
    assert window.labels == (2, 3)


def test_weights_per_sample_and_per_class_show_in_the_pull() -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(2, 1), torch.randn(20, 2)
    t = (torch.arange(20) % 5 == 0).float().unsqueeze(1)
    p = model(x).sigmoid().detach()
    force = ((p - t).abs() * torch.where(t > 0.5, 9.0, 1.0)).squeeze(1)
    expected = float(force[t.squeeze(1) > 0.5].sum() / force.sum())
    for loss in (
        lambda: F.binary_cross_entropy(
            model(x).sigmoid(), t, weight=torch.where(t > 0.5, 9.0, 1.0)
        ),
        lambda: F.binary_cross_entropy_with_logits(model(x), t, pos_weight=torch.tensor(9.0)),
    ):
        with watched() as context:
            loss().backward()
        assert context.of(PredictionWindow)[0].pull[1] == pytest.approx(expected, rel=1e-4)
        assert context.of(LossFacts)[0].weighted


def test_double_softmax_inputs_are_seen_as_probabilities() -> None:
    model = nn.Linear(4, 3)
    with watched() as context:
        F.cross_entropy(model(torch.randn(8, 4)).softmax(1), INDEX).backward()
    assert context.of(PredictionWindow)[0].input_row_sums_to_one


def test_raw_scores_in_nll_are_outside_of_the_unit_interval() -> None:
    model = nn.Linear(4, 3)
    with watched() as context:
        F.nll_loss(model(torch.randn(8, 4)) + 5, INDEX).backward()
    assert context.of(PredictionWindow)[0].outside_unit > 0.9


def test_a_smaller_last_batch_is_no_change_but_new_labels_are() -> None:
    model = nn.Linear(2, 1)
    with watched() as context:
        for size in (8, 8, 5):
            out = model(torch.randn(size, 2))
            F.binary_cross_entropy_with_logits(out, torch.ones(size, 1)).backward()
    assert len(context.of(LossFacts)) == 1
    with watched() as context:
        for label in (1.0, 7.0):
            out = model(torch.randn(8, 2))
            F.binary_cross_entropy_with_logits(out, torch.full((8, 1), label)).backward()
    first, last = context.of(LossFacts)
    assert (first.target_max, last.target_max) == (1.0, 7.0)


def test_models_optimizers_and_losses_are_kept_apart() -> None:
    torch.manual_seed(0)
    left, right = nn.Linear(4, 3), nn.Linear(4, 2)
    one = torch.optim.SGD(left.parameters(), lr=0.1)
    two = torch.optim.Adam(right.parameters(), lr=0.2)
    x = torch.randn(8, 4)
    namespace = {"left": left, "right": right, "one": one, "two": two}
    with watched(namespace=namespace) as context:
        for _ in range(5):
            for model, optimizer in ((left, one), (right, two)):
                optimizer.zero_grad()
                F.cross_entropy(model(x), INDEX % 2).backward()
                optimizer.step()
    facts = {f.site: (f.model, f.classes) for f in context.of(LossFacts)}
    assert facts == {"cross_entropy": ("left", 3), "cross_entropy-2": ("right", 2)}
    steps = {v.site: v.steps for v in context.of(LossValues)}
    assert steps == {"cross_entropy": (1, 3, 5, 7, 9), "cross_entropy-2": (2, 4, 6, 8, 10)}
    assert {(f.optimizer, f.models) for f in context.of(OptimizerFacts)} == {
        ("one", ("left",)),
        ("two", ("right",)),
    }
    assert {s.model for s in context.of(LayerStatistics)} == {"left", "right"}


def test_several_losses_on_one_root_are_several_sites() -> None:
    body, a, b = nn.Linear(4, 8), nn.Linear(8, 3), nn.Linear(8, 1)
    x = torch.randn(8, 4)
    with watched() as context:
        for _ in range(3):
            hidden = body(x).relu()
            loss = F.cross_entropy(a(hidden), INDEX)
            loss = loss + 2 * F.binary_cross_entropy_with_logits(b(hidden), BITS)
            loss.backward()
    assert [f.site for f in context.of(LossFacts)] == [
        "cross_entropy",
        "binary_cross_entropy_with_logits",
    ]
    assert all(w.batches == 3 for w in context.of(PredictionWindow))


def test_only_the_model_that_was_asked_for() -> None:
    left, right = nn.Linear(4, 3), nn.Linear(4, 3)
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.1) for m in (left, right)]
    config = WatchConfig(model=right, every=1)
    with watched(namespace={"left": left, "right": right}, config=config) as context:
        for model, optimizer in zip((left, right), optimizers, strict=True):
            F.cross_entropy(model(torch.randn(8, 4)), INDEX).backward()
            optimizer.step()
    assert [f.model for f in context.of(LossFacts)] == ["right"]
    assert [s.model for s in context.of(LayerStatistics)] == ["right"]


class Trainer:
    """A model that no variable of the user's names, only an attribute."""

    def __init__(self) -> None:
        self.network = nn.Sequential(nn.Linear(4, 3))
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.1)

    def fit(self) -> None:
        F.cross_entropy(self.network(torch.randn(8, 4)), INDEX).backward()
        self.optimizer.step()


def test_names_are_found_in_attributes_of_self() -> None:
    trainer = Trainer()
    with watched() as context:
        trainer.fit()
    assert context.of(LossFacts)[0].model == "network"
    assert context.of(OptimizerFacts)[0].optimizer == "optimizer"


def test_evaluation_is_kept_apart_and_counted_in_full() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    x, y = torch.randn(40, 4), torch.randint(0, 3, (40,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(namespace={"model": model}) as context:
        for _ in range(3):
            F.cross_entropy(model(x[:8]), y[:8]).backward()
            optimizer.step()
        with torch.no_grad():
            logits = model(x)
            nn.CrossEntropyLoss()(logits, y)
        with torch.inference_mode():
            F.cross_entropy(model(x), y)
    train, evaluation = context.of(PredictionWindow)
    assert (train.phase, train.samples, train.site) == ("train", 24, "cross_entropy")
    assert (evaluation.phase, evaluation.samples, evaluation.site) == ("eval", 80, "cross_entropy")
    once = torch.bincount(logits.argmax(1), minlength=3)
    assert evaluation.predicted == tuple((2 * once).tolist())
    assert evaluation.first_step == 3


def test_evaluation_before_training_takes_the_same_site() -> None:
    model = nn.Linear(4, 3)
    with watched() as context:
        with torch.no_grad():
            F.cross_entropy(model(torch.randn(8, 4)), INDEX)
        F.cross_entropy(model(torch.randn(8, 4)), INDEX).backward()
    assert {(w.site, w.phase) for w in context.of(PredictionWindow)} == {
        ("cross_entropy", "train"),
        ("cross_entropy", "eval"),
    }


def test_steps_are_counted_once_over_all_optimizers_and_accumulations() -> None:
    class Twice(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    model = nn.Linear(4, 3)
    optimizer = Twice(model.parameters(), lr=0.1)
    with watched() as context:
        for i in range(12):
            F.cross_entropy(model(torch.randn(8, 4)), INDEX).backward()
            if i % 4 == 3:
                optimizer.step()
    (values,) = context.of(LossValues)
    assert values.steps == (1,) * 4 + (2,) * 4 + (3,) * 4
    assert [s.step for s in context.of(LayerStatistics)] == [1, 2, 3]


def test_a_step_that_raises_leaves_no_count_behind() -> None:
    class Failing(torch.optim.SGD):
        fails = True

        def step(self, closure: Any = None) -> Any:
            if self.fails:
                raise ValueError("no")
            return super().step(closure)

    model = nn.Linear(4, 3)
    optimizer = Failing(model.parameters(), lr=0.1)
    context = FakeContext()
    probe = TorchProbe(context)
    probe.attach()
    try:
        for fails in (True, False, False, True, False):
            optimizer.fails = fails
            F.cross_entropy(model(torch.randn(8, 4)), INDEX).backward()
            try:
                optimizer.step()
            except ValueError:
                continue
        assert probe.steps == 3
    finally:
        probe.detach()


def test_skipped_steps_of_a_gradient_scaler_are_no_steps() -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    context = FakeContext(config=WatchConfig(every=1))
    probe = TorchProbe(context)
    probe.attach()
    try:
        for factor in (1.0, float("inf"), 1.0):
            optimizer.zero_grad()
            loss = F.mse_loss(model(torch.randn(8, 4)), torch.randn(8, 1))
            scaler.scale(loss).backward()
            model.weight.grad.mul_(factor)
            scaler.step(optimizer)
            scaler.update()
        assert probe.steps == 2
    finally:
        probe.detach()
    assert not context.of(NonFinite)


def test_without_an_optimizer_backwards_are_the_steps() -> None:
    model = nn.Linear(4, 3)
    with watched() as context:
        for _ in range(40):
            F.cross_entropy(model(torch.randn(8, 4)), INDEX).backward()
            with torch.no_grad():
                for p in model.parameters():
                    p -= 0.1 * p.grad
                    p.grad = None
    steps = [s for v in context.of(LossValues) for s in v.steps]
    assert steps == list(range(1, 41))


@pytest.mark.parametrize("workers", [0, 1])
def test_whole_passes_over_a_loader_are_epochs(workers: int) -> None:
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = TensorDataset(torch.randn(12, 4), torch.randint(0, 3, (12,)))
    loader = DataLoader(data, batch_size=4, num_workers=workers)
    with watched() as context:
        for _ in range(2):
            for x, y in loader:
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
            with torch.no_grad():
                for x, y in DataLoader(data, batch_size=6):
                    F.cross_entropy(model(x), y)
        for _ in range(5):
            x, y = next(iter(loader))
            F.cross_entropy(model(x), y).backward()
    assert [(e.epoch, e.step) for e in context.of(EpochEnded)] == [(1, 3), (2, 6)]


def test_learning_rates_are_told_when_they_change() -> None:
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.1)
    with watched() as context:
        for _ in range(5):
            F.cross_entropy(model(torch.randn(8, 4)), INDEX).backward()
            optimizer.step()
            schedule.step()
    told = [(r.step, r.learning_rates) for r in context.of(LearningRate)]
    assert told == [(1, (1.0,)), (3, (0.1,)), (5, (pytest.approx(0.01),))]


def _train_with(place: str) -> list[NonFinite]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(namespace={"model": model}) as context:
        for i in range(4):
            x, y = torch.randn(8, 4), torch.randn(8, 1)
            if i == 2:
                if place == "input":
                    x[3, 1] = math.nan
                elif place == "target":
                    y[0] = math.inf
                elif place == "weight":
                    with torch.no_grad():
                        model[2].weight[0, 1] = -math.inf
            out = model(x)
            if i == 2 and place == "logits":
                out = out / torch.zeros(1)
            loss = F.mse_loss(out, y)
            if i == 2 and place == "loss":
                loss = loss * math.inf
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return context.of(NonFinite)


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        ("input", "input", "nan"),
        ("target", "target", "inf"),
        ("weight", "2.weight", "-inf"),
        ("logits", "", None),
        ("loss", "", "inf"),
    ],
)
def test_the_first_place_that_is_not_finite(place: str, name: str, value: str | None) -> None:
    first = _train_with(place)[0]
    assert (first.place, first.name, first.step) == (place, name, 3)
    assert value is None or first.value == value


def test_gradients_that_are_not_finite_are_told_with_their_layer() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watched() as context:
        F.cross_entropy(model(torch.randn(8, 4)), INDEX).backward()
        model[1].weight.grad[0, 0] = math.nan
        optimizer.step()
    (found,) = context.of(NonFinite)
    assert (found.place, found.name) == ("gradient", "1")


def test_a_batch_that_is_wholly_ignored_is_no_failure() -> None:
    model = nn.Linear(4, 3)
    with watched() as context:
        F.cross_entropy(model(torch.randn(8, 4)), torch.full((8,), -100)).backward()
    assert context.of(NonFinite) == []


def test_no_gradient_is_told_from_a_zero_one() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched() as context:
        (F.cross_entropy(model(torch.randn(8, 4)), INDEX) * 0).backward()
        optimizer.step()
    (look,) = context.of(LayerStatistics)
    assert math.isnan(look.gradient_norm[0]) and look.gradient_norm[1] == 0.0
    assert look.update_ratio == (0.0, 0.0)

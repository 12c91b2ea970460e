"""Several labels, several models, sequences, masks: the records tell them apart."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import accuracy_score, roc_auc_score
from torch import nn

from collapse_magic.history import History, WindowTotal
from collapse_magic.probes.pytorch import sites
from collapse_magic.records import LossFacts, LossValues, PredictionWindow
from collapse_magic.rules import gates
from collapse_magic.sinks.rows import prediction_columns

from .fakes import FakeContext
from .test_observed import BITS, INDEX
from .test_observed import watched as watched_in_time


@pytest.fixture(autouse=True)
def one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short trainings are one window, as the later ones of a long training are."""
    monkeypatch.setattr(sites, "FIRST_BATCHES", 64)


def watched(**options: Any) -> AbstractContextManager[FakeContext]:
    """With a clock that stands still: one window, however slow the machine."""
    return watched_in_time(clock=lambda: 0.0, **options)


def bin_counts(values: torch.Tensor, classes: int) -> list[int]:
    return torch.bincount(values.reshape(-1), minlength=classes).tolist()


def squeezed(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    p = logits.sigmoid()
    return -(labels * p.log() + (1 - labels) * (1 - p).log()).sum(1).mean()


@pytest.mark.parametrize(
    "loss",
    [
        nn.BCEWithLogitsLoss(),
        lambda z, t: F.binary_cross_entropy(z.sigmoid(), t),
        nn.MultiLabelSoftMarginLoss(),
        squeezed,
    ],
)
def test_several_labels_per_sample_count_positives(loss: Any) -> None:
    torch.manual_seed(0)
    model = nn.Linear(5, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    logits, labels = [], []
    with watched() as context:
        for _ in range(20):
            x = torch.randn(30, 5)
            t = (x[:, :4] + 0.5 * torch.randn(30, 4) > 0.7).float()
            z = model(x)
            optimizer.zero_grad()
            loss(z, t).backward()
            optimizer.step()
            logits.append(z.detach().clone())
            labels.append(t)
    z, t = torch.cat(logits), torch.cat(labels)
    (window,) = context.of(PredictionWindow)
    assert window.samples == 600
    assert window.labels == tuple(t.sum(0).long().tolist())
    assert window.predicted == tuple((z > 0).sum(0).tolist())
    assert window.correct == tuple(((z > 0) & (t == 1)).sum(0).tolist())
    own = F.binary_cross_entropy_with_logits(z, t).item()
    assert window.cross_entropy_nats == pytest.approx(own, rel=1e-4)
    assert window.mean_probability == pytest.approx(z.sigmoid().mean(0).tolist(), rel=1e-4)
    assert window.rank == pytest.approx(roc_auc_score(t, z, average="macro"), abs=0.02)
    force = (z.sigmoid() - t).abs().sum(0)
    assert window.pull == pytest.approx((force / force.sum()).tolist(), rel=1e-4)
    assert context.of(LossFacts)[0].task == "multilabel"

    share = prediction_columns(window)[5:9]
    assert share == pytest.approx((z > 0).float().mean(0).tolist())
    total = WindowTotal.of([window, window])
    assert total.predicted_share == pytest.approx(share)
    prior = t.mean(0).repeat(600, 1)
    reference = F.binary_cross_entropy(prior, t).item()
    assert total.cross_entropy_over_entropy == pytest.approx(own / reference, rel=1e-4)
    assert prediction_columns(window)[1 + 5 * 4] == pytest.approx(own / reference, rel=1e-4)

    history = History()
    for record in context.records:
        history.append(record)
    assert gates.no_classification(history) == "no predictions of classes were seen"


@pytest.mark.parametrize("form", ["pos_weight", "one pos_weight", "weight"])
def test_weights_of_several_labels_show_in_the_pull(form: str) -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(5, 3), torch.randn(40, 5)
    t = (torch.rand(40, 3) > 0.6).float()
    weight = torch.tensor([1.0, 4.0, 0.5])
    if form == "weight":
        options = {"weight": weight.expand(40, 3).contiguous()}
        factor = weight.expand(40, 3)
    else:
        weight = weight if form == "pos_weight" else torch.tensor(7.0)
        options = {"pos_weight": weight}
        factor = torch.where(t == 1, weight, torch.tensor(1.0))
    with watched() as context:
        z = model(x)
        F.binary_cross_entropy_with_logits(z, t, **options).backward()
    force = ((z.sigmoid() - t).abs() * factor).sum(0)
    (window,) = context.of(PredictionWindow)
    assert window.pull == pytest.approx((force / force.sum()).tolist(), rel=1e-4)


def test_a_hinge_and_squares_of_raw_outputs() -> None:
    for loss in (
        lambda z, y: torch.relu(1 - (2 * y - 1) * z).mean(),
        lambda z, y: torch.clamp(1 - z * (2 * y - 1), min=0).mean(),
        lambda z, y: ((z - y) ** 2).mean(),
        lambda z, y: F.l1_loss(z, y),
    ):
        torch.manual_seed(0)
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
        logits, labels = [], []
        with watched() as context:
            for _ in range(10):
                x, y = torch.randn(16, 4), (torch.rand(16) > 0.4).float()
                z = model(x).squeeze(1)
                optimizer.zero_grad()
                loss(z, y).backward()
                optimizer.step()
                logits.append(z.detach().clone())
                labels.append(y)
        z, y = torch.cat(logits), torch.cat(labels).long()
        (window,) = context.of(PredictionWindow)
        (facts,) = context.of(LossFacts)
        predicted = (z > (0 if facts.loss == "hinge" else 0.5)).long()
        assert (facts.task, facts.activations) == ("binary", ())
        assert window.labels == tuple(bin_counts(y, 2))
        assert window.predicted == tuple(bin_counts(predicted, 2))
        assert window.correct == tuple(bin_counts(y[y == predicted], 2))


def test_pixels_and_tokens() -> None:
    torch.manual_seed(0)
    model = nn.Conv2d(1, 3, 1)
    tokens = nn.Linear(6, 5)
    with watched() as context:
        x, y = torch.randn(2, 1, 4, 4), torch.randint(0, 3, (2, 4, 4))
        log_p = model(x).log_softmax(1)
        (-log_p.gather(1, y.unsqueeze(1)).mean()).backward()
        x, t = torch.randn(3, 7, 6), torch.randint(0, 5, (3, 7))
        z = tokens(x)
        F.cross_entropy(z.transpose(1, 2), t).backward()
        z = tokens(x)
        F.cross_entropy(z.reshape(-1, 5), t.reshape(-1)).backward()
        z = tokens(x)
        (-z.log_softmax(-1).gather(-1, t.unsqueeze(-1)).mean()).backward()
        z = tokens(x)
        F.cross_entropy(z.transpose(1, 2), F.one_hot(t, 5).float().transpose(1, 2)).backward()
    pixels, *sequences = context.of(PredictionWindow)
    assert (pixels.labels, pixels.predicted) == (
        tuple(bin_counts(y, 3)),
        tuple(bin_counts(log_p.argmax(1), 3)),
    )
    assert len(sequences) == 4
    own = F.cross_entropy(z.reshape(-1, 5), t.reshape(-1)).item()
    for window in sequences:
        assert window.labels == tuple(bin_counts(t, 5))
        assert window.predicted == tuple(bin_counts(z.argmax(-1), 5))
        assert window.cross_entropy_nats == pytest.approx(own, rel=1e-4)


def test_a_vocabulary_is_no_set_of_classes() -> None:
    model = nn.Linear(4, 1500)
    with watched() as context:
        for loss in (F.cross_entropy, lambda z, y: -z.log_softmax(1)[range(8), y].mean()):
            loss(model(torch.randn(8, 4)), INDEX).backward()
    assert not context.of(PredictionWindow)
    assert [f.classes for f in context.of(LossFacts)] == [1500, 1500]
    assert len(context.of(LossValues)) == 2


@pytest.mark.parametrize("classes", [100, 1000])
def test_many_classes_are_counted(classes: int) -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, classes)
    x, y = torch.randn(64, 4), torch.randint(0, classes, (64,))
    with watched() as context:
        z = model(x)
        F.cross_entropy(z, y).backward()
    (window,) = context.of(PredictionWindow)
    assert window.predicted == tuple(bin_counts(z.argmax(1), classes))
    assert window.cross_entropy_nats == pytest.approx(F.cross_entropy(z, y).item(), rel=1e-4)


def test_two_logits_for_two_classes() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    x, y = torch.randn(40, 4), torch.randint(0, 2, (40,))
    with watched() as context:
        z = model(x)
        F.cross_entropy(z, y).backward()
    (window,) = context.of(PredictionWindow)
    margin = (z[:, 1] - z[:, 0]).detach()
    assert window.rank == pytest.approx(roc_auc_score(y, margin))
    assert window.spread == pytest.approx(margin.std(correction=0).item(), rel=1e-4)


def test_heads_in_a_list_are_sites_and_steps_of_a_sequence_are_one() -> None:
    torch.manual_seed(0)
    heads = nn.ModuleList(nn.Linear(4, 3) for _ in range(3))
    cell, read = nn.RNNCell(4, 6), nn.Linear(6, 3)
    x = torch.randn(8, 4)
    with watched() as context:
        for _ in range(3):
            losses = [F.cross_entropy(head(x), INDEX) for head in heads]
            sum(losses).backward()
        for length in (6, 9):
            hidden, total = torch.zeros(8, 6), torch.zeros(())
            for _ in range(length):
                hidden = cell(x, hidden)
                total = total + F.cross_entropy(read(hidden), INDEX)
            (total / length).backward()
    windows = {w.site: w for w in context.of(PredictionWindow)}
    assert [w.batches for w in windows.values()] == [3, 3, 3, 15]
    values = {v.site: v.steps for v in context.of(LossValues)}
    assert Counter(len(steps) for steps in values.values()) == {3: 3, 2: 1}


class WithLoss(nn.Module):
    """A model that computes its own loss, as those of Hugging Face do."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)
        self.aux = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.head(x)
        loss = F.cross_entropy(logits, labels)
        return {"loss": loss + 0.3 * F.cross_entropy(self.aux(x), labels), "logits": logits}


def test_a_loss_inside_forward_with_an_auxiliary_one() -> None:
    torch.manual_seed(0)
    model = WithLoss()
    x, y = torch.randn(32, 4), torch.randint(0, 3, (32,))
    with watched(namespace={"model": model}) as context:
        model(x, y)["loss"].backward()
        with torch.no_grad():
            logits = model.head(x)
            F.cross_entropy(logits, y)
    assert [(f.site, f.model) for f in context.of(LossFacts)] == [
        ("cross_entropy", "model"),
        ("cross_entropy-2", "model"),
    ]
    evaluated = [w for w in context.of(PredictionWindow) if w.phase == "eval"]
    assert [(w.site, w.predicted) for w in evaluated] == [
        ("cross_entropy", tuple(bin_counts(logits.argmax(1), 3)))
    ]


def validate(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        logits = network(x)
        F.cross_entropy(logits, y)
    assert accuracy_score(y, logits.argmax(1)) >= 0
    return logits.argmax(1)


def test_validation_goes_to_the_model_that_is_validated() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(40, 4), torch.randint(0, 3, (40,))
    one, two = nn.Linear(4, 3), nn.Linear(4, 3)
    with watched(namespace={"one": one, "two": two}) as context:
        for model in (one, two):
            F.cross_entropy(model(x[:8]), y[:8]).backward()
        first = validate(one, x, y)
        second = validate(two, x, y)
        one.eval()
        with torch.no_grad():
            F.cross_entropy(one(x), y)
    sites = {f.model: f.site for f in context.of(LossFacts)}
    evaluated = {w.site: w for w in context.of(PredictionWindow) if w.phase == "eval"}
    twice = [2 * n for n in bin_counts(first, 3)]
    assert evaluated[sites["one"]].predicted == tuple(twice)
    assert evaluated[sites["two"]].predicted == tuple(bin_counts(second, 3))


def test_validation_with_probability_targets() -> None:
    torch.manual_seed(0)
    model, x, y = nn.Linear(4, 3), torch.randn(40, 4), torch.randint(0, 3, (40,))
    soft = 0.9 * F.one_hot(y, 3) + 0.1 / 3
    with watched() as context:
        F.cross_entropy(model(x), soft).backward()
        with torch.no_grad():
            F.cross_entropy(model(x), soft)
    train, evaluation = context.of(PredictionWindow)
    assert (train.site, evaluation.site) == ("cross_entropy", "cross_entropy")
    for field in ("labels", "predicted", "correct"):
        assert getattr(train, field) == getattr(evaluation, field)
    assert train.cross_entropy_nats == pytest.approx(evaluation.cross_entropy_nats, rel=1e-5)


def test_validation_of_a_handwritten_loss_is_not_seen() -> None:
    model = nn.Linear(4, 3)
    x = torch.randn(8, 4)
    with watched() as context:
        for _ in range(2):
            (-model(x).log_softmax(1)[range(8), INDEX].mean()).backward()
            with torch.no_grad():
                log_p = model(x).log_softmax(1)
                -log_p[range(8), INDEX].mean()
                accuracy_score(INDEX, log_p.argmax(1))
    assert {w.phase for w in context.of(PredictionWindow)} == {"train"}


def test_masked_samples_are_left_out() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    x, y = torch.randn(40, 4), torch.randint(0, 3, (40,))
    mask = (torch.arange(40) % 3 > 0).float()
    kept = mask == 1
    for loss in (
        lambda z: -(z.log_softmax(1)[range(40), y] * mask).sum() / mask.sum(),
        lambda z: (F.cross_entropy(z, y, reduction="none") * mask).sum() / mask.sum(),
        lambda z: -((F.one_hot(y, 3) * mask[:, None]) * z.log_softmax(1)).sum() / mask.sum(),
    ):
        with watched() as context:
            z = model(x)
            loss(z).backward()
        (window,) = context.of(PredictionWindow)
        assert window.labels == tuple(bin_counts(y[kept], 3))
        assert window.predicted == tuple(bin_counts(z.argmax(1)[kept], 3))
        assert window.out_of_range == 0
    own = F.cross_entropy(z[kept], y[kept]).item()
    assert window.cross_entropy_nats == pytest.approx(own, rel=1e-4)


def unseen(loss: Any, *losses: Any) -> None:
    """Only the value is recorded."""
    for one in (loss, *losses):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 3))
        with watched() as context:
            one(model(torch.randn(8, 4))).backward()
        assert not context.of(PredictionWindow)
        assert [f.task for f in context.of(LossFacts)] == ["unknown"]
        assert len(context.of(LossValues)) == 1


def test_what_is_not_surely_a_loss_of_classes_gives_its_value_only() -> None:
    advantage = torch.linspace(-1, 2, 8)
    soft = torch.rand(8)
    entropy = -1.0
    unseen(
        # policy gradients: actions are no labels
        lambda z: -(torch.distributions.Categorical(logits=z).log_prob(INDEX) * advantage).mean(),
        lambda z: -(z.log_softmax(1)[range(8), INDEX] * (advantage + 2)).mean(),
        lambda z: (F.cross_entropy(z, INDEX, reduction="none") * advantage).mean(),
        lambda z: -(z[:1].log_softmax(1).gather(1, INDEX[:1, None]) * 3.0).sum(),
        # an entropy, a reconstruction, a bound, a score of something else
        lambda z: entropy * (z.softmax(1) * z.log_softmax(1)).sum(1).mean(),
        lambda z: ((z[:, 0].sigmoid() - soft) ** 2).mean(),
        lambda z: ((z.sigmoid() - 1) ** 2).mean(),
        lambda z: (z.logsumexp(1) - z.detach()[range(8), INDEX]).mean(),
        lambda z: -(soft * torch.log(z[:, 0].sigmoid())).mean(),
        lambda z: torch.relu(0.2 - soft * z[:, 0]).mean(),
        lambda z: -z.log_softmax(1)[INDEX, INDEX].mean(),
    )


def test_a_tensor_changed_in_place_is_unseen_and_nothing_is_raised() -> None:
    model = nn.Linear(4, 3)
    with watched() as context:
        log_p = model(torch.randn(8, 4)).log_softmax(1)
        loss = -log_p[range(8), INDEX].mean()
        with torch.no_grad():
            log_p.zero_()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()
        y = INDEX.clone()
        for change in (False, True):
            log_p = model(torch.randn(8, 4)).log_softmax(1)
            loss = -log_p.gather(1, y[:, None]).mean()
            if change:
                y += 1
            try:
                loss.backward()
            except RuntimeError:
                assert change
    assert sum(w.samples for w in context.of(PredictionWindow)) == 8


def test_a_checkpointed_head_is_not_computed_anew_for_us() -> None:
    from torch.utils.checkpoint import checkpoint

    calls = []

    class Head(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            calls.append(1)
            return super().forward(x).log_softmax(1)

    head = Head(4, 3)
    body = nn.Linear(4, 4)
    with watched() as context:
        log_p = checkpoint(head, body(torch.randn(8, 4)), use_reentrant=False)
        (-log_p[range(8), INDEX].mean()).backward()
    assert len(calls) == 2 and not context.of(PredictionWindow)


def test_forms_that_take_turns_at_one_place_are_told_apart() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    forms = (
        lambda z: -(BITS * z.sigmoid().log() + (1 - BITS) * (1 - z.sigmoid()).log()).mean(),
        lambda z: F.binary_cross_entropy_with_logits(z, BITS),
        lambda z: (z * 3).exp().mean(),
    )
    with watched() as context:
        for i in range(12):
            forms[i % 3](model(torch.randn(8, 4))).backward()
    assert {f.loss: f.task for f in context.of(LossFacts)} == {
        "binary_cross_entropy": "binary",
        "binary_cross_entropy_with_logits": "binary",
        "custom": "unknown",
    }
    assert [w.batches for w in context.of(PredictionWindow)] == [4, 4]


def test_shapes_that_are_broadcast_by_hand() -> None:
    model = nn.Linear(4, 1)
    y = BITS.squeeze(1)
    with watched() as context:
        p = model(torch.randn(8, 4)).sigmoid()
        (-(y * p.log() + (1 - y) * (1 - p).log())).mean().backward()
    (facts,) = context.of(LossFacts)
    assert (facts.input_shape, facts.target_shape, facts.broadcast) == ((8, 1), (8,), True)


def test_soft_labels_of_a_mixture() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    y = 0.7 * BITS + 0.3 * BITS.flip(0)
    with watched() as context:
        p = model(torch.randn(8, 4)).sigmoid()
        (-(y * p.log() + (1 - y) * (1 - p).log())).mean().backward()
    (facts,) = context.of(LossFacts)
    (window,) = context.of(PredictionWindow)
    assert facts.target_kind == "probabilities" and not facts.weighted
    assert window.labels == tuple(np.bincount((y > 0.5).long().reshape(-1), minlength=2))

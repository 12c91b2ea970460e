"""How the loss is written."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from .account import Account, style
from .data import BATCH, CLASSES, FEATURES, batches, classes, mlp, two_classes

Objective = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Note = Callable[[Account, torch.Tensor, torch.Tensor], None]  # scores, targets of a batch


def picked(log: Account, scores: torch.Tensor, targets: torch.Tensor) -> None:
    log.batch(None, scores, targets)


def above(threshold: float) -> Note:
    return lambda log, scores, targets: log.batch(None, scores, targets, threshold)


def train(
    log: Account,
    objective: Objective,
    x: torch.Tensor,
    y: torch.Tensor,
    note: Note,
    outputs: int = CLASSES,
) -> None:
    model = mlp(outputs)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for batch, targets in batches(x, y):
        out = model(batch)
        loss = objective(out, targets)
        log.loss(loss)
        note(log, out, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step()
    log.result(model)


@style(
    "binary cross entropy by hand",
    "`p = torch.sigmoid(out); loss = -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()`",
)
def binary_by_hand(log: Account) -> None:
    def objective(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        p = torch.sigmoid(out)
        return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()

    train(log, objective, *two_classes(), above(0.0), outputs=1)


@style("log_softmax and gather", "`-F.log_softmax(out, 1).gather(1, y[:, None]).mean()`")
def gathered(log: Account) -> None:
    def objective(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -F.log_softmax(out, 1).gather(1, y[:, None]).mean()

    train(log, objective, *classes(), picked)


@style("one-hot times log", "`-(F.one_hot(y, 3) * torch.log(out.softmax(1))).sum(1).mean()`")
def one_hot_times_log(log: Account) -> None:
    def objective(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -(F.one_hot(y, CLASSES) * torch.log(out.softmax(1))).sum(1).mean()

    train(log, objective, *classes(), picked)


@style("NLLLoss", "`nn.NLLLoss()(F.log_softmax(out, 1), y)`")
def negative_log_likelihood(log: Account) -> None:
    criterion = nn.NLLLoss()
    train(log, lambda out, y: criterion(F.log_softmax(out, 1), y), *classes(), picked)


@style(
    "class weights and label smoothing",
    "`nn.CrossEntropyLoss(weight=w, label_smoothing=0.1)`",
)
def weighted_and_smoothed(log: Account) -> None:
    weights = torch.tensor([1.0, 2.0, 3.0])
    train(log, nn.CrossEntropyLoss(weights, label_smoothing=0.1), *classes(), picked)


@style("pos_weight", "`nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0))`")
def positive_weight(log: Account) -> None:
    criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0))
    train(log, criterion, *two_classes(), above(0.0), outputs=1)


@style("probabilities for targets", "`F.cross_entropy(out, mixed)`, rows of mixed labels (mixup)")
def probability_targets(log: Account) -> None:
    x, y = classes()
    mixed = 0.75 * F.one_hot(y, CLASSES) + 0.25 * F.one_hot(y.flip(0), CLASSES)

    def most_likely(log: Account, scores: torch.Tensor, targets: torch.Tensor) -> None:
        log.batch(None, scores, targets.argmax(1))

    train(log, F.cross_entropy, x, mixed, most_likely)


@style(
    "several labels per sample",
    "`nn.BCEWithLogitsLoss()(out, y)` on (N, C) of 0 and 1; positives are counted",
)
def several_labels(log: Account) -> None:
    x, _ = classes()
    y = (x[:, :CLASSES] > 0.3).float()

    def positives(log: Account, scores: torch.Tensor, targets: torch.Tensor) -> None:
        log.keep(scores=scores, targets=targets)
        log.train.labels.update(dict(enumerate(targets.sum(0).long().tolist())))
        log.train.predicted.update(dict(enumerate((scores > 0).sum(0).tolist())))

    train(log, nn.BCEWithLogitsLoss(), x, y, positives)


@style("squares for classes", "`F.mse_loss(out.softmax(1), F.one_hot(y, 3).float())`")
def squares(log: Account) -> None:
    def objective(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(out.softmax(1), F.one_hot(y, CLASSES).float())

    train(log, objective, *classes(), picked)


@style("absolute differences for classes", "`nn.L1Loss()(torch.sigmoid(out), y)`, y 0 or 1")
def absolute_differences(log: Account) -> None:
    criterion = nn.L1Loss()
    x, y = two_classes()
    train(log, lambda out, y: criterion(torch.sigmoid(out), y), x, y, above(0.0), outputs=1)


@style("Huber loss for classes", "`F.huber_loss(torch.sigmoid(out), y)`, y 0 or 1")
def huber(log: Account) -> None:
    x, y = two_classes()
    train(log, lambda out, y: F.huber_loss(torch.sigmoid(out), y), x, y, above(0.0), outputs=1)


@style("hinge by hand", "`torch.clamp(1 - y * out, min=0).mean()`, y -1 or +1")
def hinge(log: Account) -> None:
    def sides(log: Account, scores: torch.Tensor, targets: torch.Tensor) -> None:
        log.batch(None, scores, (targets + 1) / 2, threshold=0.0)

    x, y = two_classes()
    train(
        log, lambda out, y: torch.clamp(1 - y * out, min=0).mean(), x, 2 * y - 1, sides, outputs=1
    )


@style("margins", "`nn.MultiMarginLoss()(out, y)`")
def margins(log: Account) -> None:
    train(log, nn.MultiMarginLoss(), *classes(), picked)


@style(
    "tokens",
    "`F.cross_entropy(out.transpose(1, 2), y, ignore_index=-100)` on (N, T, C), padded",
)
def tokens(log: Account) -> None:
    x = torch.randint(0, 20, (48, 7))
    y = x % CLASSES
    y[:, 5:] = -100
    model = nn.Sequential(nn.Embedding(20, 8), nn.Linear(8, CLASSES))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for batch, labels in batches(x, y):
        out = model(batch)
        loss = F.cross_entropy(out.transpose(1, 2), labels, ignore_index=-100)
        log.loss(loss)
        log.batch(None, out[:, :5].transpose(1, 2), labels[:, :5])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step()
    log.result(model)


@style(
    "regression",
    "`F.mse_loss(out, y)` on real numbers",
    unseen={"predictions": "there are no classes"},
)
def regression(log: Account) -> None:
    x = torch.randn(96, FEATURES)

    def nothing(log: Account, scores: torch.Tensor, targets: torch.Tensor) -> None:
        log.keep(scores=scores, targets=targets)

    train(log, F.mse_loss, x, x[:, :1] * 2 + 1, nothing, outputs=1)


@style(
    "policy gradient",
    "`-(Categorical(logits=out).log_prob(action) * advantage).mean()`",
    unseen={"predictions": "actions with rewards are no labels"},
)
def policy_gradient(log: Account) -> None:
    x = torch.randn(96, FEATURES)

    def objective(out: torch.Tensor, advantage: torch.Tensor) -> torch.Tensor:
        policy = torch.distributions.Categorical(logits=out)
        return -(policy.log_prob(policy.sample()) * advantage).mean()

    def nothing(log: Account, scores: torch.Tensor, targets: torch.Tensor) -> None:
        log.keep(scores=scores)

    train(log, objective, x, torch.randn(96), nothing)


@style(
    "a vocabulary",
    "`F.cross_entropy(out, y)` over 1,200 words",
    unseen={"predictions": "shares of more than 1,000 classes say nothing"},
)
def vocabulary(log: Account) -> None:
    x = torch.randn(3 * BATCH, FEATURES)
    y = torch.randint(0, 1200, (3 * BATCH,))

    def nothing(log: Account, scores: torch.Tensor, targets: torch.Tensor) -> None:
        log.keep(scores=scores, targets=targets)

    train(log, F.cross_entropy, x, y, nothing, outputs=1200)

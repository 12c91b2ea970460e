"""Where the loop stands, and how the loss is called."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from .account import Account, style
from .data import BATCH, CLASSES, FEATURES, classes, loader, mlp, two_classes


@style(
    "loop in the cell",
    "`for epoch ...: for x, y in loader: loss = criterion(model(x), y); loss.backward(); "
    "optimizer.step()`, a `no_grad` validation after each epoch",
)
def loop_in_the_cell(log: Account) -> None:
    x, y = classes()
    model = mlp()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=0.01)
    train = loader(x[:80], y[:80])
    for _ in range(3):
        model.train()
        for batch, labels in train:
            optimizer.zero_grad()
            out = model(batch)
            loss = criterion(out, labels)
            log.batch(loss, out, labels)
            loss.backward()
            optimizer.step()
            log.step()
        log.epoch()
        model.eval()
        with torch.no_grad():
            out = model(x[80:])
            log.printed.append(criterion(out, y[80:]).item())
            log.evaluated(out, y[80:])
    log.result(model)


def train_one_epoch(
    log: Account,
    net: nn.Module,
    data: object,
    objective: Callable[..., torch.Tensor],
    opt: torch.optim.Optimizer,
) -> float:
    total = 0.0
    for x, y in data:  # type: ignore[attr-defined]
        opt.zero_grad()
        out = net(x)
        loss = objective(out, y)
        log.batch(loss, out, y)
        loss.backward()
        opt.step()
        log.step()
        total += loss.item()
    log.epoch()
    return total


@torch.inference_mode()
def validate(log: Account, net: nn.Module, data: object) -> float:
    net.eval()
    total = 0.0
    for x, y in data:  # type: ignore[attr-defined]
        out = net(x)
        total += F.cross_entropy(out, y).item()
        log.evaluated(out, y)
    net.train()
    return total


@style(
    "loop in functions of an earlier cell",
    "`for epoch ...: train_one_epoch(model, loader, F.cross_entropy, optimizer); validate(...)`, "
    "validation under `inference_mode`",
)
def loop_in_functions(log: Account) -> None:
    x, y = classes()
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    train, held_out = loader(x[:80], y[:80]), loader(x[80:], y[80:], shuffle=False)
    for _ in range(2):
        log.printed.append(train_one_epoch(log, model, train, F.cross_entropy, optimizer))
        log.printed.append(validate(log, model, held_out))
    log.result(model)


class Trainer:
    """As in many tutorials: the model is an attribute, no variable names it."""

    def __init__(self, log: Account) -> None:
        self.log = log
        self.model = mlp()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.01)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.1)

    def fit(self, data: object, epochs: int) -> None:
        for _ in range(epochs):
            train_one_epoch(self.log, self.model, data, self.criterion, self.optimizer)


@style(
    "class from an earlier cell",
    "`Trainer().fit(loader, epochs)` with `self.model` and a label smoothing loss as attributes",
)
def loop_in_a_class(log: Account) -> None:
    trainer = Trainer(log)
    trainer.fit(loader(*classes()), epochs=2)
    log.result(trainer.model)


@style(
    "imported by name",
    "`from torch.nn.functional import cross_entropy` before the watching began",
)
def imported_by_name(log: Account) -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = classes()
    train_one_epoch(log, model, loader(x, y), cross_entropy, optimizer)
    with torch.no_grad():
        out = model(x)
        log.printed.append(cross_entropy(out, y).item())
        log.evaluated(out, y)
    log.result(model)


class FocalLoss(nn.Module):
    """Focal loss over the element-wise binary cross entropy of probabilities."""

    def forward(self, p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        bce = F.binary_cross_entropy(p, y, reduction="none")
        return ((1 - torch.exp(-bce)) ** 2 * bce).mean()


@style(
    "loss class of one's own",
    '`FocalLoss()` over `F.binary_cross_entropy(p, y, reduction="none")`, sigmoid in the model',
)
def focal_loss(log: Account) -> None:
    x, y = two_classes()
    model = nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    criterion = FocalLoss()
    for _ in range(2):
        for batch, labels in loader(x, y):
            p = model(batch)
            loss = criterion(p, labels)
            log.batch(loss, p, labels, threshold=0.5)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            log.step()
        log.epoch()
    with torch.no_grad():
        log.printed.append(criterion(model(x), y).item())
        log.evaluated(model(x), y, threshold=0.5)
    log.result(model)


class WithLoss(nn.Module):
    """A model that computes its loss itself, as Hugging Face models do."""

    def __init__(self) -> None:
        super().__init__()
        self.body = mlp()

    def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> SimpleNamespace:
        logits = self.body(x)
        loss = None if labels is None else F.cross_entropy(logits, labels)
        return SimpleNamespace(loss=loss, logits=logits)


@style("loss inside the model", "`model(x, labels=y).loss.backward()`")
def loss_in_forward(log: Account) -> None:
    x, y = classes()
    model = WithLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for batch, labels in loader(x, y):
        output = model(batch, labels=labels)
        log.batch(output.loss, output.logits, labels)
        output.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        log.step()
    log.epoch()
    with torch.no_grad():
        output = model(x, labels=y)
        log.printed.append(output.loss.item())
        log.evaluated(output.logits, y)
    log.result(model)


@style(
    "nested functions",
    "`def make_step(model): def step(x, y): ...; return step`; the model lives in a closure only",
)
def nested_functions(log: Account) -> None:
    def make_step() -> tuple[Callable[..., None], Callable[[], None]]:
        network = mlp(1)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)

        def step(batch: torch.Tensor, labels: torch.Tensor) -> None:
            def objective() -> torch.Tensor:
                out = network(batch)
                loss = binary_cross_entropy_with_logits(out, labels)
                log.batch(loss, out, labels, threshold=0.0)
                return loss

            optimizer.zero_grad()
            objective().backward()
            optimizer.step()
            log.step()

        return step, lambda: log.result(network)

    step, finish = make_step()
    for batch, labels in loader(*two_classes()):
        step(batch, labels)
    log.epoch()
    finish()


@style(
    "two losses summed",
    "`(F.cross_entropy(a, y) + .5 * F.cross_entropy(b, y)).backward()`",
    sites=2,
)
def two_losses_summed(log: Account) -> None:
    x, y = classes()
    model = nn.ModuleDict(
        {"body": nn.Linear(FEATURES, 8), "a": nn.Linear(8, CLASSES), "b": nn.Linear(8, CLASSES)}
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    for at in range(0, len(x), BATCH):
        batch, labels = x[at : at + BATCH], y[at : at + BATCH]
        hidden = model["body"](batch).relu()
        a, b = model["a"](hidden), model["b"](hidden)
        loss = F.cross_entropy(a, labels) + 0.5 * F.cross_entropy(b, labels)
        log.batch(loss, a, labels)
        log.batch(None, b, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step()
    log.result(model)


@style("pixels", "`F.cross_entropy(out, y, ignore_index=255, weight=w)` on (N, C, H, W)")
def pixels(log: Account) -> None:
    x = torch.randn(16, 2, 6, 6)
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0.5).long()
    y[:, 0] = 255
    model = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 1))
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss(ignore_index=255, weight=torch.tensor([1.0, 2.0, 3.0]))
    for _ in range(8):
        out = model(x)
        loss = criterion(out, y)
        log.batch(loss, out[:, :, 1:], y[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step()
    log.result(model)

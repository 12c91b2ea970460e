"""How the weights are updated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .account import Account, style
from .data import CLASSES, FEATURES, batches, classes, loader, mlp, two_classes


def fit(
    log: Account,
    model: nn.Module,
    optimizer: Any,
    data: Iterable[Any] | None = None,
    set_to_none: bool = True,
) -> None:
    """One pass with whatever has `zero_grad` and `step`."""
    for x, y in batches(*classes()) if data is None else data:
        optimizer.zero_grad(set_to_none=set_to_none)
        out = model(x)
        loss = F.cross_entropy(out, y)
        log.batch(loss, out, y)
        loss.backward()
        optimizer.step()
        log.step()


@style("fused optimizer", "`Adam(..., fused=True)`")
def fused(log: Account) -> None:
    model = mlp()
    fit(log, model, torch.optim.Adam(model.parameters(), lr=0.01, fused=True))
    log.result(model)


@style(
    "foreach optimizer, gradients kept", "`SGD(..., foreach=True)`, `zero_grad(set_to_none=False)`"
)
def foreach(log: Account) -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, foreach=True)
    fit(log, model, optimizer, set_to_none=False)
    log.result(model)


class Lookahead(torch.optim.AdamW):
    """A subclass that does something of its own around its parent's step."""

    def step(self, closure: Any = None) -> Any:
        result = super().step(closure)
        with torch.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.mul_(0.999)
        return result


@style("optimizer subclass", "`class Lookahead(AdamW): def step(self): super().step(); ...`")
def optimizer_subclass(log: Account) -> None:
    model = mlp()
    fit(log, model, Lookahead(model.parameters(), lr=0.01))
    log.result(model)


class DuckOptimizer:
    """No `torch.optim.Optimizer`, only its methods."""

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self.parameters = list(parameters)

    def zero_grad(self, set_to_none: bool = True) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad


NO_OPTIMIZER = {"layers": "looks at the layers hang on torch.optim's steps"}


@style(
    "optimizer of one's own",
    "a class with `zero_grad` and `step`, not of torch.optim",
    unseen=NO_OPTIMIZER,
)
def duck_typed_optimizer(log: Account) -> None:
    model = mlp()
    fit(log, model, DuckOptimizer(model.parameters()))
    log.result(model)


@style(
    "updates by hand",
    "`loss.backward()`, then `p -= lr * p.grad` under `no_grad`",
    unseen=NO_OPTIMIZER,
)
def by_hand(log: Account) -> None:
    x, y = classes()
    w = nn.Parameter(torch.zeros(FEATURES, CLASSES))
    for batch, labels in loader(x, y):
        out = batch @ w
        loss = F.cross_entropy(out, labels)
        log.batch(loss, out, labels)
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            w.grad.zero_()
        log.step()
    log.epoch()
    log.result(nn.ParameterList([w]))


@style(
    "derivatives asked for",
    "`torch.autograd.grad(loss, model.parameters())`, updates by hand",
    unseen=NO_OPTIMIZER,
)
def autograd_grad(log: Account) -> None:
    x, y = classes()
    model = nn.Linear(FEATURES, CLASSES)
    for batch, labels in batches(x, y):
        out = model(batch)
        loss = F.cross_entropy(out, labels)
        log.batch(loss, out, labels)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter -= 0.1 * gradient
        log.step()
    log.result(model)


@style("LBFGS", "`optimizer.step(closure)`, several backwards in each step")
def lbfgs(log: Account) -> None:
    x, y = two_classes()
    model = nn.Sequential(nn.Linear(FEATURES, 1), nn.Sigmoid())
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        p = model(x)
        loss = F.binary_cross_entropy(p, y)
        log.batch(loss, p, y, threshold=0.5)
        loss.backward()
        return loss

    for _ in range(4):
        optimizer.step(closure)
        log.step()
    log.result(model)


@style(
    "gradient accumulation, clipped",
    "`(loss / 4).backward()`; every fourth batch `clip_grad_norm_`, `step`, `zero_grad`",
)
def accumulation(log: Account) -> None:
    x, y = classes()
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for i in range(24):
        rows = slice(4 * i, 4 * i + 4)
        out = model(x[rows])
        loss = F.cross_entropy(out, y[rows]) / 4
        log.batch(loss, out, y[rows])
        loss.backward()
        if i % 4 == 3:
            log.printed.append(nn.utils.clip_grad_norm_(model.parameters(), 0.5).item())
            nn.utils.clip_grad_value_(model.parameters(), 0.2)
            optimizer.step()
            optimizer.zero_grad()
            log.step()
    log.result(model)


@style("schedule per batch", "`OneCycleLR`, `scheduler.step()` after every `optimizer.step()`")
def schedule_per_batch(log: Account) -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=12)
    data = loader(*classes())
    for _ in range(2):
        for pair in data:
            fit(log, model, optimizer, [pair])
            schedule.step()
            log.printed.append(schedule.get_last_lr())
        log.epoch()
    log.result(model)


@style("schedule per epoch", "`CosineAnnealingLR`, `scheduler.step()` after every epoch")
def schedule_per_epoch(log: Account) -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3)
    for _ in range(3):
        fit(log, model, optimizer, loader(*classes()))
        log.epoch()
        schedule.step()
        log.printed.append(schedule.get_last_lr())
    log.result(model)


@style(
    "two models, two optimizers (GAN)",
    "critic: `(on_real + on_fake).backward()`; generator: `bce(critic(fake), ones).backward()`",
    sites=3,
)
def gan(log: Account) -> None:
    generator = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    critic = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(), nn.Linear(8, 1))
    make = torch.optim.Adam(generator.parameters(), lr=1e-3)
    judge = torch.optim.Adam(critic.parameters(), lr=1e-3)
    bce, ones, zeros = nn.BCEWithLogitsLoss(), torch.ones(16, 1), torch.zeros(16, 1)
    for _ in range(6):
        real, fake = torch.randn(16, 2) + 2, generator(torch.randn(16, 4))
        judge.zero_grad()
        true, false = critic(real), critic(fake.detach())
        both = bce(true, ones) + bce(false, zeros)
        log.batch(both, torch.cat([true, false]), torch.cat([ones, zeros]), threshold=0.0)
        both.backward()
        judge.step()
        log.step()
        make.zero_grad()
        fooled = critic(fake)
        loss = bce(fooled, ones)
        log.batch(loss, fooled, ones, threshold=0.0)
        loss.backward()
        make.step()
        log.step()
    log.result(generator, critic)


@style(
    "two tasks, two optimizers",
    "`main.backward(retain_graph=True); side.backward()`, then both optimizers step",
    sites=2,
)
def two_tasks(log: Account) -> None:
    x, y = classes()
    body, head, side = (
        nn.Linear(FEATURES, 8),
        nn.Linear(8, CLASSES),
        nn.Linear(8, 1),
    )
    one = torch.optim.SGD([*body.parameters(), *head.parameters()], lr=0.1)
    two = torch.optim.Adam(side.parameters(), lr=0.01)
    for batch, labels in batches(x, y):
        one.zero_grad()
        two.zero_grad()
        hidden = body(batch).relu()
        out, other = head(hidden), side(hidden)
        main = F.cross_entropy(out, labels)
        extra = F.binary_cross_entropy_with_logits(other, (labels[:, None] == 0).float())
        log.batch(main, out, labels)
        log.batch(extra, other, labels[:, None] == 0, threshold=0.0)
        main.backward(retain_graph=True)
        extra.backward()
        one.step()
        log.step()
        two.step()
        log.step()
    log.result(body, head, side)


class SAM(torch.optim.Optimizer):
    """Sharpness-aware minimization: the weights go uphill first, and the gradient there counts."""

    def __init__(self, parameters: Iterable[nn.Parameter], **options: Any) -> None:
        super().__init__(parameters, options)
        self.base = torch.optim.SGD(self.param_groups, **options)
        self.param_groups = self.base.param_groups

    @torch.no_grad()
    def first_step(self) -> None:
        parameters = [p for group in self.param_groups for p in group["params"]]
        norm = torch.stack([p.grad.norm() for p in parameters]).norm()
        for p in parameters:
            self.state[p]["uphill"] = 0.05 * p.grad / norm
            p.add_(self.state[p]["uphill"])
        self.zero_grad()

    @torch.no_grad()
    def second_step(self) -> None:
        for p, state in self.state.items():
            p.sub_(state["uphill"])
        self.base.step()
        self.zero_grad()


@style(
    "sharpness-aware minimization (SAM)",
    "`loss.backward(); optimizer.first_step(); objective().backward(); optimizer.second_step()`",
    sites=2,
)
def sharpness_aware(log: Account) -> None:
    model = mlp().eval()
    optimizer = SAM(model.parameters(), lr=0.1)
    for x, y in batches(*classes()):
        out = model(x)
        loss = F.cross_entropy(out, y)
        log.batch(loss, out, y)
        loss.backward()
        optimizer.first_step()
        out = model(x)
        loss = F.cross_entropy(out, y)
        log.batch(loss, out, y)
        loss.backward()
        optimizer.second_step()
        log.step()
    log.result(model)


@style(
    "steps inside of backward",
    "an optimizer for each parameter, stepped by `register_post_accumulate_grad_hook`",
)
def steps_inside_backward(log: Account) -> None:
    model = mlp()
    optimizers = {p: torch.optim.SGD([p], lr=0.1) for p in model.parameters()}

    def update(parameter: torch.Tensor) -> None:
        optimizers[parameter].step()
        optimizers[parameter].zero_grad()
        log.step()

    handles = [p.register_post_accumulate_grad_hook(update) for p in model.parameters()]
    for x, y in batches(*classes()):
        out = model(x)
        loss = F.cross_entropy(out, y)
        log.batch(loss, out, y)
        loss.backward()
    for handle in handles:
        handle.remove()
    log.result(model)


@style("sparse gradients", "`nn.Embedding(..., sparse=True)` and `SparseAdam`")
def sparse_gradients(log: Account) -> None:
    words = torch.randint(0, 40, (96, 5))
    y = (words[:, 0] < 20).long()
    words[:, 1] = words[:, 0]
    model = nn.Sequential(nn.EmbeddingBag(40, 3, sparse=True))
    fit(log, model, torch.optim.SparseAdam(model.parameters(), lr=0.1), batches(words, y))
    log.result(model)

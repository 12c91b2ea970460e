"""Small training programs as users write them: each returns whatever a user could look at."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

Outcome = dict[str, Any]


def seed() -> None:
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)


def _outcome(losses: list[float], *models: nn.Module) -> Outcome:
    weights = [p.detach().clone() for m in models for p in m.state_dict().values()]
    return {"losses": losses, "weights": weights}


def _data(n: int = 96, features: int = 6, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(n, features), torch.randint(0, classes, (n,))


def mlp_with_dropout() -> Outcome:
    x, y = _data()
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=0.01)
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
    losses = []
    for _ in range(4):
        for batch, labels in loader:
            optimizer.zero_grad()
            loss = nn.CrossEntropyLoss()(model(batch), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            losses.append(F.cross_entropy(model(x), y).item())
        model.train()
    return _outcome(losses, model)


def cnn_with_batchnorm() -> Outcome:
    x, y = torch.randn(32, 1, 8, 8), torch.randint(0, 4, (32,))
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = F.nll_loss(F.log_softmax(model(x), 1), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
    return _outcome(losses, model)


def gan() -> Outcome:
    generator = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    critic = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(), nn.Linear(8, 1))
    make = torch.optim.Adam(generator.parameters(), lr=1e-3)
    judge = torch.optim.Adam(critic.parameters(), lr=1e-3)
    bce, losses = nn.BCEWithLogitsLoss(), []
    for _ in range(10):
        real, fake = torch.randn(16, 2) + 2, generator(torch.randn(16, 4))
        judge.zero_grad()
        on_real = bce(critic(real), torch.ones(16, 1))
        on_fake = bce(critic(fake.detach()), torch.zeros(16, 1))
        (on_real + on_fake).backward()
        judge.step()
        make.zero_grad()
        fooled = bce(critic(fake), torch.ones(16, 1))
        fooled.backward()
        make.step()
        losses += [on_real.item(), on_fake.item(), fooled.item()]
    return _outcome(losses, generator, critic)


def accumulation() -> Outcome:
    x, y = _data()
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for i in range(24):
        rows = slice(4 * i, 4 * i + 4)
        loss = F.cross_entropy(model(x[rows]), y[rows], label_smoothing=0.1) / 4
        loss.backward()
        losses.append(loss.item())
        if i % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()
    return _outcome(losses, model)


def lbfgs() -> Outcome:
    x, y = _data(classes=2)
    model = nn.Sequential(nn.Linear(6, 1), nn.Sigmoid())
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4)
    losses = []

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy(model(x).squeeze(1), y.float())
        loss.backward()
        losses.append(loss.item())
        return loss

    for _ in range(5):
        optimizer.step(closure)
    return _outcome(losses, model)


def autocast_bfloat16() -> Outcome:
    x, y = _data()
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    pure = nn.Linear(6, 1, dtype=torch.bfloat16)
    by_hand = torch.optim.SGD(pure.parameters(), lr=0.01)
    for _ in range(4):
        loss = F.binary_cross_entropy_with_logits(
            pure(x.bfloat16()), (y > 0).bfloat16().unsqueeze(1)
        )
        by_hand.zero_grad()
        loss.backward()
        by_hand.step()
        losses.append(loss.item())
    return _outcome(losses, model, pure)


def segmentation() -> Outcome:
    x = torch.randn(8, 2, 6, 6)
    y = torch.randint(0, 3, (8, 6, 6))
    y[:, 0] = 255
    model = nn.Conv2d(2, 3, 3, padding=1)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss(ignore_index=255, weight=torch.tensor([1.0, 2.0, 3.0]))(
            model(x), y
        )
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return _outcome(losses, model)


def by_hand() -> Outcome:
    """Derivatives through `torch.autograd.grad`, weights updated without an optimizer."""
    x, y = _data()
    model = nn.Linear(6, 3)
    losses = []
    for _ in range(20):
        loss = F.cross_entropy(model(x), y)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter -= 0.1 * gradient
        losses.append(loss.item())
    return _outcome(losses, model)


def sides(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    p = out.sigmoid()
    return -(2.0 * target * p.log() + (1 - target) * (1 - p).log()).mean()


def handwritten_losses() -> Outcome:
    x, y = _data()
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    rows = torch.arange(len(y))
    for i in range(36):
        optimizer.zero_grad()
        out = model(x)
        one_hot = F.one_hot(y, 3).float()
        options: list[Callable[..., torch.Tensor]] = [
            lambda out, t: -(out.log_softmax(1) * t).sum(1).mean(),
            lambda out, t: F.l1_loss(out, t),
            lambda out, t: F.cross_entropy(out, t),
            lambda out, t: F.mse_loss(out, t) + 0.1 * F.cross_entropy(out, y),
            sides,
            lambda out, _: (out.logsumexp(1) - out[rows, y]).mean(),
            lambda out, _: -out.log_softmax(1).gather(1, y[:, None]).mean(),
            lambda out, t: torch.relu(1 - (2 * t - 1) * out).mean(),
            lambda out, t: ((out.sigmoid() - t) ** 2).sum(),
        ]
        loss = options[i % 9](out, one_hot)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return _outcome(losses, model)


PROGRAMS: dict[str, Callable[[], Outcome]] = {
    program.__name__: program
    for program in (
        mlp_with_dropout,
        cnn_with_batchnorm,
        gan,
        accumulation,
        lbfgs,
        autocast_bfloat16,
        segmentation,
        by_hand,
        handwritten_losses,
    )
}


def run(program: Callable[[], Outcome]) -> Outcome:
    """The program's outcome, and the three random states it left behind."""
    seed()
    outcome = program()
    outcome["random"] = [
        torch.get_rng_state(),
        np.random.get_state()[1],
        np.array(random.getstate()[1]),
    ]
    return outcome


def assert_same(one: Outcome, other: Outcome) -> None:
    """Bit for bit."""
    assert one["losses"] == other["losses"]
    assert len(one["weights"]) == len(other["weights"])
    for a, b in zip(one["weights"], other["weights"], strict=True):
        assert torch.equal(a, b)
    for a, b in zip(one["random"], other["random"], strict=True):
        assert np.array_equal(np.asarray(a), np.asarray(b))

"""Unusual ways through autograd."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from .account import Account, style
from .data import CLASSES, FEATURES, batches, classes, mlp


@style("gradient penalty", "`autograd.grad(out.sum(), x, create_graph=True)` inside the loss")
def gradient_penalty(log: Account) -> None:
    model = nn.Sequential(nn.Linear(FEATURES, 16), nn.Tanh(), nn.Linear(16, CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for x, y in batches(*classes()):
        x.requires_grad_(True)
        out = model(x)
        (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        loss = F.cross_entropy(out, y) + 0.1 * slope.pow(2).mean()
        log.batch(loss, out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step()
    log.result(model)


@style("sum of a loss vector", '`F.cross_entropy(out, y, reduction="none").sum().backward()`')
def summed_vector(log: Account) -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for x, y in batches(*classes()):
        out = model(x)
        loss = F.cross_entropy(out, y, reduction="none").sum()
        log.batch(loss, out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step()
    log.result(model)


@style(
    "loss vector with a gradient of its own",
    '`F.cross_entropy(out, y, reduction="none").backward(gradient=weights)`',
)
def weighted_vector(log: Account) -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for x, y in batches(*classes()):
        out = model(x)
        losses = F.cross_entropy(out, y, reduction="none")
        weights = torch.full_like(losses, 1 / len(losses))
        log.batch(None, out, y)
        log.loss((losses.detach() * weights).sum())
        optimizer.zero_grad()
        losses.backward(gradient=weights)
        optimizer.step()
        log.step()
    log.result(model)


@style("list of losses", "`torch.autograd.backward([one, two])`", sites=2)
def list_of_losses(log: Account) -> None:
    model = nn.ModuleList([nn.Linear(FEATURES, CLASSES), nn.Linear(FEATURES, CLASSES)])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for x, y in batches(*classes()):
        out = [part(x) for part in model]
        losses = [F.cross_entropy(each, y) for each in out]
        for loss, each in zip(losses, out, strict=True):
            log.batch(loss, each, y)
        optimizer.zero_grad()
        torch.autograd.backward(losses)
        optimizer.step()
        log.step()
    log.result(model)


def _checkpointed(log: Account, reentrant: bool) -> None:
    first, rest = nn.Linear(FEATURES, 16), nn.Sequential(nn.Tanh(), nn.Dropout(0.2))
    head = nn.Linear(16, CLASSES)
    model = nn.Sequential(first, rest, head)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for x, y in batches(*classes()):
        hidden = checkpoint(rest, first(x), use_reentrant=reentrant)
        out = head(hidden)
        loss = F.cross_entropy(out, y)
        log.batch(loss, out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step()
    log.result(model)


@style("activation checkpointing", "`checkpoint(block, x, use_reentrant=False)`")
def checkpointing(log: Account) -> None:
    _checkpointed(log, reentrant=False)


@style(
    "activation checkpointing, reentrant",
    "`checkpoint(block, x, use_reentrant=True)`: a backward inside each backward",
)
def checkpointing_reentrant(log: Account) -> None:
    _checkpointed(log, reentrant=True)


@style(
    "per-sample gradients (functorch)",
    "`vmap(grad(loss_of_one), in_dims=(None, 0, 0))(parameters, x, y)` with `functional_call`",
    unseen={
        "loss": "inside of a transform tensors have no values of their own to be read",
        "predictions": "as for the loss",
    },
)
def per_sample_gradients(log: Account) -> None:
    model = nn.Linear(FEATURES, CLASSES)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def loss_of_one(weights: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> object:
        out = torch.func.functional_call(model, weights, (x.unsqueeze(0),))
        return F.cross_entropy(out, y.unsqueeze(0))

    each = torch.func.vmap(torch.func.grad(loss_of_one), in_dims=(None, 0, 0))
    for x, y in batches(*classes()):
        weights = {name: p.detach() for name, p in model.named_parameters()}
        out = model(x).detach()
        log.batch(F.cross_entropy(out.requires_grad_(), y), out, y)
        for name, gradients in each(weights, x, y).items():
            norms = gradients.flatten(1).norm(dim=1).clamp(min=1.0)
            clipped = gradients / norms.view(-1, *[1] * (gradients.dim() - 1))
            model.get_parameter(name).grad = clipped.mean(0)
        optimizer.step()
        log.step()
    log.result(model)


@style(
    "recurrent net, packed sequences",
    "`pack_padded_sequence` into an LSTM, logits of its last state",
)
def packed_sequences(log: Account) -> None:
    x, y = torch.randn(48, 5, 4), torch.randint(0, 2, (48,))
    x[:, 0, 0] += 2.0 * y
    lengths = torch.randint(1, 6, (48,))
    model = nn.ModuleDict({"lstm": nn.LSTM(4, 8, batch_first=True), "head": nn.Linear(8, 2)})
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for at in range(0, 48, 8):
        rows = slice(at, at + 8)
        packed = nn.utils.rnn.pack_padded_sequence(
            x[rows], lengths[rows], batch_first=True, enforce_sorted=False
        )
        _, (state, _) = model["lstm"](packed)
        out = model["head"](state[-1])
        loss = F.cross_entropy(out, y[rows])
        log.batch(loss, out, y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step()
    log.result(model)


@style(
    "meta-learning (MAML)",
    "`autograd.grad(inner, weights, create_graph=True)`, then "
    "`F.cross_entropy(functional_call(model, updated, x), y).backward()`",
    sites=2,
)
def meta_learning(log: Account) -> None:
    model = nn.Linear(FEATURES, CLASSES)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for x, y in batches(*classes()):
        weights = dict(model.named_parameters())
        out = model(x[:8])
        inner = F.cross_entropy(out, y[:8])
        log.batch(inner, out, y[:8])
        slopes = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
        updated = {
            name: p - 0.1 * slope for (name, p), slope in zip(weights.items(), slopes, strict=True)
        }
        out = torch.func.functional_call(model, updated, (x[8:],))
        outer = F.cross_entropy(out, y[8:])
        log.batch(outer, out, y[8:])
        optimizer.zero_grad()
        outer.backward()
        optimizer.step()
        log.step()
    log.result(model)

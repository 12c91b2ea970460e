"""Numbers of less precision."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .account import Account, style
from .data import FEATURES, batches, classes, loader, mlp, two_classes


@style("autocast to bfloat16", '`with torch.autocast("cpu", dtype=torch.bfloat16)`')
def autocast_bfloat16(log: Account) -> None:
    model = mlp()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for x, y in loader(*classes()):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(x)
            loss = F.cross_entropy(out, y)
        log.batch(loss, out, y)
        loss.backward()
        optimizer.step()
        log.step()
    log.epoch()
    log.result(model)


@style("bfloat16 throughout", "`model.to(torch.bfloat16)`")
def pure_bfloat16(log: Account) -> None:
    model = nn.Linear(FEATURES, 1, dtype=torch.bfloat16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for x, y in batches(*two_classes()):
        out = model(x.bfloat16())
        loss = F.binary_cross_entropy_with_logits(out, y.bfloat16())
        log.batch(loss, out, y, threshold=0.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step()
    log.result(model)


@style(
    "float16 with a gradient scaler",
    "`scaler.scale(loss).backward(); scaler.unscale_(optimizer); clip_grad_norm_; "
    "scaler.step(optimizer); scaler.update()`; the third step is skipped for an infinite gradient",
)
def gradient_scaler(log: Account) -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=2)
    for i, (x, y) in enumerate(batches(*classes())):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            out = model(x)
            loss = F.cross_entropy(out, y)
        log.batch(loss, out, y)
        scaler.scale(loss).backward()
        if i == 2:
            model[0].weight.grad[0, 0] = float("inf")
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        log.printed.append(scaler.get_scale())
        if i != 2:
            log.step()
    log.result(model)

"""More than one copy of the weights, or only a part of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn

from .account import Account, style
from .data import CLASSES, FEATURES, batches, classes, loader, mlp
from .optimizing import fit


@style(
    "moving average of the weights (EMA)",
    "`AveragedModel(model, multi_avg_fn=...)`, updated after each step, evaluated in the end",
)
def moving_average(log: Account) -> None:
    x, y = classes()
    model = mlp()
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for pair in loader(x, y):
        fit(log, model, optimizer, [pair])
        average.update_parameters(model)
    log.epoch()
    average.eval()
    with torch.no_grad():
        out = average(x)
        log.printed.append(F.cross_entropy(out, y).item())
        log.evaluated(out, y)
    log.result(model, copies=(average,))


@style("stochastic weight averaging", "`AveragedModel`, `SWALR`, `update_bn(loader, averaged)`")
def weight_averaging(log: Account) -> None:
    x, y = classes()
    model = nn.Sequential(nn.Linear(FEATURES, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    average = AveragedModel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = SWALR(optimizer, swa_lr=0.05)
    data = loader(x, y)
    for _ in range(2):
        fit(log, model, optimizer, data)
        log.epoch()
        average.update_parameters(model)
        schedule.step()
    update_bn(data, average)  # a pass over the loader without training is no epoch
    log.result(model, copies=(average,))


@style(
    "frozen backbone",
    "`requires_grad_(False)`, batch norm in eval; only the head is optimized",
)
def frozen_backbone(log: Account) -> None:
    backbone = nn.Sequential(nn.Linear(FEATURES, 16), nn.BatchNorm1d(16), nn.ReLU())
    model = nn.Sequential(backbone, nn.Linear(16, CLASSES))
    backbone.requires_grad_(False).eval()
    optimizer = torch.optim.SGD(model[1].parameters(), lr=0.1)
    fit(log, model, optimizer, batches(*classes()))
    log.result(model)


@style("DataParallel", "`model = nn.DataParallel(model)`; without a GPU it passes on to the model")
def data_parallel(log: Account) -> None:
    inner = mlp()
    model = nn.DataParallel(inner)
    fit(log, model, torch.optim.SGD(model.parameters(), lr=0.1), batches(*classes()))
    log.result(inner)


@style("normalized weights", "`parametrizations.weight_norm(nn.Linear(...))`, lazy layers")
def normalized_weights(log: Account) -> None:
    x, y = classes()
    model = nn.Sequential(
        nn.LazyLinear(8),
        nn.Tanh(),
        nn.utils.parametrizations.weight_norm(nn.Linear(8, CLASSES)),
    )
    model(x)
    fit(log, model, torch.optim.SGD(model.parameters(), lr=0.1), batches(x, y))
    log.result(model)

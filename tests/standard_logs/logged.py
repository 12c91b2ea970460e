"""Trainings in plain PyTorch that log as people do, and what is said of their logs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tensorboard_plugin_collapse.log_report import judge
from tensorboard_plugin_collapse.run_logs import LoggedRun, read_runs
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from collapse_magic.report import Report

CLASSES = 3
FEATURES = 6
Data = tuple[torch.Tensor, torch.Tensor]


def blobs(samples: int, seed: int = 0, apart: float = 2.0, noise: float = 0.0) -> Data:
    """Gaussian classes; a share ``noise`` of the labels is drawn anew."""
    draw = torch.Generator().manual_seed(seed)
    centres = apart * torch.randn(CLASSES, FEATURES, generator=torch.Generator().manual_seed(7))
    y = torch.randint(0, CLASSES, (samples,), generator=draw)
    x = centres[y] + torch.randn(samples, FEATURES, generator=draw)
    drawn = torch.rand(samples, generator=draw) < noise
    y = torch.where(drawn, torch.randint(0, CLASSES, (samples,), generator=draw), y)
    return x, y


def mlp(hidden: int = 16, depth: int = 1, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    sizes = [FEATURES, *[hidden] * depth]
    body: list[nn.Module] = []
    for a, b in pairwise(sizes):
        body += [nn.Linear(a, b), activation()]
    return nn.Sequential(*body, nn.Linear(sizes[-1], CLASSES))


def train(
    logdir: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    data: Data | None = None,
    held_out: Data | None = None,
    epochs: int = 15,
    batch_size: int = 32,
    scheduler: Any = None,
    histograms: bool = False,
    curves: bool = False,
    per_batch: bool = True,
    spoil: Callable[[int, nn.Module], None] | None = None,
) -> None:
    """An ordinary loop with a SummaryWriter: loss per batch, accuracies per epoch."""
    x, y = blobs(480) if data is None else data
    vx, vy = blobs(240, seed=1) if held_out is None else held_out
    step = 0
    with SummaryWriter(str(logdir)) as writer:
        for epoch in range(epochs):
            model.train()
            right, total, cost = 0, 0, 0.0
            for rows in torch.randperm(len(x)).split(batch_size):
                if spoil is not None:
                    spoil(step, model)
                out = model(x[rows])
                loss = F.cross_entropy(out, y[rows])
                optimizer.zero_grad()
                loss.backward()
                if per_batch:
                    writer.add_scalar("Loss/train", loss.item(), step)
                if histograms and step % 10 == 0:
                    for name, parameter in model.named_parameters():
                        for tag, values in ((name, parameter), (f"{name}.grad", parameter.grad)):
                            if values is not None and values.isfinite().all():
                                writer.add_histogram(tag, values, step)
                optimizer.step()
                writer.add_scalar("lr", optimizer.param_groups[0]["lr"], step)
                if scheduler is not None:
                    scheduler.step()
                right += int((out.argmax(1) == y[rows]).sum())
                cost += loss.item() * len(rows)
                total += len(rows)
                step += 1
            if not per_batch:
                writer.add_scalar("Loss/train", cost / total, epoch)
            writer.add_scalar("Accuracy/train", right / total, epoch)
            model.eval()
            with torch.no_grad():
                out = model(vx)
                writer.add_scalar("Loss/val", F.cross_entropy(out, vy).item(), epoch)
                accuracy = (out.argmax(1) == vy).float().mean().item()
                writer.add_scalar("Accuracy/val", accuracy, epoch)
                if curves:
                    for k in range(CLASSES):
                        writer.add_pr_curve(f"class_{k}", vy == k, out.softmax(1)[:, k], epoch)


def report_of(logdir: Path, run: str = ".") -> Report:
    """What is said of a run."""
    return Report.from_dict(runs_of(logdir)[run].report or {})


def runs_of(logdir: Path) -> dict[str, LoggedRun]:
    return {run.name: run for run in judge(list(read_runs(logdir))).runs}


def found(report: Report) -> dict[str, str]:
    """Severities by rule, of what is more than a note."""
    return {f.rule: f.severity for f in report.findings if f.severity != "info"}


def marked(report: Report) -> bool:
    """Whether every finding says where it comes from, and none is sure of itself."""
    return all(
        f.evidence[-1].text.startswith("from standard summaries") and f.confidence != "certain"
        for f in report.findings
    )

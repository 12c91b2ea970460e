"""A style of training, and the account that it keeps of itself, independently of the watching."""

from __future__ import annotations

import math
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

# What can be seen of a training, in the order of the table's columns.
ASPECTS = ("loss", "predictions", "steps", "epochs", "layers", "evaluation")


@dataclass
class Counts:
    """Samples per class: as labelled, and as predicted."""

    labels: Counter[int] = field(default_factory=Counter)
    predicted: Counter[int] = field(default_factory=Counter)

    def add(self, scores: torch.Tensor, targets: torch.Tensor, threshold: float | None) -> None:
        """Scores (N, K, ...) against indices (N, ...), or with a threshold element against
        element."""
        scores, targets = scores.detach(), targets.detach()
        chosen = scores.argmax(1) if threshold is None else (scores > threshold)
        self.labels.update(targets.long().flatten().tolist())
        self.predicted.update(chosen.long().flatten().tolist())


class Account:
    """What a watcher should have seen, and whatever the user could look at afterwards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.losses: list[tuple[int, float]] = []  # (step, value of what backward was called on)
        self.train, self.evaluation = Counts(), Counts()
        self.steps = 0
        self.epochs: list[int] = []  # the step at which each ended
        self.layers: list[dict[str, float]] = []  # of each model: name -> norm of the weights
        self.printed: list[Any] = []
        self.graphs: list[int] = []  # one entry for each that was compiled
        self.weights: list[torch.Tensor] = []
        self.kept: dict[str, weakref.ref[Any]] = {}

    def batch(
        self,
        loss: torch.Tensor | None,
        scores: torch.Tensor,
        targets: torch.Tensor,
        threshold: float | None = None,
    ) -> None:
        """A training batch. With a threshold each score is a task of its own, 0 or 1."""
        self.train.add(scores, targets, threshold)
        self.keep(scores=scores, targets=targets)
        if loss is not None:
            self.loss(loss)

    def loss(self, loss: torch.Tensor) -> None:
        """What a backward is called on, in the step that is under way."""
        self.losses.append((self.steps + 1, loss.item()))
        self.keep(loss=loss)

    def evaluated(
        self, scores: torch.Tensor, targets: torch.Tensor, threshold: float | None = None
    ) -> None:
        """A batch whose loss was computed without gradients."""
        self.evaluation.add(scores, targets, threshold)

    def step(self) -> None:
        self.steps += 1

    def epoch(self) -> None:
        self.epochs.append(self.steps)

    def result(self, *trained: nn.Module, copies: tuple[nn.Module, ...] = ()) -> None:
        """The end: the models that were trained, and other copies of their weights."""
        self.layers = [_weight_norms(model) for model in trained]
        for place, model in enumerate((*trained, *copies)):
            self.keep(**{f"model {place}": model})
            self.weights += [v.detach().clone() for v in model.state_dict().values()]

    def keep(self, **things: Any) -> None:
        """Things that nobody may keep alive after the cell."""
        for name, thing in things.items():
            self.kept[name] = weakref.ref(thing)

    def told(self) -> list[Any]:
        """All numbers that the user could look at."""
        counts = self.train, self.evaluation, self.steps, self.epochs
        return [self.losses, counts, self.printed, self.graphs]


def _weight_norms(model: nn.Module) -> dict[str, float]:
    seen: set[int] = set()
    norms = {}
    for name, part in model.named_modules():
        own = [p.detach() for p in part.parameters(recurse=False) if id(p) not in seen]
        seen.update(id(p) for p in part.parameters(recurse=False))
        if own:
            norms[name or "(model)"] = math.hypot(*(p.norm().item() for p in own))
    return norms


Program = Callable[[Account], None]


@dataclass(frozen=True)
class Style:
    """One way to train.

    `unseen` names the aspects that watching does not see, each with the reason; every other aspect
    that the account holds must be seen exactly. `sites` is how many places with a loss there are.
    """

    name: str
    written: str
    program: Program
    group: str
    sites: int = 1
    unseen: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()  # packages, imported before the random states are set
    warns: tuple[str, ...] = ()  # beginnings of what these packages warn of
    slow: bool = False  # takes seconds: watched once only


STYLES: dict[str, Style] = {}


def style(name: str, written: str, **options: Any) -> Callable[[Program], Program]:
    """Register a program; its module's first line is the heading that it stands under."""

    def register(program: Program) -> Program:
        heading = (program.__globals__["__doc__"] or "").splitlines()[0].rstrip(".")
        assert name not in STYLES
        STYLES[name] = Style(name, written, program, heading, **options)
        return program

    return register

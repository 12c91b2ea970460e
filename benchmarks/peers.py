"""What else people watch training with, on the same steps."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import torch
from torch import nn
from workloads import Training, Watch

Peer = Callable[[Training, str], AbstractContextManager[Watch]]  # training, directory to write to


@contextmanager
def by_hand(training: Training, directory: str) -> Iterator[Watch]:
    """A user's own two lines: the loss as a number, and the batch's accuracy."""

    def after(loss: torch.Tensor, outputs: torch.Tensor, labels: torch.Tensor) -> None:
        loss.item()
        (_predicted(outputs) == labels.reshape(-1)).float().mean().item()

    yield after


@contextmanager
def confusion_matrix(training: Training, directory: str) -> Iterator[Watch]:
    from torchmetrics.classification import BinaryConfusionMatrix, MulticlassConfusionMatrix

    classes = _classes(training.model, training.x)
    metric = BinaryConfusionMatrix() if classes == 1 else MulticlassConfusionMatrix(classes)
    metric = metric.to(training.x.device)

    def after(loss: torch.Tensor, outputs: torch.Tensor, labels: torch.Tensor) -> None:
        metric.update(_predicted(outputs), labels.reshape(-1).long())

    yield after


@contextmanager
def histograms(training: Training, directory: str) -> Iterator[Watch]:
    from torch.utils.tensorboard import SummaryWriter

    step = 0

    def after(loss: torch.Tensor, outputs: torch.Tensor, labels: torch.Tensor) -> None:
        nonlocal step
        step += 1
        for name, parameter in training.model.named_parameters():
            writer.add_histogram(name, parameter.grad, step)

    with SummaryWriter(directory) as writer:
        yield after


@contextmanager
def wandb_watch(training: Training, directory: str, log_freq: int) -> Iterator[Watch]:
    import wandb

    os.environ["WANDB_SILENT"] = "true"
    settings = wandb.Settings(console="off", x_disable_stats=True)
    with wandb.init(mode="offline", dir=directory, settings=settings) as run:
        run.watch(training.model, log_freq=log_freq)

        def after(loss: torch.Tensor, outputs: torch.Tensor, labels: torch.Tensor) -> None:
            run.log({"loss": loss})

        yield after


PEERS: dict[str, tuple[str, Peer]] = {  # name -> (package, how)
    "loss.item() and accuracy by hand, each step": ("torch", by_hand),
    "torchmetrics confusion matrix, each step": ("torchmetrics", confusion_matrix),
    "wandb.watch, offline, as it comes": ("wandb", partial(wandb_watch, log_freq=1000)),
    "wandb.watch, offline, each step": ("wandb", partial(wandb_watch, log_freq=1)),
    "SummaryWriter histograms of all gradients, each step": ("tensorboard", histograms),
}


def missing(package: str) -> bool:
    return importlib.util.find_spec(package) is None


@contextmanager
def watching(peer: Peer, training: Training) -> Iterator[Callable[[], None]]:
    """The training's step with the peer at work."""
    with tempfile.TemporaryDirectory() as directory, peer(training, directory) as after:
        yield training.stepper(after)


def _predicted(outputs: torch.Tensor) -> torch.Tensor:
    return (outputs > 0.5).long().reshape(-1) if outputs.shape[1] == 1 else outputs.argmax(1)


def _classes(model: nn.Module, x: torch.Tensor) -> int:
    with torch.no_grad():
        width: int = model(x[:1]).shape[1]
    return width

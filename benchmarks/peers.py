"""What else people watch training with, on the same steps."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from types import ModuleType

import torch
from torch import nn
from workloads import Around, Training, Watch


@dataclass(frozen=True)
class Observer:
    """What a peer does in each step of a training."""

    after: Watch | None = None
    around: Around | None = None


# training, directory to write to
Peer = Callable[[Training, str], AbstractContextManager[Observer]]


class Unsuited(Exception):  # noqa: N818 - no failure
    """The peer does not know a layer of this training."""


@contextmanager
def by_hand(training: Training, directory: str) -> Iterator[Observer]:
    """A user's own two lines: the loss as a number, and the batch's accuracy."""

    def after(loss: torch.Tensor, outputs: torch.Tensor, labels: torch.Tensor) -> None:
        loss.item()
        (_predicted(outputs) == labels.reshape(-1)).float().mean().item()

    yield Observer(after)


@contextmanager
def confusion_matrix(training: Training, directory: str) -> Iterator[Observer]:
    from torchmetrics.classification import BinaryConfusionMatrix, MulticlassConfusionMatrix

    classes = _classes(training.model, training.x)
    metric = BinaryConfusionMatrix() if classes == 1 else MulticlassConfusionMatrix(classes)
    metric = metric.to(training.x.device)

    def after(loss: torch.Tensor, outputs: torch.Tensor, labels: torch.Tensor) -> None:
        metric.update(_predicted(outputs), labels.reshape(-1).long())

    yield Observer(after)


@contextmanager
def histograms(training: Training, directory: str) -> Iterator[Observer]:
    from torch.utils.tensorboard import SummaryWriter

    step = 0

    def after(loss: torch.Tensor, outputs: torch.Tensor, labels: torch.Tensor) -> None:
        nonlocal step
        step += 1
        for name, parameter in training.model.named_parameters():
            writer.add_histogram(name, parameter.grad, step)

    with SummaryWriter(directory) as writer:
        yield Observer(after)


@contextmanager
def wandb_watch(training: Training, directory: str, log_freq: int) -> Iterator[Observer]:
    import wandb

    os.environ["WANDB_SILENT"] = "true"
    settings = wandb.Settings(console="off", x_disable_stats=True)
    with wandb.init(mode="offline", dir=directory, settings=settings) as run:
        run.watch(training.model, log_freq=log_freq)

        def after(loss: torch.Tensor, outputs: torch.Tensor, labels: torch.Tensor) -> None:
            run.log({"loss": loss})

        yield Observer(after)


@contextmanager
def cockpit(training: Training, directory: str) -> Iterator[Observer]:
    """Its cheapest configuration, in every tenth step; it wants the loss of each sample."""
    sys.modules.setdefault("pkg_resources", _pkg_resources())
    from backpack import extend
    from cockpit import Cockpit
    from cockpit.utils.configuration import configuration
    from cockpit.utils.schedules import linear

    model, kind = extend(training.model), type(training.loss)
    if any(isinstance(part, nn.TransformerEncoder) for part in model.modules()):
        raise Unsuited  # no gradients of single samples there
    extend(training.loss)
    single = extend(kind(reduction="none"))
    schedule = linear(10)
    plane = Cockpit(model.parameters(), quantities=configuration("economy", schedule))
    step = 0

    @contextmanager
    def around(
        loss: torch.Tensor,
        outputs: torch.Tensor,
        labels: torch.Tensor,
        optimizer: torch.optim.Optimizer,
    ) -> Iterator[None]:
        nonlocal step
        losses = single(outputs, labels).reshape(len(labels))
        info = {
            "batch_size": len(labels),
            "individual_losses": losses,
            "loss": loss,
            "optimizer": optimizer,
        }
        with plane(step, info=info):
            yield
        step += 1

    yield Observer(around=around)


def _pkg_resources() -> ModuleType:
    """What Cockpit asks for its own version, and setuptools no longer has."""
    module = ModuleType("pkg_resources")
    vars(module).update(
        get_distribution=importlib.metadata.distribution,
        DistributionNotFound=importlib.metadata.PackageNotFoundError,
    )
    return module


PEERS: dict[str, tuple[str, Peer]] = {  # name -> (package, how)
    "loss.item() and accuracy by hand, each step": ("torch", by_hand),
    "torchmetrics confusion matrix, each step": ("torchmetrics", confusion_matrix),
    "wandb.watch, offline, as it comes": ("wandb", partial(wandb_watch, log_freq=1000)),
    "wandb.watch, offline, each step": ("wandb", partial(wandb_watch, log_freq=1)),
    "SummaryWriter histograms of all gradients, each step": ("tensorboard", histograms),
    "cockpit, economy, every tenth step": ("cockpit", cockpit),
}


def missing(package: str) -> bool:
    return importlib.util.find_spec(package) is None


@contextmanager
def watching(peer: Peer, training: Training) -> Iterator[Callable[[], None]]:
    """The training's step with the peer at work."""
    with tempfile.TemporaryDirectory() as directory, peer(training, directory) as observer:
        yield training.stepper(observer.after, observer.around)


def _predicted(outputs: torch.Tensor) -> torch.Tensor:
    return (outputs > 0.5).long().reshape(-1) if outputs.shape[1] == 1 else outputs.argmax(1)


def _classes(model: nn.Module, x: torch.Tensor) -> int:
    with torch.no_grad():
        width: int = model(x[:1]).shape[1]
    return width

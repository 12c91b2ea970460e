"""What is trained in the benchmarks: from next to nothing to a transformer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import nn

Watch = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], None]  # loss, outputs, labels
# loss, outputs, labels, optimizer -> in which backward runs
Around = Callable[
    [torch.Tensor, torch.Tensor, torch.Tensor, torch.optim.Optimizer], AbstractContextManager[None]
]


@dataclass(frozen=True)
class Training:
    """One training: `stepper` gives a function that does one optimizer step.

    `after`, if given, is called after each; `around` gives what each backward runs in.
    """

    model: nn.Module
    loss: nn.Module
    x: torch.Tensor
    y: torch.Tensor
    batch: int

    def stepper(
        self, after: Watch | None = None, around: Around | None = None
    ) -> Callable[[], None]:
        optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)
        model, loss, x, y, batch = self.model, self.loss, self.x, self.y, self.batch
        end = len(x) - len(x) % batch
        at = 0

        def step() -> None:
            nonlocal at
            rows = slice(at, at + batch)
            at = (at + batch) % end
            optimizer.zero_grad()
            outputs = model(x[rows])
            value = loss(outputs, y[rows])
            if around is None:
                value.backward()
            else:
                with around(value, outputs, y[rows], optimizer):
                    value.backward()
            optimizer.step()
            if after is not None:
                after(value, outputs, y[rows])

        return step


@dataclass(frozen=True)
class Workload:
    name: str
    make: Callable[[], Training]
    target: float  # highest accepted ratio of watched to unwatched time


def logistic_regression() -> Training:
    x = torch.randn(1000, 2)
    y = (x[:, :1] + torch.randn(1000, 1) > 0).float()
    return Training(nn.Sequential(nn.Linear(2, 1), nn.Sigmoid()), nn.BCELoss(), x, y, batch=10)


def perceptron() -> Training:
    model = nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )
    x = torch.randn(4096, 64)
    return Training(model, nn.CrossEntropyLoss(), x, x[:, :10].argmax(1), batch=128)


def convolutional() -> Training:
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 8 * 8, 10),
    )
    x, y = torch.randn(512, 3, 32, 32), torch.randint(0, 10, (512,))
    return Training(model, nn.CrossEntropyLoss(), x, y, batch=64)


class Encoder(nn.Module):
    """Tokens (N, 32) -> classes (N, 4)."""

    def __init__(self, width: int = 64, layers: int = 12) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1000, width)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.head = nn.Linear(width, 4)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.encoder(self.embedding(tokens))
        logits: torch.Tensor = self.head(hidden.mean(1))
        return logits


def transformer() -> Training:
    x, y = torch.randint(0, 1000, (256, 32)), torch.randint(0, 4, (256,))
    return Training(Encoder(), nn.CrossEntropyLoss(), x, y, batch=8)


WORKLOADS = (
    Workload("logistic regression, batch 10", logistic_regression, 1.04),
    Workload("3-layer perceptron, batch 128", perceptron, 1.02),
    Workload("small CNN 32x32, batch 64", convolutional, 1.01),
    Workload("12-layer transformer, batch 8", transformer, 1.01),
)

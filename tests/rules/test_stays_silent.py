"""Healthy training that looks odd: no rule may ever speak of it at the level of a warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.rules.programs import blobs, circles, column, fit, mlp
from tests.rules.training import watch

PROGRAMS: dict[str, Callable[[], Callable[[], None]]] = {}
Program = Callable[[], Callable[[], None]]


def program(name: str) -> Callable[[Program], Program]:
    """A program that makes its model and data, and returns what trains it."""

    def keep(make: Program) -> Program:
        PROGRAMS[name] = make
        return make

    return keep


def warm_up(steps: int, low: float) -> Callable[[torch.optim.Optimizer], Any]:
    """Next to nothing for a while, then the full rate."""
    return lambda optimizer: torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 1.0 if step >= steps else low * (1 + step / steps)
    )


@program("flat at ln 2 under a long warm-up, then learning")
def _() -> Callable[[], None]:
    x, y = circles()
    model = mlp(1)
    with torch.no_grad():
        model[2].weight.mul_(0.01)
        model[2].bias.fill_(0.05)  # so that all predictions are class 1
    loss = nn.BCEWithLogitsLoss()
    return lambda: fit(model, loss, x, column(y), 0.5, 60, schedule=warm_up(600, 1e-6))


@program("95 to 5 with a good ranking")
def _() -> Callable[[], None]:
    x, y = blobs((950, 50), 4.0)
    return lambda: fit(nn.Linear(2, 1), nn.BCEWithLogitsLoss(), x, column(y), epochs=40)


@program("single samples")
def _() -> Callable[[], None]:
    x, y = blobs((150, 150))
    return lambda: fit(mlp(2), nn.CrossEntropyLoss(), x, y, lr=0.02, epochs=5, batch=1)


@program("batches of eight")
def _() -> Callable[[], None]:
    x, y = blobs((300, 300))
    return lambda: fit(mlp(2), nn.CrossEntropyLoss(), x, y, lr=0.02, epochs=15, batch=8)


@program("a linear softmax that starts at zero")
def _() -> Callable[[], None]:
    x, y = blobs((300, 300, 300))
    model = nn.Linear(2, 3)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    return lambda: fit(model, nn.CrossEntropyLoss(), x, y)


@program("a last layer that starts at zero")
def _() -> Callable[[], None]:
    x, y = circles()
    model = mlp(2)
    nn.init.zeros_(model[2].weight)
    nn.init.zeros_(model[2].bias)
    return lambda: fit(model, nn.CrossEntropyLoss(), x, y, lr=0.5, epochs=30)


@program("gradients accumulated over four batches")
def _() -> Callable[[], None]:
    x, y = circles()
    model, loss = mlp(2), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)

    def train() -> None:
        for _ in range(30):
            for index, rows in enumerate(torch.randperm(len(x)).split(25), start=1):
                (loss(model(x[rows]), y[rows]) / 4).backward()
                if index % 4 == 0:
                    optimizer.step()
                    optimizer.zero_grad()

    return train


@program("a frozen backbone with its batch norm in eval mode")
def _() -> Callable[[], None]:
    x, y = circles()
    backbone = nn.Sequential(nn.Linear(2, 64), nn.BatchNorm1d(64), nn.ReLU())
    backbone.requires_grad_(False).eval()
    model = nn.Sequential(backbone, nn.Linear(64, 2))
    return lambda: fit(model, nn.CrossEntropyLoss(), x, y)


@program("mixup")
def _() -> Callable[[], None]:
    x, y = blobs()
    model, loss = mlp(1), nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def train() -> None:
        for _ in range(15):
            for rows in torch.randperm(len(x)).split(50):
                share = float(torch.rand(()))
                other = rows.flip(0)
                mixed = share * x[rows] + (1 - share) * x[other]
                target = share * column(y[rows]) + (1 - share) * column(y[other])
                optimizer.zero_grad()
                loss(model(mixed), target).backward()
                optimizer.step()

    return train


def gan(together: bool) -> Callable[[], None]:
    makes = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    judges = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    of_makes = torch.optim.Adam(makes.parameters(), lr=1e-3)
    of_judges = torch.optim.Adam(judges.parameters(), lr=1e-3)
    loss = nn.BCEWithLogitsLoss()
    real, _ = blobs((1000,), 0.0)
    one, zero = torch.ones(32, 1), torch.zeros(32, 1)

    def train() -> None:
        for _ in range(400):
            given = real[torch.randint(0, len(real), (32,))]
            made = makes(torch.randn(32, 4))
            of_judges.zero_grad()
            if together:
                both = judges(torch.cat([given, made.detach()]))
                loss(both, torch.cat([one, zero])).backward()
            else:
                (loss(judges(given), one) + loss(judges(made.detach()), zero)).backward()
            of_judges.step()
            of_makes.zero_grad()
            loss(judges(made), one).backward()
            of_makes.step()

    return train


@program("a GAN, real and made batches apart")
def _() -> Callable[[], None]:
    return gan(together=False)


@program("a GAN, real and made in one batch")
def _() -> Callable[[], None]:
    return gan(together=True)


@program("regression")
def _() -> Callable[[], None]:
    x, _ = blobs()
    return lambda: fit(mlp(1), nn.MSELoss(), x, x.sum(dim=1, keepdim=True), lr=0.01)


@program("regression on whole numbers")
def _() -> Callable[[], None]:
    x, y = blobs((200,) * 5, 1.0)
    return lambda: fit(mlp(1), nn.MSELoss(), x, column(y), lr=0.01)


@program("mean squared error on classes, on purpose")
def _() -> Callable[[], None]:
    x, y = blobs()
    return lambda: fit(nn.Sequential(mlp(1), nn.Sigmoid()), nn.MSELoss(), x, column(y), lr=0.5)


@program("several labels a sample")
def _() -> Callable[[], None]:
    x, _ = blobs()
    labels = torch.stack([x[:, 0] > 1, x[:, 1] > 4, x.sum(dim=1) > 2], dim=1).float()
    return lambda: fit(mlp(3), nn.BCEWithLogitsLoss(), x, labels)


@program("a cell run again on a trained model")
def _() -> Callable[[], None]:
    x, y = blobs()
    model = mlp(2)
    fit(model, nn.CrossEntropyLoss(), x, y)
    return lambda: fit(model, nn.CrossEntropyLoss(), x, y)


@program("one cycle of the learning rate, set at every batch")
def _() -> Callable[[], None]:
    x, y = circles()

    def schedule(optimizer: torch.optim.Optimizer) -> Any:
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=400)

    return lambda: fit(
        mlp(2, 32), nn.CrossEntropyLoss(), x, y, optimizer=torch.optim.Adam, schedule=schedule
    )


@program("data in the order of its classes, that is learned all the same")
def _() -> Callable[[], None]:
    x, y = blobs()
    return lambda: fit(mlp(2), nn.CrossEntropyLoss(), x, y, lr=0.02, shuffle=False)


@program("labels with noise on top")
def _() -> Callable[[], None]:
    x, y = blobs((500, 500))
    noisy = column(y) + 0.05 * torch.rand(len(y), 1)
    return lambda: fit(nn.Linear(2, 1), nn.BCEWithLogitsLoss(), x, noisy)


@program("pixels with ignored ones")
def _() -> Callable[[], None]:
    x = torch.randn(64, 1, 8, 8)
    y = (x[:, 0] > 0).long()
    y[:, 0] = 255
    model = nn.Conv2d(1, 2, 3, padding=1)
    loss = nn.CrossEntropyLoss(ignore_index=255)
    return lambda: fit(model, loss, x, y, batch=8, epochs=15)


@program("two models with an optimizer each")
def _() -> Callable[[], None]:
    x, y = blobs()
    one, other = mlp(2), mlp(1)

    def train() -> None:
        fit(one, nn.CrossEntropyLoss(), x, y)
        fit(other, nn.BCEWithLogitsLoss(), x, column(y))

    return train


@program("evaluation only, of an untrained model")
def _() -> Callable[[], None]:
    x, y = blobs()
    model = mlp(2)

    def evaluate() -> None:
        with torch.no_grad():
            for rows in torch.arange(len(x)).split(50):
                nn.functional.cross_entropy(model(x[rows]), y[rows])

    return evaluate


def inputs_of(numbers: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(numbers, 5).float()


@program("a recurrent network that needs a while")
def _() -> Callable[[], None]:
    numbers = torch.randint(0, 5, (600, 6))
    y = (numbers[:, 0] > 2).long()
    cells, head = nn.GRU(5, 8, batch_first=True), nn.Linear(8, 2)

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells, self.head = cells, head

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.cells(inputs_of(x))[0][:, -1])

    return lambda: fit(Reader(), nn.CrossEntropyLoss(), numbers, y, 0.01, 12, 30, torch.optim.Adam)


@program("a discriminator of real and made points in one batch")
def _() -> Callable[[], None]:
    maker, judge = mlp(2, features=4), mlp(1)
    loss = nn.BCEWithLogitsLoss()

    def train() -> None:
        makes = torch.optim.Adam(maker.parameters(), 1e-3)
        judges = torch.optim.Adam(judge.parameters(), 2e-4)
        real_or_not = torch.cat([torch.ones(32, 1), torch.zeros(32, 1)])
        for _ in range(400):
            made = maker(torch.randn(32, 4))
            points = torch.cat([torch.randn(32, 2) + 2, made.detach()])
            judges.zero_grad()
            loss(judge(points), real_or_not).backward()
            judges.step()
            makes.zero_grad()
            loss(judge(made), torch.ones(32, 1)).backward()
            makes.step()

    return train


@program("a slow start above the loss of a constant answer, 94 to 6, four backwards a step")
def _() -> Callable[[], None]:
    x, y = blobs((2820, 180), 2.5)
    model = mlp(1)
    with torch.no_grad():
        model[2].bias.fill_(-5.0)  # the rare class comes out at less than a percent
        model[2].weight[:, :] = -0.05  # and ranks the wrong way round
    loss = nn.BCEWithLogitsLoss()

    def train() -> None:
        optimizer = torch.optim.Adam(model.parameters(), 5e-4)
        for _ in range(5):
            for number, rows in enumerate(torch.randperm(len(x)).split(16)):
                (loss(model(x[rows]), column(y[rows])) / 4).backward()
                if number % 4 == 3:
                    optimizer.step()
                    optimizer.zero_grad()

    return train


@pytest.mark.parametrize("name", PROGRAMS)
def test_healthy_training_is_left_alone(name: str) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    train = PROGRAMS[name]()
    watched = watch(train)
    assert watched.alarms == {}
    assert watched.history.sites(), "it was watched"

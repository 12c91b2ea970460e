"""Objects that answer no questions, tensors without values, batches without samples."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from collapse_magic.records import LayerStatistics, LossFacts, ModelFacts, PredictionWindow

from .fakes import FakeContext
from .watched import watched

X, Y = torch.linspace(-1, 1, 64).reshape(16, 4), torch.arange(16) % 3


class AskedError(Exception):
    """Somebody has asked an object something."""


def refuse(*args: Any) -> Any:
    raise AskedError(args)


class Closed:
    """Every question is answered by an exception."""

    __getattribute__ = __len__ = __bool__ = __repr__ = __iter__ = refuse
    __eq__ = __hash__ = refuse  # type: ignore[assignment]


class Proxy:
    """Looks up what it stands for as soon as its class is asked for."""

    __class__ = property(refuse)  # type: ignore[assignment]
    __getattr__ = refuse


class Trainer:
    """Holds a model, and others that are better left alone."""

    __getattr__ = refuse

    def __init__(self) -> None:
        self.model = nn.Sequential(nn.Linear(4, 3))
        self.closed, self.proxy = Closed(), Proxy()

    def train(self) -> None:
        closed, proxy = Closed(), Proxy()
        several = [closed, proxy], {"a": closed, "b": proxy}, {Trainer: self.model}
        optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            F.cross_entropy(self.model(X), Y).backward()
            optimizer.step()
            with torch.no_grad():
                F.cross_entropy(self.model(X), Y)
        assert len(several) == 3


class ClosedTrainer(Trainer):
    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, name) if name in ("model", "train") else refuse(name)


@pytest.mark.parametrize("kind", [Trainer, ClosedTrainer])
def test_the_users_objects_are_never_asked(kind: type[Trainer]) -> None:
    torch.manual_seed(0)
    trainer = kind()
    with watched(closed=Closed(), proxy=Proxy()) as context:
        trainer.train()
    assert context.of(ModelFacts)[0].kind == "Sequential"
    assert {window.phase for window in context.of(PredictionWindow)} == {"train", "eval"}


def picked(z: Tensor, y: Tensor) -> Tensor:
    return -z.log_softmax(1).gather(1, y[:, None]).sum()


def two_sided(z: Tensor, y: Tensor) -> Tensor:
    p = z[:, 0].sigmoid()
    return -((y > 0) * p.log() + (y == 0) * (1 - p).log()).sum()


def ready_made(z: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(z, y, reduction="sum")


@pytest.mark.parametrize("loss", [picked, two_sided, ready_made])
@pytest.mark.parametrize("sizes", [(0, 16, 0, 16), (16, 0, 0, 16)])
def test_batches_without_samples_count_nothing(loss: Any, sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    with watched() as context:
        for size in sizes:
            loss(model(X[:size]), Y[:size]).backward()
    assert sum(window.samples for window in context.of(PredictionWindow)) == 32


def test_tensors_without_values_are_passed_over() -> None:
    torch.manual_seed(0)
    model, empty = nn.Linear(4, 3), nn.Linear(4, 3, device="meta")
    with watched() as context:
        for _ in range(2):
            F.cross_entropy(empty(X.to("meta")), Y.to("meta")).backward()
            F.cross_entropy(model(X), Y).backward()
            with torch.no_grad():
                F.cross_entropy(empty(X.to("meta")), Y.to("meta"))
    assert {window.site for window in context.of(PredictionWindow)} == {"cross_entropy"}
    assert sum(window.samples for window in context.of(PredictionWindow)) == 32


def steps(model: nn.Module, loss: Any) -> Iterator[FakeContext]:
    ready = [p for p in model.parameters() if not isinstance(p, nn.UninitializedParameter)]
    optimizer = torch.optim.SGD(ready, lr=0.1)
    with watched(model=model) as context:
        for _ in range(3):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
    yield context


def test_a_layer_that_is_not_made_yet_is_left_out() -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({"used": nn.Linear(4, 3), "later": nn.LazyLinear(3)})
    (context,) = steps(model, lambda: F.cross_entropy(model["used"](X), Y))
    look = context.of(LayerStatistics)[-1]
    names = [layer.name for layer in context.of(ModelFacts)[-1].layers]
    norm = dict(zip(names, look.weight_norm, strict=True))
    assert norm["used"] > 0
    assert norm["later"] != norm["later"]


def test_complex_numbers_raise_no_warning() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 3, dtype=torch.cfloat)

    def loss() -> Tensor:
        z = model(X.cfloat()) - 1
        return (z * torch.full_like(z, 2.0)).abs().mean()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (context,) = steps(model, loss)
    assert context.of(LossFacts)

"""Whether gradients are cleared between two steps, however the loop is written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collapse_magic.probes.pytorch.loops import Loop
from collapse_magic.records import LayerStatistics, TrainingLoop

from .watched import watched

Clear = Callable[[torch.optim.Optimizer, nn.Module], None]


def none(optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
    pass


def by_optimizer(optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
    optimizer.zero_grad()


def in_place(optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
    optimizer.zero_grad(set_to_none=False)


def by_model(optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
    model.zero_grad()


def by_hand(optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.zero_()


def loss_of(model: nn.Module) -> torch.Tensor:
    return F.cross_entropy(model(torch.randn(8, 4)), torch.randint(0, 3, (8,)))


def train(
    before: Clear, after: Clear, steps: int = 40, accumulate: int = 1, clip: bool = False
) -> list[TrainingLoop]:
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watched(net=model, opt=optimizer) as context:
        for _ in range(steps):
            before(optimizer, model)
            for _ in range(accumulate):
                loss_of(model).backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
            after(optimizer, model)
    return context.of(TrainingLoop)


@pytest.mark.parametrize("accumulate", [1, 4])
@pytest.mark.parametrize("clear", [by_optimizer, in_place, by_model, by_hand])
@pytest.mark.parametrize("late", [False, True])
def test_gradients_that_are_cleared(clear: Clear, late: bool, accumulate: int) -> None:
    places = (none, clear) if late else (clear, none)
    last = train(*places, accumulate=accumulate, clip=late)[-1]
    assert (last.optimizer, last.steps, last.backwards) == ("opt", 40, 40 * accumulate)
    assert 20 <= last.cleared <= 38 and last.kept == 0  # what was not counted is not judged


@pytest.mark.parametrize("accumulate", [1, 4])
def test_gradients_that_pile_up(accumulate: int) -> None:
    last = train(none, none, accumulate=accumulate, clip=True)[-1]
    assert 20 <= last.kept <= 38 and (last.cleared, last.steps) == (0, 40)


def test_the_generators_leftovers_in_the_critic_are_no_missing_clearing() -> None:
    generator, critic = nn.Linear(4, 6), nn.Linear(6, 1)
    make = torch.optim.Adam(generator.parameters())
    judge = torch.optim.Adam(critic.parameters())
    bce = F.binary_cross_entropy_with_logits
    with watched(make=make, judge=judge) as context:
        for _ in range(30):
            fake = generator(torch.randn(8, 4))
            judge.zero_grad()
            bce(critic(torch.randn(8, 6)), torch.ones(8, 1)).backward()
            bce(critic(fake.detach()), torch.zeros(8, 1)).backward()
            judge.step()
            make.zero_grad()
            bce(critic(fake), torch.ones(8, 1)).backward()
            make.step()
    last = {loop.optimizer: loop for loop in context.of(TrainingLoop)}
    assert set(last) == {"make", "judge"}
    for loop in last.values():
        assert loop.kept == 0 and loop.cleared >= 20
        assert (loop.steps, loop.backwards) == (60, 90)


def test_closures_clear_in_the_middle_of_a_step() -> None:
    model = nn.Linear(4, 3)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
    x, y = torch.randn(32, 4), torch.randint(0, 3, (32,))

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss

    # before the first closure nothing has a gradient: the second step is the first that is seen
    with watched(net=model, opt=optimizer) as context:
        for _ in range(6):
            optimizer.step(closure)  # type: ignore[arg-type]
    last = context.of(TrainingLoop)[-1]
    assert last.kept == 0 and last.cleared >= 3


def test_backwards_without_any_step_are_told() -> None:
    model = nn.Linear(4, 3)
    with watched(net=model) as context:
        for _ in range(30):
            loss_of(model).backward()
    last = context.of(TrainingLoop)[-1]
    assert (last.optimizer, last.backwards, last.steps) == ("", 30, 0)


def test_a_long_run_tells_ever_more_seldom() -> None:
    assert len(train(by_optimizer, none, steps=300)) <= 12


class ReadBy(nn.Parameter):
    """A parameter that knows which threads have read its gradient."""

    readers: set[int]

    @property
    def grad(self) -> Any:  # type: ignore[override]
        self.readers.add(threading.get_ident())
        return torch.Tensor.grad.__get__(self)  # type: ignore[attr-defined]

    @grad.setter
    def grad(self, value: Any) -> None:
        torch.Tensor.grad.__set__(self, value)  # type: ignore[attr-defined]


def test_no_thread_reads_the_gradients_of_another_ones_training() -> None:
    """They may be written to at that very moment, by a backward that runs there."""
    models = [nn.Linear(4, 3), nn.Linear(4, 3)]
    turns = threading.Barrier(2, timeout=60)

    def train(model: nn.Module) -> None:
        for part in ("weight", "bias"):
            parameter = ReadBy(getattr(model, part).detach())
            parameter.readers = set()
            setattr(model, part, parameter)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(20):
            for turn in models:  # one at a time: nothing goes unseen
                turns.wait()
                if turn is model:
                    optimizer.zero_grad()
                    loss_of(model).backward()
                    optimizer.step()

    with watched(models=models) as context:
        threads = [threading.Thread(target=train, args=(model,)) for model in models]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [len(p.readers) for model in models for p in model.parameters()] == [1] * 4  # type: ignore[attr-defined]
    assert max(look.step for look in context.of(LayerStatistics)) == 40


class OnDevice:
    """A gradient whose values cannot be asked for, as one on a device."""

    is_cpu = False

    def __init__(self) -> None:
        self._version = 0


def test_on_a_device_the_version_of_the_gradient_tells() -> None:
    class Parameter:
        grad: OnDevice | None = None

    kept, cleared = Parameter(), Parameter()
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters())
    loops = [Loop("kept", optimizer, kept, 1), Loop("cleared", optimizer, cleared, 1)]
    kept.grad = OnDevice()
    for number in range(2, 12):
        for loop in loops:
            loop.backward(number, number)
        kept.grad._version += 1
    assert (loops[0].cleared, loops[1].kept) == (0, 0)
    assert loops[0].kept >= 8 and loops[1].cleared >= 8

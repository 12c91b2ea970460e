"""Watching changes nothing: results are bit for bit the same, and everything is put back."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collapse_magic.config import WatchConfig
from collapse_magic.probes.base import TrainingStopped
from collapse_magic.probes.pytorch import TorchProbe
from collapse_magic.records import LayerStatistics, LossFacts, LossValues, ProbeNote

from .fakes import FakeContext
from .programs import PROGRAMS, assert_same, mlp_with_dropout, run


def replaced_places() -> dict[str, Any]:
    """Every object that the probe replaces, and the hooks it registers, as they stand now."""
    optimizer = sys.modules["torch.optim.optimizer"]
    iterator = sys.modules["torch.utils.data.dataloader"]._BaseDataLoaderIter
    return {
        **{f"nn.{k}": v for k, v in vars(torch._C._nn).items()},
        "bce": torch.binary_cross_entropy_with_logits,
        "backward": torch.autograd.backward,
        "grad": torch.autograd.grad,
        "next": vars(iterator)["__next__"],
        "before": list(optimizer._global_optimizer_pre_hooks.values()),
        "after": list(optimizer._global_optimizer_post_hooks.values()),
    }


def assert_restored(before: dict[str, Any]) -> None:
    after = replaced_places()
    assert after.keys() == before.keys()
    for name, value in before.items():
        assert after[name] is value or after[name] == value == [], name


@pytest.mark.parametrize("every", [None, 1])
@pytest.mark.parametrize("name", PROGRAMS)
def test_results_are_bit_identical(name: str, every: int | None) -> None:
    plain = run(PROGRAMS[name])
    context = FakeContext(config=WatchConfig(every=every))
    probe = TorchProbe(context)
    probe.attach()
    try:
        watched = run(PROGRAMS[name])
        probe.flush()
    finally:
        probe.detach()
    assert_same(plain, watched)
    assert not context.of(ProbeNote)
    assert context.of(LossFacts) and context.of(LossValues)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_everything_is_put_back_after_an_error(error: type[BaseException]) -> None:
    before = replaced_places()
    probe = TorchProbe(FakeContext())
    with pytest.raises(error):
        probe.attach()
        try:
            assert torch.autograd.backward is not before["backward"]
            model = nn.Linear(2, 1)
            F.mse_loss(model(torch.randn(4, 2)), torch.randn(4, 1)).backward()
            raise error
        finally:
            probe.detach()
    assert_restored(before)


def test_attach_and_detach_may_come_twice_and_in_any_order() -> None:
    before = replaced_places()
    probe = TorchProbe(FakeContext())
    probe.detach()
    assert_restored(before)
    probe.attach()
    probe.attach()
    probe.detach()
    probe.detach()
    assert_restored(before)
    one, two = TorchProbe(FakeContext()), TorchProbe(FakeContext())
    one.attach()
    two.attach()
    one.detach()  # not the reverse order: what two has wrapped must stay
    model = nn.Linear(2, 1)
    F.mse_loss(model(torch.randn(4, 2)), torch.randn(4, 1)).backward()
    two.flush()
    assert two.counter.backwards == 1 and one.counter.backwards == 0
    two.detach()
    # One's pass-throughs stay where two had found them; they are taken out by hand here.
    assert torch.autograd.backward.__qualname__ == "backward"
    for name, value in before.items():
        kind, _, attribute = name.partition(".")
        if kind == "nn":
            setattr(torch._C._nn, attribute, value)
    torch.binary_cross_entropy_with_logits = before["bce"]
    torch.autograd.backward, torch.autograd.grad = before["backward"], before["grad"]
    iterator = sys.modules["torch.utils.data.dataloader"]._BaseDataLoaderIter
    iterator.__next__ = before["next"]
    assert_restored(before)


HOOKS = ("before_backward", "before_step", "after_step", "evaluated", "before_batch", "after_pass")


@pytest.mark.parametrize("broken", HOOKS)
def test_a_failure_of_ours_switches_the_probe_off_and_nothing_else(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(mlp_with_dropout)
    context = FakeContext()
    probe = TorchProbe(context)

    def fail(*args: Any) -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr(probe, broken, fail)
    before = replaced_places()
    probe.attach()
    try:
        watched = run(mlp_with_dropout)
        probe.flush()
    finally:
        probe.detach()
    assert_same(plain, watched)
    notes = context.of(ProbeNote)
    assert len(notes) == 1 and "injected" in notes[0].text
    assert_restored(before)


def test_the_users_exception_in_backward_passes_unchanged() -> None:
    probe = TorchProbe(FakeContext())
    probe.attach()
    try:
        loss = nn.Linear(2, 1)(torch.randn(3, 2)).sum()
        loss.backward()
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            loss.backward()
        with pytest.raises(RuntimeError, match="can be implicitly created only for scalar"):
            nn.Linear(2, 1)(torch.randn(3, 2)).backward()
    finally:
        probe.detach()


def test_the_cell_is_stopped_at_a_step_boundary() -> None:
    context = FakeContext(config=WatchConfig(every=1))  # every step is one at which it may be said
    probe = TorchProbe(context)
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    done = 0
    probe.attach()
    try:
        with pytest.raises(TrainingStopped, match="enough"):
            for step in range(10):
                F.mse_loss(model(torch.randn(4, 2)), torch.randn(4, 1)).backward()
                context.stop = "enough" if step == 6 else None
                optimizer.step()
                done += 1
    finally:
        probe.detach()
    assert done == 6
    assert not context.of(ProbeNote)


def test_nothing_of_the_users_is_kept_after_detaching() -> None:
    context = FakeContext()
    probe = TorchProbe(context)

    def train() -> list[weakref.ref[Any]]:
        model = nn.Linear(4, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            x, y = torch.randn(8, 4), torch.randint(0, 2, (8,))
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        return [weakref.ref(thing) for thing in (model, model.weight, optimizer, x, loss)]

    probe.attach()
    references = train()
    probe.flush()
    probe.detach()
    gc.collect()
    assert [reference() for reference in references] == [None] * 5
    assert context.of(LayerStatistics)


def test_a_functions_variables_are_not_kept_alive_while_it_runs() -> None:
    probe = TorchProbe(FakeContext())

    def train() -> None:
        model = nn.Linear(4, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        x = torch.randn(8, 4)
        reference = weakref.ref(x)
        loss = F.cross_entropy(model(x), torch.zeros(8, dtype=torch.long))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        del x, loss
        assert reference() is None

    probe.attach()
    try:
        train()
    finally:
        probe.detach()


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_scripting_a_loss_works_while_watched_and_afterwards() -> None:
    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(x, y)

    def other(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(x, y)

    x, y = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    probe = TorchProbe(FakeContext())
    probe.attach()
    try:
        watched = torch.jit.script(loss)(x, y)
    finally:
        probe.detach()
    assert torch.equal(watched, F.cross_entropy(x, y))
    assert torch.equal(
        torch.jit.script(other)(x, x.sigmoid()),
        F.binary_cross_entropy_with_logits(x, x.sigmoid()),
    )

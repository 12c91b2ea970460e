"""On a device nobody waits for it within a step, and what is recorded is what the CPU records.

Without a GPU a stand-in is trained on (see `accelerator`); where there is one, the same programs
run on it with CUDA's own check of who waits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collapse_magic.config import WatchConfig
from collapse_magic.probes.pytorch import TorchProbe, sites
from collapse_magic.probes.pytorch.batches import Batches
from collapse_magic.probes.pytorch.sites import Site
from collapse_magic.probes.pytorch.transfer import Transfers
from collapse_magic.records import (
    ActivationStatistics,
    InputFacts,
    LayerStatistics,
    LearningRate,
    LossFacts,
    LossValues,
    ModelFacts,
    ModelMode,
    NonFinite,
    PredictionWindow,
    ProbeNote,
    Wiring,
)

from .accelerator import Accelerator, Stream, accelerator
from .fakes import FakeContext


@pytest.fixture(autouse=True)
def one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short trainings are one window, as the later ones of a long training are."""
    monkeypatch.setattr(sites, "FIRST_BATCHES", 64)


class Place:
    """Where a program trains: the CPU, the stand-in, or a GPU."""

    def __init__(self, put: Callable[[torch.Tensor], torch.Tensor] = lambda t: t) -> None:
        self.put = put

    def model(self, module: nn.Module) -> nn.Module:
        return module._apply(self.put)


@contextmanager
def watched(tick: float = 0.0) -> Iterator[FakeContext]:
    """Watched by a clock that goes on by `tick` seconds whenever it is looked at.

    Where it stands still, batches are handed on only where enough have come together.
    """
    clock = itertools.count()
    config = WatchConfig(budget=1e6, every=1)
    context = FakeContext(config=config, clock=lambda: tick * next(clock))
    probe = TorchProbe(context)
    probe.attach()
    try:
        yield context
        probe.flush()
    finally:
        probe.detach()
    assert context.of(ProbeNote) == []


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Accelerator]:
    with accelerator(monkeypatch) as made:
        yield made


# -- programs: nothing in their loops waits for the device ----------------------------------------

Weights = list[torch.Tensor]
Program = Callable[[Place], nn.Module]


def classifier(place: Place) -> nn.Module:
    x, y = place.put(torch.randn(96, 6)), place.put(torch.randint(0, 3, (96,)))
    model = place.model(
        nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(3):
        for i in range(6):
            optimizer.zero_grad()
            F.cross_entropy(model(x[16 * i : 16 * i + 16]), y[16 * i : 16 * i + 16]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            F.cross_entropy(model(x), y)
        with torch.inference_mode():
            F.cross_entropy(model(x[:32]), y[:32])
        model.train()
    return model


def weighted_pixels(place: Place) -> nn.Module:
    """Class weights on the device, and pixels that are to be ignored."""
    x, y = torch.randn(8, 2, 6, 6), torch.randint(0, 3, (8, 6, 6))
    y[:, 0] = 255
    x, y = place.put(x), place.put(y)
    model = place.model(nn.Conv2d(2, 3, 3, padding=1))
    loss = place.model(nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 3.0]), ignore_index=255))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, foreach=True)
    for _ in range(8):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
    return model


def two_by_logits(place: Place) -> nn.Module:
    """A weight for the positive class, two losses at one backward, accumulated gradients."""
    x, y = place.put(torch.randn(64, 5)), place.put((torch.rand(64, 1) < 0.2).float())
    model = place.model(nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1)))
    loss = place.model(nn.BCEWithLogitsLoss(pos_weight=torch.tensor(4.0)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for i in range(16):
        rows = slice(4 * i, 4 * i + 4)
        out = model(x[rows])
        (loss(out, y[rows]) + 0.1 * F.mse_loss(out.sigmoid(), y[rows])).backward()
        if i % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()
    return model


def half_precision(place: Place) -> nn.Module:
    x = place.put(torch.randn(32, 6).bfloat16())
    y = place.put(torch.randint(0, 2, (32, 1)).bfloat16())
    model = place.model(nn.Linear(6, 1, dtype=torch.bfloat16))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(6):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(x), y).backward()
        optimizer.step()
    return model


def by_hand(place: Place) -> nn.Module:
    """No optimizer, and a loss of probabilities."""
    x, y = place.put(torch.randn(40, 4)), place.put((torch.rand(40) < 0.5).float())
    model = place.model(nn.Linear(4, 1))
    for _ in range(20):
        loss = F.binary_cross_entropy(model(x).sigmoid().squeeze(1), y)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter -= 0.1 * gradient
    return model


PROGRAMS: dict[str, Program] = {
    program.__name__: program
    for program in (classifier, weighted_pixels, two_by_logits, half_precision, by_hand)
}


def run(program: Program, place: Place) -> Weights:
    """The weights after training, on the host."""
    torch.manual_seed(4)
    return [value.cpu() for value in program(place).state_dict().values()]


COMPARED = (
    ModelFacts, ModelMode, Wiring, LossFacts, LossValues, PredictionWindow,
    LayerStatistics, ActivationStatistics, LearningRate, NonFinite,
)  # fmt: skip


def assert_alike(one: FakeContext, other: FakeContext) -> None:
    """Both say the same of the training, in whatever order; rounding aside."""
    for kind in COMPARED:
        records, others = one.of(kind), other.of(kind)
        assert len(others) == len(records), kind
        for a, b in zip(records, others, strict=True):
            assert plain(b) == approximately(plain(a))
    # Of a device a few more rows are taken: that there are enough is known late.
    inputs, others = one.of(InputFacts), other.of(InputFacts)
    assert [record.step for record in others] == [record.step for record in inputs]
    assert plain(others[0]) == approximately(plain(inputs[0]))


def plain(record: Any) -> Any:
    """The record as dicts and lists; where in this file it arose is left out."""
    if is_dataclass(record):
        named = {field.name: getattr(record, field.name) for field in fields(record)}
        return {name: plain(value) for name, value in named.items() if name != "line"}
    return [plain(value) for value in record] if isinstance(record, tuple) else record


def approximately(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: approximately(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [approximately(inner) for inner in value]
    return pytest.approx(value, rel=1e-4, nan_ok=True) if isinstance(value, float) else value


@pytest.mark.parametrize("name", PROGRAMS)
def test_nobody_waits_and_everything_is_seen(name: str, device: Accelerator) -> None:
    with watched() as on_cpu:
        run(PROGRAMS[name], Place())
    device.waits.clear()
    with watched() as on_device:
        weights = run(PROGRAMS[name], Place(device.put))
        assert device.our_waits == []
    assert set(device.our_waits) == {"synchronize"}  # at the end of the cell
    assert_alike(on_cpu, on_device)
    plain = run(PROGRAMS[name], Place(device.put))
    assert all(map(torch.equal, weights, plain))


def by_gather(out: torch.Tensor, y: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    return -out.log_softmax(1).gather(1, y.unsqueeze(1)).mean()


def one_by_one(out: torch.Tensor, y: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    p, t = out.softmax(1)[:, 0], (y == 0).float()
    return -(t * p.log() + (1 - t) * (1 - p).log()).mean()


def rewarded(out: torch.Tensor, y: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """A policy gradient: of the form of a weighted cross entropy."""
    return -(out.log_softmax(1).gather(1, y.unsqueeze(1)).squeeze(1) * values).mean()


def not_a_class(out: torch.Tensor, _: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return ((out[:, 0].tanh() - values) ** 2).mean()


@pytest.mark.parametrize("written", [by_gather, one_by_one, rewarded, not_a_class])
def test_a_handwritten_loss_is_believed_when_its_values_are_known(
    written: Callable[..., torch.Tensor], device: Accelerator
) -> None:
    """What only looks like a loss of classes (a policy's, a regression) is told by its values."""

    def train(place: Place) -> FakeContext:
        torch.manual_seed(2)
        x, y, values = torch.randn(20, 8, 5), torch.randint(0, 3, (20, 8)), torch.randn(20, 8)
        x, y, values = place.put(x), place.put(y), place.put(values)
        model = place.model(nn.Linear(5, 3))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with watched() as context:
            for i in range(20):
                optimizer.zero_grad()
                written(model(x[i]), y[i], values[i]).backward()
                optimizer.step()
            assert device.our_waits == []
        return context

    on_cpu, on_device = train(Place()), train(Place(device.put))
    facts, others = on_cpu.of(LossFacts)[-1], on_device.of(LossFacts)[-1]
    assert (others.loss, others.task, others.target_kind) == (
        facts.loss, facts.task, facts.target_kind,
    )  # fmt: skip
    assert (facts.task == "unknown") == (written in (rewarded, not_a_class))
    counted = sum(w.batches for w in on_device.of(PredictionWindow))
    expected = sum(w.batches for w in on_cpu.of(PredictionWindow))
    # Those that went by before the answer came are not counted.
    assert counted in ((0,) if facts.task == "unknown" else range(expected - 4, expected))
    (values,), (other_values,) = on_cpu.of(LossValues), on_device.of(LossValues)
    assert other_values.steps == values.steps
    assert other_values.values == pytest.approx(values.values)


def test_a_hook_that_asks_for_a_value_is_caught(
    device: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests above would fail if any of our code looked at a tensor."""
    taken = Site.take_node
    questions: list[Callable[[torch.Tensor], Any]] = [
        lambda t: t.sum().item(), lambda t: bool((t > 0).any()), lambda t: t.cpu(),
        lambda t: t.tolist(), lambda t: t[t > 0], lambda t: t.nonzero(), lambda t: float(t.max()),
        lambda t: torch.empty(t.shape).copy_(t, non_blocking=True), torch.unique,
    ]  # fmt: skip
    for question in questions:

        def asks(site: Site, node: Any, *more: Any, question: Any = question) -> None:
            question(node._saved_self.detach())
            taken(site, node, *more)

        monkeypatch.setattr(Site, "take_node", asks)
        device.waits.clear()
        with watched():
            half_precision(Place(device.put))
            assert device.our_waits


def test_what_has_arrived_is_told_while_training_goes_on(device: Accelerator) -> None:
    with watched(tick=0.05) as context:
        classifier(Place(device.put))
        during = {type(record) for record in context.records}
        assert device.our_waits == []
    assert {LossFacts, LossValues, PredictionWindow, LayerStatistics} <= during
    losses = [step for record in context.of(LossValues) for step in record.steps]
    assert losses == list(range(1, 19))
    samples = sum(w.samples for w in context.of(PredictionWindow) if w.phase == "train")
    assert samples == 18 * 16


def test_nothing_of_ours_gets_into_a_graph(device: Accelerator) -> None:
    """A whole step is captured, as `torch.cuda.graph` does, and a loss without gradients."""
    x, y = device.put(torch.randn(16, 4)), device.put(torch.randint(0, 3, (16,)))
    model = Place(device.put).model(nn.Linear(4, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            F.cross_entropy(model(x), y)

    with device.graph():
        step()
    unwatched = [name for name, _ in device.captured]
    device.captured.clear()
    with watched(tick=0.05) as context:
        for _ in range(3):
            step()
        with device.graph():
            step()
        assert device.our_waits == []
        step()
    assert [name for name, _ in device.captured] == unwatched
    assert max(step for record in context.of(LossValues) for step in record.steps) == 5


class Unscaling(torch.optim.Optimizer):
    """Told by a scaler what the gradients were multiplied with, as fused optimizers are."""

    def __init__(self, parameters: Any, scale: torch.Tensor, overflows: list[torch.Tensor]) -> None:
        super().__init__(parameters, {"lr": 0.1})
        self.grad_scale, self.overflows = scale, overflows
        self.found_inf = overflows.pop(0)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for parameter in self.param_groups[0]["params"]:
            keep = 1 - self.found_inf
            parameter -= keep * self.param_groups[0]["lr"] * parameter.grad / self.grad_scale
        self.found_inf = self.overflows.pop(0) if self.overflows else self.found_inf


def test_scaled_gradients_are_unscaled_and_overflows_left_out(device: Accelerator) -> None:
    x, y = device.put(torch.randn(8, 4)), device.put(torch.randn(8, 1))
    model = Place(device.put).model(nn.Linear(4, 1))
    scale = device.put(torch.tensor(1024.0))
    overflows = [device.put(torch.tensor(float(i in (1, 2)))) for i in range(6)]
    optimizer = Unscaling(model.parameters(), scale, overflows)
    norms = []
    with watched() as context:
        for _ in range(6):
            optimizer.zero_grad()
            (F.mse_loss(model(x), y) * scale).backward()
            norms.append([p.grad for p in model.parameters()])
            optimizer.step()
        assert device.our_waits == []
    looks = context.of(LayerStatistics)
    assert [look.step for look in looks] == [1, 4, 5, 6]
    for look in looks:
        there = [(g.cpu() / 1024).norm().item() for g in norms[look.step - 1]]
        assert look.gradient_norm[0] == pytest.approx(math.hypot(*there), rel=1e-4)


def test_a_learning_rate_on_the_device_is_told_late(device: Accelerator) -> None:
    """A captured graph is told of a new rate by a tensor, which must not be asked."""
    x, y = device.put(torch.randn(8, 4)), device.put(torch.randint(0, 3, (8,)))
    model = Place(device.put).model(nn.Linear(4, 3))
    rate = device.put(torch.tensor(0.25))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    with watched(tick=0.05) as context:
        for i in range(12):
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if i == 3:
                rate.mul_(0.5)
        assert device.our_waits == []
    assert [record.learning_rates for record in context.of(LearningRate)] == [(0.25,), (0.125,)]


def test_copies_are_made_in_one_stream_only(
    device: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another stream makes may not be there yet when the first one is asked to copy."""
    one, two, now = Stream(), Stream(), []
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: now[-1])
    transfers, batches = Transfers(torch, lambda: 0.0), Batches()
    scores, targets = device.put(torch.randn(4, 3)), device.put(torch.zeros(4))
    for step, stream in enumerate((one, two, one), 1):
        now.append(stream)
        batches.add(step, scores, targets, None, transfers)
    assert batches.steps == [1, 3] and batches.stream is one


# -- values that are not finite -------------------------------------------------------------------


def spoilt(place: Place, where: str) -> nn.Module:
    """Something is not finite from the fifth step on."""
    x, y = torch.randn(10, 8, 4), torch.rand(10, 8, 1)
    if where == "input":
        x[4:, 3, 2] = math.nan
    if where == "target":
        y[4:, 1] = math.inf
    x, y = place.put(x), place.put(y)
    model = place.model(nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for i in range(10):
        optimizer.zero_grad()
        out = model(x[i])
        loss = F.mse_loss(out, y[i])
        if where == "loss" and i >= 4:
            loss = loss + (out - out).abs().sum().log()
        loss.backward()
        optimizer.step()
        if where == "logits" and i == 3:
            with torch.no_grad():
                model.weight.mul_(math.inf)
    return model


@pytest.mark.parametrize("where", ["input", "target", "logits", "loss"])
@pytest.mark.parametrize("tick", [0.0, 0.05])
def test_where_a_nan_comes_from_is_told_late(where: str, tick: float, device: Accelerator) -> None:
    with watched(tick) as context:
        torch.manual_seed(0)
        spoilt(Place(device.put), where)
        assert device.our_waits == []
    (found,) = (record for record in context.of(NonFinite) if record.place != "gradient")
    # What the layers are given is known of a later batch only, and at the end of none.
    place = "logits" if where == "input" and not tick else where
    assert found.place == place
    assert found.step == 5 or (place == "input" and 5 < found.step <= 10)


def test_a_batch_of_ignored_labels_only_is_no_nan_to_speak_of(device: Accelerator) -> None:
    x, y = torch.randn(6, 8, 4), torch.randint(0, 3, (6, 8))
    y[2] = -100
    x, y = device.put(x), device.put(y)
    model = Place(device.put).model(nn.Linear(4, 3))
    with watched() as context:
        for i in range(6):
            F.cross_entropy(model(x[i]), y[i]).backward()
        assert device.our_waits == []
    (losses,) = context.of(LossValues)
    assert math.isnan(losses.values[2]) and not context.of(NonFinite)


# -- a real GPU -----------------------------------------------------------------------------------


@contextmanager
def gpu() -> Iterator[Place]:
    """The first GPU; CUDA raises wherever somebody waits for it, but for what `put` does."""

    def put(host: torch.Tensor) -> torch.Tensor:
        torch.cuda.set_sync_debug_mode("default")
        there = host.cuda()
        torch.cuda.set_sync_debug_mode("error")
        return there

    try:
        yield Place(put)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU here; the stand-in above is trained on instead"
)
@pytest.mark.parametrize("name", PROGRAMS)
def test_nobody_waits_for_a_gpu(name: str) -> None:
    """Raised in one of our hooks CUDA's error would switch the watching off, which is told."""
    with watched() as on_cpu:
        run(PROGRAMS[name], Place())
    with watched(tick=0.05) as on_gpu, gpu() as place:
        torch.manual_seed(4)
        PROGRAMS[name](place)
    assert _totals(on_gpu) == _totals(on_cpu)
    for a, b in zip(_losses(on_cpu), _losses(on_gpu), strict=True):
        assert b == pytest.approx(a, rel=0.05)  # the GPU rounds differently, and more coarsely


def _totals(context: FakeContext) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for w in context.of(PredictionWindow):
        found[w.site, w.phase] = found.get((w.site, w.phase), 0) + w.samples
    return found


def _losses(context: FakeContext) -> list[float]:
    return [value for record in context.of(LossValues) for value in record.values]

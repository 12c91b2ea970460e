"""What a run keeps is bounded, however long it is (`benchmarks/memory.py` measures a million
steps)."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from collapse_magic.probes.pytorch import TorchProbe, registry
from collapse_magic.probes.schedule import Schedule
from collapse_magic.records import (
    EpochEnded,
    LayerStatistics,
    LearningRate,
    LossValues,
    ModelFacts,
    NonFinite,
    OptimizerFacts,
    ProbeNote,
    Record,
)
from collapse_magic.sinks.event_log import EventLog
from collapse_magic.sinks.events import EventEncoder, EventFile
from tests.magic.test_session import FACTS, MODEL, Run, window
from tests.probes.fakes import FakeContext

APART = (type, ModuleType, FunctionType, BuiltinFunctionType, torch.Tensor)


def held(root: object) -> int:
    """How many objects are kept alive by this one, classes and modules aside."""
    seen, waiting = {id(root)}, [root]
    while waiting:
        for thing in gc.get_referents(waiting.pop()):
            if id(thing) not in seen and not isinstance(thing, APART):
                seen.add(id(thing))
                waiting.append(thing)
    return len(seen)


def records(steps: range) -> Iterator[Record]:
    """As hard on a store as a training can be."""
    for step in steps:
        yield LossValues("bce", (step,), (1 / step,))
        if step % 5 == 0:
            yield window(step - 4, step)
            yield LayerStatistics("net", step, (1.0, 0.5), (2.0, 3.0), (0.1, 0.1))
            yield LearningRate("sgd", step, (0.1 / step,))
        if step % 10 == 0:
            yield EpochEnded(step // 10, step)
            yield NonFinite("bce", step, "loss", "", "nan")
            yield ProbeNote(f"note {step % 20}")


def test_history_engine_and_session_are_bounded() -> None:
    steps = 12_000  # the longest series, that of the losses, is thinned at 4,096 points
    run = Run()
    run.session.start()
    run.emit(MODEL, FACTS, OptimizerFacts("sgd", "SGD", 1, (0.1,), 0.0, 0.0, ("net",)))
    sizes = []
    for first in range(1, steps, steps // 8):
        for record in records(range(first, first + steps // 8)):
            run.clock.now += 0.001
            run.session.emit(record)
        run.sink.updates.clear()  # what the tests' sinks note down is not the session's
        for noting in (run.sink, *run.events):
            noting.records.clear()
            noting.updates.clear()
        sizes.append(held(run.session))
    assert max(sizes[4:]) <= 1.05 * max(sizes[:4]), sizes
    run.session.stop()


def test_an_event_log_keeps_nothing_that_it_has_written(tmp_path: Any) -> None:
    encoder = EventEncoder()
    log = EventLog(EventFile(tmp_path, encoder), encoder, "net", 0.0)
    sizes = []
    for first in range(1, 3000, 500):
        for record in records(range(first, first + 500)):
            log.add(record, float(first))
        log.flush(float(first))
        sizes.append(held(log))
    assert max(sizes[3:]) <= 1.05 * max(sizes[:3]), sizes
    log.close()


def test_ever_new_models_optimizers_and_data_do_not_add_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """GIVEN a search that trains a new model with a new optimizer on a new loader each time, by
    code that is compiled anew each time."""
    monkeypatch.setattr(registry, "_MOST_CODES", 100)
    monkeypatch.setattr(Schedule, "gap", lambda *_: 0)  # so that every model's loss is met
    context = FakeContext()
    probe = TorchProbe(context)

    def search(models: int) -> None:
        for _ in range(models):
            model = nn.Linear(2, 2)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            data = TensorDataset(torch.randn(4, 2), torch.tensor([0, 1, 0, 1]))
            for x, y in DataLoader(data, batch_size=4):
                code = compile("loss(model(x), y).backward()", "<typed>", "exec")
                exec(code, {"loss": F.cross_entropy, "model": model, "x": x, "y": y})
                optimizer.step()

    probe.attach()
    try:
        sizes, told = [], []
        for _ in range(4):
            search(110)
            probe.flush()
            gc.collect()
            told.append(sum(isinstance(r, (ModelFacts, OptimizerFacts)) for r in context.records))
            context.records.clear()
            sizes.append(held(probe))
    finally:
        probe.detach()
    assert told[0] > 64 and told[1:] == [0] * 3
    assert max(sizes[1:]) <= 1.05 * sizes[0], sizes
    assert probe.counter.done == 440

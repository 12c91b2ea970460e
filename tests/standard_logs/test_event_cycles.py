"""Events that come in cycles are read in tables, and are what they are one by one."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.compat.proto import summary_pb2
from tensorboard.util import tensor_util
from tensorboard_plugin_collapse.log_files import DamagedRecordError, records
from tensorboard_plugin_collapse.run_logs import LoggedRun, new_run, read_file
from tensorboard_plugin_collapse.standard_summaries import event_cycles
from tensorboard_plugin_collapse.standard_summaries.scalar_events import ScalarEvents

from tests.support.standard_events import EventWriter

NAMES = ("train/loss", "val/loss", "train/acc", "lr")


def plain(log: EventWriter) -> None:
    for step in range(700):
        for number, name in enumerate(NAMES):
            log.scalar(name, step, step + number / 8)


def large_steps(log: EventWriter) -> None:
    for step in (*range(16_300, 16_500), *range(2**40, 2**40 + 300)):
        for name in NAMES:
            log.scalar(name, step, 1.0)


def interrupted(log: EventWriter) -> None:
    for step in range(1, 900):
        log.scalar(NAMES[0], step, 1 / step)
        log.scalar(NAMES[3], step, 0.1)
        if step % 97 == 0:
            log.scalar(NAMES[1], step, 2.0)
            log.tensor(NAMES[2], step, 0.5, "scalars")


def begun_anew(log: EventWriter) -> None:
    for last in (400, 250):
        for step in range(last):
            log.scalar(NAMES[0], step, last)
            log.scalar(NAMES[1], step, step)


def not_finite(log: EventWriter) -> None:
    for step in range(500):
        log.scalar(NAMES[0], step, float("nan") if step > 321 else 1.0)
        log.scalar(NAMES[1], step, float("inf") if step == 77 else 1.0)


def twice_a_step(log: EventWriter) -> None:
    for step in range(1, 400):
        for name in (NAMES[0], NAMES[1], NAMES[2], NAMES[1]):
            log.scalar(name, step, step % 7)


def of_no_use(log: EventWriter) -> None:
    for step in range(1, 400):
        log.scalar("temperature", step, 20.0)
        log.scalar(NAMES[0], step, step)


def keras(log: EventWriter) -> None:
    """As TensorFlow writes them: tensors, with what the tag is behind each of them."""
    for step in range(500):
        log.value(step, tensor_of("batch_loss", np.float32(1 / (1 + step)), about=b""))
        log.value(step, tensor_of("batch_accuracy", np.float32(step / 500), about=b"about"))


def keras_epochs(log: EventWriter) -> None:
    for step in range(1, 600):
        log.value(step, tensor_of("batch_loss", np.float32(step)))
        if step % 50 == 0:
            log.value(step // 50, tensor_of("epoch_loss", np.float32(step)))
            log.tensor("dense/kernel/histogram", step, [[0, 1, 5.0]], "histograms")
        log.scalar("lr", step, 0.1)


def said_once(log: EventWriter) -> None:
    """What the tag is stands in its first event only; the number is one of a list."""
    for step in range(1, 300):
        value = tensor_of("loss", np.float32(step))
        value.tensor.ClearField("tensor_content")
        value.tensor.float_val.append(step / 2)
        if step > 1:
            value.ClearField("metadata")
        log.value(step, value)


def other_types(log: EventWriter) -> None:
    """Four bytes each, and not one of them a number of 32 bits alone."""
    for step in range(1, 300):
        log.value(step, tensor_of("loss", np.int32(step)))
        log.value(step, tensor_of("val_loss", np.full(2, step, np.float16)))
        twice = tensor_of("accuracy", np.float32(1.0))
        twice.tensor.float_val.append(0.5)
        log.value(step, twice)
        named = summary_pb2.Summary.Value(tag="lr", simple_value=1.0, node_name="lr\x15abcd")
        log.value(step, named)


def tensor_of(tag: str, number: Any, about: bytes = b"") -> Any:
    value = summary_pb2.Summary.Value(tag=tag)
    value.tensor.dtype = tensor_util.make_tensor_proto(number).dtype
    value.tensor.tensor_shape.SetInParent()
    for size in number.shape:
        value.tensor.tensor_shape.dim.add(size=size)
    value.tensor.tensor_content = number.tobytes()
    value.metadata.plugin_data.plugin_name = "scalars"
    value.metadata.plugin_data.content = about
    return value


TENSORS = (keras, keras_epochs, said_once, other_types)
LOGS = (*TENSORS, plain, large_steps, interrupted, begun_anew, not_finite, twice_a_step, of_no_use)


def one_by_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> LoggedRun:
    with monkeypatch.context() as patch:
        patch.setattr(ScalarEvents, "skim", lambda _self, _block, at: at)
        patch.setattr(ScalarEvents, "take", lambda _self, _record: False)
        run = new_run("run")
        read_file(path, run)
    return run


def assert_same(run: LoggedRun, expected: LoggedRun) -> None:
    assert run.damaged == expected.damaged
    assert run.positions == expected.positions
    assert list(run.summaries.scalars) == list(expected.summaries.scalars)
    for tag, points in expected.summaries.scalars.items():
        read = run.summaries.scalars[tag]
        assert (read.count, read.odd_count, str(read.odd)) == (
            points.count,
            points.odd_count,
            str(points.odd),
        )
        np.testing.assert_array_equal(astuple(read.line()), astuple(points.line()))


@pytest.mark.parametrize("write", LOGS)
@pytest.mark.parametrize("block_bytes", [1 << 22, 5_000])
def test_every_log_is_what_it_is_one_by_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[EventWriter], None],
    block_bytes: int,
) -> None:
    monkeypatch.setattr("tensorboard_plugin_collapse.log_files.BLOCK_BYTES", block_bytes)
    with EventWriter(tmp_path) as log:
        write(log)
    run = new_run("run")
    read_file(log.path, run)
    assert_same(run, one_by_one(log.path, monkeypatch))


def calls_of(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The only argument of each of the calls that will come."""
    calls: list[Any] = []
    method = getattr(owner, name)

    def spy(self: Any, argument: Any) -> Any:
        calls.append(argument)
        return method(self, argument)

    monkeypatch.setattr(owner, name, spy)
    return calls


@pytest.mark.parametrize(
    ("write", "events"), [(plain, 700 * len(NAMES)), (keras, 1000), (said_once, 299)]
)
def test_most_events_of_a_training_are_read_in_tables(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[EventWriter], None],
    events: int,
) -> None:
    single = calls_of(ScalarEvents, "take", monkeypatch)
    with EventWriter(tmp_path) as log:
        write(log)
    read_file(log.path, new_run("run"))
    assert len(single) < 0.1 * events


@pytest.mark.parametrize("seed", range(8))
def test_damage_is_told_where_it_is_told_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    with EventWriter(tmp_path) as log:
        plain(log)
    data = bytearray(log.path.read_bytes())
    for at in np.random.default_rng(seed).integers(2_000, len(data), 3).tolist():
        data[at] ^= 1 << (at % 8)
    log.path.write_bytes(data[: len(data) - 9])
    run = new_run("run")
    read_file(log.path, run)
    assert run.damaged
    assert_same(run, one_by_one(log.path, monkeypatch))


def test_a_log_that_grows_is_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run("run")
    with EventWriter(tmp_path) as log:
        for _ in range(5):
            plain(log)
            log.flush()
            read_file(log.path, run)
    assert_same(run, one_by_one(log.path, monkeypatch))


def test_a_table_is_no_larger_than_it_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_cycles, "LARGEST_TABLE", 20_000)
    tables = calls_of(event_cycles.Cycle, "_take", monkeypatch)
    with EventWriter(tmp_path) as log:
        plain(log)
    read_file(log.path, new_run("run"))
    assert 10_000 < max(table.nbytes for table in tables) <= 20_000


def test_records_without_a_skimmer_are_all_there(tmp_path: Path) -> None:
    with EventWriter(tmp_path) as log:
        plain(log)
    read = list(records(io.BytesIO(log.path.read_bytes())))
    assert len(read) == 1 + 700 * len(NAMES)
    assert not any(isinstance(record, DamagedRecordError) for record in read)

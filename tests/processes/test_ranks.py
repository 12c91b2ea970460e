"""Which processes belong together, what they are called, and what each of them says."""

from __future__ import annotations

import io
import math
import multiprocessing
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tensorboard_plugin_collapse.chunks import Rows
from tensorboard_plugin_collapse.from_json import record
from tensorboard_plugin_collapse.merging import Series, merged
from tensorboard_plugin_collapse.rank_groups import Member, groups

from collapse_magic.findings import Finding
from collapse_magic.records import (
    LayerFacts,
    LossFacts,
    ModelFacts,
    PredictionWindow,
    RunStarted,
)
from collapse_magic.report import Report, plain
from collapse_magic.session import ranks
from collapse_magic.sinks import rows as wire
from collapse_magic.sinks import run_directory
from collapse_magic.sinks.terminal import TerminalSink
from tests.rules.hand_made import loss_facts, window


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"RANK": "0", "WORLD_SIZE": "1"}, None),
        ({"RANK": "1", "WORLD_SIZE": "4"}, (1, 4)),
        ({"RANK": "4", "WORLD_SIZE": "4"}, None),
        ({"RANK": "first", "WORLD_SIZE": "4"}, None),
    ],
)
def test_the_rank_is_read_from_the_environment(
    environment: dict[str, str], expected: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    rank = ranks.begin_run()
    assert (None if rank is None else (rank.number, rank.world_size)) == expected


def test_a_process_group_knows_better_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing but the two look-ups is asked of it."""
    group = SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: True,
        get_rank=lambda: 2,
        get_world_size=lambda: 3,
    )
    monkeypatch.setitem(sys.modules, "torch.distributed", group)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "8")
    first, second = ranks.begin_run(), ranks.begin_run()
    assert first is not None and second is not None
    assert (first.number, first.world_size) == (2, 3)
    assert first.group != second.group  # one training after the other


def _claim(logdir: Path, rank: int, times: int) -> None:
    for _ in range(times):
        run_directory.create(logdir, "net", f"rank-{rank}")


def test_processes_that_begin_at_once_do_not_get_into_each_others_way(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    # Twice the same rank: two trainings of one name that know nothing of each other.
    processes = [context.Process(target=_claim, args=(tmp_path, n // 2, 20)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*/*")}
    names = ["net", *(f"net-{number}" for number in range(2, 41))]
    assert made == {f"{name}/rank-{rank}" for name in names for rank in (0, 1)}


def test_a_run_without_parts_keeps_its_directory(tmp_path: Path) -> None:
    (run_directory.create(tmp_path, "net") / "events").touch()
    assert run_directory.create(tmp_path, "net", "rank-0") == tmp_path / "net-2" / "rank-0"
    assert run_directory.create(tmp_path, "net") == tmp_path / "net-3"


def member(run: str, rank: int, began: float, ended: float, world: int = 2) -> Member:
    return Member(run, rank, world, "host#1", began, ended)


def test_only_processes_that_ran_at_the_same_time_belong_together() -> None:
    every = [
        member("net/rank-0", 0, 0, 10),
        member("net/rank-1", 1, 1, 10),
        member("net-2/rank-0", 0, 20, 30),  # its other half left no log ...
        member("net-3/rank-0", 0, 40, 50),
        member("net-2/rank-1", 1, 41, 50),  # ... and this one is another's
        member("wide/rank-0", 0, 41, 50, world=4),
        member("wide/rank-3", 3, 41, 50, world=4),
        member("lone/rank-1", 1, 41, 50, world=5),
    ]
    found = {group.name: group for group in groups(every, {each.run for each in every})}
    assert {name: dict(group.members) for name, group in found.items()} == {
        "net": {0: "net/rank-0", 1: "net/rank-1"},
        "net-3": {0: "net-3/rank-0", 1: "net-2/rank-1"},
        "wide": {0: "wide/rank-0", 3: "wide/rank-3"},
    }
    assert found["wide"].world_size == 4
    (group,) = groups(every[:2], {"net"})
    assert group.name == "net (all ranks)"


def series(*windows: PredictionWindow) -> Series:
    fields = [field.to_dict() for field in wire.prediction_fields(("0", "1"))]
    values = np.array([wire.prediction_columns(each) for each in windows], np.float32)
    steps = np.array([each.last_step for each in windows], np.float64)
    return Series(
        "predictions/cross_entropy/train",
        {"kind": "predictions", "name": "cross_entropy", "fields": fields},
        Rows(steps, steps + 0.5, values),
    )


def test_a_row_can_be_made_into_the_window_it_was() -> None:
    (as_it_was,) = [
        replace(window(40, labels=(90, 10)), one_in=4, batches=7, single_class_batches=2)
    ]
    (again,) = series(as_it_was).windows()
    assert again.site == "cross_entropy" and again.phase == "train"
    for name in ("labels", "predicted", "correct", "batches", "one_in", "single_class_batches"):
        assert getattr(again, name) == getattr(as_it_was, name), name
    assert (again.first_step, again.last_step) == (as_it_was.first_step, as_it_was.last_step)
    assert again.cross_entropy_nats == pytest.approx(as_it_was.cross_entropy_nats)
    assert again.mean_probability == pytest.approx(as_it_was.mean_probability)


def test_a_row_of_an_older_log_is_a_window_too() -> None:
    new = series(window(40, labels=(90, 10)))
    fields = [f for f in new.about["fields"] if f["name"] not in wire.AS_MEASURED]
    values = new.rows.values[:, : -len(wire.AS_MEASURED)]
    old = replace(new, about={**new.about, "fields": fields}, rows=replace(new.rows, values=values))
    (again,) = old.windows()
    assert again.labels == (90, 10) and again.batches == 1 and math.isnan(again.outside_unit)
    assert again.cross_entropy_nats == pytest.approx(new.windows()[0].cross_entropy_nats)


def test_windows_of_different_lengths_are_put_together_step_by_step() -> None:
    fast = [window(labels=(100, 0), last_step=step) for step in (10, 20, 30, 40)]
    slow = [window(labels=(0, 200), last_step=step) for step in (19, 38)]
    live = merged([series(*fast), series(*slow)], finished=False)
    assert live.rows.steps.tolist() == [19, 38]  # what follows waits for the other process
    ended = merged([series(*fast), series(*slow)], finished=True)
    assert [each.labels for each in ended.windows()] == [(100, 200), (300, 200)]
    assert ended.rows.steps.tolist() == [19, 40]
    assert ended.rows.wall_times.tolist() == [19.5, 40.5]


def test_a_process_that_counted_one_batch_in_four_speaks_for_four() -> None:
    busy = replace(window(10, labels=(25, 0), predicted=(20, 5), correct=(20, 0)), one_in=4)
    idle = replace(window(10, labels=(0, 100), predicted=(0, 100), correct=(0, 100)), one_in=1)
    (both,) = merged([series(busy), series(idle)], finished=True).windows()
    assert (both.labels, both.predicted, both.correct) == ((100, 100), (80, 120), (80, 100))


@pytest.mark.parametrize(
    "original",
    [
        RunStarted("net", math.inf, "torch", None, ("a", "b"), 1, 2, "group"),
        ModelFacts("m", "Net", (LayerFacts("a", "Linear", 6, math.nan),), ("ReLU",), (), (0.5,)),
        loss_facts(),
    ],
)
def test_records_come_back_from_json(original: RunStarted | ModelFacts | LossFacts) -> None:
    assert plain(record(type(original), plain(original))) == plain(original)
    assert hash(record(type(original), plain(original)))  # tuples all the way down


def finding(code: str, rule: str, severity: Any = "error") -> Finding:
    return Finding(
        code=code, rule=rule, severity=severity, confidence="certain", message="it is so",
        evidence=(), first_step=1, last_step=9, site="loss",
    )  # fmt: skip


@pytest.mark.parametrize(("rank", "speaks"), [(None, True), (0, True), (1, False)])
def test_of_several_processes_one_speaks(rank: int | None, speaks: bool) -> None:
    out = io.StringIO()
    sink = TerminalSink(out)
    sink.record(RunStarted("net", 0.0, "torch", None, None, rank, 2, "g"))
    findings = (finding("CM306", "labels-out-of-range"), finding("CM201", "vanishing-gradients"))
    report = Report("net", 9, None, 1.0, 0.0, True, findings, (), {}, None)
    sink.update(report)
    assert ("vanishing-gradients" in out.getvalue()) is speaks
    sink.close(report)
    lines = [line for line in out.getvalue().splitlines() if line]
    # What a process alone can know: its own labels are wrong.
    own = [line for line in lines if line.startswith("rank 1: ")]
    assert (len(lines) == len(own) == 1) is not speaks
    assert speaks or "error[CM306] labels-out-of-range" in own[0]

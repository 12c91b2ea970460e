"""The event sink as the session uses it: a thread that writes, and a caller that never waits."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

import pytest

from collapse_magic.records import LearningRate, LossValues, ProbeNote, Record
from collapse_magic.report import Report
from collapse_magic.sinks import tensorboard as module
from collapse_magic.sinks.tensorboard import EventSink, thinned
from tests.support import sample_logs as samples
from tests.support.event_files import rows_of, texts_of
from tests.support.waiting import wait_until

LOSS = "loss/cross_entropy"


def report(**changes: object) -> Report:
    fields: dict[str, object] = {
        "run": "net",
        "steps": 3,
        "epochs": 1,
        "seconds": 1.0,
        "cost": 0.01,
        "collapsed": False,
        "findings": (),
        "clear": (),
        "skipped": {},
        "logdir": None,
    }
    return Report(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_run_is_written_while_it_goes_on(tmp_path: Path) -> None:
    """GIVEN a sink WHEN records come in THEN they are in the file before it is closed."""
    sink = EventSink(str(tmp_path / "runs"), "net")
    assert sink.run == "net"
    assert sink.directory == str(tmp_path / "runs" / "net")
    try:
        sink.record(LossValues("cross_entropy", (1, 2, 3), (0.5, 0.4, 0.3)))
        sink.update(report(finished=False))
        # Step 3 stays open: it may have another backward.
        steps = wait_until(lambda: [s for s, *_ in rows_of(sink.directory, LOSS)], "rows")
        assert steps == [1, 2]
        wait_until(lambda: texts_of(sink.directory, "report"), "the report")
    finally:
        sink.close(report())
    assert [(s, v) for s, _, v in rows_of(sink.directory, LOSS)] == [(1, 0.5), (2, 0.4), (3, 0.3)]
    assert [r["finished"] for r in texts_of(sink.directory, "report")] == [False, True]
    assert sink.error is None


def test_everything_queued_is_there_after_close(tmp_path: Path) -> None:
    sink = EventSink(str(tmp_path), "net")
    for record in samples.sample_records(samples.HEALTHY):
        sink.record(record)
    sink.close(report(steps=640))
    assert [s for s, *_ in rows_of(sink.directory, LOSS)] == list(range(1, 641))
    assert texts_of(sink.directory, "report")[-1]["steps"] == 640
    assert texts_of(sink.directory, "facts")[-1]["models"][0]["model"] == "model"


def test_close_may_be_called_again_and_later_calls_do_nothing(tmp_path: Path) -> None:
    sink = EventSink(str(tmp_path), "net")
    sink.close(report(steps=1))
    sink.record(ProbeNote("late"))
    sink.update(report(steps=2))
    sink.close(report(steps=3))
    assert [r["steps"] for r in texts_of(sink.directory, "report")] == [1]


def test_every_run_has_a_directory_of_its_own(tmp_path: Path) -> None:
    sinks = [EventSink(str(tmp_path), "net") for _ in range(3)]
    for sink in sinks:
        sink.close(report())
    assert [sink.run for sink in sinks] == ["net", "net-2", "net-3"]


@pytest.mark.parametrize("kind", ["a file in the way", "no permission"])
def test_a_log_that_cannot_be_written_is_one_sentence(tmp_path: Path, kind: str) -> None:
    if kind == "a file in the way":
        logdir = tmp_path / "file"
        logdir.write_text("")
    else:
        logdir = Path("/proc/nowhere/runs") if os.name == "posix" else Path("\\\\.\\nowhere")
    sink = EventSink(str(logdir), "net")
    sink.record(LossValues("cross_entropy", (1,), (0.5,)))
    sink.update(report())
    sink.close(report())
    assert sink.directory is None
    assert sink.error is not None
    assert sink.error.startswith(f"the log cannot be written to {str(logdir)!r}: ")
    assert "\n" not in sink.error


def test_a_disk_that_fails_ends_the_log_and_not_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIVEN a disk that is full after a while THEN what was written stays readable."""
    sink = EventSink(str(tmp_path), "net")
    sink.record(LossValues("cross_entropy", (1, 2), (0.5, 0.4)))
    wait_until(lambda: rows_of(sink.directory, LOSS), "the first row")
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if threading.current_thread() is sink._thread:
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        sink.record(LossValues("cross_entropy", (3, 4), (0.3, 0.2)))
        error = wait_until(lambda: sink.error, "the error")
    sink.record(LossValues("cross_entropy", (5,), (0.1,)))
    sink.close(report())
    assert error == f"the log in {sink.directory} ends early: No space left on device"
    assert [s for s, *_ in rows_of(sink.directory, LOSS)] == [1]


def test_a_record_that_makes_no_row_does_not_end_the_log(tmp_path: Path) -> None:
    sink = EventSink(str(tmp_path), "net")
    sink.record(LossValues("cross_entropy", (1, 2), (0.5,)))  # a value is missing
    sink.record(LossValues("cross_entropy", (3,), (0.3,)))
    sink.close(report())
    assert sink.error is not None
    assert "not complete" in sink.error
    assert 3 in [s for s, *_ in rows_of(sink.directory, LOSS)]


def test_a_disk_that_stands_still_never_holds_up_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIVEN a write that does not return WHEN far more comes in than fits
    THEN the queue stays bounded, nothing blocks, and facts and report are written in the end."""
    monkeypatch.setattr(module, "LONGEST_QUEUE", 64)
    sink = EventSink(str(tmp_path), "net")
    write, stuck, go_on = os.write, threading.Event(), threading.Event()

    def slow(descriptor: int, data: bytes) -> int:
        if threading.current_thread() is sink._thread:
            stuck.set()
            assert go_on.wait(60)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", slow)
    for record in samples.sample_records(samples.COLLAPSED)[:5]:
        sink.record(record)
    assert stuck.wait(60)
    for record in samples.sample_records(samples.HEALTHY):
        sink.record(record)
        assert len(sink._records) < 64
    go_on.set()
    sink.close(report(steps=640))
    assert texts_of(sink.directory, "report")[-1]["steps"] == 640
    assert len(texts_of(sink.directory, "facts")[-1]["models"][0]["layers"]) == 3
    predicted = rows_of(sink.directory, "predictions/cross_entropy/train")
    # Windows were joined, not dropped: all samples are there.
    windows = [
        r for r in samples.sample_records(samples.HEALTHY) if getattr(r, "phase", "") == "train"
    ]
    assert sum(row[2] for row in predicted) == sum(w.samples for w in windows)
    assert len(predicted) < len(windows)


def test_thinning_keeps_what_is_said_once() -> None:
    rate = LearningRate("optimizer", 1, (0.1,))
    losses = [LossValues("cross_entropy", (n,), (1.0,)) for n in range(1, 9)]
    records: list[Record] = [rate, *losses, ProbeNote("seen")]
    kept = [record for _, record in thinned(deque((0.0, record) for record in records))]
    assert kept == [rate, *losses[::2], ProbeNote("seen")]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_writes_nothing_and_never_waits(tmp_path: Path) -> None:
    """GIVEN a sink whose thread is at work WHEN a data loader forks its workers
    THEN they leave it alone: its lock would never be released in them, the file is the parent's."""
    sink = EventSink(str(tmp_path), "net")
    sink.record(LossValues("cross_entropy", (1,), (0.5,)))
    with sink._lock:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(20)  # ends a child that waits
            try:
                sink.record(LossValues("cross_entropy", (100,), (9.0,)))
                sink.close(report(steps=100))
            finally:
                os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    sink.close(report())
    assert [s for s, *_ in rows_of(sink.directory, LOSS)] == [1]


def _claim(logdir: str, names: multiprocessing.SimpleQueue[str]) -> None:
    sink = EventSink(logdir, "net")
    names.put(sink.run)
    sink.close(report())


def test_two_processes_never_share_a_run(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    names: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
    processes = [context.Process(target=_claim, args=(str(tmp_path), names)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert sorted(names.get() for _ in processes) == ["net", "net-2", "net-3"]


def test_the_sink_imports_no_framework(tmp_path: Path) -> None:
    code = (
        "import json, sys\n"
        "from collapse_magic.sinks.tensorboard import EventSink\n"
        "early = 'tensorboard' in sys.modules\n"
        f"sink = EventSink({str(tmp_path)!r}, 'net')\n"
        "heavy = {'tensorflow', 'torch', 'numpy', 'matplotlib', 'IPython', 'grpc'}\n"
        "print(json.dumps([early, sorted(heavy & set(sys.modules)), sink.error]))\n"
    )
    # A TensorFlow that can be imported, as in many users' environments.
    (tmp_path / "fake" / "tensorflow").mkdir(parents=True)
    (tmp_path / "fake" / "tensorflow" / "__init__.py").write_text("")
    path = os.pathsep.join([str(tmp_path / "fake"), *filter(None, sys.path)])
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == [False, [], None]

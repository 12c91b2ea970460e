"""The session itself: with a probe and a clock that are driven by hand."""

from __future__ import annotations

from typing import Any

import pytest

from collapse_magic.config import WatchConfig
from collapse_magic.probes import Probe
from collapse_magic.records import (
    LearningRate,
    LossFacts,
    LossValues,
    ModelFacts,
    PredictionWindow,
    ProbeNote,
    Record,
)
from collapse_magic.report import Report
from collapse_magic.session.user_code import ScriptCode
from collapse_magic.session.watch_session import WatchSession
from collapse_magic.sinks.memory import MemorySink

FACTS = LossFacts(
    site="bce",
    step=1,
    loss="binary_cross_entropy",
    task="binary",
    classes=2,
    activations=("sigmoid",),
    input_shape=(10, 1),
    target_shape=(10, 1),
    target_kind="binary",
    target_min=0.0,
    target_max=1.0,
    broadcast=False,
    weighted=False,
    model="net",
    cell=0,
    line=1,
)
MODEL = ModelFacts("net", "Linear", (), (), (), ())


def window(first: int, last: int, samples: int = 640) -> PredictionWindow:
    ones = samples // 10
    return PredictionWindow(
        site="bce",
        phase="train",
        first_step=first,
        last_step=last,
        batches=last - first + 1,
        one_in=1,
        samples=samples,
        labels=(samples - ones, ones),
        predicted=(samples, 0),
        correct=(samples - ones, 0),
        cross_entropy_nats=0.32,
        mean_probability=(0.9, 0.1),
        pull=(0.5, 0.5),
        spread=0.5,
        rank=0.8,
        outside_unit=0.0,
        input_row_sums_to_one=False,
        out_of_range=0,
        single_class_batches=0,
    )


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class HandProbe(Probe):
    """Does what the test tells it."""

    calls: list[str]
    broken: type[BaseException] | None = None

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.calls = []

    @property
    def cost_seconds(self) -> float:
        return 0.5

    def flush(self) -> None:
        self.calls.append("flush")
        if self.broken:
            raise self.broken("flush went wrong")

    def _attach(self) -> None:
        self.calls.append("attach")

    def _detach(self) -> None:
        self.calls.append("detach")


class EventsByHand(MemorySink):
    def __init__(self, logdir: str, name: str) -> None:
        super().__init__()
        self.run, self.directory, self.error = f"{name}-2", f"{logdir}/{name}-2", None


class Run:
    """A session with its parts at hand."""

    def __init__(self, sinks: tuple[Any, ...] = (), **options: Any) -> None:
        self.clock = Clock()
        self.sink = MemorySink()
        self.events: list[EventsByHand] = []
        self.probes: list[HandProbe] = []
        self.session = WatchSession(
            WatchConfig(**options),
            ScriptCode(__file__),
            [self.sink, *sinks],
            event_sink=self._events,
            clock=self.clock,
            probes=self._probes,
        )

    def _events(self, logdir: str, name: str) -> EventsByHand:
        self.events.append(EventsByHand(logdir, name))
        return self.events[-1]

    def _probes(self, context: Any) -> list[Probe]:
        self.probes.append(HandProbe(context))
        return [self.probes[-1]]

    def emit(self, *records: Record) -> None:
        for record in records:
            self.session.emit(record)


def test_a_run_comes_into_being_with_the_first_record_of_training() -> None:
    run = Run()
    run.session.start()
    run.emit(MODEL, FACTS)
    assert run.events == []
    run.emit(LossValues("bce", (1,), (0.7,)))
    (events,) = run.events
    kinds = [type(record).__name__ for record in events.records]
    assert kinds == ["RunStarted", "ModelFacts", "LossFacts", "LossValues"]
    report = run.session.stop()
    assert report.run == "net-2" and report.logdir == "runs"
    assert events.final is not None and events.final.finished


def test_without_training_there_is_no_run() -> None:
    run = Run()
    run.session.start()
    run.emit(MODEL, FACTS, ProbeNote("a note"))
    report = run.session.stop()
    assert run.events == [] and report.logdir is None and report.steps == 0
    assert report.notes == ("a note",)


def test_rules_run_at_most_twice_a_second_and_at_the_end() -> None:
    run = Run()
    run.session.start()
    run.emit(MODEL, FACTS)
    before = len(run.sink.updates)
    for step in range(1, 101):  # ten seconds
        run.clock.now += 0.1
        run.emit(LossValues("bce", (step,), (0.7,)))
    assert 16 <= len(run.sink.updates) - before <= 20
    assert run.session.stop() is run.sink.final


def test_rules_run_when_the_first_steps_have_been_seen_whatever_the_clock_says() -> None:
    run = Run()
    run.session.start()
    run.emit(MODEL, FACTS, LossValues("bce", (1,), (0.7,)))
    before = len(run.sink.updates)
    run.emit(LossValues("bce", (2,), (0.7,)), LossValues("bce", (3,), (0.7,)))
    assert len(run.sink.updates) == before
    run.session.first_steps_seen()
    assert len(run.sink.updates) == before + 1
    run.session.stop()
    run.session.first_steps_seen()
    assert len(run.sink.updates) == before + 1


def test_slow_rules_run_more_rarely_so_that_the_budget_holds() -> None:
    class Slow(MemorySink):
        def update(self, report: Report) -> None:
            run.clock.now += 0.05

    run = Run(sinks=(Slow(),), budget=2.0)
    run.session.start()
    for step in range(1, 1001):
        run.clock.now += 0.1
        run.emit(LossValues("bce", (step,), (0.7,)))
    # A quarter of 2 % of 100 s, in rounds of 50 ms.
    assert len(run.sink.updates) <= 14


def test_the_probes_clock_stands_still_while_rules_and_sinks_work() -> None:
    class Slow(MemorySink):
        def update(self, report: Report) -> None:
            run.clock.now += 3.0

    run = Run(sinks=(Slow(),))
    run.session.start()
    run.emit(LossValues("bce", (1,), (0.7,)))
    run.clock.now += 0.5  # there is a round of rules now
    before = run.session.clock()
    run.emit(LossValues("bce", (2,), (0.7,)))
    assert run.clock.now >= 3.5 and run.session.clock() == pytest.approx(before)
    run.clock.now += 4.0
    assert run.session.report.cost == pytest.approx((3.0 + 0.5) / (run.clock.now - 3.0), rel=0.01)


def test_a_sink_or_probe_that_breaks_is_a_note_and_everything_is_detached() -> None:
    class Broken(MemorySink):
        def update(self, report: Report) -> None:
            raise OSError("no room")

    run = Run(sinks=(Broken(),))
    run.session.start()
    run.probes[0].broken = RuntimeError
    run.emit(MODEL, FACTS, LossValues("bce", (1,), (0.7,)))
    run.emit("not a record")  # type: ignore[arg-type]
    report = run.session.stop()
    assert run.probes[0].calls == ["attach", "flush", "detach"]
    assert "watching was cut short: OSError: no room" in report.notes
    assert run.sink.final is report


def test_an_interrupt_while_stopping_still_puts_everything_back() -> None:
    run = Run()
    run.session.start()
    run.probes[0].broken = KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        run.session.stop()
    assert run.probes[0].calls == ["attach", "flush", "detach"]


def test_start_and_stop_may_be_called_twice() -> None:
    run = Run()
    run.session.start()
    run.session.start()
    first = run.session.stop()
    assert run.session.stop() is first
    run.session.start()
    assert not run.session.running and run.probes[0].calls == ["attach", "flush", "detach"]


def test_stop_on_gives_a_reason_once_a_finding_is_bad_enough() -> None:
    run = Run(stop_on="error")
    run.session.start()
    run.emit(MODEL, FACTS)
    assert run.session.stop_reason() is None
    for k in range(1, 9):
        run.clock.now += 1
        run.emit(LearningRate("sgd", k * 64, (0.1,)), window(k * 64 - 63, k * 64))
    reason = run.session.stop_reason()
    assert reason is not None and "--stop-on error: CM" in reason
    assert run.session.stop().findings[0].severity == "error"


def test_predictions_and_trace_of_the_report() -> None:
    run = Run(class_names=("no", "yes"))
    run.session.start()
    run.emit(MODEL, FACTS, window(1, 64), window(65, 128))
    report = run.session.stop()
    (summary,) = report.predictions
    assert summary.classes == ("no", "yes") and summary.predicted_share == (1.0, 0.0)
    assert summary.label_share == pytest.approx((0.9, 0.1)) and summary.recall == (1.0, 0.0)
    assert report.trace is not None and report.trace.share_steps == (64, 128)

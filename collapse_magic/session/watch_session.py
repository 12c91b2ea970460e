"""One watched run: wires configuration, user code, history, engine, fixes, probes and sinks.

The order of duties: never raise into the user's training, never change it, restore everything,
then report.
"""

from __future__ import annotations

import dataclasses
import math
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any

from .. import rules
from ..config import WatchConfig
from ..engine import Engine
from ..findings import Finding
from ..history import History
from ..probes import Probe, probes_for
from ..records import (
    LossFacts,
    ModelFacts,
    OutputReading,
    PredictionWindow,
    ProbeNote,
    Record,
    RunStarted,
)
from ..report import Report
from ..reporting import bare_report, build_report
from ..sinks.base import Sink
from ..sinks.tensorboard import EventSink, prepare
from .costs import Costs
from .export import export
from .frameworks import FRAMEWORKS, in_use
from .late_import import LateImport
from .late_options import LateOptions
from .placing import Placer
from .ranks import Rank, begin_run
from .rounds import Rounds
from .stopping import Stopping
from .tracebacks import hide_our_frames
from .user_code import UserCode


class WatchSession:
    """Implements `probes.base.ProbeContext`. `start` and `stop` may each be called more than once.

    Parameters
        config: the options; ``model`` and ``class_names`` may be `Expression`s, looked up in the
            user's variables as soon as they can be.
        code: where the user's code is.
        sinks: what shows the run; the event sink is added by itself when training is seen.
        event_sink: makes the event sink from (logdir, name).
    """

    def __init__(
        self,
        config: WatchConfig,
        code: UserCode,
        sinks: Sequence[Sink] = (),
        *,
        event_sink: Callable[[str, str], Any] = EventSink,
        clock: Callable[[], float] = time.perf_counter,
        probes: Callable[[Any], list[Probe]] = probes_for,
    ) -> None:
        self._options = LateOptions(config)
        self.code = code
        self.history = History()
        self.engine = Engine(rules.select(config.select, config.ignore), self.history)
        self.error: BaseException | None = None
        self._sinks = list(sinks)
        self._event_sink = event_sink
        self._events: Any = None
        self._clock = clock
        self._make_probes = probes
        self._probes: list[Probe] = []
        self._late_import = LateImport(FRAMEWORKS, self._attach)
        self._placer = Placer(self.engine, self.history, code, clock)
        self.rank: Rank | None = None  # in a training by several processes; known once it begins
        self._model_name: str | None = None
        self._run: str | None = None  # what the log directory made of the name: NAME, NAME-2 ...
        self._notes: list[str] = [*rules.problems()]
        self._held: list[Record] = []
        self._training = False
        self._began = self._ended = self._training_began = clock()
        self._started_at = time.time()
        self._costs = Costs(self._probes)
        self._rounds = Rounds()
        self._findings: tuple[Finding, ...] = ()
        self._report: Report | None = None
        self._stopping = Stopping()
        self._lock = threading.RLock()
        self._running = False

    # -- the run ---------------------------------------------------------------------------------

    @property
    def run(self) -> str:
        """What the run is called: as the user says, else after the model it trains."""
        return self._run or self.config.name or self._model_name or "training"

    @property
    def config(self) -> WatchConfig:
        """The options, as far as they are known by now."""
        if self._options.open and self._running:
            self._guard(lambda: self._options.look_up(self.namespace(), self._training))
        return self._options.config

    @property
    def running(self) -> bool:
        return self._running

    def start(self) -> None:
        if self._running or self._report is not None:
            return
        self._running = True
        for sink in self._sinks:
            self._guard(sink.update, self._build())
        self._began = self._clock()
        self._guard(self._read_code)
        self._guard(self._attach)
        self._guard(self._late_import.install)

    def explain(self, error: BaseException) -> None:
        """Shows what went wrong where the user's loss raised; called before the traceback is
        shown, which then holds no frame of ours."""
        if not self._running or self.error is error:
            return
        self.error = error
        with self._lock:
            explained = (self._guard(probe.explain, error) for probe in self._probes)
            record = next((found for found in explained if found is not None), None)
            # A framework that cuts its own frames out leaves ours in front of the one that tells.
            self._guard(hide_our_frames, error)
            if record is not None:
                self.emit(record)

    def stop(self) -> Report:
        """Restores everything and gives the final report; the sinks get it first."""
        if not self._running:
            return self._report or self._build()
        with self._lock:
            report: Report | None = None
            try:
                self._take_off()
                self._notes += self._options.problems
                self._guard(self._find, True)
                report = self._build(final=True)
            finally:  # a second Ctrl-C may have met us anywhere
                if self._events is not None:
                    bare = bare_report(self.run, self._notes, finished=True)
                    self._guard(self._events.close, report or bare)
            if self._events is not None:
                report = self._build(final=True)  # closing may have found that the log is cut short
            if self.config.export is not None:
                path = self.config.export
                path = path if self.rank is None else self.rank.own_path(path)
                problem = self._guard(export, report, path)
                if problem:
                    self.note(problem)
                notes = dict.fromkeys((*report.notes, *self._notes))
                report = dataclasses.replace(report, notes=tuple(notes))
            self._report = report
            for sink in self._sinks:
                self._guard(sink.close, report)
            self._guard(self.code.release)
        return report

    def _take_off(self) -> None:
        """Emits what is held back, and puts back what was replaced."""
        try:
            self._guard(self._late_import.remove)
            for probe in self._probes:
                self._guard(probe.flush)
        finally:  # a second Ctrl-C meets us here: what was replaced is put back all the same
            with suppress(ValueError):
                sys.meta_path.remove(self._late_import)
            for probe in self._probes:
                self._guard(probe.detach)
            self._ended = self._clock()
            self._running = False

    def abandon(self) -> None:
        """Leaves everything as it was without watching, and says nothing; for a forked process."""
        self._lock = threading.RLock()  # a thread that is not here may have held the other one
        self._running = False
        self._sinks, self._events = [], None
        self._guard(self._late_import.remove)
        for probe in self._probes:
            self._guard(probe.detach)

    @property
    def report(self) -> Report:
        """As it stands; the final one after the run."""
        if self._report is not None:
            return self._report
        with self._lock:
            return self._build()

    # -- what probes ask -------------------------------------------------------------------------

    def emit(self, record: Record) -> None:
        with self._lock:
            self._guard(self._take, record)

    def first_steps_seen(self) -> None:
        """What is wired wrongly is known by now, and said before the cell runs for an hour."""
        with self._lock:
            if self._running and self._training:
                self._guard(self._round)

    def clock(self) -> float:
        """Stands still while rules and sinks work: probes book their own time, the session its
        own."""
        return self._clock() - self._costs.rounds

    def place(self, frame: FrameType) -> tuple[int, int] | None:
        try:
            return self.code.place(frame)
        except Exception:
            return None

    def namespace(self) -> Mapping[str, Any]:
        try:
            return self.code.namespace()
        except Exception:
            return {}

    def stop_reason(self) -> str | None:
        config = self._options.config
        if config.steps is not None or config.seconds is not None:
            seconds = self._clock() - self._training_began if self._training else 0.0
            self._stopping.at_limits(config, self._steps(), seconds)
        return self._stopping.reason

    def _steps(self) -> int:
        return max([self.history.steps, *(getattr(p, "steps", 0) for p in self._probes)])

    # -- records ---------------------------------------------------------------------------------

    def _take(self, record: Record) -> None:
        self.history.append(record)
        if self._model_name is None and isinstance(record, (ModelFacts, LossFacts)):
            self._model_name = record.model
        if not self._training and _is_training(record):
            self._training_begins()
        if isinstance(record, LossFacts):
            self._count_names(record.classes)
        if self._events is not None:
            self._events.record(record)
        elif not self._training:
            self._held.append(record)
        self._maybe_update(record)

    def _training_begins(self) -> None:
        """Only now a run comes into being: a cell without training leaves no empty one behind."""
        self._training, self._training_began = True, self._clock()
        self._costs.begin(self._training_began)
        self.rank = rank = self._guard(begin_run)
        part = () if rank is None else (rank.directory,)
        if rank is not None:
            self._notes.append(rank.note)
        if self.config.tensorboard:
            self._events = self._guard(self._event_sink, self.config.logdir, self.run, *part)
        if self._events is not None and getattr(self._events, "directory", None):
            self._run = self._events.run
        elif part:
            self._run = "/".join((self.run, *part))
        started = RunStarted(
            run=self.run,
            started=self._started_at,
            framework=in_use(self._probes),
            cell=self.code.cell,
            class_names=self._names(),
            **({} if rank is None else rank.in_record()),
        )
        self.history.append(started)
        for sink in (*self._sinks, *([self._events] if self._events is not None else [])):
            self._guard(sink.record, started)
        if self._events is not None:
            for held in self._held:
                self._events.record(held)
        self._held.clear()

    def _maybe_update(self, record: Record) -> None:
        if not self._running or not self._training:
            return
        by_clock = self._costs.round_is_due(self._clock())
        if self._rounds.is_due(record, self.history.steps, by_clock, self._allowance):
            self._round()

    def _round(self) -> None:
        """The rules run, and the sinks are told."""
        began = self._clock()
        self._find()
        report = self._build()
        for sink in (*self._sinks, *([self._events] if self._events is not None else [])):
            self._guard(sink.update, report)
        self._costs.book_round(began, self._clock(), self.config.budget)
        self._rounds.done(self.history.steps)

    def _find(self, final: bool = False) -> None:
        findings = self.engine.update(final=final)
        self._findings = self._placer.place(findings, self._allowance(), final=final)
        self._stopping.at_findings(self.config, self._findings, self.history.steps)

    # -- the rest --------------------------------------------------------------------------------

    def _allowance(self) -> float:
        """Seconds of our own work that the run may still be charged with by now."""
        if not self._running or self.error is not None:
            return math.inf
        return self._costs.left(self._clock() - self._began, self.config.budget)

    def _build(self, final: bool = False) -> Report:
        """The report as it stands; where it cannot be made, one that says so."""
        report: Report | None = self._guard(self._full_report, final)
        return report or bare_report(self.run, self._notes, finished=not self._running)

    def _full_report(self, final: bool) -> Report:
        until = self._clock() if self._running else self._ended
        seconds = max(until - self._began, 0.0)
        cost = self._costs.in_all()
        return build_report(
            self.history,
            self.engine,
            self._findings,
            run=self.run,
            steps=self._steps(),
            seconds=seconds,
            cost=min(cost / seconds, 1.0) if seconds > 0 else 0.0,
            logdir=self._logdir(),
            notes=(*self.history.notes, *self._notes, *self._log_error()),
            finished=not self._running,
            class_names=self._names(),
            with_trace=final,
        )

    def _logdir(self) -> str | None:
        written = self._events is not None and getattr(self._events, "directory", None)
        return str(self.config.logdir) if written else None

    def _log_error(self) -> tuple[str, ...]:
        error = getattr(self._events, "error", None)
        return (f"no TensorBoard logs: {error}",) if error else ()

    def _read_code(self) -> None:
        """Before the training: while it runs its time is not ours."""
        began = self._clock()
        for one in self._placer.read().answers(self.code.cell):
            place = one.spot.cell.number, one.spot.line, one.column
            self.emit(OutputReading(one.model, one.how, one.threshold, one.activations, *place))
        self._costs.attaching += self._clock() - began

    def _attach(self) -> None:
        began = self._clock()
        have = {type(probe) for probe in self._probes}
        for probe in self._probes:
            self._guard(probe.imported)
        for probe in self._make_probes(self):
            if type(probe) not in have:
                self._probes.append(probe)
                self._guard(probe.attach)
        if self._probes and not have and self.config.tensorboard:
            self._guard(prepare)  # now, rather than within the first step
        self._costs.attaching += self._clock() - began

    def _names(self) -> tuple[str, ...] | None:
        _ = self.config  # looks up what is still open
        return self._options.class_names()

    def _count_names(self, classes: int) -> None:
        """Names that fit no class are left out, which has to be said."""
        names = self._names()
        if names and classes and len(names) != classes:
            self.note(
                f"class names: {len(names)} given for {classes} classes; "
                "the classes are shown by number"
            )

    def note(self, text: str) -> None:
        """One sentence about the watching itself, said once."""
        if text not in self._notes:
            self._notes.append(text)

    def _guard(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Runs work of ours: whatever it raises becomes one note, and the training goes on."""
        try:
            return work(*arguments)
        except Exception as error:
            self.note(f"watching was cut short: {type(error).__name__}: {error}".splitlines()[0])
            return None


def _is_training(record: Record) -> bool:
    """Whether a record can only come from training; facts and evaluation alone do not make a
    run."""
    if isinstance(record, PredictionWindow):
        return record.phase == "train"
    facts = (RunStarted, ModelFacts, LossFacts, OutputReading, ProbeNote)
    return not isinstance(record, facts)

"""A run's event file, written by a thread of its own while the training goes on."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from pathlib import Path

from ..records import ActivationStatistics, LayerStatistics, LossValues, PredictionWindow, Record
from ..report import Report
from . import run_directory
from .event_log import EventLog
from .rows import join_windows

FLUSH_EVERY_S = 1.0
# Enough for half a minute of a fast training. The thread is woken at a quarter of it, so the whole
# of it is only reached where the disk stands still.
LONGEST_QUEUE = 4096
# A disk that stands still must not hold up the end of the user's cell for longer.
CLOSE_WITHIN_S = 5.0


def prepare() -> None:
    """Imports what the first event is made with, tens of milliseconds once a process."""
    from .events import EventEncoder

    EventEncoder()


class EventSink:
    """Writes LOGDIR/RUN for TensorBoard. No method raises or waits for the disk, `close` apart.

    Attributes:
        run: name of the run, unique in its log directory: NAME, NAME-2, NAME-3 ...; NAME/PART
            where several processes write a part each.
        directory: path of the run's directory; None where it could not be made.
        error: one sentence where the log cannot be written; else None.
    """

    def __init__(self, logdir: str, run_name: str, part: str = "") -> None:
        self.run = run_directory.safe_name(run_name)
        self._part = part
        self.directory: str | None = None
        self.error: str | None = None
        self._records: deque[tuple[float, Record]] = deque()
        self._report: Report | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._process = os.getpid()
        self._log: EventLog | None = None
        self._thread = threading.Thread(
            target=self._work, name="collapse-magic-events", daemon=True
        )
        try:
            self._log = self._open(Path(logdir).expanduser())
            self._thread.start()
        except Exception as error:
            self._fail(f"the log cannot be written to {logdir!r}", error)
            self.directory = None

    def record(self, record: Record) -> None:
        """Takes note of a record; the thread writes it within a second."""
        if self._log is None or os.getpid() != self._process:  # a forked process has no thread
            return
        with self._lock:
            self._records.append((time.time(), record))
            waiting = len(self._records)
            if waiting >= LONGEST_QUEUE:
                self._records = deque(thinned(self._records))
        if waiting == LONGEST_QUEUE // 4:
            self._wake.set()

    def update(self, report: Report) -> None:
        """Takes note of the report as it stands."""
        with self._lock:
            self._report = report

    def close(self, report: Report) -> None:
        """Writes all that is left, with the final report, and closes the file."""
        if self._log is None or os.getpid() != self._process:
            return
        try:
            self.update(report)
        finally:
            self._closing = True
            self._wake.set()
        self._thread.join(CLOSE_WITHIN_S)
        if self._thread.is_alive() and self.error is None:
            self.error = f"the log in {self.directory} was not complete after {CLOSE_WITHIN_S:g} s"

    def _open(self, logdir: Path) -> EventLog:
        from .events import EventEncoder, EventFile

        encoder = EventEncoder()
        directory = run_directory.create(logdir, self.run, self._part)
        file = EventFile(directory, encoder)
        self.run, self.directory = directory.relative_to(logdir).as_posix(), str(directory)
        return EventLog(file, encoder, self.run, time.time())

    def _work(self) -> None:
        log = self._log
        assert log is not None
        try:
            closing = False
            while not closing:
                self._wake.wait(FLUSH_EVERY_S)
                self._wake.clear()
                closing = self._closing  # asked before the queue is emptied: nothing comes after it
                self._pass_on(log)
                log.flush(time.time(), final=closing)
            log.close()
        except Exception as error:
            self._fail(f"the log in {self.directory} ends early", error)

    def _pass_on(self, log: EventLog) -> None:
        with self._lock:
            records, self._records = self._records, deque()
            report, self._report = self._report, None
        for wall_time, record in records:
            try:
                log.add(record, wall_time)
            except Exception as error:  # one record that makes no row must not end the log
                self.error = f"the log in {self.directory} is not complete: {error}"
        if report is not None:
            log.report(report)

    def _fail(self, what: str, error: Exception) -> None:
        log, self._log = self._log, None
        self._records.clear()
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self.error = f"{what}: {reason}"
        if log is not None:
            log.close()


def thinned(records: deque[tuple[float, Record]]) -> list[tuple[float, Record]]:
    """About half as many records: windows of a series are joined in pairs, and of what else repeats
    every second one goes. What is said once stays."""
    kept: list[tuple[float, Record]] = []
    waiting: dict[tuple[object, ...], int] = {}  # series -> place of the first one of a pair
    for wall_time, record in records:
        series = _series(record)
        if series is None:
            kept.append((wall_time, record))
            continue
        first = waiting.pop(series, None)
        if first is None:
            waiting[series] = len(kept)
            kept.append((wall_time, record))
            continue
        before = kept[first][1]
        if isinstance(before, PredictionWindow) and isinstance(record, PredictionWindow):
            kept[first] = (wall_time, join_windows(before, record))
    return kept


def _series(record: Record) -> tuple[object, ...] | None:
    match record:
        case PredictionWindow():
            return (PredictionWindow, record.site, record.phase, len(record.labels))
        case LossValues():
            return (LossValues, record.site)
        case LayerStatistics():
            return (LayerStatistics, record.model)
        case ActivationStatistics():
            return (ActivationStatistics, record.model, record.layers, record.kinds)
    return None

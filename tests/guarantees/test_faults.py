"""Whatever of ours raises: the training goes on bit for bit, it is said once, all is put back."""

from __future__ import annotations

import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from collapse_magic.probes.pytorch import TorchProbe
from collapse_magic.records import ProbeNote
from collapse_magic.session import current
from collapse_magic.watching import watch_training
from tests.probes.fakes import FakeContext
from tests.probes.programs import assert_same, run

from . import state
from .faults import Fault, Injected, code_of, functions


def called_while_training() -> list[str]:
    """The probe's functions that run between attaching and detaching."""
    seen: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            seen.add(frame.f_code)

    probe = TorchProbe(FakeContext())
    probe.attach()
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        run(state.short)
        probe.guard.run(probe._flush, 0.0)
    finally:
        sys.setprofile(before)
        probe.detach()
    guards = (
        "Guard.run",
        "Guard.fail",
        "TorchProbe._give_up",
        "Switch.off",
        "Schedule.book",
        "Countdown.grant",
    )
    return [
        where
        for where in functions("probes.pytorch", "probes.schedule")
        if code_of(where) in seen and not where.endswith(guards)
    ]


def test_a_fault_anywhere_in_the_probe_ends_the_watching_and_nothing_else() -> None:
    plain, before = run(state.short), state.replaced()
    places = called_while_training()
    assert len(places) > 60
    for where in places:
        context = FakeContext()
        probe = TorchProbe(context)
        probe.attach()
        with pytest.MonkeyPatch.context() as patch:
            fault = Fault(where, patch)
            try:
                watched = run(state.short)
                probe.flush()
            finally:
                patch.undo()
                probe.detach()
        assert_same(plain, watched)
        assert state.changed(before) == [], where
        assert fault.hits <= 1, where  # switched off: not called again
        notes = [note.text for note in context.of(ProbeNote)]
        assert len(notes) == fault.hits and all("injected" in text for text in notes), where


SESSION = (
    "engine:Engine.update",
    "engine:Engine.clear",
    "history.store:Store.append",
    "history:History.windows",
    "reporting:build_report",
    "rules.double_activation:DoubleActivation.check",
    "session.export:export",
    "session.late_import:LateImport.install",
    "session.late_import:LateImport.remove",
    "session.placing:Placer.place",
    "session.placing:Placer._origin",
    "session.ranks:begin_run",
    "session.user_code:ScriptCode.cells",
    "session.user_code:ScriptCode.namespace",
    "session.user_code:ScriptCode.place",
    "sinks.event_log:EventLog.add",
    "sinks.event_log:EventLog.flush",
    "sinks.event_log:EventLog.report",
    "sinks.events:EventEncoder.chunk",
    "sinks.events:EventFile.write",
    "sinks.run_directory:create",
    "sinks.tensorboard:EventSink.record",
    "sinks.tensorboard:EventSink.update",
    "sinks.terminal:TerminalSink.record",
    "sinks.terminal:TerminalSink.update",
    "sinks.terminal:TerminalSink.close",
    "source:Code.fix",
)
# A place in the user's code that is not found, or a summary that cannot be shown, has no sentence.
SILENT = ("ScriptCode.place", "ScriptCode.namespace", "TerminalSink.close")


def test_a_fault_anywhere_in_the_session_is_one_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, before = run(state.short), state.replaced()
    for where in SESSION:
        with pytest.MonkeyPatch.context() as patch:
            fault = Fault(f"collapse_magic.{where}", patch)
            with watch_training(logdir=str(tmp_path), export=str(tmp_path / "r.json")) as watch:
                watched = run(state.short)
            report = watch.report
        assert fault.hits, where
        assert_same(plain, watched)
        assert state.changed(before) == [] and current.active() is None, where
        notes = [note for note in report.notes if "njected" in note]
        failed = [reason for reason in report.skipped.values() if "njected" in reason]
        assert len(notes) <= 1, (where, notes)
        assert notes or failed or where.endswith(SILENT), where
    assert "Traceback" not in capsys.readouterr().err


def test_a_probe_that_cannot_be_attached_is_taken_off_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """GIVEN a fault between the first replacement and the last."""
    plain, before = run(state.short), state.replaced()
    fault = Fault("collapse_magic.probes.pytorch.evaluation:Evaluation.attach", monkeypatch)
    with watch_training(tensorboard=False, quiet=True) as watch:
        assert_same(plain, run(state.short))
    assert fault.hits == 1 and state.changed(before) == []
    assert sum("injected" in note for note in watch.report.notes) == 1


@pytest.mark.parametrize(
    "where", ["evaluation:Evaluation.detach", "probe:TorchProbe._fresh", "epochs:Epochs.__init__"]
)
def test_a_fault_while_detaching_leaves_no_hook(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state.replaced()
    probe = TorchProbe(FakeContext())
    probe.attach()
    Fault(f"collapse_magic.probes.pytorch.{where}", monkeypatch)
    with pytest.raises(Injected):
        probe.detach()
    assert state.changed(before) == []


INTERRUPTED = (
    "probes.pytorch.probe:TorchProbe.before_backward",
    "probes.pytorch.probe:TorchProbe.before_step",
    "probes.pytorch.probe:TorchProbe.after_step",
    "probes.pytorch.epochs:Epochs.before_batch",
    "probes.pytorch.evaluation:Evaluation.take",
    "history.store:Store.append",
    "engine:Engine.update",
    "session.placing:Placer.place",
)


@pytest.mark.parametrize("where", INTERRUPTED)
def test_an_interrupt_inside_our_code_is_the_users(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends the training as anywhere else; where the user goes on, the watching does too."""
    before = state.replaced()
    fault = Fault(f"collapse_magic.{where}", monkeypatch, KeyboardInterrupt)

    def block() -> None:
        with watch_training(tensorboard=False, quiet=True) as watch:
            with pytest.raises(KeyboardInterrupt):
                run(state.short)
            monkeypatch.undo()
            run(lambda: state.short(30))
        assert watch.report.steps >= 30 and watch.report.notes == ()

    block()
    assert fault.hits == 1 and state.changed(before) == [] and current.active() is None


@pytest.mark.parametrize(
    "where", ["session.late_import:LateImport.install", "sinks.terminal:TerminalSink.update"]
)
def test_an_interrupt_while_the_watching_begins(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state.replaced()
    Fault(f"collapse_magic.{where}", monkeypatch, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt), watch_training(tensorboard=False):
        pytest.fail("the block ran")
    assert state.changed(before) == [] and current.active() is None


@pytest.mark.parametrize(
    "where", ["engine:Engine.update", "sinks.terminal:TerminalSink.close", "reporting:build_report"]
)
def test_an_interrupt_while_the_watching_ends(
    where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """GIVEN a second Ctrl-C: the log is closed, and the next block is watched again."""
    before = state.replaced()
    with pytest.raises(KeyboardInterrupt), watch_training(logdir=str(tmp_path), quiet=True):
        run(state.short)
        Fault(f"collapse_magic.{where}", monkeypatch, KeyboardInterrupt)
    monkeypatch.undo()
    assert state.changed(before) == [] and current.active() is None
    with watch_training(tensorboard=False, quiet=True) as watch:
        run(state.short)
    assert watch.report.steps == 6

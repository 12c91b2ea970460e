"""`collapse-tb LOGDIR --report`: what runs came to, without a server, on sound and damaged logs."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from tensorboard_plugin_collapse import log_report
from tensorboard_plugin_collapse.launcher import main
from tensorboard_plugin_collapse.log_files import event_files
from tensorboard_plugin_collapse.run_logs import read_runs

from collapse_magic.report import Report
from tests.support import sample_logs as samples
from tests.support.standard_events import EventWriter


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    samples.write_sample_logs(tmp_path)
    return tmp_path


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def event_file(logdir: Path, run: str) -> Path:
    return next(path for name, path in event_files(logdir) if name == run)


def test_json_holds_every_report(logdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(logdir)
    assert main([str(logdir), "--report", "json"]) == 1  # there are errors among them
    out, err = capsys.readouterr()
    runs: dict[str, Any] = json.loads(out)["runs"]
    assert set(runs) == set(samples.RUNS) - {samples.LIVE}
    assert runs[samples.COLLAPSED]["findings"][0]["fix"]["diff"] == samples.DIFF
    assert runs[samples.NOT_FINITE]["findings"][0]["evidence"][0]["values"] == {"loss": "NaN"}
    assert Report.from_dict(runs[samples.HEALTHY]).steps == 640
    assert err == ""
    assert files(logdir) == before


def test_text_shows_every_run(logdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(logdir), "--report", "text"]) == 1
    out, _ = capsys.readouterr()
    assert "class-imbalance" in out
    assert "run 'live': no report yet" in out
    assert "labels-out-of-range" in out
    assert "%tensorboard" not in out  # it is what reads the log


@pytest.mark.parametrize(
    ("run", "fail_on", "code"),
    [
        (samples.COLLAPSED, "error", 1),
        (samples.COLLAPSED, "never", 0),
        (samples.HEALTHY, "warning", 0),
        ("<", "error", 0),  # a warning only
        ("<", "warning", 1),
    ],
)
def test_the_exit_code_says_whether_it_failed(
    logdir: Path, run: str, fail_on: str, code: int
) -> None:
    assert main([str(logdir / run), "--report", "json", "--fail-on", fail_on]) == code


def test_errors_fail_unless_told_otherwise(logdir: Path) -> None:
    assert main([str(logdir / samples.NOT_FINITE), "--report", "text"]) == 1


def test_an_empty_directory_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--report", "json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out) == {"runs": {}}
    assert err == f"no event files in {str(tmp_path)!r}\n"


def test_logs_of_others_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from collapse_magic.sinks.events import EventEncoder, EventFile

    EventFile(tmp_path, EventEncoder()).close()
    assert main([str(tmp_path), "--report", "text"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    what = "neither a watched run nor losses of a training in the event files of"
    assert err == f"{what} {str(tmp_path)!r}\n"


def test_a_live_run_alone_has_no_report(logdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(logdir / samples.LIVE), "--report", "text"]) == 2
    out, err = capsys.readouterr()
    assert "no report yet" in out
    assert "no report in" in err


def test_half_a_record_at_the_end_is_no_damage(
    logdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = event_file(logdir, samples.HEALTHY)
    for cut in (1, 9, 13, 40):
        path.write_bytes(path.read_bytes()[:-cut])
        main([str(logdir), "--report", "json"])
        out, err = capsys.readouterr()
        assert err == ""
        assert samples.COLLAPSED in json.loads(out)["runs"]


@pytest.mark.parametrize("where", ["length", "data"])
def test_a_damaged_run_is_named_and_the_others_are_shown(
    logdir: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """GIVEN a flipped bit in the length of a record, or inside its data."""
    path = event_file(logdir, samples.HEALTHY)
    data = bytearray(path.read_bytes())
    first = 12 + int.from_bytes(data[:8], "little") + 4  # where the second record begins
    data[first + (2 if where == "length" else 40)] ^= 0x10
    path.write_bytes(data)
    before = files(logdir)
    main([str(logdir), "--report", "json"])
    out, err = capsys.readouterr()
    assert f"run {samples.HEALTHY!r}: " in err
    assert err.count("\n") == 1
    assert "damaged" in err
    runs = json.loads(out)["runs"]
    assert samples.COLLAPSED in runs
    # A damaged record is passed over; behind a damaged length nothing can be found.
    assert (samples.HEALTHY in runs) == (where == "data")
    assert files(logdir) == before


def test_a_file_of_other_bytes_is_named(logdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (logdir / "odd").mkdir()
    (logdir / "odd" / "events.out.tfevents.1").write_bytes(b"no event file at all, really")
    (logdir / "empty").mkdir()
    (logdir / "empty" / "events.out.tfevents.1").write_bytes(b"")
    main([str(logdir), "--report", "json"])
    out, err = capsys.readouterr()
    assert err == "run 'odd': events.out.tfevents.1 is damaged from byte 0 on\n"
    assert len(json.loads(out)["runs"]) == 4


def test_a_file_that_cannot_be_read_is_named(
    logdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """GIVEN a link to a file that is gone: it is as good as a file without permission."""
    path = event_file(logdir, samples.HEALTHY)
    path.with_name("events.out.tfevents.2").symlink_to(logdir / "gone")
    main([str(logdir), "--report", "json"])
    out, err = capsys.readouterr()
    assert err.startswith("run 'healthy': events.out.tfevents.2 cannot be read: ")
    assert samples.HEALTHY in json.loads(out)["runs"]


@pytest.mark.parametrize("how", ["deleted", "cut short"])
def test_a_file_that_goes_away_midway_leaves_what_was_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    how: str,
) -> None:
    """GIVEN a file of many blocks WHEN it is gone after some THEN its first part is judged."""
    monkeypatch.setattr("tensorboard_plugin_collapse.log_files.BLOCK_BYTES", 2_000)
    with EventWriter(tmp_path / "run") as log:
        for step in range(400):
            log.scalar("loss", step, math.nan if step > 20 else 1.0)
    read: list[int] = []

    def seen(count: int) -> None:
        read.append(count)
        if len(read) == 3 and how == "deleted":
            log.path.unlink()
        elif len(read) == 3:
            os.truncate(log.path, 7_000)

    (run,) = read_runs(tmp_path, seen)
    assert run.damaged == []
    assert run.summaries.scalars["loss"].odd is not None
    assert main([str(tmp_path), "--report", "json"]) == (2 if how == "deleted" else 1)
    assert ("no event files" in capsys.readouterr().err) is (how == "deleted")


@pytest.mark.parametrize("form", ["text", "html"])
def test_what_nobody_watched_is_shown_without_commands_of_a_notebook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    with EventWriter(tmp_path / "plain") as log:
        for step in range(60):
            log.scalar("loss", step, math.nan if step > 40 else 1.0)
    assert main([str(tmp_path), "--report", form]) == 1
    out, _ = capsys.readouterr()
    assert "non-finite" in out
    assert "run the cell under %%watch_training" in out
    for command in ("--ignore", "--explain", "%watch_training --", "watch_training  run", "cost"):
        assert command not in out


def test_ctrl_c_ends_the_report_without_a_traceback(
    logdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(log_report, "read_runs", interrupted)
    assert main([str(logdir), "--report", "text"]) == 130


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "which log directory?"),
        (["{logdir}/nowhere"], "there is no directory"),
        (["{logdir}/helthy"], "did you mean '{logdir}/healthy'?"),
        (["{file}"], "is a file"),
        (["{logdir}", "--port", "many"], "a port is a number from 0 to 65535, not 'many'"),
        (["{logdir}", "--port", "70000"], "a port is a number"),
        (["{logdir}", "--report", "pdf"], "invalid choice: 'pdf'"),
        (["{logdir}", "--report", "json", "--fail-on", "info"], "invalid choice: 'info'"),
        (["{logdir}", "--fail-on", "error"], "--fail-on goes with --report"),
        (["{logdir}", "--nonsense", "3"], "neither collapse-tb nor TensorBoard takes --nonsense 3"),
        (["{logdir}", "--report", "json", "--load_fast=true"], "--load_fast=true"),
        (["{logdir}", "--no_such_flag"], "unrecognized arguments: --no_such_flag"),
        (["{logdir}", "--load_fast=maybe"], "invalid choice: 'maybe'"),
        (["{logdir}", "--path_prefix=x"], "Path prefix must start with slash"),
    ],
)
def test_wrong_usage_is_one_sentence(
    logdir: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = event_file(logdir, samples.HEALTHY)
    with pytest.raises(SystemExit) as error:
        main([a.format(logdir=logdir, file=file) for a in arguments])
    out, err = capsys.readouterr()
    assert error.value.code == 2
    assert err.startswith("collapse-tb: ")
    assert sentence.format(logdir=logdir) in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""

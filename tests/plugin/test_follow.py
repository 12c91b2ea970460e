"""`collapse-tb LOGDIR --follow`: findings as they come, each of them once."""

from __future__ import annotations

import json
import math
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard_plugin_collapse.follow import Follower
from tensorboard_plugin_collapse.log_files import event_files

from tests.support import sample_logs as samples
from tests.support.standard_events import EventWriter
from tests.support.waiting import wait_until


def told(follower: Follower) -> list[tuple[str, str]]:
    news, _ = follower.poll()
    return [(each.run, each.finding.rule) for each in news]


def test_findings_of_a_watched_run_are_told_once(tmp_path: Path) -> None:
    source = tmp_path / "elsewhere"
    samples.write_sample_logs(source)
    logdir = tmp_path / "logs"
    logdir.mkdir()
    follower = Follower(logdir)
    assert told(follower) == []
    (whole,) = (path for run, path in event_files(source) if run == samples.COLLAPSED)
    assert isinstance(whole, Path)
    copy = logdir / samples.COLLAPSED / whole.name
    copy.parent.mkdir()
    data = whole.read_bytes()
    copy.write_bytes(data[: len(data) // 2])
    assert told(follower) == []  # the report is the last that was written
    copy.write_bytes(data)
    news, damage = follower.poll()
    assert [each.finding.rule for each in news] == ["class-imbalance", "single-class-predictions"]
    assert damage == []
    assert news[0].text().startswith(f"run {samples.COLLAPSED!r}\nerror[CM301]")
    head, *sentence = news[1].text().splitlines()
    assert head == f"run {samples.COLLAPSED!r}"
    assert " ".join(sentence) == (
        "error[CM101] single-class-predictions: 99.4% of the predictions are class ham, "
        "probably explained by class-imbalance"
    )
    line = json.loads(news[0].to_json())
    assert line["run"] == samples.COLLAPSED
    assert line["finding"]["fix"]["diff"] == samples.DIFF
    assert told(follower) == []


def test_findings_of_other_tools_logs_come_as_they_grow(tmp_path: Path) -> None:
    with EventWriter(tmp_path / "run") as log:
        for step in range(50):
            log.scalar("train/loss", step, 2 / (1 + step))
        log.flush()
        follower = Follower(tmp_path)
        assert told(follower) == []
        for step in range(50, 60):
            log.scalar("train/loss", step, math.nan)
        log.flush()
        assert told(follower) == [("run", "non-finite")]
        for step in range(60, 70):
            log.scalar("train/loss", step, math.nan)
        log.flush()
        assert told(follower) == []


def test_a_run_that_is_deleted_or_written_anew_is_no_trouble(tmp_path: Path) -> None:
    samples.write_sample_logs(tmp_path)
    follower = Follower(tmp_path)
    assert told(follower)
    shutil.rmtree(tmp_path / samples.NOT_FINITE)
    assert told(follower) == []
    path = next(path for run, path in event_files(tmp_path) if run == samples.COLLAPSED)
    assert isinstance(path, Path)
    path.write_bytes(path.read_bytes()[:100])
    assert told(follower) == []


def test_damage_is_told_once(tmp_path: Path) -> None:
    samples.write_sample_logs(tmp_path)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "events.out.tfevents.1").write_bytes(b"no event file at all, really")
    follower = Follower(tmp_path)
    _, damage = follower.poll()
    assert damage == ["run 'odd': events.out.tfevents.1 is damaged from byte 0 on"]
    assert follower.poll() == ([], [])


def test_what_nobody_watched_is_told_without_commands_of_a_notebook(tmp_path: Path) -> None:
    samples.write_sample_logs(tmp_path)
    with EventWriter(tmp_path / "plain") as log:
        for step in range(60):
            log.scalar("loss", step, math.nan if step > 40 else 1.0)
    news, _ = Follower(tmp_path).poll()
    texts = {each.run: each.text() for each in news if each.finding.rule == "non-finite"}
    assert "mute: --ignore non-finite" in texts[samples.NOT_FINITE]
    assert "from standard summaries" in texts["plain"]
    assert "--ignore" not in texts["plain"]
    assert "%watch_training --" not in texts["plain"]


def test_ctrl_c_ends_it_without_a_word(tmp_path: Path) -> None:
    samples.write_sample_logs(tmp_path / "logs")
    said, complained = tmp_path / "said", tmp_path / "complained"
    command = [sys.executable, "-m", "tensorboard_plugin_collapse.launcher", "--follow"]
    with said.open("wb") as output, complained.open("wb") as errors:
        process = subprocess.Popen(
            [*command, str(tmp_path / "logs")],
            # A runner in the background of a shell ignores Ctrl-C, and so would what it starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            stdout=output,
            stderr=errors,
        )
        wait_until(lambda: "class-imbalance" in said.read_text(), "a finding is told")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert complained.read_text() == ""


@pytest.mark.parametrize("form", [[], ["--report", "json"]])
def test_the_command_ends_at_the_first_finding_that_is_bad_enough(
    tmp_path: Path, form: list[str]
) -> None:
    said = tmp_path / "said"
    logdir = tmp_path / "logs"
    logdir.mkdir()
    command = [sys.executable, "-m", "tensorboard_plugin_collapse.launcher", str(logdir)]
    with said.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--follow", "--fail-on", "error", *form],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    samples.write_sample_logs(logdir)
    wait_until(lambda: process.poll() is not None, "the command ends")
    assert process.returncode == 1
    assert "class-imbalance" in said.read_text()

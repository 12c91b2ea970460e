"""collapse-tb on file systems that TensorBoard reaches through fsspec, and beside other servers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard_plugin_collapse import background, launcher
from tensorboard_plugin_collapse.launcher import main
from tensorboard_plugin_collapse.log_files import BLOCK_BYTES, event_files, records

from tests.support import sample_logs as samples
from tests.support.tensorboards import running
from tests.support.waiting import wait_until

# A process of its own: what is in memory is nowhere else.
SERVES_MEMORY = """
import sys, pathlib, fsspec
from tensorboard_plugin_collapse.launcher import main
system = fsspec.filesystem("memory")
system.put(sys.argv[1] + "/", "/logs/", recursive=True)
sys.exit(main(["memory://logs", "--no-browser", "--host=127.0.0.1", "--port", sys.argv[2]]))
"""


@pytest.fixture
def memory(tmp_path: Path) -> str:
    fsspec = pytest.importorskip("fsspec")
    samples.write_sample_logs(tmp_path / "logs")
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.put(f"{tmp_path}/logs/", "/there/", recursive=True)
    return "memory://there"


def test_the_report_reads_what_tensorboard_reads(
    memory: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([memory, "--report", "json"]) == 1
    there = capsys.readouterr().out
    assert main([str(tmp_path / "logs"), "--report", "json"]) == 1
    assert json.loads(there) == json.loads(capsys.readouterr().out)
    assert [run for run, _ in event_files(memory)]


def test_a_place_that_is_not_there_is_said(memory: str, capsys: pytest.CaptureFixture[str]) -> None:
    for place in ("memory://nowhere", "nosuchscheme://x"):
        with pytest.raises(SystemExit) as error:
            main([place, "--report", "json"])
        assert error.value.code == 2
        said = capsys.readouterr().err
        assert said.startswith("collapse-tb: ")
        assert len(said.strip().splitlines()) == 1


def test_the_tab_shows_what_is_in_memory(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    samples.write_sample_logs(tmp_path / "logs")
    said = tmp_path / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVES_MEMORY, str(tmp_path / "logs"), "0"],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:

        def runs() -> bool:
            assert process.poll() is None, said.read_text()
            found = background._URL.search(said.read_bytes())
            if not found:
                return False
            import urllib.request

            with urllib.request.urlopen(
                f"{found[1].decode()}data/plugin/collapse/runs", timeout=30
            ) as reply:
                names = {run["run"] for run in json.load(reply)["runs"]}
            return {samples.COLLAPSED, samples.HEALTHY} <= names

        wait_until(runs, "the runs are served")
    finally:
        process.terminate()
        process.wait(30)


def test_a_server_of_the_directory_is_named_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logdir = tmp_path / "logs"
    samples.write_sample_logs(logdir)
    with running(logdir, log=tmp_path / "said") as tensorboard:
        wait_until(lambda: background.answers(tensorboard.address), "the plugin answers")
        assert launcher.main([str(logdir), "--no-browser"]) == 0
        out, _ = capsys.readouterr()
        port = tensorboard.address.rstrip("/").rpartition(":")[2]
        assert f":{port}/#collapse" in out
        assert "left as it is" in out
        assert background.answers(tensorboard.address)


def test_records_across_blocks_are_read_whole(tmp_path: Path) -> None:
    from tests.support.standard_events import framed

    sent = [b"a" * (BLOCK_BYTES - 20), b"b" * 11, b"c" * (2 * BLOCK_BYTES), b"", b"d"]
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(b"".join(map(framed, sent)) + framed(b"e")[:-1])
    with path.open("rb") as file:
        assert list(records(file)) == sent
        assert file.tell() == path.stat().st_size - len(framed(b"e")) + 1

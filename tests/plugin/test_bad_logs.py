"""Logs that are damaged, foreign, hostile or huge: the report and the tab's routes stay up."""

from __future__ import annotations

import json
import math
import random
import shutil
import struct
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.compat.proto import summary_pb2
from tensorboard_plugin_collapse.launcher import main
from tensorboard_plugin_collapse.plugin import CollapsePlugin
from werkzeug.test import Client

from tests.support.standard_events import EventWriter, framed

HOSTILE = (
    "</script><script>alert(1)</script>",
    "\"'`;--",
    "line\nbreak\r\tand\x1b[31m",
    "../../etc/passwd",
    "a\\b/c//d",
    "{{7*7}}${7*7}%n%s",
    "é\u202e\u2028☃",
    "x" * 10_000,
)


class App:
    """The plugin's routes over TensorBoard's own reading of a directory."""

    def __init__(self, logdir: Path) -> None:
        multiplexer = EventMultiplexer(tensor_size_guidance={"collapse": 0})
        multiplexer.AddRunsFromDirectory(str(logdir))
        multiplexer.Reload()
        provider = MultiplexerDataProvider(multiplexer, str(logdir))
        plugin = CollapsePlugin(SimpleNamespace(data_provider=provider))
        self._apps = plugin.get_plugin_apps()

    def get(self, route: str, **arguments: Any) -> Any:
        reply = Client(self._apps[f"/{route}"]).get(
            f"/data/plugin/collapse/{route}", query_string=arguments
        )
        # As a browser reads it: NaN is no JSON.
        return reply.status_code, json.loads(reply.data, parse_constant=pytest.fail)

    def everything(self) -> dict[str, Any]:
        """Every run's reply, after its series were asked for, too."""
        status, listed = self.get("runs")
        assert status == 200
        replies = {}
        for line in listed["runs"]:
            status, reply = self.get("run", run=line["run"])
            assert status == 200, reply
            replies[line["run"]] = reply
            for series in reply["series"]:
                answer = Client(self._apps["/series"]).get(
                    "/data/plugin/collapse/series",
                    query_string={"run": line["run"], "tag": series["tag"]},
                )
                assert answer.status_code == 200
        return replies


def report(logdir: Path, capsys: pytest.CaptureFixture[str], form: str = "json") -> tuple[str, str]:
    main([str(logdir), "--report", form, "--fail-on", "never"])
    said = capsys.readouterr()
    return said.out, said.err


def good(logdir: Path) -> None:
    with EventWriter(logdir / "good") as log:
        for step in range(30):
            log.scalar("loss", step, 1 / (1 + step))


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_tags_are_words_and_nothing_else(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with EventWriter(tmp_path / "run") as log:
        for step in range(30):
            log.scalar(f"loss {name}", step, math.nan if step > 9 else 1.0)
            log.tensor(f"{name}/fc.weight.grad", step, [[0, 1, 4]], "histograms")
    reply = App(tmp_path).everything()["run"]
    assert reply["report"]["findings"][0]["rule"] == "non-finite"
    assert all("/" not in s["tag"].partition("/")[2] or "loss" in s["tag"] for s in reply["series"])
    for form in ("text", "json", "html"):
        out, _ = report(tmp_path, capsys, form)
        assert "non-finite" in out
        if form == "html":
            assert_inert(out)
        if form == "text":
            assert "\x1b" not in out
            assert max(map(len, out.splitlines())) < 500


def test_hostile_directories_are_words_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for n, name in enumerate(["<img src=x onerror=alert(1)>", "a\nb", "'\"&amp;", "...", "é☃"]):
        with EventWriter(tmp_path / name) as log:
            log.scalar("loss", n, math.nan)
            log.scalar("loss", n + 1, math.nan)
    assert len(App(tmp_path).everything()) == 5
    out, _ = report(tmp_path, capsys, "html")
    assert_inert(out)
    assert len(json.loads(report(tmp_path, capsys)[0])["runs"]) == 5


def assert_inert(page: str) -> None:
    """Nothing runs and nothing is fetched: no script, no link out, no handler."""

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: Any) -> None:
            assert tag not in {"script", "iframe", "object", "embed", "link", "form", "svg", "base"}
            for name, value in attributes:
                assert not name.startswith("on")
                if name in {"src", "href"}:
                    assert value.startswith(("#", "data:image/png;base64,"))

    Reader().feed(page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize("seed", range(20))
def test_damaged_bytes_never_bring_anything_down(
    tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """GIVEN flipped, cut, doubled or inserted bytes anywhere in a file."""
    draw = random.Random(seed)
    good(tmp_path)
    with EventWriter(tmp_path / "bad") as log:
        for step in range(30):
            log.scalar("loss", step, 1.0)
            log.tensor("fc.weight", step, [[0, 1, 4]], "histograms")
    data = bytearray(log.path.read_bytes())
    for _ in range(draw.choice([1, 5, 50])):
        at = draw.randrange(len(data))
        what = draw.randrange(4)
        if what == 0:
            data[at] ^= 1 << draw.randrange(8)
        elif what == 1:
            del data[at : at + draw.randrange(200)]
        elif what == 2:
            data[at:at] = data[at : at + draw.randrange(100)]
        else:
            data[at:at] = bytes(draw.randrange(256) for _ in range(20))
    log.path.write_bytes(data)
    out, _ = report(tmp_path, capsys)
    assert json.loads(out)["runs"]["good"]["findings"] == []
    assert "good" in App(tmp_path).everything()


NO_EVENT = framed(b"\xff\xff\xff\xff")


def unknown_event() -> bytes:
    # Field 900 of a later version, then a summary of a plugin that nobody knows.
    return framed(b"\xa2\x38\x03abc")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"PK\x03\x04 something else entirely" * 10,
        NO_EVENT,
        unknown_event(),
        framed(b""),
        struct.pack("<Q", 1 << 60) + b"\x00" * 8,
    ],
    ids=["empty", "one byte", "foreign", "no event", "later version", "empty record", "huge"],
)
def test_strange_files_are_passed_over(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    good(tmp_path)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "events.out.tfevents.1").write_bytes(content)
    assert set(json.loads(report(tmp_path, capsys)[0])["runs"]) == {"good"}
    if content != NO_EVENT:  # TensorBoard's own loader for Python stops at that
        assert set(App(tmp_path).everything()) == {"good"}


def test_a_record_that_says_it_is_huge_is_left_out_unread(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """GIVEN a length with a right checksum that no file could hold."""
    from tensorboard_plugin_collapse.log_files import masked_crc

    good(tmp_path)
    (tmp_path / "odd").mkdir()
    length = struct.pack("<Q", 1 << 50)
    data = length + struct.pack("<I", masked_crc(length)) + b"x" * 100
    (tmp_path / "odd" / "events.out.tfevents.1").write_bytes(data)
    _, err = report(tmp_path, capsys)
    assert "run 'odd': the record at byte 0 is too large and left out" in err


def ours(tag: str, content: bytes, text: str) -> Callable[[EventWriter], None]:
    def write(log: EventWriter) -> None:
        value = summary_pb2.Summary.Value(tag=tag)
        value.metadata.plugin_data.plugin_name = "collapse"
        value.metadata.plugin_data.content = content
        value.metadata.data_class = summary_pb2.DATA_CLASS_TENSOR
        value.tensor.dtype = 7
        value.tensor.string_val.append(text.encode())
        log.value(1, value)

    return write


def about(version: int = 1, kind: str = "report") -> bytes:
    return json.dumps({"version": version, "kind": kind}).encode()


@pytest.mark.parametrize(
    "write",
    [
        ours("report", about(), "{}"),
        ours("report", about(), "[]"),
        ours("report", about(), "null"),
        ours("report", about(), '{"findings": 3, "steps": "many", "verdict": {}}'),
        ours("report", about(), '{"findings": [{"severity": NaN}], "steps": Infinity}'),
        ours("report", about(), '{"findings": [7], "finished": "x"}'),
        ours("report", about(version=2), "{}"),
        ours("report", b"\xff\xfe", "{}"),
        ours("report", b"[]", "{}"),
        ours("facts", about(kind="facts"), '{"run": 3}'),
        ours("facts", about(kind="facts"), '{"run": {"rank": 0, "world_size": 2, "started": []}}'),
        ours("facts", about(kind="facts"), '{"run": {"started": "yesterday"}, "models": {}}'),
        ours("loss/x", about(kind="loss"), "x"),
        ours("loss/x", b'{"version": 1, "kind": "loss", "fields": [{"size": "a"}]}', "x"),
        ours("loss/x", b'{"version": 1, "kind": "loss", "fields": [{"size": 1e99}]}', "x"),
        ours("loss/x", b'{"version": 1, "kind": "loss", "fields": 7}', "x"),
    ],
    ids=range(16),
)
def test_what_says_it_is_ours_and_is_not_brings_nothing_down(
    tmp_path: Path, write: Callable[[EventWriter], None], capsys: pytest.CaptureFixture[str]
) -> None:
    good(tmp_path)
    with EventWriter(tmp_path / "forged") as log:
        write(log)
    assert "good" in App(tmp_path).everything()
    for form in ("text", "json", "html"):
        out, _ = report(tmp_path, capsys, form)
        assert "good" in out


def test_nan_everywhere_is_one_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with EventWriter(tmp_path / "run") as log:
        for step in range(40):
            for tag in ("train/loss", "val/loss", "train/acc", "val/acc", "lr", "train/grad_norm"):
                log.scalar(tag, step, (math.nan, math.inf, -math.inf)[step % 3])
            log.tensor("fc.weight", step, np.full((3, 3), np.nan), "histograms")
            log.tensor("curve", step, np.full((6, 5), np.nan), "pr_curves")
    reply = App(tmp_path).everything()["run"]
    assert reply["report"]["findings"][0]["rule"] == "non-finite"
    out, _ = report(tmp_path, capsys)
    (run,) = json.loads(out, parse_constant=pytest.fail)["runs"].values()
    assert run["findings"][0]["rule"] == "non-finite"


def test_tensors_of_wrong_shapes_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with EventWriter(tmp_path / "run") as log:
        for step in range(5):
            log.tensor("loss", step, [1.0, 2.0], "scalars")
            log.tensor("fc.weight", step, [1.0, 2.0], "histograms")
            log.tensor("curve", step, [[1.0], [2.0]], "pr_curves")
            log.scalar("val/loss", step, 1.0)
    _, err = report(tmp_path, capsys)
    assert "'fc.weight': a value of step 0 cannot be read" in err


def test_ten_thousand_tags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with EventWriter(tmp_path / "run") as log:
        for n in range(10_000):
            log.scalar(f"loss_{n}", 0, 1.0)
            log.scalar(f"loss_{n}", 1, 1.0)
        for n in range(500):
            log.scalar(f"more/loss_{n}", 0, 1.0)
    out, err = report(tmp_path, capsys)
    assert json.loads(out)["runs"]["run"]["findings"] == []
    assert "left out: 500 tags beyond the first 10,000" in err
    reply = App(tmp_path).everything()["run"]
    assert len(reply["series"]) == 500
    assert any("series beyond the first 500" in sentence for sentence in reply["damaged"])


def test_a_run_deleted_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tensorboard_plugin_collapse import run_logs

    good(tmp_path)
    for name in ("a", "z"):
        with EventWriter(tmp_path / name) as log:
            log.scalar("loss", 1, 1.0)
    read = run_logs.read_file

    def read_and_delete(path: Any, run: Any, seen: Any = None) -> None:
        if run.name == "a":
            shutil.rmtree(tmp_path / "a")
        read(path, run, seen)

    monkeypatch.setattr(run_logs, "read_file", read_and_delete)
    out, err = report(tmp_path, capsys)
    assert set(json.loads(out)["runs"]) == {"good", "z"}
    assert "run 'a': events.out.tfevents.1 cannot be read: No such file or directory" in err


def test_steps_that_nobody_numbered_are_counted(tmp_path: Path) -> None:
    from tensorboard_plugin_collapse.run_logs import read_runs

    with EventWriter(tmp_path / "run") as log:
        for n in range(5):
            log.scalar("loss", 0, float(n))
    (run,) = read_runs(tmp_path)
    line = run.summaries.scalars["loss"].line()
    assert line.steps.tolist() == [0, 1, 2, 3, 4]
    assert line.values.tolist() == [0, 1, 2, 3, 4]


def test_a_training_that_began_anew_counts_from_there(tmp_path: Path) -> None:
    from tensorboard_plugin_collapse.run_logs import read_runs

    with EventWriter(tmp_path / "run") as log:
        for n in [*range(10), *range(4, 8)]:
            log.scalar("loss", n, float(n))
    (run,) = read_runs(tmp_path)
    assert run.summaries.scalars["loss"].line().steps.tolist() == list(range(8))


@pytest.mark.parametrize(
    "path",
    [
        "../plugin.py", "..%2fplugin.py", "%2e%2e/plugin.py", "/etc/passwd", "....//plugin.py",
        "a/../../plugin.py", "..\\plugin.py", "%00", "x" * 5000, "", ".",
    ],
)  # fmt: skip
def test_nothing_outside_the_front_end_is_served(tmp_path: Path, path: str) -> None:
    good(tmp_path)
    app = App(tmp_path)
    reply = Client(app._apps["/assets/*"]).get(f"/data/plugin/collapse/assets/{path}")
    assert reply.status_code == 404
    assert b"collapse.py" not in reply.data
    assert b"root:" not in reply.data

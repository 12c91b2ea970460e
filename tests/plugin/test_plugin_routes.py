"""The plugin's own parts, without a server around them: files, guards, what is read again."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from google_crc32c import value as crc32c
from tensorboard import plugin_util
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard_plugin_collapse import plugin as plugin_module
from tensorboard_plugin_collapse import reader as reader_module
from tensorboard_plugin_collapse.chunks import DamagedChunkError, Rows, decode, joined
from tensorboard_plugin_collapse.loader import CollapseLoader
from tensorboard_plugin_collapse.plugin import CollapsePlugin, asset_path
from tensorboard_plugin_collapse.reader import LogReader
from tensorboard_plugin_collapse.run_summary import summary
from werkzeug.test import Client

from tests.support import sample_logs as samples
from tests.support.tensorboards import parse_series

LOSS = "loss/cross_entropy"


class CountingProvider:
    """TensorBoard's own provider over a directory, that notes what it was asked for."""

    def __init__(self, logdir: Path) -> None:
        self._multiplexer = EventMultiplexer(tensor_size_guidance={"collapse": 0})
        self._logdir = logdir
        self._provider = MultiplexerDataProvider(self._multiplexer, str(logdir))
        self.reads: list[tuple[Sequence[str], Sequence[str], int]] = []
        self.reload()

    def reload(self) -> None:
        self._multiplexer.AddRunsFromDirectory(str(self._logdir))
        self._multiplexer.Reload()

    def list_tensors(self, ctx: Any, **arguments: Any) -> Any:
        return self._provider.list_tensors(ctx, **arguments)

    def list_scalars(self, ctx: Any, **arguments: Any) -> Any:
        return self._provider.list_scalars(ctx, **arguments)

    def list_plugins(self, ctx: Any, **arguments: Any) -> Any:
        return self._provider.list_plugins(ctx, **arguments)

    def read_tensors(self, ctx: Any, *, run_tag_filter: Any, downsample: int, **more: Any) -> Any:
        self.reads.append((sorted(run_tag_filter.runs), sorted(run_tag_filter.tags), downsample))
        return self._provider.read_tensors(
            ctx, run_tag_filter=run_tag_filter, downsample=downsample, **more
        )


@pytest.fixture
def provider(tmp_path: Path) -> CountingProvider:
    samples.write_sample_logs(tmp_path)
    return CountingProvider(tmp_path)


def plugin(provider: Any) -> CollapsePlugin:
    return CollapsePlugin(SimpleNamespace(data_provider=provider))


def get(app: Any, path: str, **arguments: Any) -> Any:
    return Client(app).get(f"/data/plugin/collapse{path}", query_string=arguments)


CTX = plugin_util.context({})


def test_what_did_not_change_is_not_read_again(provider: CountingProvider) -> None:
    reader = LogReader(provider)
    first = reader.runs(CTX, "")
    # The newest report and facts of all runs in one go.
    assert provider.reads == [(sorted(samples.RUNS), ["facts", "report"], 1)]
    rows = reader.series(CTX, "", samples.HEALTHY, LOSS)
    reads = len(provider.reads)
    assert reader.runs(CTX, "") == first
    assert reader.series(CTX, "", samples.HEALTHY, LOSS) is rows
    assert reader.run(CTX, "", samples.HEALTHY) is not None
    # The other eight series were checked for damage, each once.
    assert len(provider.reads) == reads + 8
    assert reader.run(CTX, "", samples.HEALTHY) is not None
    assert len(provider.reads) == reads + 8


def test_a_run_that_grew_is_read_anew(provider: CountingProvider, tmp_path: Path) -> None:
    observed = samples.sample_records(samples.COLLAPSED)
    path = samples.write_run(tmp_path / "grows", samples.STARTED, observed, None)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    provider.reload()
    reader = LogReader(provider, clock=lambda: 0.0)  # reading takes no time
    before = reader.series(CTX, "", "grows", LOSS)
    path.write_bytes(whole)
    provider.reload()
    after = reader.series(CTX, "", "grows", LOSS)
    assert before is not None
    assert after is not None
    assert len(after.steps) > len(before.steps) > 0
    assert after.steps.tolist() == list(range(1, len(after.steps) + 1))


def test_a_live_series_is_read_again_after_ten_times_what_it_took(
    provider: CountingProvider, tmp_path: Path
) -> None:
    """GIVEN a run that grows, and a second for every reading of it
    THEN polling does not read it all the time, and what a finished run ends with is not missed."""
    from collapse_magic.report import Report
    from collapse_magic.sinks.events import EventEncoder, EventFile

    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.5  # asked twice for every reading
        return now

    reader = LogReader(provider, clock)
    encoder = EventEncoder()
    (tmp_path / "grows").mkdir()
    file = EventFile(tmp_path / "grows", encoder)
    fields = [{"name": "loss", "size": 1}]
    about = json.dumps({"version": 1, "kind": "loss", "fields": fields})

    def rows_after_another(step: int) -> int:
        file.write(
            [
                encoder.chunk(
                    LOSS, step, samples.STARTED, [(step, 2, 3)], about if step == 1 else None
                )
            ]
        )
        provider.reload()
        rows = reader.series(CTX, "", "grows", LOSS)
        assert rows is not None
        return len(rows.steps)

    assert rows_after_another(1) == 1
    assert rows_after_another(2) == 1
    now += 10
    assert rows_after_another(3) == 3
    assert rows_after_another(4) == 3
    report = Report("grows", 4, None, 1.0, 0.0, False, (), (), {}, None)
    about_report = json.dumps({"version": 1, "kind": "report"})
    file.write([encoder.text("report", 1, samples.STARTED, report.to_json(), about_report)])
    file.close()
    provider.reload()
    reader.runs(CTX, "")
    last = reader.series(CTX, "", "grows", LOSS)
    assert last is not None
    assert last.steps.tolist() == [1, 2, 3, 4]


def test_little_is_kept_of_what_nobody_looks_at(
    provider: CountingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "KEPT_BYTES", 1)
    reader = LogReader(provider)
    for run in (samples.HEALTHY, samples.COLLAPSED, samples.HEALTHY):
        assert reader.series(CTX, "", run, LOSS) is not None
    assert len(provider.reads) == 3
    assert len(reader._series) == 1


def test_a_damaged_report_gives_way_to_the_one_before(tmp_path: Path) -> None:
    from collapse_magic.report import Report
    from collapse_magic.sinks.events import EventEncoder, EventFile

    encoder = EventEncoder()
    file = EventFile(tmp_path, encoder)
    about = json.dumps({"version": 1, "kind": "report"})
    report = Report("net", 1, None, 1.0, 0.0, False, (), (), {}, None)
    file.write([encoder.text("report", 1, samples.STARTED, report.to_json(), about)])
    file.write([encoder.text("report", 2, samples.STARTED + 1, report.to_json()[:-9])])
    file.close()
    run = LogReader(CountingProvider(tmp_path)).run(CTX, "", ".")
    assert run is not None
    assert run.report == report.to_dict()
    assert run.damaged == ["report: number 2 is damaged"]


def test_a_tag_of_a_later_version_is_named_and_left_out(tmp_path: Path) -> None:
    from collapse_magic.sinks.events import EventEncoder, EventFile

    encoder = EventEncoder()
    file = EventFile(tmp_path, encoder)
    fields = [{"name": "loss", "size": 1}]
    about = json.dumps({"version": 2, "kind": "loss", "fields": fields})
    file.write([encoder.chunk("loss/a", 1, samples.STARTED, [(1, 2, 3)], about)])
    file.write([encoder.chunk("loss/b", 1, samples.STARTED, [(1, 2, 3)], "no JSON")])
    file.close()
    run = LogReader(CountingProvider(tmp_path)).run(CTX, "", ".")
    assert run is not None
    assert run.series == []
    assert run.damaged == [
        "loss/a: its description is damaged",
        "loss/b: its description is damaged",
    ]


def test_runs_that_are_gone_are_forgotten() -> None:
    listed = {"net": {}}
    provider = SimpleNamespace(
        list_tensors=lambda ctx, **_: listed, read_tensors=lambda ctx, **_: {}
    )
    reader = LogReader(provider)
    assert [run.name for run in reader.runs(CTX, "")] == ["net"]
    reader._damaged["", "net", "loss"] = ((1, 1.0), ())
    listed.clear()
    assert reader.runs(CTX, "") == []
    assert reader._damaged == {}


@pytest.mark.parametrize("route", ["/runs", "/run", "/series", "/index.js"])
def test_no_answer_is_taken_from_a_browsers_cache(provider: CountingProvider, route: str) -> None:
    """A live run changes every second, a front end with every version."""
    arguments = {"run": samples.HEALTHY, "tag": LOSS}
    answer = get(plugin(provider).get_plugin_apps()[route], route, **arguments)
    assert answer.status_code == 200
    assert "no-cache" in answer.headers["Cache-Control"]


def test_a_provider_that_fails_is_a_sentence_and_no_traceback() -> None:
    def fails(ctx: Any, **_: Any) -> Any:
        raise RuntimeError("data server is gone")

    answer = get(plugin(SimpleNamespace(list_tensors=fails)).get_plugin_apps()["/runs"], "/runs")
    assert answer.status_code == 500
    assert answer.json == {"error": "the log could not be read: data server is gone"}


def test_the_plugin_is_active_where_there_is_something_of_ours(
    provider: CountingProvider, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert plugin(provider).is_active()
    assert not plugin(CountingProvider(tmp_path_factory.mktemp("empty"))).is_active()
    assert not plugin(None).is_active()
    metadata = plugin(provider).frontend_metadata()
    assert (metadata.tab_name, metadata.es_module_path) == ("Collapse", "/index.js")


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.js").write_text("export function render() {}")
    (folder / "assets" / "chart-1.js").write_text("// chart")
    (folder / "assets" / "notes.exe").write_text("no")
    (folder / "secret.js").write_text("// secret")
    monkeypatch.setattr(plugin_module, "STATIC", folder)
    return folder


def test_the_front_end_is_served(static: Path) -> None:
    apps = plugin(None).get_plugin_apps()
    index = get(apps["/index.js"], "/index.js")
    assert (index.status_code, index.data) == (200, b"export function render() {}")
    assert index.content_type.startswith("text/javascript")
    assert index.headers["X-Content-Type-Options"] == "nosniff"
    assert get(apps["/assets/*"], "/assets/chart-1.js").data == b"// chart"
    assert get(apps["/assets/*"], "/assets/notes.exe").status_code == 404


def test_a_front_end_that_was_not_built_says_how(tmp_path: Path, static: Path) -> None:
    (static / "index.js").unlink()
    index = get(plugin(None).get_plugin_apps()["/index.js"], "/index.js")
    assert index.status_code == 200
    assert b"export function render()" in index.data
    assert b"pip install -e ." in index.data


@pytest.mark.parametrize(
    "wanted",
    [
        "../secret.js",
        "..%2fsecret.js",
        "assets/../../secret.js",
        "/etc/passwd",
        "....//secret.js",
        "",
        ".",
        "\0",
        "x" * 5000,
        "nothing.js",
    ],
)
def test_nothing_outside_the_assets_is_served(static: Path, wanted: str) -> None:
    assert asset_path(wanted) is None
    assert asset_path("chart-1.js") is not None


def test_a_link_out_of_the_assets_is_not_followed(static: Path) -> None:
    (static / "assets" / "link.js").symlink_to(static / "secret.js")
    assert asset_path("link.js") is None


def chunk(rows: list[list[float]]) -> np.ndarray:
    body = np.array(rows, "<f8")
    header = np.zeros((1, body.shape[1]))
    header[0, :2] = 1, crc32c(body.tobytes())
    return np.concatenate([header, body])


def test_a_sound_chunk_is_decoded() -> None:
    rows = decode(chunk([[1, 100, 0.5, np.nan], [2, 101, 1e300, -np.inf]]), 2)
    assert rows.steps.tolist() == [1, 2]
    assert rows.wall_times.tolist() == [100, 101]
    np.testing.assert_array_equal(
        rows.values, np.array([[0.5, np.nan], [np.inf, -np.inf]], np.float32)
    )
    assert parse_series(rows.reply()).header["last_step"] == 2


@pytest.mark.parametrize("what", ["shape", "version", "checksum"])
def test_an_unsound_chunk_is_refused(what: str) -> None:
    matrix = chunk([[1, 100, 0.5], [2, 101, 0.4]])
    if what == "shape":
        matrix = matrix[:, :2]
    elif what == "version":
        matrix[0, 0] = 2
    else:
        matrix[2, 2] = np.nextafter(0.4, 1)
    with pytest.raises(DamagedChunkError, match=what):
        decode(matrix, 1)


def test_rows_whose_step_does_not_increase_are_left_out() -> None:
    parts = [decode(chunk([[s, 0, s] for s in steps]), 1) for steps in ([1, 2, 3], [3, 4], [2])]
    assert joined(parts).steps.tolist() == [1, 2, 3, 4]
    assert joined([Rows.none(3)]).values.shape == (0, 3)


def finding(severity: str, rule: str, resolved: int | None = None) -> dict[str, Any]:
    return {"severity": severity, "rule": rule, "resolved_step": resolved}


@pytest.mark.parametrize(
    ("findings", "severity", "rule"),
    [
        ([], "ok", None),
        ([finding("warning", "a"), finding("error", "b")], "error", "a"),
        ([finding("error", "a", resolved=5), finding("info", "b")], "info", "b"),
        ([finding("error", "a", resolved=5)], "ok", None),
    ],
)
def test_a_run_is_as_bad_as_its_worst_open_finding(
    findings: list[dict[str, Any]], severity: str, rule: str | None
) -> None:
    report = {"findings": findings, "steps": 7, "verdict": "v"}
    line = summary(reader_module.Run("net", report, None, [], []))
    assert (line["severity"], line["rule"], line["steps"]) == (severity, rule, 7)
    assert line["started"] is None


def test_a_run_with_nothing_worse_than_an_info_is_named_by_it() -> None:
    said = {**finding("info", "undertrained"), "message": "still improving"}
    report = {"findings": [said], "steps": 7, "verdict": "no problem found in 7 steps"}
    line = summary(reader_module.Run("net", report, None, [], []))
    assert line["verdict"] == "undertrained: still improving"


def test_a_run_is_live_while_it_was_written_not_long_ago() -> None:
    def live(age_s: float, report: dict[str, Any] | None) -> object:
        written = reader_module.Tag("loss/loss", "loss", {"fields": []}, (7, time.time() - age_s))
        return summary(reader_module.Run("net", report, None, [written], []))["live"]

    unfinished = {"findings": [], "steps": 7, "verdict": "v", "finished": False}
    assert live(1.0, None)
    assert live(1.0, unfinished)
    assert not live(3600.0, None)
    assert not live(1.0, {**unfinished, "finished": True})


def test_the_loader_keeps_all_points_unless_told_otherwise() -> None:
    flags = SimpleNamespace(samples_per_plugin={"scalars": 5})
    CollapseLoader().fix_flags(flags)
    assert flags.samples_per_plugin == {"scalars": 5, "collapse": 0}
    told = SimpleNamespace(samples_per_plugin={"collapse": 50})
    CollapseLoader().fix_flags(told)
    assert told.samples_per_plugin == {"collapse": 50}
    CollapseLoader().fix_flags(SimpleNamespace())


def test_a_plugin_that_cannot_be_loaded_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error here would stop every TensorBoard on the machine."""
    context = SimpleNamespace(data_provider=None)
    assert isinstance(CollapseLoader().load(context), CollapsePlugin)
    monkeypatch.setitem(sys.modules, "tensorboard_plugin_collapse.plugin", None)
    assert CollapseLoader().load(context) is None

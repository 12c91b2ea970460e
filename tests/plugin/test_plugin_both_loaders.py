"""What a watched run writes, served by a real TensorBoard with each of its two loaders."""

from __future__ import annotations

import io
import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from tensorboard.compat.proto import event_pb2
from tensorboard_plugin_collapse.log_files import event_files, masked_crc, records

import collapse_magic
from collapse_magic.records import (
    ActivationStatistics,
    EpochEnded,
    LayerStatistics,
    LearningRate,
    LossValues,
    PredictionWindow,
)
from collapse_magic.report import Report
from collapse_magic.sinks.event_log import EventLog
from collapse_magic.sinks.events import EventEncoder, EventFile
from tests.support import sample_logs as samples
from tests.support.tensorboards import (
    LOADERS,
    RunningTensorBoard,
    parse_series,
    running_with_loader,
)
from tests.support.waiting import wait_until

Served = tuple[RunningTensorBoard, dict[str, Report | None]]


@pytest.fixture(scope="module", params=LOADERS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """One TensorBoard per loader for all tests here; plain, without any flag of ours."""
    folder = tmp_path_factory.mktemp("served")
    logdir = folder / "logs"
    reports = samples.write_sample_logs(logdir)
    with running_with_loader(request.param, logdir, log=folder / "said") as tensorboard:
        # All there: the report is the last event of a run, and the live run has none.
        wait_until(
            lambda: all(
                name in (runs := tensorboard.runs())
                and (report is None or runs[name]["finished"])
                and len(runs[name]["series"]) >= 4
                for name, report in reports.items()
            ),
            "all runs are served",
        )
        yield tensorboard, reports


def test_the_runs_are_listed_newest_first_with_what_they_came_to(served: Served) -> None:
    tensorboard, reports = served
    runs = tensorboard.get("runs").json["runs"]
    assert [run["run"] for run in runs if run["run"] in reports] == list(samples.RUNS)
    line = {run["run"]: run for run in runs}
    assert line[samples.COLLAPSED]["severity"] == "error"
    assert line[samples.COLLAPSED]["rule"] == "class-imbalance"
    assert line[samples.COLLAPSED]["steps"] == 640
    assert line[samples.COLLAPSED]["started"] == samples.STARTED
    assert line[samples.HEALTHY]["severity"] == "ok"
    assert line[samples.HEALTHY]["rule"] is None
    assert line[samples.HOSTILE]["severity"] == "warning"
    assert line[samples.LIVE]["severity"] == "waiting"
    assert not line[samples.LIVE]["finished"]


@pytest.mark.parametrize("run", samples.RUNS)
def test_report_and_facts_come_back_as_they_were_written(served: Served, run: str) -> None:
    tensorboard, reports = served
    reply = tensorboard.get("run", run=run).json
    report = reports[run]
    assert reply["report"] == (None if report is None else report.to_dict())
    assert reply["facts"]["run"]["run"] == run
    assert reply["facts"]["run"]["started"] == samples.started(run)
    assert [model["model"] for model in reply["facts"]["models"]] == ["model"]
    assert [loss["site"] for loss in reply["facts"]["losses"]] == ["cross_entropy"]
    assert reply["damaged"] == []


@pytest.mark.parametrize("run", [run for run in samples.RUNS if run != samples.LIVE])
def test_every_value_is_served_as_it_was_observed(served: Served, run: str) -> None:
    tensorboard, _ = served
    expected = expected_series(run)
    listed = {s["tag"]: s for s in tensorboard.get("run", run=run).json["series"]}
    assert set(listed) == set(expected)
    for tag, rows in expected.items():
        answer = tensorboard.get("series", run=run, tag=tag)
        assert answer.content_type == "application/octet-stream"
        series = parse_series(answer.body)
        columns = sum(field["size"] for field in listed[tag]["fields"])
        assert series.header["columns"] == columns
        assert series.steps.tolist() == [step for step, _ in rows]
        values = np.array([value for _, value in rows], np.float32)
        np.testing.assert_array_equal(series.values, values, err_msg=tag)
        # Wall times do not go back, and lie in the run.
        assert (np.diff(series.wall_times) >= 0).all()
        assert series.wall_times[0] >= samples.started(run)


def test_nan_and_infinity_are_numbers_on_the_wire(served: Served) -> None:
    tensorboard, _ = served
    answer = tensorboard.get("series", run=samples.NOT_FINITE, tag="layers/model")
    values = parse_series(answer.body).values
    assert np.isnan(values[:, 0]).all()
    assert np.isposinf(values[:, 1]).all()


def test_since_gives_only_what_came_later(served: Served) -> None:
    tensorboard, _ = served
    tag = "loss/cross_entropy"
    whole = parse_series(tensorboard.get("series", run=samples.COLLAPSED, tag=tag).body)
    answer = tensorboard.get("series", run=samples.COLLAPSED, tag=tag, since=600)
    late = parse_series(answer.body)
    assert late.steps.tolist() == list(range(601, 641))
    np.testing.assert_array_equal(late.values, whole.values[-40:])
    nothing = tensorboard.get("series", run=samples.COLLAPSED, tag=tag, since=640)
    assert parse_series(nothing.body).header == {
        "version": 1,
        "rows": 0,
        "columns": 1,
        "first_step": None,
        "last_step": None,
    }


def test_a_small_picture_needs_few_rows_of_few_columns(served: Served) -> None:
    tensorboard, _ = served
    line = {run["run"]: run for run in tensorboard.get("runs").json["runs"]}[samples.HEALTHY]
    shares = line["shares"]
    assert shares == {"tag": "predictions/cross_entropy/train", "first": 1, "classes": 10}
    whole = parse_series(tensorboard.get("series", run=samples.HEALTHY, tag=shares["tag"]).body)
    few = parse_series(
        tensorboard.get(
            "series", run=samples.HEALTHY, tag=shares["tag"], points=5, columns="1:21"
        ).body
    )
    kept = [whole.steps.tolist().index(step) for step in few.steps]
    assert kept == [0, 16, 32, 47, 63]
    np.testing.assert_array_equal(few.values, whole.values[kept, 1:21])
    more = tensorboard.get("series", run=samples.HEALTHY, tag=shares["tag"], points=1000)
    assert parse_series(more.body).steps.tolist() == whole.steps.tolist()


def test_a_rule_explains_itself(served: Served) -> None:
    tensorboard, _ = served
    answer = tensorboard.get("explanation", rule="dead-relu").json
    assert answer["rule"] == "dead-relu"
    assert "## Why it matters" in answer["text"]


def test_labels_and_names_describe_the_columns(served: Served) -> None:
    tensorboard, _ = served
    listed = {s["tag"]: s for s in tensorboard.get("run", run=samples.HEALTHY).json["series"]}
    layers = listed["layers/model"]
    assert layers["kind"] == "layers"
    assert layers["name"] == "model"
    assert [field["name"] for field in layers["fields"]] == [
        "gradient_norm",
        "weight_norm",
        "update_ratio",
    ]
    assert layers["fields"][0]["labels"] == ["stem.conv", "body.conv", "head"]
    predictions = listed["predictions/cross_entropy/train"]["fields"]
    assert predictions[1] == {
        "name": "label_share",
        "size": 10,
        "labels": list(samples.CLASSES[samples.HEALTHY]),
    }


def test_a_run_grows_while_it_is_watched(served: Served) -> None:
    """GIVEN a live run, WHEN more is written, half a record at its end, THEN whole ones show."""
    tensorboard, _ = served
    name = "grows"
    observed = samples.sample_records(samples.COLLAPSED)
    path = samples.write_run(tensorboard.logdir / name, samples.STARTED, observed[:40], None)
    whole = path.read_bytes()
    cut = whole[: len(whole) * 2 // 3]
    path.write_bytes(cut)

    def last_step() -> int:
        answer = tensorboard.get("series", run=name, tag="loss/cross_entropy")
        return (parse_series(answer.body).header["last_step"] or 0) if answer.status == 200 else 0

    before = wait_until(last_step, "the first part is served")
    with path.open("ab") as file:
        file.write(whole[len(cut) :])
    wait_until(lambda: last_step() > before, "the second part is served")
    expected = [step for step, _ in expected_series(samples.COLLAPSED)["loss/cross_entropy"]]
    answer = tensorboard.get("series", run=name, tag="loss/cross_entropy")
    steps = parse_series(answer.body).steps.tolist()
    assert steps == expected[: len(steps)]
    assert tensorboard.get("run", run=name).json["damaged"] == []


def test_a_damaged_chunk_is_named_and_left_out(served: Served, tmp_path: Path) -> None:
    """GIVEN a bit that flipped inside a tensor, the record's own checksum put right,
    THEN the chunk's checksum tells, and the other chunks are served."""
    tensorboard, _ = served
    name = "damaged"
    observed = samples.sample_records(samples.COLLAPSED)
    path = samples.write_run(tmp_path / name, samples.STARTED, observed, None)
    (tensorboard.logdir / name).mkdir()
    flipped = with_a_flipped_loss(path.read_bytes())
    (tensorboard.logdir / name / path.name).write_bytes(flipped)

    def damaged() -> list[str]:
        answer = tensorboard.get("run", run=name)
        return answer.json["damaged"] if answer.status == 200 else []

    sentences = wait_until(damaged, "the damage is found")
    assert len(sentences) == 1
    assert sentences[0].startswith("loss/cross_entropy: the rows up to step ")
    assert "checksum" in sentences[0]

    def steps_at_the_end() -> list[float]:
        answer = tensorboard.get("series", run=name, tag="loss/cross_entropy")
        served = parse_series(answer.body).steps.tolist()
        return served if served[-1] > 600 else []

    steps = wait_until(steps_at_the_end, "the rest is served")
    missing = sorted(set(range(1, int(steps[-1]) + 1)) - set(steps))
    assert missing == list(range(missing[0], missing[-1] + 1))  # one chunk
    assert len(tensorboard.get("run", run=name).json["damaged"]) == 1


def with_a_flipped_loss(data: bytes) -> bytes:
    """The file with one bit changed in the fourth chunk of losses."""
    out, chunks = [], 0
    for record in records(io.BytesIO(data)):
        assert isinstance(record, bytes)
        event = event_pb2.Event.FromString(record)
        if event.summary.value and event.summary.value[0].tag == "loss/cross_entropy":
            chunks += 1
            if chunks == 4:
                content = bytearray(event.summary.value[0].tensor.tensor_content)
                content[-3] ^= 1
                event.summary.value[0].tensor.tensor_content = bytes(content)
        changed = event.SerializeToString()
        length = struct.pack("<Q", len(changed))
        out += [length, struct.pack("<I", masked_crc(length))]
        out += [changed, struct.pack("<I", masked_crc(changed))]
    assert chunks > 4
    return b"".join(out)


def test_all_of_a_long_run_is_kept(served: Served, tmp_path: Path) -> None:
    """TensorBoard by itself keeps 10 or 100 events of a tag: a plain one keeps all of ours."""
    tensorboard, _ = served
    folder = tensorboard.logdir / "long"
    folder.mkdir()
    encoder = EventEncoder()
    log = EventLog(EventFile(folder, encoder), encoder, "long", samples.STARTED)
    for step in range(1, 301):
        log.add(LossValues("cross_entropy", (step,), (float(step),)), samples.STARTED + step)
        log.flush(samples.STARTED + step)
    log.flush(samples.STARTED + 301, final=True)
    log.close()

    def steps() -> list[float]:
        answer = tensorboard.get("series", run="long", tag="loss/cross_entropy")
        found = parse_series(answer.body).steps.tolist() if answer.status == 200 else []
        return found if found[-1:] == [300] else []

    assert wait_until(steps, "the last step is served") == list(range(1, 301))


@pytest.mark.parametrize("run", samples.RUNS)
def test_the_replies_keep_the_written_contract(served: Served, run: str) -> None:
    tensorboard, _ = served
    contract = Path(collapse_magic.__file__).with_name("records.schema.json")
    schema = json.loads(contract.read_text())

    def valid(data: object, kind: str) -> None:
        jsonschema.validate(data, {"$defs": schema["$defs"], "$ref": f"#/$defs/{kind}"})

    valid(tensorboard.get("runs").json, "RunsReply")
    valid(tensorboard.get("run", run=run).json, "RunReply")
    valid(tensorboard.get("run", run="nobody").json, "ErrorReply")
    valid(tensorboard.get("explanation", rule="dead-relu").json, "ExplanationReply")
    answer = tensorboard.get("series", run=run, tag="loss/cross_entropy")
    valid(parse_series(answer.body).header, "SeriesHeader")


def test_what_is_not_there_is_said_in_a_sentence(served: Served) -> None:
    tensorboard, _ = served
    for status, route, arguments in (
        (404, "run", {"run": "nobody"}),
        (400, "run", {}),
        (404, "series", {"run": samples.HEALTHY, "tag": "loss/nothing"}),
        (404, "series", {"run": samples.HEALTHY, "tag": "report"}),
        (404, "series", {"run": "nobody", "tag": "loss/cross_entropy"}),
        (400, "series", {"run": samples.HEALTHY}),
        (400, "series", {"run": samples.HEALTHY, "tag": "loss/cross_entropy", "since": "soon"}),
        (400, "series", {"run": samples.HEALTHY, "tag": "loss/cross_entropy", "since": "nan"}),
        (400, "series", {"run": samples.HEALTHY, "tag": "loss/cross_entropy", "points": "0"}),
        (400, "series", {"run": samples.HEALTHY, "tag": "loss/cross_entropy", "columns": "0:9"}),
        (400, "series", {"run": samples.HEALTHY, "tag": "loss/cross_entropy", "columns": "1:1"}),
        (404, "explanation", {"rule": "nonsense"}),
        (400, "explanation", {}),
        (404, "assets/nothing.js", {}),
        (404, "assets/../plugin.py", {}),
        (404, "assets/..%2F..%2Fplugin.py", {}),
    ):
        answer = tensorboard.get(route, **arguments)
        assert answer.status == status, (route, arguments)
        if "plugin.py" not in route:  # TensorBoard itself may be the one that answers
            assert set(answer.json) == {"error"}
        assert b"CollapsePlugin" not in answer.body


def expected_series(run: str) -> dict[str, list[tuple[int, list[float]]]]:
    """tag -> [(step, values)], worked out from the records without the writer's code."""
    series: dict[str, list[tuple[int, list[float]]]] = {}
    for record in samples.sample_records(run):
        match record:
            case LossValues():
                rows = series.setdefault("loss/cross_entropy", [])
                rows += [(s, [v]) for s, v in zip(record.steps, record.values, strict=True)]
            case PredictionWindow():
                tag = f"predictions/cross_entropy/{record.phase}"
                series.setdefault(tag, []).append((record.last_step, prediction_row(record)))
                if (classes := len(record.labels)) > 2:
                    matrix = np.zeros((classes, classes))
                    for true, predicted, count in record.confused:
                        matrix[true, predicted] = count
                    tag = f"confusions/cross_entropy/{record.phase}"
                    series.setdefault(tag, []).append((record.last_step, matrix.ravel().tolist()))
            case LayerStatistics():
                values = [
                    *record.gradient_norm,
                    *record.weight_norm,
                    *record.update_ratio,
                ]
                series.setdefault("layers/model", []).append((record.step, values))
            case LearningRate():
                rows = series.setdefault("learning_rate/optimizer", [])
                rows.append((record.step, list(record.learning_rates)))
            case ActivationStatistics():
                values = [*record.rms, *record.dead, *record.seen]
                series.setdefault("activations/model", []).append((record.step, values))
            case EpochEnded():
                series.setdefault("epochs", []).append((record.step, [record.epoch]))
    return series


def prediction_row(window: PredictionWindow) -> list[float]:
    labels = np.array(window.labels)
    shares = labels / labels.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = np.array(window.correct) / labels
        entropy = -np.nansum(shares * np.log(shares))
    return [
        float(window.samples),
        *shares,
        *np.array(window.predicted) / sum(window.predicted),
        *recall,
        *window.mean_probability,
        *window.pull,
        window.cross_entropy_nats / entropy if entropy else math.nan,
        window.rank,
        window.spread,
        window.first_step,
        window.batches,
        window.one_in,
        window.out_of_range,
        window.single_class_batches,
        window.input_row_sums_to_one,
        window.exclusive,
        window.newcomers,
        window.newcomers_found,
        window.cross_entropy_nats,
        window.outside_unit,
        window.spread_in_batch,
    ]


def test_the_sample_logs_hold_one_event_file_per_run(tmp_path: Path) -> None:
    """TensorBoard loses data where two files share a run: the writer never does that."""
    samples.write_sample_logs(tmp_path)
    assert sorted(run for run, _ in event_files(tmp_path)) == sorted(samples.RUNS)

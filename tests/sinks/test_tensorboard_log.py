"""What stands in an event file: rows, facts, reports, tags and their descriptions."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google_crc32c import value as crc32c
from tensorboard.util import tensor_util

from collapse_magic.records import (
    EpochEnded,
    LayerStatistics,
    LearningRate,
    LossValues,
    PredictionWindow,
    Record,
    RunStarted,
)
from collapse_magic.report import Report, plain
from collapse_magic.sinks import event_log, rows
from collapse_magic.sinks.event_log import EventLog
from collapse_magic.sinks.events import EventEncoder, EventFile
from tests.rules.hand_made import (
    activation_statistics,
    input_facts,
    model_mode,
    training_loop,
    wiring,
)
from tests.support import sample_logs as samples
from tests.support.event_files import accumulated, rows_of, texts_of

START = samples.STARTED


@pytest.fixture
def log(tmp_path: Path) -> Any:
    encoder = EventEncoder()
    log = EventLog(EventFile(tmp_path, encoder), encoder, "net", START)
    yield log
    log.close()


def window(last_step: int, **changes: Any) -> PredictionWindow:
    base = next(
        r
        for r in samples.sample_records(samples.COLLAPSED)
        if isinstance(r, PredictionWindow) and r.phase == "train"
    )
    return replace(base, last_step=last_step, **changes)


def some_report(steps: int, **changes: Any) -> Report:
    base = Report("net", steps, None, 1.0, 0.0, False, (), (), {}, None, finished=False)
    return replace(base, **changes)


def test_values_of_one_step_are_averaged_and_steps_increase(log: EventLog, tmp_path: Path) -> None:
    """GIVEN four backwards per step, a record and a flush that cut one of them in two."""
    log.add(LossValues("ce", (1, 1, 1, 1, 2, 2), (1.0, 2.0, 3.0, 4.0, 5.0, 7.0)), START + 1)
    log.flush(START + 1)
    assert [(s, v) for s, _, v in rows_of(tmp_path, "loss/ce")] == [(1, 2.5)]
    log.add(LossValues("ce", (2, 2, 3), (6.0, 8.0, 9.0)), START + 2)
    log.flush(START + 2, final=True)
    assert [(s, v) for s, _, v in rows_of(tmp_path, "loss/ce")] == [(1, 2.5), (2, 6.5), (3, 9.0)]


def test_a_value_that_comes_after_its_row_joins_the_next(log: EventLog, tmp_path: Path) -> None:
    log.add(LossValues("ce", (1,), (1.0,)), START + 1)
    log.add(LearningRate("sgd", 2, (0.1,)), START + 1)
    log.flush(START + 1)  # the run is at step 2, so step 1 is complete
    log.add(LossValues("ce", (1, 2), (3.0, 5.0)), START + 2)
    log.flush(START + 2, final=True)
    assert [(s, v) for s, _, v in rows_of(tmp_path, "loss/ce")] == [(1, 1.0), (2, 4.0)]


def test_the_windows_of_one_validation_are_one_row(log: EventLog, tmp_path: Path) -> None:
    """GIVEN a validation between two steps WHEN it takes long THEN it shows once, and whole."""
    for samples_seen in (100, 300):
        log.add(window(640, phase="eval", samples=samples_seen, rank=math.nan), START + 1)
        log.flush(START + 1)
        assert rows_of(tmp_path, "predictions/cross_entropy/eval") == []
    log.add(LossValues("ce", (641,), (1.0,)), START + 2)
    log.flush(START + 2)
    (row,) = rows_of(tmp_path, "predictions/cross_entropy/eval")
    assert (row[0], row[2]) == (640, 400)


def test_wall_times_of_losses_are_spread_over_the_time_they_took(
    log: EventLog, tmp_path: Path
) -> None:
    log.add(LossValues("ce", (1, 2), (1.0, 1.0)), START + 2)
    log.add(LossValues("ce", (3, 4), (1.0, 1.0)), START + 6)
    log.flush(START + 6, final=True)
    assert [w - START for _, w, _ in rows_of(tmp_path, "loss/ce")] == [1, 2, 4, 6]


def test_the_header_holds_version_and_checksum_of_the_rows(log: EventLog, tmp_path: Path) -> None:
    log.add(LayerStatistics("m", 1, (0.0, math.nan), (1.0, math.inf), (0.1, 0.2)), START)
    log.flush(START, final=True)
    (event,) = accumulated(tmp_path).Tensors("layers/m")
    matrix = tensor_util.make_ndarray(event.tensor_proto)
    assert matrix.shape == (2, 2 + 6)
    assert matrix[0].tolist() == [1, crc32c(matrix[1:].tobytes()), 0, 0, 0, 0, 0, 0]
    assert str(matrix[1, 2:].tolist()) == "[0.0, nan, 1.0, inf, 0.1, 0.2]"
    assert event.step == 1


def test_a_long_pause_is_written_in_pieces(
    log: EventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "LARGEST_CHUNK_BYTES", 240)  # ten rows of three numbers
    log.add(LossValues("ce", tuple(range(1, 26)), (1.0,) * 25), START)
    log.flush(START, final=True)
    assert [e.step for e in accumulated(tmp_path).Tensors("loss/ce")] == [10, 20, 25]
    assert [s for s, *_ in rows_of(tmp_path, "loss/ce")] == list(range(1, 26))


def test_activations_are_a_series_and_facts_hold_what_is_told_once(
    log: EventLog, tmp_path: Path
) -> None:
    log.add(activation_statistics(4, (math.nan, 0.25), (0.5, 2.0)), START)
    for record in (training_loop(optimizer="", steps=0), training_loop(), wiring(model=None)):
        log.add(record, START)
    for record in (model_mode(), input_facts(), input_facts(layer="other"), wiring()):
        log.add(record, START)
    log.flush(START, final=True)
    ((step, _, *values),) = rows_of(tmp_path, "activations/model")
    assert (step, str(values)) == (4, "[0.5, 2.0, nan, 0.25, 512.0, 512.0]")
    events = accumulated(tmp_path)
    about = json.loads(events.SummaryMetadata("activations/model").plugin_data.content)
    assert about["fields"][1] == {
        "name": "dead",
        "size": 2,
        "labels": ["layer0 relu", "layer1 relu"],
    }
    (event,) = events.Tensors("facts")
    facts = json.loads(event.tensor_proto.string_val[0])
    assert facts["loops"] == [plain(training_loop())]
    assert facts["modes"] == [plain(model_mode())]
    assert facts["inputs"] == [plain(input_facts()), plain(input_facts(layer="other"))]
    assert facts["wirings"] == [plain(wiring(model=None)), plain(wiring())]


def test_metadata_describes_the_columns_once(log: EventLog, tmp_path: Path) -> None:
    for record in samples.sample_records(samples.HEALTHY):
        log.add(record, START)
    log.flush(START, final=True)
    events = accumulated(tmp_path)
    about = {
        tag: json.loads(events.SummaryMetadata(tag).plugin_data.content)
        for tag in events.Tags()["tensors"]
    }
    assert {tag: a["kind"] for tag, a in about.items()} == {
        "facts": "facts",
        "predictions/cross_entropy/train": "predictions",
        "predictions/cross_entropy/eval": "predictions",
        "confusions/cross_entropy/train": "confusions",
        "confusions/cross_entropy/eval": "confusions",
        "loss/cross_entropy": "loss",
        "layers/model": "layers",
        "activations/model": "activations",
        "epochs": "epochs",
        "learning_rate/optimizer": "learning_rate",
    }
    assert about["layers/model"]["fields"][2] == {
        "name": "update_ratio",
        "size": 3,
        "labels": ["stem.conv", "body.conv", "head"],
    }
    assert about["loss/cross_entropy"]["name"] == "cross_entropy"


def test_tags_are_plain_and_unique_whatever_things_are_called(
    log: EventLog, tmp_path: Path
) -> None:
    for name in ("a/b", "a b", "../x\n", "é" * 500):
        log.add(LossValues(name, (1,), (1.0,)), START)
    log.flush(START, final=True)
    events = accumulated(tmp_path)
    tags = events.Tags()["tensors"]
    assert tags == ["loss/a_b", "loss/a_b-2", "loss/.._x_", f"loss/{'_' * 80}"]
    contents = [json.loads(events.SummaryMetadata(tag).plugin_data.content) for tag in tags]
    assert [content["name"] for content in contents] == ["a/b", "a b", "../x\n", "é" * 500]


def test_columns_that_change_in_number_go_on_under_another_tag(
    log: EventLog, tmp_path: Path
) -> None:
    log.add(LearningRate("sgd", 1, (0.1,)), START)
    log.add(LearningRate("sgd", 2, (0.1, 0.2)), START)
    log.flush(START, final=True)
    assert [r[2:] for r in rows_of(tmp_path, "learning_rate/sgd")] == [(0.1,)]
    assert [r[2:] for r in rows_of(tmp_path, "learning_rate/sgd-2")] == [(0.1, 0.2)]


def test_facts_are_whole_snapshots_of_the_newest_ones(log: EventLog, tmp_path: Path) -> None:
    records = samples.sample_records(samples.NOT_FINITE)
    for record in records:
        log.add(record, START)
    log.flush(START)
    log.flush(START + 1)  # nothing new: nothing is written
    loss = samples._loss_facts(2)
    log.add(replace(loss, broadcast=True, target_min=math.nan), START + 2)
    log.flush(START + 2)
    first, second = texts_of(tmp_path, "facts")
    assert first["run"] == {
        "run": samples.NOT_FINITE,
        "started": samples.started(samples.NOT_FINITE),
        "framework": "torch 2.13.0",
        "cell": 7,
        "class_names": ["ham", "spam"],
        "rank": None,
        "world_size": 1,
        "group": "",
    }
    assert (first["losses"][0]["broadcast"], second["losses"][0]["broadcast"]) == (False, True)
    assert second["losses"][0]["target_min"] == "NaN"
    assert second["models"] == first["models"]


def test_a_report_is_written_at_once_where_its_findings_change(
    log: EventLog, tmp_path: Path
) -> None:
    """GIVEN a run of an hour WHEN only the step count changes THEN it is written now and then."""
    late = START + 3600
    log.report(some_report(1))
    log.flush(late)
    log.report(some_report(2))
    log.flush(late + 1)
    log.report(some_report(3, findings=(samples.imbalance(),)))
    log.flush(late + 2)
    log.report(some_report(4, findings=(replace(samples.imbalance(), last_step=9),)))
    log.flush(late + 3)
    resolved = replace(samples.imbalance(), resolved_step=700)
    log.report(some_report(5, findings=(resolved,)))
    log.flush(late + 4)
    log.report(some_report(6, findings=(resolved,)))
    log.flush(late + 4 + event_log.LONGEST_REPORT_PAUSE_S)
    log.report(some_report(7, findings=(resolved,), finished=True))
    log.flush(late + 40, final=True)
    assert [r["steps"] for r in texts_of(tmp_path, "report")] == [1, 3, 5, 6, 7]


def test_a_report_with_text_that_has_no_utf8_is_written(log: EventLog, tmp_path: Path) -> None:
    log.report(some_report(1, notes=("lone \ud800 surrogate </script>",)))
    log.flush(START, final=True)
    assert texts_of(tmp_path, "report")[0]["notes"][0].endswith("surrogate </script>")


def test_the_ends_of_epochs_are_a_series(log: EventLog, tmp_path: Path) -> None:
    for epoch in (1, 2):
        log.add(EpochEnded(epoch, 10 * epoch), START + epoch)
    log.flush(START + 3, final=True)
    assert rows_of(tmp_path, "epochs") == [(10, START + 1, 1), (20, START + 2, 2)]


def test_what_is_taken_for_what_is_a_matrix_of_few_classes(log: EventLog, tmp_path: Path) -> None:
    """GIVEN two windows of one validation THEN their counts are added up."""
    three = {"labels": (4, 4, 4), "predicted": (4, 4, 4), "correct": (2, 4, 3)}
    three |= {"mean_probability": (0.3,) * 3, "pull": (0.3,) * 3}
    for confused in (((0, 2, 2), (2, 0, 1)), ((2, 0, 3),)):
        log.add(window(640, phase="eval", confused=confused, **three), START + 1)
    log.flush(START + 2, final=True)
    ((step, _, *cells),) = rows_of(tmp_path, "confusions/cross_entropy/eval")
    assert (step, cells) == (640, [0, 0, 2, 0, 0, 0, 4, 0, 0])


def test_of_many_classes_the_most_frequent_pairs_are_written(log: EventLog, tmp_path: Path) -> None:
    even = (1 / 100,) * 100
    many = {"labels": (9,) * 100, "predicted": (9,) * 100, "correct": (1,) * 100}
    many |= {"mean_probability": even, "pull": even}
    confused = tuple((c, c + 1, 99 - c) for c in range(99))
    log.add(window(10, confused=confused[:2], **many), START)
    log.add(window(20, confused=confused, **many), START)
    log.flush(START, final=True)
    few, all_of_them = rows_of(tmp_path, "confusions/cross_entropy/train")
    assert np.array(few[2:]).reshape(3, -1)[:, :2].tolist() == [[0, 1], [1, 2], [99, 98]]
    assert np.isnan(np.array(few[2:]).reshape(3, -1)[:, 2:]).all()
    assert np.array(all_of_them[2:]).reshape(3, -1).T.tolist() == [list(c) for c in confused[:64]]


def test_two_classes_and_labels_beside_each_other_make_no_confusions(
    log: EventLog, tmp_path: Path
) -> None:
    log.add(window(10), START)
    log.add(window(20, exclusive=False, labels=(1,) * 3, predicted=(1,) * 3, correct=(1,) * 3,
                   mean_probability=(0.3,) * 3, pull=(0.3,) * 3), START)  # fmt: skip
    log.flush(START, final=True)
    tags = accumulated(tmp_path).Tags()["tensors"]
    assert [tag for tag in tags if tag.startswith("confusions")] == []


def test_records_that_make_no_series_are_taken_without_a_row(log: EventLog, tmp_path: Path) -> None:
    from collapse_magic.records import NonFinite, ProbeNote

    others: list[Record] = [NonFinite("ce", 1, "loss", "", "nan"), ProbeNote("n")]
    for record in others:
        log.add(record, START)
    log.flush(START, final=True)
    assert accumulated(tmp_path).Tags()["tensors"] == ["facts"]
    (facts,) = texts_of(tmp_path, "facts")
    assert [each["place"] for each in facts["non_finite"]] == ["loss"] and facts["raised"] == []


def test_class_names_of_another_number_are_not_used(log: EventLog, tmp_path: Path) -> None:
    log.add(RunStarted("net", START, "torch", 1, ("only",)), START)
    log.add(window(1), START)
    log.flush(START, final=True)
    metadata = accumulated(tmp_path).SummaryMetadata("predictions/cross_entropy/train")
    assert json.loads(metadata.plugin_data.content)["fields"][1]["labels"] == ["0", "1"]


def test_nothing_follows_half_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN a disk that takes a part of a record and then fails
    THEN the file is closed: what came before can be read, and nothing is put behind the half."""
    encoder = EventEncoder()
    file = EventFile(tmp_path, encoder)
    file.write([encoder.text("report", 1, START, "{}", '{"version": 1, "kind": "report"}')])
    write, calls = os.write, []

    def fails_midway(descriptor: int, data: Any) -> int:
        calls.append(len(data))
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return write(descriptor, bytes(data)[:20])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", fails_midway)
        with pytest.raises(OSError, match="No space"):
            file.write([encoder.text("report", 2, START, "{}")])
    size = file.path.stat().st_size
    file.write([encoder.text("report", 3, START, "{}")])
    file.close()
    assert file.path.stat().st_size == size
    assert [e.step for e in accumulated(tmp_path).Tensors("report")] == [1]


def test_joined_windows_add_counts_and_weigh_means() -> None:
    first = window(
        10,
        first_step=1,
        samples=100,
        labels=(90, 10),
        predicted=(100, 0),
        correct=(90, 0),
        cross_entropy_nats=0.4,
        rank=math.nan,
        spread=1.0,
    )
    second = replace(
        first,
        first_step=11,
        last_step=20,
        samples=300,
        labels=(150, 150),
        predicted=(200, 100),
        correct=(140, 90),
        cross_entropy_nats=0.8,
        rank=0.75,
        spread=3.0,
    )
    joined = rows.join_windows(first, second)
    assert (joined.first_step, joined.last_step, joined.samples) == (1, 20, 400)
    assert joined.labels == (240, 160)
    assert joined.predicted == (300, 100)
    assert joined.correct == (230, 90)
    assert joined.cross_entropy_nats == pytest.approx(0.7)
    assert joined.rank == 0.75  # where one class only was seen there is none
    assert joined.spread == pytest.approx(math.sqrt(0.25 * 1 + 0.75 * 9))
    assert math.isnan(rows.join_windows(first, replace(first, spread=math.nan)).spread)


def test_shares_of_nothing_are_not_numbers() -> None:
    empty = window(1, samples=0, labels=(0, 0), predicted=(0, 0), correct=(0, 0))
    columns = rows.prediction_columns(empty)
    assert columns[0] == 0
    assert all(math.isnan(value) for value in columns[1:7])
    one_class = window(1, labels=(640, 0), correct=(640, 0))
    columns = rows.prediction_columns(one_class)
    assert columns[5] == 1.0
    assert math.isnan(columns[6])  # recall of a class that is not there
    assert math.isnan(columns[11])  # no entropy to compare with

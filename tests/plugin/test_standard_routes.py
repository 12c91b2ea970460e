"""Logs of other tools in the tab: the same routes and forms as for watched runs, both loaders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from tensorboard_plugin_collapse.log_report import judge
from tensorboard_plugin_collapse.run_logs import read_runs

from tests.support import sample_logs as samples
from tests.support.standard_events import STARTED, EventWriter
from tests.support.tensorboards import (
    LOADERS,
    RunningTensorBoard,
    parse_series,
    running_with_loader,
)
from tests.support.waiting import wait_until

POINTS = 60
LAYERS = ("conv1", "conv2", "fc")


def losses(step: int) -> float:
    return 2.0 / (1 + step)


def write(logdir: Path) -> None:
    with EventWriter(logdir / "healthy") as log:
        for step in range(POINTS):
            log.scalar("Loss/train", step, losses(step))
            log.scalar("Loss/val", step, losses(step) + 0.1)
            log.scalar("Accuracy/val", step, step / POINTS)
            log.scalar("lr", step, 0.1)
            for n, layer in enumerate(LAYERS):
                edges = np.array([[-1, 0, 4], [0, 1, 8]]) * (1 + n)
                log.tensor(f"{layer}.weight", step, edges, "histograms")
                log.tensor(f"{layer}.weight.grad", step, edges / 100, "histograms")
    with EventWriter(logdir / "spoilt") as log:
        for step in range(POINTS):
            log.scalar("loss", step, float("nan") if step > 40 else 1.0)
    for part, plus in (("train", 0.0), ("validation", 0.2)):  # as Keras' callback does
        with EventWriter(logdir / "keras" / part) as log:
            for step in range(POINTS):
                log.tensor("epoch_loss", step, losses(step) + plus, "scalars")
    with EventWriter(logdir / "nothing") as log:
        log.scalar("temperature", 1, 20.0)
    samples.write_run(
        logdir / "watched", STARTED, samples.sample_records(samples.LIVE), report=None
    )
    with EventWriter(logdir / "watched", "events.out.tfevents.2") as log:
        log.scalar("loss", 1, 2.0)


@pytest.fixture(scope="module", params=LOADERS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningTensorBoard]:
    folder = tmp_path_factory.mktemp("served")
    logdir = folder / "logs"
    write(logdir)
    with running_with_loader(request.param, logdir, log=folder / "said") as tensorboard:
        wait_until(
            lambda: (
                {"healthy", "spoilt", "keras", "watched"} <= set(runs := tensorboard.runs())
                and all(runs[name]["steps"] >= POINTS - 1 for name in ("healthy", "spoilt"))
                and len(runs["keras"]["series"]) == 2
            ),
            "all runs are served",
        )
        yield tensorboard


def test_runs_are_listed_beside_watched_ones(served: RunningTensorBoard) -> None:
    runs = served.runs()
    assert set(runs) == {"healthy", "spoilt", "keras", "watched"}
    assert runs["healthy"]["severity"] == "ok"
    assert runs["spoilt"]["severity"] == "error"
    assert runs["spoilt"]["rule"] == "non-finite"
    assert runs["watched"]["severity"] == "waiting"  # its own summaries say nothing of it
    assert runs["healthy"]["started"] == pytest.approx(STARTED, abs=1)


def test_replies_keep_to_the_contract(served: RunningTensorBoard) -> None:
    schema: dict[str, Any] = json.loads(
        files("collapse_magic").joinpath("records.schema.json").read_text(encoding="utf-8")
    )
    for name, data in [
        ("RunsReply", served.get("runs").json),
        *(("RunReply", served.get("run", run=run).json) for run in served.runs()),
    ]:
        validator = jsonschema.Draft202012Validator(
            {**schema, "anyOf": [{"$ref": f"#/$defs/{name}"}]}
        )
        validator.validate(data)


def test_series_come_in_the_forms_of_watched_runs(served: RunningTensorBoard) -> None:
    reply = served.get("run", run="healthy").json
    kinds = {each["tag"]: each["kind"] for each in reply["series"]}
    assert kinds == {
        "loss/Loss_train": "loss",
        "loss/Loss_val": "loss",
        "accuracy/Accuracy_val": "accuracy",
        "learning_rate/lr": "learning_rate",
        "layers/model": "layers",
    }
    series = parse_series(served.get("series", run="healthy", tag="loss/Loss_val").body)
    assert series.steps.tolist() == list(range(POINTS))
    expected = np.array([[np.float32(losses(n) + 0.1)] for n in range(POINTS)])
    np.testing.assert_allclose(series.values, expected, rtol=1e-6)
    (layers,) = [each for each in reply["series"] if each["kind"] == "layers"]
    assert layers["fields"][0]["labels"] == list(LAYERS)
    values = parse_series(served.get("series", run="healthy", tag="layers/model").body).values
    # Values spread evenly over [0, a] have a mean square of a^2 / 3.
    norms = [(1 + n) * np.sqrt(12 / 3 * (1 + n)) for n in range(3)]
    np.testing.assert_allclose(values[-1, 3:6], norms, rtol=1e-5)
    assert np.isnan(values[:, 6:]).all()
    late = served.get("series", run="healthy", tag="loss/Loss_val", since=POINTS - 3)
    assert parse_series(late.body).steps.tolist() == [POINTS - 2, POINTS - 1]
    assert served.get("series", run="healthy", tag="loss/none").status == 404


def test_evaluations_in_runs_of_their_own_belong_to_their_training(
    served: RunningTensorBoard,
) -> None:
    reply = served.get("run", run="keras").json
    names = {each["name"] for each in reply["series"]}
    assert names == {"train/epoch_loss", "validation/epoch_loss"}
    assert served.get("run", run="keras/train").status == 404


def test_the_tab_and_the_report_say_the_same(served: RunningTensorBoard) -> None:
    for run in judge(list(read_runs(served.logdir))).runs:
        if run.name in ("healthy", "spoilt", "keras"):
            shown = served.get("run", run=run.name).json["report"]
            assert run.report is not None
            assert shown["findings"] == run.report["findings"]
            assert shown["clear"] == run.report["clear"]
            assert shown["notes"] == run.report["notes"]


def test_the_tab_is_active_for_scalars(served: RunningTensorBoard) -> None:
    import urllib.request

    with urllib.request.urlopen(f"{served.address}data/plugins_listing", timeout=30) as reply:
        assert json.load(reply)["collapse"]["enabled"]

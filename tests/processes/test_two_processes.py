"""Two processes that train one model: each is a run of its own, and both together are one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard_plugin_collapse.log_report import print_report, read_runs
from tensorboard_plugin_collapse.plugin import CollapsePlugin
from werkzeug.test import Client

from tests.support.tensorboards import parse_series

from . import two_ranks

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Trained:
    folder: Path
    found: list[dict[str, Any]]  # by rank: what the process found out by itself
    said: str

    @property
    def logdir(self) -> Path:
        return self.folder / "runs"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("two")
    path = os.pathsep.join([str(ROOT), str(ROOT / "tensorboard_plugin")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", two_ranks.__file__, str(folder)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = [torch.load(folder / f"{rank}.pt") for rank in range(two_ranks.WORLD)]
    return Trained(folder, found, done.stdout + done.stderr)


@pytest.mark.parametrize("style", two_ranks.STYLES)
def test_both_processes_train_bit_for_bit_as_without_us(trained: Trained, style: str) -> None:
    for rank in range(two_ranks.WORLD):
        weights, losses, norms = trained.found[rank][style]["plain"]
        watched_weights, watched_losses, watched_norms = trained.found[rank][style]["watched"]
        assert losses == watched_losses and norms == watched_norms
        assert all(map(torch.equal, weights, watched_weights))
    assert torch.equal(*(trained.found[rank][style]["plain"][0][0] for rank in (0, 1)))


@pytest.mark.parametrize("style", two_ranks.STYLES)
def test_each_process_is_a_run_that_knows_its_rank(trained: Trained, style: str) -> None:
    runs = {run.name: run for run in read_runs(trained.logdir)}
    for rank in range(two_ranks.WORLD):
        run = runs[f"{style}/rank-{rank}"]
        assert run.report is not None and run.facts is not None and not run.damaged
        about = run.facts["run"]
        assert (about["rank"], about["world_size"]) == (rank, two_ranks.WORLD)
        assert run.report["run"] == run.name and run.report["finished"]
        norms = trained.found[rank][style]["watched"][2]
        assert run.report["steps"] == len(norms)
        (model,) = run.facts["models"]  # the model inside, not what wraps it
        assert model["kind"] == "Net" and model["model"] == "network"
        names = [layer["name"] for layer in model["layers"]]
        columns = [names.index("body.0"), names.index("body.2")]
        logged = run.series["layers/network"].rows.values[:, columns]
        # Averaged over both processes: what the optimizer steps with.
        assert np.allclose(logged, norms, rtol=1e-5)
    groups = {runs[f"{style}/rank-{rank}"].facts["run"]["group"] for rank in (0, 1)}  # type: ignore[index]
    assert len(groups) == 1


def test_only_one_of_them_speaks_and_each_exports_its_own_report(trained: Trained) -> None:
    for style in two_ranks.STYLES:
        assert trained.said.count(f"run '{style}/rank-0'") == 1
        exported = [
            json.loads((trained.folder / name).read_text())
            for name in (f"{style}.json", f"{style}.rank-1.json")
        ]
        assert [report["run"] for report in exported] == [f"{style}/rank-0", f"{style}/rank-1"]
    assert "/rank-1'" not in trained.said


def labels_of(rank: int) -> tuple[int, int]:
    ones = int(two_ranks.samples(rank)[1].sum())
    return two_ranks.STEPS * two_ranks.BATCH - ones, ones


def test_all_samples_together_are_one_run_in_the_report(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    """GIVEN labels that are nearly all 0 in one process and nearly all 1 in the other."""
    assert print_report(trained.logdir, "json", "warning") == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    both = np.array([labels_of(0), labels_of(1)])
    for style in two_ranks.STYLES:
        alone = [runs[f"{style}/rank-{rank}"]["predictions"][0] for rank in (0, 1)]
        for rank, summary in enumerate(alone):
            assert summary["label_share"][rank] > 0.9
            assert summary["samples"] == both[rank].sum()
        (together,) = runs[style]["predictions"]
        assert together["samples"] == both.sum()
        assert together["label_share"] == pytest.approx(both.sum(axis=0) / both.sum())
        predicted = np.mean([summary["predicted_share"] for summary in alone], axis=0)
        assert together["predicted_share"] == pytest.approx(predicted, abs=1e-6)
        right = sum(
            np.array(s["recall"], float) * np.array(s["label_share"]) * s["samples"] for s in alone
        )
        assert together["recall"] == pytest.approx(right / both.sum(axis=0), abs=1e-6)
        assert runs[style]["steps"] == runs[f"{style}/rank-0"]["steps"]
        assert runs[style]["notes"][0] == "2 of 2 processes, put together from their logs"
    print_report(trained.logdir, "text", "warning")
    text = capsys.readouterr().out
    assert "run 'plain'" in text and "rank-0'" not in text and "rank-1'" not in text


def test_the_tab_offers_both_processes_and_all_together(trained: Trained) -> None:
    multiplexer = EventMultiplexer(tensor_size_guidance={"collapse": 0})
    multiplexer.AddRunsFromDirectory(str(trained.logdir))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(trained.logdir))
    apps = CollapsePlugin(SimpleNamespace(data_provider=provider)).get_plugin_apps()

    def get(route: str, **arguments: str) -> Any:
        return Client(apps[route]).get(f"/data/plugin/collapse{route}", query_string=arguments)

    names = [line["run"] for line in get("/runs").json["runs"]]
    assert sorted(names) == sorted(
        f"{style}{part}" for style in two_ranks.STYLES for part in ("", "/rank-0", "/rank-1")
    )
    assert all(names.index(style) < names.index(f"{style}/rank-0") for style in two_ranks.STYLES)
    run = get("/run", run="plain").json
    assert run["report"]["run"] == "plain" and run["damaged"] == []
    assert run["facts"]["run"]["rank"] is None and run["facts"]["run"]["world_size"] == 2
    (tag,) = [series["tag"] for series in run["series"] if series["kind"] == "predictions"]
    served = parse_series(get("/series", run="plain", tag=tag).data)
    assert served.steps[-1] == two_ranks.STEPS
    assert served.values[:, 0].sum() == 2 * two_ranks.STEPS * two_ranks.BATCH
    (tag,) = [series["tag"] for series in run["series"] if series["kind"] == "loss"]
    served = parse_series(get("/series", run="plain", tag=tag).data)
    losses = np.mean([trained.found[rank]["plain"]["watched"][1] for rank in (0, 1)], axis=0)
    assert np.allclose(served.values[:, 0], losses, rtol=1e-6)
    assert get("/series", run="plain", tag="loss/none").status_code == 404
    assert get("/run", run="none").status_code == 404

"""A watched cell beside others: run again and again, with its own patches, in two kernels."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tensorboard_plugin_collapse.log_report import read_runs

from .conftest import SETUP
from .kernel import Kernel

CELL = """%%watch_training {name} {options}
company_net = nn.Sequential(nn.Linear(2, 2))
company_loss = train(company_net, x, y, steps={steps})
"""


def test_one_cell_run_again_and_again_leaves_nothing_behind(kernel: Kernel) -> None:
    counted = """(
        len(get_ipython().events.callbacks['post_run_cell']),
        len(get_ipython().input_transformers_cleanup),
        len([t for t in __import__('threading').enumerate() if 'collapse' in t.name]),
        len([f for f in __import__('pathlib').Path('/proc/self/fd').glob('*')
             if 'tfevents' in str(f.resolve())]),
        sum(str(type(o).__module__).startswith('collapse_magic')
            for o in (__import__('gc').collect(), *__import__('gc').get_objects())),
    )"""
    cell = CELL.format(name="again", options="--quiet", steps=30)
    for _ in range(2):
        assert kernel.run(cell).status == "ok"
    before = ast.literal_eval(kernel.value(counted))
    for _ in range(6):
        assert kernel.run(cell).status == "ok"
    *places, objects = ast.literal_eval(kernel.value(counted))
    assert places == list(before[:-1])
    assert objects <= before[-1]
    assert kernel.value("company_loss > 0") == "True"


def test_a_loss_that_the_cell_redefines_stays_redefined(kernel: Kernel) -> None:
    body = (
        "company_original = F.cross_entropy\n"
        "def company_loss_function(*args, **kwargs):\n"
        "    return company_original(*args, **kwargs)\n"
        "F.cross_entropy = company_loss_function\n"
    )
    kernel.run(body)
    try:
        kernel.run("F.cross_entropy = company_original")
        first, rest = CELL.format(name="own-loss", options="", steps=60).split("\n", 1)
        outcome = kernel.run(f"{first}\n{body}{rest}")
        assert outcome.status == "ok" and "60 steps" in outcome.shown
        assert kernel.value("F.cross_entropy is company_loss_function") == "True"
        assert kernel.value("company_original.__module__") == "torch.nn.functional"
    finally:
        kernel.run("F.cross_entropy = company_original")


@pytest.fixture
def other_kernel(kernel: Kernel, tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_two_kernels_write_to_one_directory_at_once(kernel: Kernel, other_kernel: Kernel) -> None:
    """GIVEN the same cell in two notebooks, started together
    THEN each is a run of its own, complete and readable."""
    logdir = kernel.folder / "shared-runs"
    cell = CELL.format(name="both", options=f"--logdir {logdir}", steps=400)
    try:
        assert other_kernel.run(SETUP).status == "ok"
        begun = [(each, each.client.execute(cell)) for each in (kernel, other_kernel)]
        outcomes = [each.wait(request) for each, request in begun]
    finally:
        other_kernel.close()
    assert [outcome.status for outcome in outcomes] == ["ok", "ok"]
    runs = {run.name: run for run in read_runs(logdir)}
    assert sorted(runs) == ["both", "both-2"]
    for logged in runs.values():
        assert logged.damaged == [] and logged.report is not None
        assert logged.report["steps"] == 400 and logged.report["finished"]
        assert logged.report["run"] == logged.name
    shown = "".join(outcome.shown for outcome in outcomes)
    assert "run 'both'" in shown and "run 'both-2'" in shown

"""`--try-fix` in real kernels: one for the user, and those that the trial starts."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from .kernel import Kernel

PREPARE = """
import random, numpy as np, torch
from torch import nn
from torch.nn import functional as F
torch.manual_seed(0)
x = torch.randn(600, 2)
y = (x[:, 0] + x[:, 1] > 0).long()
"""
MODEL = """
model = nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""
TRAIN = """%%watch_training story --ignore dead-relu --quiet
for step in range(4_000):
    i = step * 20 % 600
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x[i:i + 20]), y[i:i + 20])
    loss.backward()
    optimizer.step()
"""
STATE = "(random.random(), np.random.rand(), float(torch.rand(())))"


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path)
    try:
        yield kernel
    finally:
        kernel.close()


def run(kernel: Kernel, *cells: str) -> None:
    for cell in cells:
        outcome = kernel.run(cell)
        assert outcome.status == "ok", outcome.errors or outcome.stderr


def test_a_fix_is_tried_beside_the_cells_as_they_are(notebook: Kernel) -> None:
    run(notebook, "%load_ext collapse_magic", PREPARE, MODEL, TRAIN)
    notebook.run("random.seed(1), np.random.seed(1), torch.manual_seed(1)")
    state = notebook.value(STATE)
    weights = notebook.value("[p.sum().item() for p in model.parameters()]")
    notebook.run("random.seed(1), np.random.seed(1), torch.manual_seed(1)")
    threads = notebook.value("__import__('threading').active_count()")
    outcome = notebook.run("%watch_training --try-fix --steps 500 --yes")
    assert outcome.status == "ok", outcome.stderr
    progress, card = (data["text/plain"] for data in outcome.displays)
    assert progress == "try-fix  both ran for 500 steps"
    _, _, *table = card.splitlines()
    rows = {line[:31].strip(): line[31:].split() for line in table[:7]}
    assert rows["steps"] == ["500", "500"]
    assert rows["CM401 double-activation"] == ["stands", "not", "seen"]
    before, after = map(float, rows["loss / label entropy"][:2])
    assert after < 0.8 * before
    assert "CM401 double-activation is gone after 500 steps" in card
    runs = sorted(p.parent.name for p in (notebook.folder / "runs" / "story").rglob("*tfevents*"))
    assert runs == ["after", "before", "story"]
    # the user's own kernel is as it was
    assert notebook.value(STATE) == state
    assert notebook.value("[p.sum().item() for p in model.parameters()]") == weights
    assert notebook.value("__import__('threading').active_count()") == threads
    assert notebook.value("__import__('collapse_magic').last_report().run") == "story"


def test_a_trial_asks_first_and_needs_the_history(notebook: Kernel) -> None:
    run(notebook, "%load_ext collapse_magic", PREPARE, MODEL, TRAIN.replace("4_000", "400"))
    asked = notebook.client.execute("%watch_training --try-fix", allow_stdin=True)
    question = notebook.client.get_stdin_msg(timeout=60)["content"]["prompt"]
    assert question.startswith("This runs cells [1] to [4] twice in fresh kernels")
    notebook.client.input("n")
    assert notebook.wait(asked).stdout == "Nothing was run.\n"
    silent = notebook.wait(notebook.client.execute("%watch_training --try-fix", allow_stdin=False))
    assert "add --yes" in silent.stderr
    for line, says in (
        ("--try-fix 7", "--try-fix 7: there is only 1 (CM401)"),
        ("--try-fix --step 3", "knows --steps N, --seconds T and --yes, not --step"),
        ("--try-fix --steps none", "--steps needs a number, not 'none'"),
        ("--try-fix --seconds 0", "--seconds must be more than 0"),
    ):
        (sentence,) = notebook.run(f"%watch_training {line}").stderr.strip().splitlines()
        assert says in sentence
    notebook.run("get_ipython().starting_dir += '/gone'")
    (gone,) = notebook.run("%watch_training --try-fix --yes").stderr.strip().splitlines()
    assert "--try-fix: the trial could not be run" in gone and "/gone" in gone
    notebook.run("get_ipython().history_manager.input_hist_raw[1:3] = ['', '']")
    forgotten = notebook.run("%watch_training --try-fix --yes").stderr
    assert "cell [1] is no longer in IPython's history: run the notebook from its top" in forgotten


def test_cells_that_fail_when_they_run_anew_are_named(notebook: Kernel) -> None:
    once = "import pathlib\npathlib.Path('ran').touch(exist_ok=False)"
    run(notebook, "%load_ext collapse_magic", PREPARE, once, MODEL, TRAIN.replace("4_000", "400"))
    outcome = notebook.run("%watch_training --try-fix --yes --steps 50")
    assert outcome.status == "ok", outcome.stderr  # the training does not need that cell
    assert "before: cell [3] ended in FileExistsError" in outcome.shown
    asking = notebook.client.execute("batch = int(input('batch size? '))", allow_stdin=True)
    notebook.client.get_stdin_msg(timeout=60)
    notebook.client.input("20")
    assert notebook.wait(asking).status == "ok"
    run(notebook, MODEL, TRAIN.replace("20", "batch").replace("4_000", "400"))
    (said,) = notebook.run("%watch_training --try-fix --yes --steps 50").stderr.splitlines()
    assert "cell [7] ended in a question (input), which a trial cannot answer" in said
    assert said.endswith("NameError: name 'batch' is not defined")


def test_ctrl_c_ends_the_kernels_of_the_trial(notebook: Kernel) -> None:
    run(notebook, "%load_ext collapse_magic", PREPARE, MODEL, TRAIN.replace("4_000", "400"))
    own = psutil.Process(int(notebook.value("__import__('os').getpid()")))
    asked = notebook.client.execute("%watch_training --try-fix --yes --steps 1000000")
    _until(lambda: len(own.children(recursive=True)) >= 2)
    started = own.children(recursive=True)
    os.kill(own.pid, signal.SIGINT)
    outcome = notebook.wait(asked)
    assert "--try-fix was broken off" in outcome.stderr, outcome
    _, alive = psutil.wait_procs(started, timeout=60)
    assert alive == []


def _until(holds: object) -> None:
    """Waits for something outside this process, and fails where it never comes."""
    assert callable(holds)
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline

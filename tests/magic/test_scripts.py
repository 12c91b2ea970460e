"""Outside notebooks: plain scripts, `python -m collapse_magic`, IPython in a terminal, and
importing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRAINING = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(600, 2)
y = (x[:, 0] + x[:, 1] > 0).long()
model = nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(60):
    i = step * 10
    optimizer.zero_grad()
    loss = criterion(model(x[i:i + 10]), y[i:i + 10])
    loss.backward()
    optimizer.step()
print("done")
"""


def python(folder: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tensorboard_plugin")])
    env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "IPYTHONDIR": str(folder)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == status, done.stderr
    return done


def test_importing_loads_nothing_heavy(tmp_path: Path) -> None:
    program = """
import sys
import collapse_magic
assert collapse_magic.__all__ == sorted(collapse_magic.__all__)
heavy = {"torch", "tensorflow", "keras", "tensorboard", "IPython", "matplotlib", "numpy", "libcst"}
assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()
for name in collapse_magic.__all__:
    assert getattr(collapse_magic, name) is not None
    assert name in dir(collapse_magic)
assert not {"torch", "tensorflow", "keras", "matplotlib"} & sys.modules.keys()
"""
    python(tmp_path, "-W", "error", "-c", program)


def test_a_script_is_watched_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINING + "import sys\nprint(sys.argv)\n")
    options = ("--export", "out.json")
    done = python(tmp_path, "-m", "collapse_magic", *options, "train.py", "--lr", "1")
    assert done.stdout.splitlines() == ["done", "['train.py', '--lr', '1']"]
    assert "[CM401] double-activation" in done.stderr
    assert " --> script, line 7" in done.stderr and "run 'train'" in done.stderr
    assert "\n  - model = " in done.stderr
    assert "CM401" in (tmp_path / "out.json").read_text()
    assert (tmp_path / "runs" / "train").is_dir()


def test_a_script_that_fails_ends_with_its_own_traceback(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINING + "raise SystemError('mine')\n")
    done = python(tmp_path, "-m", "collapse_magic", "train.py", status=1)
    head, _, traceback = done.stderr.partition("Traceback (most recent call last):\n")
    assert "60 steps" in head
    assert traceback.splitlines()[0].strip().startswith('File "train.py", line 17')
    assert traceback.rstrip().endswith("SystemError: mine")


def test_a_script_is_stopped_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINING)
    done = python(tmp_path, "-m", "collapse_magic", "--stop-on=warning", "train.py", status=1)
    assert done.stdout == "" and "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert (
        last == "TrainingStopped: stopped at step 3 by --stop-on warning: CM401 double-activation"
    )


def test_a_loss_that_raises_in_a_script_leaves_no_frame_of_ours(tmp_path: Path) -> None:
    script = (
        "import collapse_magic, torch\n"
        "with collapse_magic.watch_training(tensorboard=False):\n"
        "    torch.nn.functional.cross_entropy(torch.zeros(2, 2), torch.tensor([1, 2]))\n"
    )
    (tmp_path / "train.py").write_text(script)
    done = python(tmp_path, "train.py", status=1)
    card, _, traceback = done.stderr.partition("Traceback (most recent call last):\n")
    assert "error[CM306]" in card and " --> script, line 3" in card
    assert 'train.py", line 3' in traceback and "collapse_magic" not in traceback
    assert traceback.rstrip().endswith("IndexError: Target 2 is out of bounds.")


def test_a_script_that_exits_keeps_its_status(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import sys\nsys.exit(7)\n")
    python(tmp_path, "-m", "collapse_magic", "train.py", status=7)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.py"], "there is no file 'nowhere.py'"),
        (["--budgte", "3", "x.py"], "did you mean --budget?"),
        (["--quiet"], "which script?"),
    ],
)
def test_wrong_usage_of_the_command(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = python(tmp_path, "-m", "collapse_magic", *arguments, status=2)
    assert says in done.stderr and "Traceback" not in done.stderr


def test_a_with_block_in_a_script(tmp_path: Path) -> None:
    head, _, loop = TRAINING.partition("for step")
    block = "".join(f"        {line}\n" for line in f"for step{loop}".splitlines())
    script = (
        f"import collapse_magic\n{head}\ndef run():\n"
        f"    with collapse_magic.watch_training('block', tensorboard=False) as watch:\n{block}"
        "    return watch.report\n"
        "report = run()\n"
        "assert report is collapse_magic.last_report()\n"
        "finding = report.findings[0]\n"
        "assert (finding.rule, finding.location.line) == ('double-activation', 8), finding\n"
        "assert report.logdir is None and report.steps == 60\n"
    )
    (tmp_path / "train.py").write_text(script)
    done = python(tmp_path, "train.py")
    assert "[CM401]" in done.stderr and done.stdout == "done\n"
    assert not (tmp_path / "runs").exists()


def test_a_wrong_keyword_is_a_clear_error(tmp_path: Path) -> None:
    program = """
import collapse_magic
for options in ({"budgte": 3}, {"stop_on": "eror"}, {"select": "imbalance"}, {"model": 3}):
    try:
        collapse_magic.watch_training("name", **options)
    except ValueError as error:
        print(error)
"""
    said = python(tmp_path, "-c", program).stdout.splitlines()
    assert said[0] == "unknown option budgte (did you mean budget?)"
    assert "did you mean error?" in said[1] and "did you mean class-imbalance?" in said[2]
    assert said[3] == "model is no model but an int"


def test_ipython_in_a_terminal(tmp_path: Path) -> None:
    """Cards are printed once each, and `--fix` prints the whole cell."""
    program = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "collapse_magic")
result = shell.run_cell({"%%watch_training in-terminal" + TRAINING!r}, store_history=True)
assert result.success
assert shell.run_cell("%watch_training --fix", store_history=True).success
bad = shell.run_cell("%%watch_training --budgte 2\\nprint('ran')", store_history=True)
assert type(bad.error_in_exec).__name__ == "UsageError"
value = shell.run_cell_magic("watch_training", "called", "a = 20\\na + 1\\n")
assert value == 21 and shell.user_ns["a"] == 20
"""
    done = python(tmp_path, "-c", program)
    assert done.stderr.count("warning[CM401]") == 1, done.stderr
    assert "--> cell [1], line 7" in done.stderr and "run 'in-terminal'" in done.stderr
    assert "    model = nn.Sequential(nn.Linear(2, 2))" in done.stdout
    assert "did you mean --budget?" in done.stderr + done.stdout
    assert "ran" not in done.stdout.split()

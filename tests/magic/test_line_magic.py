"""``%watch_training`` and its answers, in a real kernel."""

from __future__ import annotations

import pytest

from .kernel import Kernel
from .test_cell import DOUBLE_SOFTMAX, FINE, watched


def test_the_last_summary_is_shown_again(kernel: Kernel) -> None:
    kernel.run(watched(DOUBLE_SOFTMAX, "shown-again"))
    (data,) = kernel.run("%watch_training").displays
    assert "run 'shown-again" in data["text/plain"] and "[CM401]" in data["text/plain"]
    assert "shown-again" in data["text/html"] and "data:image/png;base64," in data["text/html"]


def test_a_cell_without_training_does_not_hide_the_last_run(kernel: Kernel) -> None:
    kernel.run(watched(FINE, "kept"))
    kernel.run(watched("1 + 1"))
    assert "run 'kept" in kernel.run("%watch_training").shown


def test_rules_and_explain(kernel: Kernel) -> None:
    rules = kernel.run("%watch_training --rules").stdout
    assert "CM301  class-imbalance" in rules and "CM401  double-activation" in rules
    by_code = kernel.run("%watch_training --explain CM401").stdout
    assert "## What it checks" in by_code
    assert kernel.run("%watch_training --explain double-activation").stdout == by_code


def test_fix_puts_the_changed_cell_below_and_it_cures(kernel: Kernel) -> None:
    cell = watched(DOUBLE_SOFTMAX, "to-cure --no-tensorboard")
    kernel.run(cell)
    outcome = kernel.run("%watch_training --fix")
    (payload,) = outcome.reply["payload"]
    assert payload["source"] == "set_next_input" and payload["replace"] is False
    assert payload["text"].rstrip("\n") == cell.replace(", nn.Softmax(dim=1)", "").rstrip("\n")
    assert "CM401 double-activation" in outcome.stdout and "-model" in outcome.stdout
    assert "no problem found" in kernel.run(payload["text"]).shown


def test_fix_of_a_cell_further_up(kernel: Kernel) -> None:
    made = kernel.run("upper = nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1))")
    kernel.run(watched("_ = train(upper, x, y)"))
    (payload,) = kernel.run("%watch_training --fix 1").reply["payload"]
    assert payload["text"].strip() == "upper = nn.Sequential(nn.Linear(2, 2))"
    assert f"cell [{made.reply['execution_count']}]" in kernel.run("%watch_training --fix 1").stdout


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--fixx", "unknown option --fixx (did you mean --fix?)"),
        ("mnist", "write %%watch_training on its first line"),
        ("--explain nothing", "no rule is named 'nothing'"),
        ("--fix 9", "--fix 9: there is only 1 (CM401)"),
        ("--rules now", "--rules takes no value"),
    ],
)
def test_wrong_usage_is_one_line(kernel: Kernel, line: str, says: str) -> None:
    kernel.run(watched(DOUBLE_SOFTMAX))
    outcome = kernel.run(f"%watch_training {line}")
    assert outcome.reply["ename"] == "UsageError"
    (sentence,) = outcome.stderr.strip().splitlines()
    assert says in sentence


def test_fix_where_there_is_nothing_to_fix(kernel: Kernel) -> None:
    kernel.run(watched(FINE, "healthy"))
    assert "has a cure to show" in kernel.run("%watch_training --fix").stderr


def test_collapse_tb_shows_the_tab_with_a_link(kernel: Kernel) -> None:
    kernel.run(watched(FINE, "to-open"))
    outcome = kernel.run("%collapse_tb runs")
    assert outcome.status == "ok", outcome.stderr
    (data,) = outcome.displays
    assert 'target="_blank"' in data["text/html"] and "#collapse" in data["text/plain"]
    assert "<iframe" in data["text/html"]
    stop = (
        "from tensorboard_plugin_collapse import background\n"
        "for server in background._servers.values():\n    server.stop()\n"
        "background._servers.clear()"
    )
    assert kernel.run(stop).status == "ok"


def test_collapse_tb_without_a_directory_is_one_line(kernel: Kernel) -> None:
    outcome = kernel.run("%collapse_tb nowhere")
    assert outcome.reply["ename"] == "UsageError"
    assert "there is no directory 'nowhere'" in outcome.stderr


def test_unload_takes_everything_back_and_load_brings_it_again(kernel: Kernel) -> None:
    before = kernel.value("len(get_ipython().input_transformers_cleanup)")
    assert kernel.run("%unload_ext collapse_magic").status == "ok"
    assert kernel.value("len(get_ipython().input_transformers_cleanup)") == str(int(before) - 1)
    assert kernel.run(watched("1")).reply["ename"] == "UsageError"
    assert kernel.run("%load_ext collapse_magic\n").status == "ok"
    assert kernel.run("%reload_ext collapse_magic").status == "ok"
    assert kernel.value("len(get_ipython().input_transformers_cleanup)") == before
    assert "60 steps" in kernel.run(watched(FINE)).shown

"""What a user sees of a watched cell, in a real kernel."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from .kernel import Kernel

DOUBLE_SOFTMAX = """
model = nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1))
last = train(model, x, y)
"""
FINE = """
model = nn.Sequential(nn.Linear(2, 2))
last = train(model, x, y)
"""


def watched(body: str, line: str = "") -> str:
    return f"%%watch_training {line}\n{body.strip()}\n"


def test_a_faulty_cell_gets_a_card_with_its_place_and_cure_and_a_summary(kernel: Kernel) -> None:
    outcome = kernel.run(watched(DOUBLE_SOFTMAX, "faulty"))
    assert outcome.status == "ok"
    card, summary, figure = outcome.displays
    count = outcome.reply["execution_count"]
    assert "[CM401] double-activation" in card["text/plain"].splitlines()[0]
    assert f"--> cell [{count}], line 2" in card["text/plain"]
    assert "- model = nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1))" in card["text/plain"]
    assert "+ model = nn.Sequential(nn.Linear(2, 2))" in card["text/plain"]
    assert "<details" in card["text/html"]
    assert "run 'faulty'" in summary["text/plain"] and "60 steps" in summary["text/plain"]
    assert summary["text/plain"].count("next:") == 1
    assert "image/png" in figure
    assert not outcome.cleared


def test_all_is_well_in_two_lines_and_where_it_was_saved(kernel: Kernel) -> None:
    outcome = kernel.run(watched(FINE, "fine"))
    board, summary = outcome.displays
    assert board["text/plain"] == "" and board["text/html"] == ""
    first, second, third = summary["text/plain"].splitlines()
    assert "60 steps" in first and "cost" in first
    assert second.startswith("no problem found")
    assert third.startswith("saved: runs/fine")
    assert "fine" in kernel.runs


def test_the_board_is_made_before_anything_is_printed_and_then_only_updated(kernel: Kernel) -> None:
    outcome = kernel.run(watched("print('begin')\n" + DOUBLE_SOFTMAX + "print('end')"))
    assert outcome.order.index("display_data") < outcome.order.index("stream")
    between = outcome.order[: len(outcome.order) - outcome.order[::-1].index("stream")]
    assert between.count("display_data") == 1
    assert "update_display_data" in between


def test_results_are_the_same_bit_for_bit(kernel: Kernel) -> None:
    body = (
        "torch.manual_seed(3)\n"
        "model = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Linear(8, 2))\n"
        "last = train(model, x, y)\n"
        "state = [p.tolist() for p in model.parameters()] + [torch.rand(3).tolist(), last]"
    )
    kernel.run(body + "\nplain = state")
    kernel.run(watched(body))
    assert kernel.value("state == plain") == "True"


def test_an_error_gives_one_traceback_with_the_editors_line_and_stops_run_all(
    kernel: Kernel,
) -> None:
    outcome = kernel.run(watched("a = 1\nraise KeyError('mine')"))
    assert outcome.status == "error" and outcome.reply["ename"] == "KeyError"
    (traceback,) = outcome.errors
    assert "----> 3 raise KeyError('mine')" in traceback
    assert "collapse_magic/" not in traceback


def test_the_summary_comes_after_an_error_in_the_midst_of_training(kernel: Kernel) -> None:
    outcome = kernel.run(watched(FINE + "\n1 / 0"))
    assert outcome.reply["ename"] == "ZeroDivisionError"
    assert "60 steps" in outcome.displays[-1]["text/plain"]
    assert outcome.order.index("error") < len(outcome.order) - 1


def test_a_syntax_error_starts_nothing(kernel: Kernel) -> None:
    outcome = kernel.run(watched("print('ran')\nfor"))
    assert outcome.status == "error" and outcome.reply["ename"] == "SyntaxError"
    assert outcome.stdout == "" and outcome.displays == []
    assert "line 3" in outcome.errors[0]


def interrupt_once(kernel: Kernel, word: str) -> Callable[[str], None]:
    """Presses stop when the cell prints a word."""
    waiting = [word]

    def see(text: str) -> None:
        if waiting and waiting[0] in text:
            waiting.clear()
            kernel.manager.interrupt_kernel()

    return see


def test_an_interrupt_passes_and_the_summary_comes(kernel: Kernel) -> None:
    body = (
        "model = nn.Sequential(nn.Linear(2, 2))\n"
        "train(model, x, y)\n"
        "print('trained', flush=True)\n"
        "while True:\n"
        "    train(model, x, y)\n"
    )
    outcome = kernel.run(watched(body, "cut-short"), interrupt_once(kernel, "trained"))
    assert outcome.status == "error" and outcome.reply["ename"] == "KeyboardInterrupt"
    assert len(outcome.errors) == 1
    assert "run 'cut-short'" in outcome.displays[-1]["text/plain"]


def test_top_level_await(kernel: Kernel) -> None:
    outcome = kernel.run(
        watched(
            "import asyncio\nawait asyncio.sleep(0)\n" + FINE + "await asyncio.sleep(0, 'done')"
        )
    )
    assert outcome.results == ["'done'"]
    assert "60 steps" in outcome.shown


def test_the_last_value_is_shown_unless_a_semicolon_hides_it(kernel: Kernel) -> None:
    assert kernel.run(watched("6 * 7")).results == ["42"]
    assert kernel.run(watched("6 * 7;")).results == []


def test_shell_commands_and_line_magics_work_inside(kernel: Kernel) -> None:
    outcome = kernel.run(watched("!echo hello\nwhere = %pwd\n" + FINE + "%time where"))
    assert "hello" in outcome.stdout and "Wall time" in outcome.stdout
    assert outcome.results == [repr(str(kernel.folder))]
    assert "60 steps" in outcome.shown


@pytest.mark.parametrize("head", ["%%watch_training\n%%time\n", "%%time\n%%watch_training\n"])
def test_time_composes_above_and_below_and_lines_stay_right(kernel: Kernel, head: str) -> None:
    outcome = kernel.run(head + DOUBLE_SOFTMAX.strip() + "\n'shown'")
    assert "Wall time" in outcome.stdout and outcome.results == ["'shown'"]
    count = outcome.reply["execution_count"]
    assert f"--> cell [{count}], line 3" in outcome.shown
    assert outcome.shown.count("watch_training  run '") == 1


def test_a_cell_magic_that_runs_a_cell_of_its_own(kernel: Kernel) -> None:
    outcome = kernel.run("%%capture taken\n%%watch_training taken\n" + DOUBLE_SOFTMAX.strip())
    assert outcome.status == "ok" and outcome.displays == []
    assert "run 'taken" in kernel.value("taken.outputs[-2].data['text/plain']")
    card = kernel.value("[output.data['text/plain'] for output in taken.outputs]")
    assert f"cell [{outcome.reply['execution_count']}], line 3" in card


def test_a_watched_cell_that_runs_other_cells_stays_one_run(kernel: Kernel) -> None:
    body = "get_ipython().run_cell('')\nget_ipython().run_cell('inner = 1')\n" + FINE
    outcome = kernel.run(watched(body, "outer"))
    assert "run 'outer'" in outcome.shown and "60 steps" in outcome.shown
    assert kernel.value("inner") == "1"


def test_variables_land_in_the_users_namespace(kernel: Kernel) -> None:
    kernel.run(watched("def landed():\n    return seven\nseven = 7"))
    assert kernel.value("landed()") == "7"


def test_running_again_is_a_new_run_and_a_second_cell_another(kernel: Kernel) -> None:
    cell = watched(FINE, "again")
    names = [kernel.run(cell).shown.split("run '")[1].split("'")[0] for _ in range(2)]
    assert names == ["again", "again-2"]
    assert "run 'another'" in kernel.run(watched(FINE, "another")).shown
    assert {"again", "again-2", "another"} <= set(kernel.runs)


def test_without_a_name_the_run_is_called_after_the_model(kernel: Kernel) -> None:
    outcome = kernel.run(watched(FINE.replace("model", "tiny_net")))
    assert "run 'tiny_net'" in outcome.shown


def test_no_training_is_one_line_and_no_run(kernel: Kernel) -> None:
    before = kernel.runs
    outcome = kernel.run(watched("sum(range(10))", "nothing"))
    assert outcome.results == ["45"]
    assert len(outcome.shown.splitlines()) == 1 and "no training" in outcome.shown
    assert kernel.runs == before


def test_a_loss_that_raises_is_explained_before_the_traceback(kernel: Kernel) -> None:
    body = "model = nn.Linear(2, 2)\ntrain(model, x, y + 5)"
    outcome = kernel.run(watched(body, "raises"))
    assert outcome.status == "error" and outcome.reply["ename"] == "IndexError"
    assert outcome.order.index("update_display_data") < outcome.order.index("error")
    card = outcome.displays[0]["text/plain"]
    assert "error[CM306] labels-out-of-range" in card
    assert " --> cell [1], line 18" in card and "F.cross_entropy(" in card
    (traceback,) = outcome.errors
    assert "1 # %%watch_training raises\n" in traceback and "----> 3 train(" in traceback
    assert "collapse_magic" not in traceback
    assert traceback.endswith("IndexError: Target 5 is out of bounds.")


def test_a_logdir_that_cannot_be_written_does_not_stop_the_training(kernel: Kernel) -> None:
    (kernel.folder / "a-file").write_text("", encoding="utf-8")
    outcome = kernel.run(watched(FINE, "--logdir a-file/runs"))
    assert outcome.status == "ok" and "60 steps" in outcome.shown
    assert "no TensorBoard logs" in outcome.shown and "saved:" not in outcome.shown


def test_watching_inside_a_watched_cell_is_left_out_with_one_line(kernel: Kernel) -> None:
    body = (
        "import collapse_magic\n"
        "with collapse_magic.watch_training('inner') as watch:\n"
        "    model = nn.Linear(2, 2)\n"
        "    last = train(model, x, y)\n"
    )
    outcome = kernel.run(watched(body, "outer-run"))
    assert outcome.stderr.strip().splitlines() == [
        "watch_training: run 'outer-run' is being watched already; the inner one is left out"
    ]
    assert "run 'outer-run'" in outcome.shown and "inner" not in kernel.runs


def test_a_with_block_in_a_cell(kernel: Kernel) -> None:
    body = (
        "import collapse_magic\n"
        "with collapse_magic.watch_training('block') as watch:\n"
        "    model = nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1))\n"
        "    last = train(model, x, y)\n"
        "watch.report.findings[0].location.line"
    )
    outcome = kernel.run(body)
    assert outcome.results == ["3"]
    assert f"cell [{outcome.reply['execution_count']}], line 3" in outcome.shown
    assert kernel.value("collapse_magic.last_report() is watch.report") == "True"


def test_a_session_that_was_left_behind_is_cleaned_up_by_the_next(kernel: Kernel) -> None:
    kernel.run(
        "import collapse_magic\nleft = collapse_magic.watch_training('left')\n_ = left.__enter__()"
    )
    outcome = kernel.run(watched(FINE, "next-one"))
    assert outcome.stderr == "" and "run 'next-one'" in outcome.shown
    assert kernel.value("left.report.finished") == "True"


def test_a_thread_of_the_cell_reports_to_its_cell(kernel: Kernel) -> None:
    body = (
        "from threading import Thread\n"
        "model = nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1))\n"
        "thread = Thread(target=train, args=(model, x, y))\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    assert "[CM401]" in kernel.run(watched(body, "threaded")).displays[0]["text/plain"]


def test_the_report_of_the_last_run_is_at_hand_as_data(kernel: Kernel) -> None:
    kernel.run(watched(DOUBLE_SOFTMAX, "data"))
    data = json.loads(kernel.value("__import__('collapse_magic').last_report().to_json()"))
    assert data["run"] == "data" and data["steps"] == 60 and data["finished"] is True
    assert data["findings"][0]["rule"] == "double-activation"
    assert data["logdir"] == "runs"

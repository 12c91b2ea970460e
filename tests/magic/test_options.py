"""Every option of the cell magic does what its help says, in a real kernel."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import pytest

from collapse_magic.config import WatchConfig

from .kernel import Kernel
from .test_cell import DOUBLE_SOFTMAX, FINE, watched

LAST = "__import__('collapse_magic').last_report()"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--budgte 3", "unknown option --budgte (did you mean --budget?)"),
        ("--select imbalance", "did you mean class-imbalance?"),
        ("--ignore CM999", "no rule is named 'CM999'"),
        ("--stop-on eror", "did you mean error?"),
        ("--steps 0", "a whole number from 1, not 0"),
        ("--steps few", "'few' is not a whole number"),
        ("--seconds -1", "a number above 0, not -1.0"),
        ("--budget much", "'much' is not a number"),
        ("--budget 0", "must be more than 0"),
        ("--every 0", "must be a whole number from 1"),
        ("--every", "--every needs a value: --every N"),
        ("--model [1, 2]", "--model [1, 2]: is no model but a list"),
        ("--model nowhere", "NameError: name 'nowhere' is not defined"),
        ("--model nn.Linear", "is no model but the class Linear (an instance is needed)"),
        ("--class-names 3", "is no list of names but an int"),
        ("--class-names 'a", "is no Python expression"),
        ("--export report.pdf", "must end in .json, .html, .txt"),
        ("-o 3x", "'3x' is no name for a variable"),
        ("one two", "one name is enough"),
        ("--quiet=yes", "--quiet takes no value"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_the_cell_does_not_run(
    kernel: Kernel, line: str, says: str
) -> None:
    outcome = kernel.run(watched("print('ran')", line))
    assert outcome.status == "error" and outcome.reply["ename"] == "UsageError"
    (sentence,) = outcome.stderr.strip().splitlines()
    assert sentence.startswith("UsageError: %%watch_training: ") and says in sentence
    assert outcome.stdout == "" and outcome.errors == [] and outcome.displays == []


@pytest.mark.parametrize("line", ["-h", "--help", "name --help"])
def test_help_names_every_option_and_runs_nothing(kernel: Kernel, line: str) -> None:
    outcome = kernel.run(watched("print('ran')", line))
    assert outcome.status == "ok" and "ran" not in outcome.stdout.split()
    assert kernel.run(f"%%watch_training {line}").stdout == outcome.stdout  # nothing below it
    for field in dataclasses.fields(WatchConfig):
        flag = field.metadata["flag"]
        assert (flag if flag.startswith("-") else flag.upper()) in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 79


def test_a_question_mark_shows_the_help(kernel: Kernel) -> None:
    pages = kernel.run("%%watch_training?").reply["payload"]
    assert "--class-names" in pages[0]["data"]["text/plain"]


def test_model_watches_that_one_even_if_the_cell_makes_it(kernel: Kernel) -> None:
    kernel.run("chosen = 'left from an earlier run'")
    body = (
        "other = nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1))\n"
        "chosen = nn.Linear(2, 2)\n"
        "_ = train(other, x, y), train(chosen, x, y)"
    )
    outcome = kernel.run(watched(body, "--model chosen"))
    assert outcome.status == "ok" and "no problem found" in outcome.shown
    assert "[CM401]" in kernel.run(watched(body)).shown
    assert "run 'chosen" in kernel.run(watched("_ = train(chosen, x, y)", "--model chosen")).shown


def test_a_model_that_never_comes_is_a_note_and_all_are_watched(kernel: Kernel) -> None:
    body = "never = 3\n" + DOUBLE_SOFTMAX
    outcome = kernel.run(watched(body, "--model never"))
    assert outcome.status == "ok" and "[CM401]" in outcome.shown
    assert "--model never: is no model but an int" in outcome.displays[1]["text/plain"]


def test_class_names(kernel: Kernel) -> None:
    cell = watched(DOUBLE_SOFTMAX, """--class-names ["cat", 'the "dog"']""")
    outcome = kernel.run(cell)
    assert 'the "dog"' in outcome.shown and "cat" in outcome.shown
    names = kernel.value(f"{LAST}.predictions[0].classes")
    assert names == """('cat', 'the "dog"')"""


def test_class_names_made_in_the_cell(kernel: Kernel) -> None:
    outcome = kernel.run(
        watched("labels = ['cat', 'dog']\n" + DOUBLE_SOFTMAX, "--class-names labels")
    )
    assert "cat" in outcome.shown


def test_names_for_other_classes_are_a_note(kernel: Kernel) -> None:
    outcome = kernel.run(watched(DOUBLE_SOFTMAX, "--class-names ['cat', 'dog', 'fox']"))
    note = "class names: 3 given for 2 classes; the classes are shown by number"
    assert note in outcome.displays[1]["text/plain"]


def test_logdir_and_no_tensorboard(kernel: Kernel) -> None:
    kernel.run(watched(FINE, "--logdir 'my logs' logged"))
    assert list((kernel.folder / "my logs" / "logged").glob("*tfevents*"))
    before = kernel.runs
    outcome = kernel.run(watched(FINE, "--no-tensorboard unlogged"))
    assert "run 'unlogged'" in outcome.shown and "saved:" not in outcome.shown
    assert kernel.runs == before


def test_select_and_ignore(kernel: Kernel) -> None:
    assert "[CM401]" not in kernel.run(watched(DOUBLE_SOFTMAX, "--ignore double-activation")).shown
    outcome = kernel.run(watched(DOUBLE_SOFTMAX, "--select CM2,class-imbalance"))
    assert "[CM401]" not in outcome.shown
    ran = kernel.value(f"sorted([*{LAST}.clear, *{LAST}.skipped])")
    codes = ["bad-initialization", "dead-relu", "exploding-gradients", "non-finite"]
    codes += ["low-capacity", "vanishing-gradients"]
    assert ran == str(sorted(["class-imbalance", *codes]))


def test_stop_on_ends_the_cell_at_a_step_in_one_line(kernel: Kernel) -> None:
    body = DOUBLE_SOFTMAX.replace("x, y)", "x, y, steps=100_000)") + "print('went on')"
    outcome = kernel.run(watched(body, "--stop-on warning"))
    assert outcome.status == "error" and outcome.reply["ename"] == "TrainingStopped"
    (traceback,) = outcome.errors
    assert len(traceback.splitlines()) == 1 and "CM401 double-activation" in traceback
    assert "stopped at step 0" not in traceback
    assert outcome.stdout == ""
    assert int(kernel.value(f"{LAST}.steps")) < 1000


def test_the_cell_ends_after_as_many_steps_as_were_asked_for(kernel: Kernel) -> None:
    body = FINE.replace("x, y)", "x, y, steps=100_000)")
    outcome = kernel.run(watched(body, "--steps 300"))
    assert outcome.errors == ["TrainingStopped: stopped at step 300 by --steps 300"]
    assert kernel.value(f"{LAST}.steps") == "300"
    outcome = kernel.run(watched(body, "--seconds 0.2"))
    assert outcome.errors[0].endswith("by --seconds 0.2")
    assert 0 < int(kernel.value(f"{LAST}.steps")) < 100_000


def test_a_copy_of_the_model_is_tried_at_the_end(kernel: Kernel) -> None:
    body = f"torch.manual_seed(0){FINE}print(last, list(model.parameters()))"
    plain = kernel.run(watched(body, "--quiet"))
    after = kernel.value("torch.rand(3).tolist()")
    tried = kernel.run(watched(body, "--probe --quiet"))
    assert (tried.stdout, kernel.value("torch.rand(3).tolist()")) == (plain.stdout, after)
    assert "--probe: a copy of model " in tried.shown and "--probe" not in plain.shown


def test_quiet_shows_only_the_summary(kernel: Kernel) -> None:
    outcome = kernel.run(watched(DOUBLE_SOFTMAX, "--quiet"))
    assert [list(data) for data in outcome.displays] == [
        ["text/plain", "text/html"],
        ["image/png", "text/plain"],
    ]
    assert "1 warning" in outcome.shown


def test_plain_shows_text_only(kernel: Kernel) -> None:
    outcome = kernel.run(watched(DOUBLE_SOFTMAX, "--plain"))
    assert [list(data) for data in outcome.displays] == [["text/plain"], ["text/plain"]]


def test_every_and_budget_reach_the_probe(kernel: Kernel) -> None:
    kernel.run(watched(FINE, "--every 7 --budget 1.5%"))
    steps = kernel.value(f"{LAST}.trace.layer_steps")
    later = [step for step in json.loads(steps.replace("(", "[").replace(")", "]")) if step > 3]
    assert later and {b - a for a, b in itertools.pairwise(later)} == {7}


@pytest.mark.parametrize("name", ["out.json", "deep/out.html", "out.txt"])
def test_export(kernel: Kernel, name: str) -> None:
    kernel.run(watched(DOUBLE_SOFTMAX, f"--export {name} exported"))
    text = (kernel.folder / name).read_text(encoding="utf-8")
    assert "double-activation" in text
    if name.endswith(".json"):
        assert json.loads(text)["findings"][0]["code"] == "CM401"
    if name.endswith(".html"):
        assert text.startswith("<!doctype html>")


def test_an_export_that_cannot_be_written_loses_nothing(kernel: Kernel) -> None:
    Path(kernel.folder / "in-the-way").write_text("", encoding="utf-8")
    outcome = kernel.run(watched(FINE, "--export in-the-way/out.json -o kept"))
    assert outcome.status == "ok"
    assert "the report was not exported to in-the-way/out.json" in outcome.shown
    assert kernel.value("kept.steps") == "60"


def test_out_holds_the_report(kernel: Kernel) -> None:
    kernel.run(watched(DOUBLE_SOFTMAX, "-o outcome"))
    assert kernel.value("outcome.findings[0].code") == "CM401"

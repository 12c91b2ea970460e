"""The corpus is in its form, and what is not in the form is refused with the reason."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from collapse_magic import rules

from .causes import CAUSES, STRUCTURAL
from .measure import Measure, is_cured, is_faulty, of_predictions, passes
from .scenario import FOLDER, Malformed, corpus, numbered, read

PROGRAM = """\
# framework: pytorch
# kind: faulty
# cause: dead-relu
# also: learning-rate-too-high, bad-initialization
# data: tabular
# story: a large step kills the units
# loss: nn.CrossEntropyLoss()
# holdout: no

# %% setup
x = 1

# %% train
y = x - 1

# %% verify
predicted, actual = [y, 1], [0, 1]

# %% fix setup
x = 2
"""


def in_file(folder: Path, text: str, slug: str = "dead-relu-2-anything") -> Path:
    path = folder / f"{slug}.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_program_is_read_into_its_parts(tmp_path: Path) -> None:
    scenario = read(in_file(tmp_path, PROGRAM))
    assert scenario.right == {"dead-relu", "learning-rate-too-high", "bad-initialization"}
    assert dict(scenario.cells) == {
        "setup": "x = 1",
        "train": "y = x - 1",
        "verify": "predicted, actual = [y, 1], [0, 1]",
    }
    assert list(scenario.fixed) == ["setup", "train", "verify"]
    assert scenario.fixed["setup"] == "x = 2"
    assert not scenario.healthy and not scenario.holdout


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("# cause: dead-relu", "# cause: dead", "cause names no rule"),
        ("# also: learning-rate-too-high", "# also: lr", "also names no rule"),
        ("# data: tabular\n", "", "lacks data"),
        ("# data: tabular", "# data: tabular\n# colour: red", "unknown keys: colour"),
        ("# holdout: no", "# holdout: yes", "not held out"),
        ("# %% train", "# %% training", "train and verify"),
        ("# %% fix setup\n", "# %% fix data\n", "a fix of no cell"),
        ("# %% fix setup\n", "# %% setup\n", "two cells"),
        ("# %% fix setup\nx = 2", "", "a faulty program has a fix"),
        ("# kind: faulty", "# kind: healthy", "healthy program has no cause"),
        ("x = 1\n", "x = = 1\n", "invalid syntax"),
    ],
)
def test_what_is_not_in_the_form_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        read(in_file(tmp_path, PROGRAM.replace(old, new, 1)))


def test_the_number_says_what_is_held_out(tmp_path: Path) -> None:
    held_out = PROGRAM.replace("# holdout: no", "# holdout: yes")
    assert read(in_file(tmp_path, held_out, "dead-relu-4-another")).holdout
    with pytest.raises(Malformed, match="file's name"):
        read(in_file(tmp_path, PROGRAM, "vanishing-gradients-2-anything"))


def test_every_program_is_in_the_form_and_a_third_is_held_out() -> None:
    programs = corpus()
    assert len(programs) == len(list(FOLDER.glob("*.py")))
    assert len(programs) == len({(s.cause, numbered(s.slug)) for s in programs}), "a number twice"
    for cause in {scenario.cause for scenario in programs}:
        own = [scenario.holdout for scenario in programs if scenario.cause == cause]
        assert len(own) < 3 or sum(own) >= len(own) / 3, cause


def test_no_program_names_its_cause_in_its_cells() -> None:
    for scenario in corpus():
        for source in scenario.cells.values():
            ast.parse(source)
            assert "collapse" not in source.lower(), scenario.slug
            if scenario.cause is not None:
                assert scenario.cause not in source, scenario.slug


def test_the_names_are_those_of_the_rules() -> None:
    assert {rule.name: rule.code for rule in rules.RULES}.items() <= CAUSES.items()
    assert set(CAUSES) >= STRUCTURAL


def test_skill_is_balanced_accuracy_above_chance() -> None:
    actual = np.array([0] * 90 + [1] * 10)
    constant = of_predictions(np.zeros(100, int), actual)
    assert (constant.skill, constant.balanced_accuracy, constant.top) == (0.0, 0.5, 1.0)
    assert of_predictions(actual, actual).skill == 1.0
    half = np.where(np.arange(100) < 95, 0, 1)  # every second one of the minority is found
    assert of_predictions(half, actual).skill == pytest.approx(0.5)
    three = np.array([0, 1, 2] * 4)
    assert of_predictions(np.zeros(12, int), three).skill == pytest.approx(0.0)
    with pytest.raises(ValueError, match="2 predictions for 3"):
        of_predictions(np.zeros(2), np.arange(3))


def test_what_counts_as_faulty_and_as_cured() -> None:
    collapsed, half, good = Measure(0.0), Measure(0.45), Measure(0.9)
    nothing = Measure(float("nan"))
    assert passes(good) and not passes(half) and not passes(nothing)
    assert is_faulty(half, good) and is_faulty(nothing, good)
    assert not is_faulty(Measure(0.5), good)
    assert is_cured(half, collapsed, good) and is_cured(half, nothing, good)
    assert not is_cured(Measure(0.4), collapsed, good) and not is_cured(nothing, collapsed, good)

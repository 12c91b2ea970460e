"""What of the user's cells runs in a trial."""

from __future__ import annotations

import pytest

from collapse_magic.trial.cells import MissingCellsError, cells_to_run, options_of, unwatched

WATCH = "%%watch_training before"


def test_all_cells_up_to_the_watched_one_run_and_only_that_one_is_watched() -> None:
    history = {1: "x = 1", 2: "%%watch_training first\nfit(x)", 3: "%%watch_training\nfit(y)"}
    run = cells_to_run(history | {4: "later()"}, 3, {}, WATCH)
    assert [cell.source for cell in run] == ["x = 1", "fit(x)", f"{WATCH}\nfit(y)"]
    assert [cell.number for cell in run] == [1, 2, 3]


def test_changed_cells_stand_in_for_the_users() -> None:
    history = {1: "x = 1", 2: "%%watch_training a\nfit(x)"}
    changes = {1: "x = 2", 2: "%%watch_training a\nfit(x, 3)"}
    run = cells_to_run(history, 2, changes, WATCH)
    assert [cell.source for cell in run] == ["x = 2", f"{WATCH}\nfit(x, 3)"]


def test_a_history_that_was_reset_is_one_sentence() -> None:
    with pytest.raises(MissingCellsError, match=r"^cell \[1\] is no longer in IPython's history"):
        cells_to_run({2: "x = 1", 3: "fit(x)"}, 3, {}, WATCH)


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("\n%%watch_training run --quiet\nfit()", "\nfit()"),
        ("%%time\n%%watch_training run\nfit()", "%%time\nfit()"),
        (
            "%watch_training --try-fix --yes\nx = 1",
            "pass  # %watch_training --try-fix --yes\nx = 1",
        ),
        (
            "if tab:\n    %tensorboard --logdir runs",
            "if tab:\n    pass  # %tensorboard --logdir runs",
        ),
        ("%load_ext tensorboard\n%collapse_tb", "%load_ext tensorboard\npass  # %collapse_tb"),
        ("text = '%%watch_training'\nfit()", "text = '%%watch_training'\nfit()"),
        ("x = 7 %watch_training\n!ls", "x = 7 %watch_training\n!ls"),
    ],
)
def test_our_magics_and_tabs_are_left_out_and_nothing_else(source: str, left: str) -> None:
    assert unwatched(source) == left


def test_the_options_are_those_behind_the_magic() -> None:
    assert options_of("%%watch_training run --ignore CM2\nfit()") == "run --ignore CM2"
    assert options_of("%%time\n%%watch_training\nfit()") == ""
    assert options_of("fit()") == ""

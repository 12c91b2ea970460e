"""The magic's line and the options of a trial, without kernels."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from collapse_magic.findings import Fix
from collapse_magic.magic.command_line import parse, split
from collapse_magic.magic.cures import chosen
from collapse_magic.magic.trying import SECONDS, read, watch_line
from collapse_magic.session.options import OptionError, make_config
from tests.render.reports import FINE, IMBALANCE, SYMPTOM


def test_the_users_own_options_stay_but_for_what_the_trial_decides() -> None:
    line = "digits --model net --class-names ['a', 'b'] --logdir mine -o VAR --quiet --budget=5"
    line += " --stop-on error --export page.html --steps 3"
    made = watch_line(line, dataclasses.replace(FINE, run="digits", logdir="my runs"), "before")
    values = make_config(parse(split(made.removeprefix("%%watch_training ")), ""))
    assert (values.name, values.budget) == ("before", 5.0)
    assert values.logdir == str(Path("my runs/digits").absolute())
    assert (values.out, values.export, values.steps, values.quiet) == (None, None, None, False)
    assert values.stop_on == "never" and values.model.text == "net"
    assert values.class_names.text == "['a', 'b']"


def test_what_is_asked_for() -> None:
    assert read([]).seconds == SECONDS and read([]).steps is None
    wanted = read(["2", "--steps=50", "--seconds", "1.5", "--yes"])
    assert (wanted.which, wanted.steps, wanted.seconds, wanted.sure) == (["2"], 50, 1.5, True)


def test_all_cures_that_go_together_are_one() -> None:
    history = {1: "a = 1\nb = 1", 2: "c = 1"}
    first = dataclasses.replace(IMBALANCE, fix=Fix("x", "safe", "", {1: "a = 2\nb = 1"}))
    second = dataclasses.replace(
        IMBALANCE, code="CM999", rule="other", fix=Fix("y", "needs-review", "", {1: "a = 1\nb = 2"})
    )
    third = dataclasses.replace(second, code="CM998", fix=Fix("z", "safe", "", {1: "a = 3\nb = 1"}))
    symptom = dataclasses.replace(SYMPTOM, explained_by=first.rule, fix=third.fix)
    report = dataclasses.replace(FINE, findings=(first, second, third, symptom))
    cure = chosen(report, ["all"], "--fix", history)
    assert cure.findings == (first, second) and cure.left_out == (third,)
    assert cure.fix.cells == {1: "a = 2\nb = 2"}
    assert (cure.fix.title, cure.fix.safety) == ("x; y", "needs-review")
    assert "+a = 2" in cure.fix.diff and "+b = 2" in cure.fix.diff


def test_where_no_cure_is_code_there_is_none_for_all() -> None:
    example = dataclasses.replace(IMBALANCE, fix=Fix("x", "example", "-a\n+b"))
    with pytest.raises(OptionError, match="has a cure that is code"):
        chosen(dataclasses.replace(FINE, findings=(example,)), ["all"], "--fix", {})
    with pytest.raises(OptionError, match="takes one number, or all"):
        chosen(dataclasses.replace(FINE, findings=(example,)), ["1", "2"], "--fix", {})

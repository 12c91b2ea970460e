"""Cards and summaries as text, compared with stored ones; `UPDATE_SNAPSHOTS=1` writes them anew."""

from __future__ import annotations

import html
import os
from dataclasses import replace
from pathlib import Path

import pytest

from collapse_magic.findings import Finding
from collapse_magic.render import text
from collapse_magic.render.html import render_board as render_html_board
from collapse_magic.report import Report

from . import reports as r

SNAPSHOTS = Path(__file__).with_name("snapshots")
CASES: dict[str, tuple[str, Report]] = {
    "card": ("card", r.COLLAPSED),
    "card-long": ("card", replace(r.COLLAPSED, findings=(r.LONG,))),
    "card-resolved": ("card", replace(r.COLLAPSED, findings=(r.RESOLVED,))),
    "card-bare": (
        "card",
        replace(r.FINE, epochs=None, findings=(replace(r.IMBALANCE, location=None, fix=None),)),
    ),
    "summary-fine": ("summary", r.FINE),
    "summary-collapsed": ("summary", r.COLLAPSED),
    "summary-many-classes": (
        "summary",
        replace(r.COLLAPSED, predictions=(r.MANY,), logdir="/a/long/path/to/some/place/with/runs"),
    ),
    "summary-nothing": ("summary", r.EMPTY),
    "summary-notes": (
        "summary",
        replace(
            r.FINE,
            logdir=None,
            skipped={"one": "no evaluation data was seen", "two": "no layer statistics"},
            notes=("no TensorBoard logs: the log cannot be written to '/proc/x': " * 2,),
        ),
    ),
    "report": ("report", r.COLLAPSED),
}


def rendered(kind: str, report: Report) -> str:
    if kind == "card":
        return text.render_card(report.findings[0], report)
    return text.render_summary(report) if kind == "summary" else str(report)


@pytest.mark.parametrize("name", CASES)
def test_as_stored(name: str) -> None:
    got = rendered(*CASES[name]) + "\n"
    file = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_text(got, encoding="utf-8")
    assert got == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_fits_79_columns(name: str) -> None:
    assert max(map(len, rendered(*CASES[name]).splitlines())) <= 79


@pytest.mark.parametrize("finding", [r.IMBALANCE, r.LONG, r.RESOLVED, r.HOSTILE, r.SYMPTOM])
def test_a_card_has_at_most_twelve_lines(finding: Finding) -> None:
    card = text.render_card(finding, replace(r.COLLAPSED, findings=(finding, r.SYMPTOM)))
    assert len(card.splitlines()) <= 12
    assert "class-imbalance" in card.splitlines()[0] or finding is r.SYMPTOM


def test_symptoms_stand_in_the_card_of_their_cause() -> None:
    board = text.render_board(r.COLLAPSED)
    assert board.count("mute:") == 1
    assert "explains: CM101 single-class-predictions" in board


def test_a_symptom_without_its_cause_has_a_card() -> None:
    board = text.render_board(replace(r.COLLAPSED, findings=(r.SYMPTOM,)))
    assert board.startswith("error[CM101]")


def test_three_open_cards_at_most_and_the_rest_is_counted() -> None:
    many = tuple(replace(r.IMBALANCE, rule=f"rule-{n}", code=f"CM30{n}") for n in range(5))
    board = text.render_board(replace(r.COLLAPSED, findings=many))
    assert board.count("mute:") == 3 and "and 2 more findings" in board


def test_the_board_is_a_line_while_all_is_well_and_nothing_at_the_end() -> None:
    running = text.render_board(replace(r.FINE, finished=False))
    assert running == "watch_training  run 'mnist-3'  step 4,690, no problem found in 4,690 steps"
    assert text.render_board(r.FINE) == ""


def test_a_note_stands_on_the_board_while_the_run_goes_on() -> None:
    note = "no TensorBoard logs: the log cannot be written to '/proc/x': not permitted"
    for report in (r.FINE, r.COLLAPSED):
        running = replace(report, finished=False, notes=(note,))
        assert text.render_board(running).endswith("\n" + note)
        assert html.escape(note) in render_html_board(running)
        assert note not in text.render_board(replace(running, finished=True))


def test_exactly_one_next_and_none_where_all_is_well() -> None:
    assert text.render_summary(r.COLLAPSED).count("next:") == 1
    assert "next:" not in text.render_summary(r.FINE)
    assert "next:" not in text.render_summary(replace(r.FINE, findings=(r.RESOLVED,)))


def test_a_script_is_named_as_such() -> None:
    assert r.IMBALANCE.location is not None
    there = replace(r.IMBALANCE.location, cell=0)
    assert "--> script, line 14" in text.render_card(replace(r.IMBALANCE, location=there), r.FINE)

"""What the tables count, on judgements made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .judging import FixTried, Judged
from .running import Fired
from .tables import by_rule, composition, overview, wrong
from .test_running import HEALTHY, program


def finding(rule: str, **other: Any) -> dict[str, Any]:
    plain = {"severity": "error", "confidence": "certain", "resolved_step": None}
    return {"rule": rule, **plain, **other}


FAULTY = program()
RIGHT = Judged(
    FAULTY,
    (finding("one-class-labels"), finding("single-class-predictions")),
    {"single-class-predictions": Fired(2, 2), "one-class-labels": Fired(11, 51)},
    steps=100,
    fix=FixTried(code=True, runs=True, cures=True),
)
SECOND = replace(
    RIGHT,
    findings=(finding("class-imbalance", confidence="likely"), finding("one-class-labels")),
    fired={"class-imbalance": Fired(2, 2), "one-class-labels": Fired(31, 91)},
    fix=FixTried(code=True),
)
SILENT = Judged(FAULTY, steps=100)
WITHDRAWN = Judged(FAULTY, (finding("one-class-labels", resolved_step=50),), steps=100)
CALM = Judged(HEALTHY, (finding("low-capacity", severity="info", confidence="to check"),))
ALARMED = Judged(HEALTHY, (finding("dead-relu", severity="warning", resolved_step=9),))
ALL = [RIGHT, SECOND, SILENT, WITHDRAWN, CALM, ALARMED]


def rows(text: str) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return {row[0]: row[1:] for row in cells}


def test_the_overview_counts() -> None:
    table = rows(overview({"all": ALL}))
    for name, value in {
        "faulty programs": "4",
        "true cause named first": "1 of 4 (25%)",
        "among the first three": "2 of 4 (50%)",
        "evidence after": "20%",
        "said after": "70%",
        "structural causes: evidence by step 3": "-",
        "structural causes: said by step 3": "-",
        "healthy programs": "2",
        "with a false alarm": "1 of 2 (50%)",
        "with advice (info)": "1 of 2 (50%)",
        "predictions equal to plain": "6 of 6 (100%)",
        "fix offered as code": "2 of 4 (50%)",
        "applies and runs": "1 of 4 (25%)",
        "cures": "1 of 4 (25%)",
        "right where *certain* (first finding)": "1 of 1 (100%)",
        "right where *likely* (first finding)": "0 of 1 (0%)",
        "right where *to check* (first finding)": "0 of 1 (0%)",
        "programs of no use": "0",
    }.items():
        assert table[name] == [value], name


def test_a_structural_cause_should_be_named_by_the_third_step() -> None:
    scenario = replace(FAULTY, cause="double-activation")
    soon, late, later = (
        Judged(scenario, (finding("double-activation"),), {"double-activation": fired}, steps=9)
        for fired in (Fired(1, 3), Fired(3, 4), Fired(4, 4))
    )
    table = rows(overview({"all": [soon, late, later, Judged(scenario)]}))
    assert table["structural causes: evidence by step 3"] == ["2 of 4 (50%)"]
    assert table["structural causes: said by step 3"] == ["1 of 4 (25%)"]


def test_every_rule_has_its_row() -> None:
    table = rows(by_rule(ALL))
    assert table["CM305"] == [
        *("one-class-labels", "4", "1", "2", "20%", "70%"),
        *("0", "0", "2", "1", "1"),
    ]
    assert table["CM301"] == [
        *("class-imbalance", "0", "0", "0", "-", "-"),
        *("1", "0", "0", "0", "0"),
    ]
    assert table["CM203"][:8] == ["dead-relu", "0", "0", "0", "-", "-", "0", "1"]
    assert set(table) == {"code", "---", "CM203", "CM301", "CM305"}


def test_what_is_judged_wrongly_is_listed() -> None:
    changed = replace(CALM, equal=False)
    useless = replace(RIGHT, invalid=("its reference fix does not cure it",))
    lines = wrong([*ALL, changed, useless]).splitlines()[2:]
    said = [line.split("|")[-2].strip() for line in lines]
    assert said == [
        "class-imbalance, one-class-labels",
        "nothing",
        "nothing",
        "dead-relu",
        "**watching changed the result**; nothing",
        "of no use: its reference fix does not cure it",
    ]
    assert wrong([RIGHT, CALM]) == "None."


def test_the_corpus_is_counted() -> None:
    assert composition(ALL).splitlines()[2:] == ["| sklearn | tabular | 4 | 2 |"]

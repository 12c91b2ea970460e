"""The written contract says what the dataclasses say, and real data keep to it."""

from __future__ import annotations

import dataclasses
import json
import math
from importlib.resources import files
from typing import Any, get_args

import jsonschema
import pytest

from collapse_magic import findings, records, report
from collapse_magic.engine import Engine
from collapse_magic.report import PredictionSummary, Report
from collapse_magic.rules import RULES
from tests.rules.hand_made import (
    activation_statistics,
    history_of,
    input_facts,
    layer_statistics,
    loss_facts,
    model_facts,
    model_mode,
    optimizer_facts,
    raised,
    training_loop,
    window,
    wiring,
)

SCHEMA: dict[str, Any] = json.loads(
    files("collapse_magic").joinpath("records.schema.json").read_text(encoding="utf-8")
)
CLASSES: list[type] = [
    *get_args(records.Record),
    records.LayerFacts,
    records.ParameterSet,
    findings.Evidence,
    findings.Location,
    findings.Fix,
    findings.Finding,
    report.PredictionSummary,
    report.Report,
]


def check(data: object, name: str) -> None:
    jsonschema.Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": f"#/$defs/{name}"}]}).validate(
        data
    )


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_field_is_in_the_schema_and_no_other(kind: type) -> None:
    names = [field.name for field in dataclasses.fields(kind)]
    if kind is Report:
        names = [*(name for name in names if name != "trace"), "verdict"]
    definition = SCHEMA["$defs"][kind.__name__]
    assert list(definition["properties"]) == names
    assert definition["required"] == names


def test_every_object_is_closed() -> None:
    for name, definition in SCHEMA["$defs"].items():
        if definition.get("type") == "object":
            assert definition["additionalProperties"] is False, name


@pytest.mark.parametrize(
    "name", ["Phase", "Task", "TargetKind", "Place", "Start", "InputKind", "Reading"]
)
def test_words_are_those_of_the_records(name: str) -> None:
    assert tuple(SCHEMA["$defs"][name]["enum"]) == get_args(getattr(records, name))


@pytest.mark.parametrize("name", ["Severity", "Confidence", "Safety"])
def test_words_are_those_of_the_findings(name: str) -> None:
    assert tuple(SCHEMA["$defs"][name]["enum"]) == get_args(getattr(findings, name))


RECORDS = [
    records.RunStarted("run", 1.5, "torch 2.13.0", None, ("cat", "dog")),
    model_facts(),
    optimizer_facts(),
    loss_facts(target_min=math.nan),
    records.LossValues("loss", (1, 2), (0.5, math.inf)),
    window(),
    layer_statistics(1, (math.nan, 0.1)),
    records.LearningRate("optimizer", 1, (0.1,)),
    records.NonFinite("loss", 1, "loss", "", "nan"),
    records.EpochEnded(1, 10),
    records.FitEnded("LogisticRegression", 12, 1, 12, 100, True),
    raised(),
    records.OutputReading("model", "argmax", math.nan, ("sigmoid",), 7, 3, 8),
    records.BatchTried("loss", "model", 10, 16, False, 0.5, 1.0, 300, 4, 0),
    records.ProbeNote("a sentence"),
    model_mode(),
    wiring(model=None),
    training_loop(),
    input_facts(feature_std=(math.nan,) * 5),
    activation_statistics(1, (math.nan, 0.5), (1.0, math.nan)),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_keep_to_it(record: Any) -> None:
    data = json.loads(json.dumps(report.plain(record), allow_nan=False))
    check(data, type(record).__name__)
    with pytest.raises(jsonschema.ValidationError):
        check({**data, "more": 1}, type(record).__name__)


def a_report() -> Report:
    """With findings from real rules, a location and a fix."""
    history = history_of(*RECORDS[1:6], *(window(index) for index in range(3)))
    history.append(loss_facts(activations=("softmax",)))
    engine = Engine(RULES, history)
    (first, *rest) = engine.update(final=True)
    placed = dataclasses.replace(
        first,
        location=findings.Location(7, 3, "loss.backward()"),
        fix=findings.Fix("a title", "needs-review", "-a\n+b", {7: "b"}),
    )
    return Report(
        run="run",
        steps=192,
        epochs=None,
        seconds=1.0,
        cost=0.01,
        collapsed=False,
        findings=(placed, *rest),
        clear=engine.clear,
        skipped=engine.skipped,
        logdir=None,
        predictions=(
            PredictionSummary(
                "loss", "train", ("0", "1"), 8, (1.0, 0.0), (1.0, 0.0), (1.0, math.nan)
            ),
        ),
    )


def test_reports_keep_to_it_and_what_is_not_finite_is_a_word() -> None:
    data = json.loads(a_report().to_json())
    check(data, "Report")
    assert data["predictions"][0]["recall"] == [1.0, "NaN"]
    assert "trace" not in data
    assert data["findings"][0]["fix"]["cells"] == {"7": "b"}


def test_replies_and_facts_keep_to_it() -> None:
    data = json.loads(a_report().to_json())
    facts = {
        "run": report.plain(RECORDS[0]),
        "models": [report.plain(model_facts())],
        "losses": [report.plain(loss_facts())],
        "optimizers": [report.plain(optimizer_facts())],
        "non_finite": [report.plain(records.NonFinite("loss", 3, "loss", "", "nan"))],
        "raised": [report.plain(raised())],
    }
    check(facts, "Facts")  # as logs of the first version hold them
    facts |= {
        "modes": [report.plain(model_mode())],
        "wirings": [report.plain(wiring())],
        "loops": [report.plain(training_loop())],
        "inputs": [report.plain(input_facts())],
    }
    series = [{"tag": "loss/loss", "kind": "loss", "fields": [{"name": "loss", "size": 1}]}]
    check(facts, "Facts")
    check(
        {"run": "run", "report": data, "facts": facts, "series": series, "damaged": []}, "RunReply"
    )
    check({"run": "run", "report": None, "facts": None, "series": [], "damaged": []}, "RunReply")
    check(
        {
            "runs": [
                {
                    "run": "run",
                    "started": None,
                    "finished": False,
                    "live": True,
                    "steps": 0,
                    "severity": "waiting",
                    "verdict": "",
                    "rule": None,
                    "series": ["loss/loss"],
                    "shares": None,
                }
            ]
        },
        "RunsReply",
    )

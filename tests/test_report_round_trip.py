"""A report survives being written as JSON and read again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from collapse_magic.report import Report, Trace
from tests.support import sample_logs as samples


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report | None]:
    return samples.write_sample_logs(tmp_path_factory.mktemp("logs"))


@pytest.mark.parametrize("run", [run for run in samples.RUNS if run != samples.LIVE])
def test_a_report_comes_back_as_it_was(reports: dict[str, Report | None], run: str) -> None:
    report = reports[run]
    assert report is not None
    back = Report.from_dict(json.loads(report.to_json()))
    assert back.to_dict() == report.to_dict()
    assert back.verdict == report.verdict
    assert back.findings[:1] == report.findings[:1] or run == samples.NOT_FINITE  # NaN != NaN


def test_types_come_back_and_not_only_values(reports: dict[str, Report | None]) -> None:
    report = reports[samples.COLLAPSED]
    assert report is not None
    back = Report.from_dict(json.loads(report.to_json()))
    assert back.findings[0] == report.findings[0]
    assert hash(back.findings[0].location) == hash(report.findings[0].location)
    assert back.findings[0].fix is not None
    assert list(back.findings[0].fix.cells) == [7]
    hostile = reports[samples.HOSTILE]
    assert hostile is not None and math.isnan(hostile.predictions[0].recall[1])
    unknown = Report.from_dict(json.loads(hostile.to_json())).predictions[0].recall[1]
    assert isinstance(unknown, float) and math.isnan(unknown)


def test_the_trace_is_not_written_and_unknown_parts_are_left_out(tmp_path: Path) -> None:
    report = Report(
        "net", 1, None, 1.0, 0.0, False, (), (), {}, None, trace=Trace(site="ce"), finished=False
    )
    data: dict[str, Any] = {**report.to_dict(), "of a later version": 1}
    back = Report.from_dict(data)
    assert back == report
    assert back.trace is None
    assert back.finished is False


@pytest.mark.parametrize("data", [{}, {"run": "x"}, {"findings": [{}]}])
def test_what_is_no_report_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Report.from_dict(data)

"""What a watched run came to, as plain data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any

from .findings import Evidence, Finding, Fix, Location


@dataclass(frozen=True, slots=True)
class PredictionSummary:
    """Predictions of the last window at one site; every tuple has one entry per class."""

    site: str
    phase: str  # "train" | "eval"
    classes: tuple[str, ...]  # names, or the indices as text
    samples: int
    label_share: tuple[float, ...]
    predicted_share: tuple[float, ...]
    recall: tuple[float, ...]  # nan where the class is not in the labels
    cross_entropy_over_entropy: float = math.nan  # 1: no better than to know the labels' shares


@dataclass(frozen=True, slots=True)
class Trace:
    """What the figure draws; bounded to a few hundred points, and not part of `Report.to_dict`."""

    site: str = ""
    classes: tuple[str, ...] = ()
    share_steps: tuple[int, ...] = ()
    shares: tuple[tuple[float, ...], ...] = ()  # predicted share: share_steps x classes
    label_share: tuple[float, ...] = ()
    model: str = ""
    layers: tuple[str, ...] = ()
    layer_steps: tuple[int, ...] = ()
    gradient_norms: tuple[tuple[float, ...], ...] = ()  # layer_steps x layers


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one watched run. Findings are ordered: the first is the cause to fix first."""

    run: str
    steps: int
    epochs: int | None  # None where no epochs were seen
    seconds: float
    cost: float  # share of the wall time that watching took
    collapsed: bool
    findings: tuple[Finding, ...]
    clear: tuple[str, ...]  # rules that ran and found nothing
    skipped: Mapping[str, str]  # rule name -> why it could not run
    logdir: str | None  # None where nothing was written
    predictions: tuple[PredictionSummary, ...] = ()
    notes: tuple[str, ...] = ()  # one sentence each, about the watching itself
    finished: bool = True  # False while the cell still runs
    fits: int = 0  # models fitted by a single call each; the steps are rounds of their solvers
    trace: Trace | None = field(default=None, compare=False)

    @property
    def verdict(self) -> str:
        """One sentence: the first open finding, or that nothing was found."""
        for finding in self.findings:
            if finding.resolved_step is None and finding.severity != "info":
                return f"{finding.rule}: {finding.message}"
        if self.steps == 0:
            return "no training was seen"
        return f"no problem found in {self.steps:,} steps"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; numbers that are not finite are the words NaN, Infinity, -Infinity."""
        data = {f.name: plain(getattr(self, f.name)) for f in fields(self) if f.name != "trace"}
        return {**data, "verdict": self.verdict}

    def to_json(self, indent: int | None = 2) -> str:
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """The report that `to_dict` made this of, without its trace.

        Parts that a later version may add are left out. Raises ValueError, TypeError or KeyError
        where the data are no report.
        """
        kwargs = {
            "findings": tuple(_finding(item) for item in data["findings"]),
            "predictions": tuple(_summary(item) for item in data.get("predictions", ())),
            "clear": tuple(data["clear"]),
            "notes": tuple(data.get("notes", ())),
            "seconds": float(data["seconds"]),
            "cost": float(data["cost"]),
        }
        return cls(**{**_known(cls, data), **kwargs})

    def __str__(self) -> str:
        from .render.text import render_report

        return render_report(self)

    def _repr_html_(self) -> str:
        from .render.html import render_report

        return render_report(self)


_AS_IT_IS = frozenset({str, int, bool, type(None)})


@cache
def _field_names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


def plain(value: Any) -> Any:
    """JSON data of dataclasses, mappings, sequences; numbers that are not finite become words."""
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if is_dataclass(kind):
        return {name: plain(getattr(value, name)) for name in _field_names(kind)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def _known(kind: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    names = {f.name for f in fields(kind)}
    return {name: value for name, value in data.items() if name in names}


def _finding(data: Mapping[str, Any]) -> Finding:
    location, fix = data.get("location"), data.get("fix")
    return Finding(
        **{
            **_known(Finding, data),
            "evidence": tuple(_evidence(item) for item in data["evidence"]),
            "location": None if location is None else Location(**_known(Location, location)),
            "fix": None if fix is None else _fix(fix),
        }
    )


def _evidence(data: Mapping[str, Any]) -> Evidence:
    return Evidence(data["text"], {name: float(n) for name, n in data.get("values", {}).items()})


def _fix(data: Mapping[str, Any]) -> Fix:
    cells = {int(cell): source for cell, source in data.get("cells", {}).items()}
    return Fix(**{**_known(Fix, data), "cells": cells})


def _summary(data: Mapping[str, Any]) -> PredictionSummary:
    shares = ("label_share", "predicted_share", "recall")
    return PredictionSummary(
        **{
            **_known(PredictionSummary, data),
            "classes": tuple(data["classes"]),
            **{name: tuple(map(float, data[name])) for name in shares},
            "cross_entropy_over_entropy": float(data.get("cross_entropy_over_entropy", math.nan)),
        }
    )

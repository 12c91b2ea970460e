"""What the rules say: a diagnosis by a rule, a finding by the engine, and the parts of both.

A rule returns a `Diagnosis`. The engine adds when it was seen, and the session where it stands in
the user's code and how to cure it: that is a `Finding`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
Confidence = Literal["certain", "likely", "to check"]
Safety = Literal["safe", "needs-review", "example"]
# What stands in the shown line of code: the rule says which, `source` finds it.
Target = Literal["loss", "labels", "output", "model", "optimizer", "data", "backward", "reading"]

SEVERITY_ORDER: Mapping[Severity, int] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measured fact, each number with its reference beside it."""

    text: str  # "predictions 99.4% class 0, labels 90.0%"
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Location:
    """A line of the user's code: cell is the execution count, line counts from 1."""

    cell: int
    line: int
    code: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a rule wants done, as data; `source` turns it into the user's code.

    ``kind`` names a rewriting in `collapse_magic.source`, ``values`` holds the measured numbers
    that it needs (for example ``{"pos_weight": 9.1}``).
    """

    kind: str
    title: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fix:
    """A cure as code. ``cells`` maps an execution count to that cell's whole new source."""

    title: str
    safety: Safety
    diff: str  # unified, headers "--- cell [N]"; an example has no headers, only - and + lines
    cells: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one rule says of one site (or of the whole run, where site is None)."""

    rule: str
    code: str
    severity: Severity
    confidence: Confidence
    message: str  # says what is wrong; no advice
    evidence: tuple[Evidence, ...]
    step: int  # the step at which the evidence was complete
    since_step: int  # the first step that belongs to the evidence
    remedy: Remedy | None = None
    target: Target = "loss"
    site: str | None = None
    structural: bool = False  # certain from shapes, values or wiring; needs no gate


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnosis over time, placed in the user's code."""

    code: str
    rule: str
    severity: Severity
    confidence: Confidence
    message: str
    evidence: tuple[Evidence, ...]
    first_step: int
    last_step: int
    resolved_step: int | None = None
    location: Location | None = None
    fix: Fix | None = None
    explained_by: str | None = None
    site: str | None = None

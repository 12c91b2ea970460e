"""What stands on the card of one finding, before it becomes text or HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from ..findings import Finding, Fix, Severity
from ..report import Report
from .words import count

MOST_OPEN_CARDS = 3
# Where a run is not in a notebook, its single "cell" is the script's file.
SCRIPT_CELL = 0


@dataclass(frozen=True, slots=True)
class DiffLine:
    sign: str  # "+", "-", or "" for the name of the cell that the next lines are in
    code: str


@dataclass(frozen=True, slots=True)
class Card:
    """The parts of a card, as plain strings that still have to be fitted or escaped."""

    severity: Severity
    code: str
    rule: str
    message: str
    place: str
    when: str
    line: int | None
    source: str
    evidence: tuple[str, ...]
    explains: tuple[str, ...]
    fix: str
    confidence: str
    diff: tuple[DiffLine, ...]
    resolved: int | None
    mute: str
    more: str

    @property
    def head(self) -> str:
        return f"{self.severity}[{self.code}] {self.rule}: {self.message}"


def make_card(finding: Finding, report: Report) -> Card:
    location = finding.location
    return Card(
        severity=finding.severity,
        code=finding.code,
        rule=finding.rule,
        message=finding.message.strip(),
        place=f"{cell_name(location.cell)}, line {location.line}" if location else "",
        when=_when(finding, report),
        line=location.line if location and location.code.strip() else None,
        source=location.code.strip() if location else "",
        evidence=tuple(evidence.text for evidence in finding.evidence),
        explains=_explained(finding, report),
        fix=finding.fix.title if finding.fix else "",
        confidence=finding.confidence,
        diff=_diff(finding.fix),
        resolved=finding.resolved_step,
        mute=f"--ignore {finding.rule}",
        more=f"%watch_training --explain {finding.code}",
    )


def cell_name(cell: int) -> str:
    return "script" if cell == SCRIPT_CELL else f"cell [{cell}]"


def causes(report: Report) -> tuple[Finding, ...]:
    """Findings that no other finding of the report explains, in the report's order."""
    rules = {finding.rule for finding in report.findings}
    return tuple(f for f in report.findings if f.explained_by not in rules)


def open_findings(report: Report) -> tuple[Finding, ...]:
    return tuple(finding for finding in causes(report) if finding.resolved_step is None)


def _when(finding: Finding, report: Report) -> str:
    step = finding.last_step if finding.resolved_step is None else finding.resolved_step
    since = f" (since step {finding.first_step:,})" if finding.first_step < step else ""
    epoch = f"epoch {_epoch(step, report):,}, " if report.epochs and report.steps else ""
    return f"{epoch}step {step:,}{since}"


def _epoch(step: int, report: Report) -> int:
    """The epoch that a step was in, if all are of one length; while training, the last."""
    epochs = report.epochs or 0
    if not report.finished:
        return epochs + 1
    return min(max(math.ceil(step * epochs / report.steps), 1), epochs)


def _explained(finding: Finding, report: Report) -> tuple[str, ...]:
    names = [f"{f.code} {f.rule}" for f in report.findings if f.explained_by == finding.rule]
    return tuple(dict.fromkeys(names))


def _diff(fix: Fix | None) -> tuple[DiffLine, ...]:
    """Removed and added lines; the cell's name before them where several cells change."""
    if fix is None:
        return ()
    several = len(fix.cells) > 1
    lines: list[DiffLine] = []
    for line in fix.diff.splitlines():
        if line.startswith(("--- ", "+++ ")):
            if several and line.startswith("+++ "):
                lines.append(DiffLine("", line[4:].strip().removeprefix("b/")))
        elif line.startswith(("+", "-")) and line[1:].strip():
            lines.append(DiffLine(line[0], line[1:].rstrip()))
    return tuple(_undented(lines))


def _undented(lines: Sequence[DiffLine]) -> list[DiffLine]:
    """Without the indentation that all lines of a cell share: columns are few."""
    fitted: list[DiffLine] = []
    for is_code, group in groupby(lines, key=lambda line: bool(line.sign)):
        block = list(group)
        margin = min(len(x.code) - len(x.code.lstrip()) for x in block) if is_code else 0
        fitted += [DiffLine(line.sign, line.code[margin:]) for line in block]
    return fitted


def more_cards(hidden: int) -> str:
    return f"and {count(hidden, 'more finding')}, listed in the report" if hidden else ""

"""What a fix has changed, from the reports of two runs of equal length."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..findings import Finding
from ..report import PredictionSummary, Report

# What their fixes change is the scale of the loss, too.
_WEIGHED = frozenset({"class-imbalance", "misweighted-loss"})


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity of both runs; shares and recalls are in 0..1."""

    name: str
    before: float
    after: float
    share: bool  # whether it is read as a percentage
    detail: str = ""  # which class it is about, or what the number is to be held against


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side.

    Attributes:
        findings: what the fix is for; title: what the fix does.
        measures: empty where a run saw no predictions.
    """

    findings: tuple[Finding, ...]
    title: str
    before: Report
    after: Report
    measures: tuple[Measure, ...]

    @property
    def names(self) -> str:
        return ", ".join(map(_name, self.findings))

    @property
    def fates(self) -> tuple[tuple[Finding, bool, bool], ...]:
        """Each finding, and whether it stands in the run without the fix and in the one with it."""
        return tuple((f, _stands(f, self.before), _stands(f, self.after)) for f in self.findings)

    @property
    def cured(self) -> bool:
        """Whether what was found without the fix is gone with it, and any of it was found."""
        found = [after for _, before, after in self.fates if before]
        return bool(found) and not any(found)

    @property
    def verdict(self) -> str:
        """One sentence."""
        steps = f"{self.after.steps:,} steps"
        if not any(before for _, before, _ in self.fates):
            return f"{self.names} did not appear in {steps} without the fix: try more (--steps N)"
        standing = [_name(finding) for finding, _, after in self.fates if after]
        if standing:
            return f"{', '.join(standing)} stands with the fix as well, after {steps}"
        gone = f"{self.names} {'is' if len(self.findings) == 1 else 'are'} gone after {steps}"
        others = [_name(f) for f in self.after.findings if _is_open(f)]
        if others:
            return f"{gone}; what remains: {', '.join(others)}"
        return f"{gone}, and nothing else was found"


def compare(findings: tuple[Finding, ...], title: str, before: Report, after: Report) -> Comparison:
    """`before` and `after`: the reports of the runs without and with the fix."""
    was, became = _predictions(before, findings[0]), _predictions(after, findings[0])
    weighed = any(finding.rule in _WEIGHED for finding in findings)
    measures = () if was is None or became is None else _measures(was, became, weighed)
    return Comparison(findings, title, before, after, measures)


def _name(finding: Finding) -> str:
    return f"{finding.code} {finding.rule}"


def _is_open(finding: Finding) -> bool:
    return finding.resolved_step is None and finding.severity != "info"


def _stands(finding: Finding, report: Report) -> bool:
    return any(f.rule == finding.rule and f.resolved_step is None for f in report.findings)


def _predictions(report: Report, finding: Finding) -> PredictionSummary | None:
    """Of the finding's own loss while training; of the first one where that has another name."""
    training = [p for p in report.predictions if p.phase == "train"]
    own = [p for p in training if p.site == finding.site]
    return next(iter(own or training), None)


def _measures(
    was: PredictionSummary, became: PredictionSummary, weighed: bool
) -> tuple[Measure, ...]:
    """`weighed`: the classes weigh otherwise with the fix, so that its loss is on another scale."""
    top, top_after = _top(was), _top(became)
    rare, rare_after = _rarest(was), _rarest(became)
    return (
        Measure(
            "most predicted",
            was.predicted_share[top],
            became.predicted_share[top_after],
            True,
            _names(was, top, became, top_after),
        ),
        Measure("its share of labels", was.label_share[top], became.label_share[top_after], True),
        Measure(
            "recall of the rarest",
            was.recall[rare],
            became.recall[rare_after],
            True,
            _names(was, rare, became, rare_after),
        ),
        Measure(
            "balanced accuracy",
            _balanced(was),
            _balanced(became),
            True,
            f"chance {100 / _known(was):.3g}%",
        ),
        Measure(
            "loss / label entropy",
            was.cross_entropy_over_entropy,
            became.cross_entropy_over_entropy,
            False,
            "weighed: not comparable" if weighed else "a constant answer: 1",
        ),
    )


def _top(summary: PredictionSummary) -> int:
    return max(range(len(summary.classes)), key=summary.predicted_share.__getitem__)


def _rarest(summary: PredictionSummary) -> int:
    """The class of the fewest labels, of those that there are any of."""
    there = [k for k, share in enumerate(summary.label_share) if share > 0]
    return min(there or range(len(summary.classes)), key=summary.label_share.__getitem__)


def _known(summary: PredictionSummary) -> int:
    """Classes whose recall is known."""
    return max(1, sum(not math.isnan(recall) for recall in summary.recall))


def _balanced(summary: PredictionSummary) -> float:
    known = [recall for recall in summary.recall if not math.isnan(recall)]
    return sum(known) / len(known) if known else math.nan


def _names(was: PredictionSummary, k: int, became: PredictionSummary, j: int) -> str:
    names = dict.fromkeys((was.classes[k], became.classes[j]))
    return "class " + " → ".join(names)

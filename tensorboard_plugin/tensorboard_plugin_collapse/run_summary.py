"""One line of the run picker."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from .reader import Run, Tag

# What has not been written for so long was ended from outside; a probe writes every second.
LIVE_S = 120.0
SEVERITIES = ("error", "warning", "info")  # worst first


def summaries(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """The runs as the `runs` route shows them, newest first; those of unknown age come last."""
    return sorted(
        map(_guarded, runs), key=lambda line: (-(line["started"] or 0.0), str(line["run"]))
    )


def _guarded(run: Run) -> dict[str, Any]:
    """A log may hold anything: one run that cannot be summed up must not hide the others."""
    try:
        return summary(run)
    except Exception:
        bare = summary(Run(run.name, None, None, [], run.damaged))
        return {**bare, "verdict": "its report cannot be read"}


def summary(run: Run) -> dict[str, Any]:
    """What is to be seen of a run at first sight."""
    report = run.report
    open_findings = open_ones(report) if report else []
    logged = max((tag.version[0] for tag in run.series), default=0)
    started = _started(run.facts)
    heard = max((tag.version[1] for tag in run.series), default=started or 0.0)
    finished = bool(report and report.get("finished", True))
    return {
        "run": run.name,
        "started": started,
        "finished": finished,
        "live": not finished and time.time() - heard < LIVE_S,
        "steps": max(logged, int(report.get("steps", 0)) if report else 0),
        "severity": worst(open_findings) if report else "waiting",
        "verdict": verdict(report) if report else "waiting for the first check",
        "rule": open_findings[0].get("rule") if open_findings else None,
        "series": [tag.name for tag in run.series],
        "shares": _shares(run.series),
    }


def verdict(report: Mapping[str, Any]) -> str:
    """The report's own; where all that was found is worth knowing only, the first of that."""
    found = open_ones(report)
    if worst(found) == "info":
        return f"{found[0].get('rule')}: {found[0].get('message')}"
    return str(report.get("verdict", ""))


def _shares(series: Iterable[Tag]) -> dict[str, Any] | None:
    """Where the run's predictions lie, for a small picture of them: those of the training, if any.

    Label shares and predicted shares are neighbours, `classes` columns each, from `first` on.
    """
    tags = [tag for tag in series if tag.kind == "predictions"]
    for tag in sorted(tags, key=lambda tag: not tag.name.endswith("/train")):
        first = 0
        fields = list(tag.about["fields"])
        for field, following in pairwise(fields):
            if (field["name"], following["name"]) == ("label_share", "predicted_share"):
                return {"tag": tag.name, "first": first, "classes": int(field["size"])}
            first += int(field["size"])
    return None


def open_ones(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The findings that still hold, in the report's order."""
    return [f for f in report.get("findings", ()) if f.get("resolved_step") is None]


def worst(findings: Iterable[Mapping[str, Any]]) -> str:
    """The worst severity, "ok" where there is no finding."""
    present = {finding.get("severity") for finding in findings}
    return next((severity for severity in SEVERITIES if severity in present), "ok")


def _started(facts: Mapping[str, Any] | None) -> float | None:
    started = facts.get("run", {}).get("started") if facts else None
    return float(started) if isinstance(started, (int, float)) else None

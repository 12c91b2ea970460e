"""What the end-of-cell summary says, line by line, before it becomes text or HTML."""

from __future__ import annotations

from ..report import PredictionSummary, Report
from .card import SCRIPT_CELL, causes
from .words import WIDTH, count, duration, percent, top_classes

# Classes and columns of their names, tried in turn until the line fits.
ROOM = ((3, 20), (3, 12), (3, 8), (2, 12), (2, 8), (1, 20))


def summary_lines(report: Report, watched: bool = True) -> list[str]:
    """Title, counts, predictions, the one next step, where it was saved, notes."""
    if nothing_seen(report):
        return [
            "watch_training  no training was seen in this cell: nothing to report",
            *report.notes,
        ]
    lines = [title(report, watched), counts(report)]
    if any(finding.resolved_step is None for finding in report.findings):
        lines += predictions(report)
    lines += filter(None, [next_step(report)])
    lines += saved(report)
    lines += report.notes
    return lines


def nothing_seen(report: Report) -> bool:
    return report.steps == 0 and not report.findings and not report.predictions


def title(report: Report, watched: bool = True) -> str:
    """With the name of what watched, and its cost, where it was watched."""
    work = [] if report.epochs is None else [count(report.epochs, "epoch")]
    work += [count(report.fits, "fit")] if report.fits else []
    if report.steps > report.fits:  # else a step is a fit
        work.append(count(report.steps, "step"))
    work.append(duration(report.seconds))
    line = f"run '{report.run}'  {', '.join(work)}"
    return f"watch_training  {line}  (cost {percent(report.cost)})" if watched else line


def counts(report: Report) -> str:
    """``1 error, 1 warning, 31 rules clear, 2 skipped (no validation data)``."""
    open_ones = [finding for finding in report.findings if finding.resolved_step is None]
    numbers = [
        count(sum(finding.severity == severity for finding in open_ones), word, plural)
        for severity, word, plural in (
            ("error", "error", "errors"),
            ("warning", "warning", "warnings"),
            ("info", "note", "notes"),
        )
        if any(finding.severity == severity for finding in open_ones)
    ] or ["no problem found"]
    resolved = len(report.findings) - len(open_ones)
    numbers += [f"{resolved} resolved"] if resolved else []
    numbers.append(f"{count(len(report.clear), 'rule')} clear")
    if report.skipped:
        skipped = f"{len(report.skipped)} skipped"
        whys = [f"{skipped} ({reasons})" for reasons in skipped_reasons(report)]
        lines = [", ".join([*numbers, why]) for why in (*whys, skipped)]
        return next((line for line in lines if len(line) <= WIDTH), lines[-1])
    return ", ".join(numbers)


def skipped_reasons(report: Report) -> list[str]:
    """Every reason once, each with its rules unless it is the only one; and where that takes more
    room than there is, the reasons alone, or the one of most rules."""
    rules: dict[str, list[str]] = {}
    for rule, reason in report.skipped.items():
        rules.setdefault(reason, []).append(rule)
    if len(rules) == 1:
        return list(rules)
    most = [r for r, names in rules.items() if 2 * len(names) > len(report.skipped)]
    return [
        "; ".join(f"{', '.join(names)}: {reason}" for reason, names in rules.items()),
        "; ".join(rules),
        *(f"mostly {reason}" for reason in most),
    ]


def predictions(report: Report) -> list[str]:
    """Predicted shares beside label shares, of training where there is some."""
    summary = shown_predictions(report)
    if summary is None:
        return []
    lines = [_shares(summary, most, width) for most, width in ROOM]
    return [next((line for line in lines if len(line) <= WIDTH), lines[-1])]


def _shares(summary: PredictionSummary, most: int, width: int) -> str:
    shown, hidden = top_classes(summary.classes, summary.predicted_share, most, width)
    order = sorted(range(len(summary.classes)), key=lambda k: (-summary.predicted_share[k], k))
    labels = " / ".join(percent(summary.label_share[k]).rstrip("%") for k in order[: len(shown)])
    names = "  ".join(f"{_class_name(name)} {percent(share)}" for name, share in shown)
    more = f"  and {hidden} more" if hidden else ""
    return f"predictions  {names}{more}      labels  {labels}"


def _class_name(name: str) -> str:
    """A bare index is no name: say that it is a class."""
    return f"class {name}" if name.isdigit() else name


def shown_predictions(report: Report) -> PredictionSummary | None:
    if not report.predictions:
        return None
    suspects = {f.site for f in report.findings if f.resolved_step is None and f.site}
    training = [p for p in report.predictions if p.phase == "train"] or list(report.predictions)
    return next((p for p in training if p.site in suspects), training[0])


def next_step(report: Report) -> str:
    """Exactly one thing to do next; nothing where all is well."""
    open_causes = [
        finding
        for finding in causes(report)
        if finding.resolved_step is None and finding.severity != "info"
    ]
    if not open_causes:
        return ""
    first = open_causes[0]
    explained = dict.fromkeys(f.code for f in report.findings if f.explained_by == first.rule)
    if explained:
        why = f", it probably explains {', '.join(explained)}"
    elif first.fix is not None and any(cell != SCRIPT_CELL for cell in first.fix.cells):
        why = ": %watch_training --fix shows the changed cell"
    else:
        why = ""
    order = " first" if explained or len(open_causes) > 1 else ""
    return f"next: fix {first.code}{order}{why}"


def saved(report: Report) -> list[str]:
    """Where the logs are and how to open them; two lines where one would be too long."""
    if report.logdir is None:
        return []
    logdir = report.logdir.rstrip("/") or "/"
    where = f"saved: {logdir.rstrip('/')}/{report.run}"
    how = f"open: %tensorboard --logdir {logdir}"
    if len(how) + 17 <= WIDTH:
        how += "   (tab Collapse)"
    return [f"{where}    {how}"] if len(where) + 4 + len(how) <= WIDTH else [where, how]

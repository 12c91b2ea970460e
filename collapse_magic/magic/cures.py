"""Which fix ``--fix`` and ``--try-fix`` mean: one finding's, or all that go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..findings import Finding, Fix
from ..render.card import causes
from ..report import Report
from ..session.options import OptionError
from ..source.merge import merged
from ..source.patch import diff

ALL = "all"


@dataclass(frozen=True)
class Cure:
    """A fix and what it is for.

    Attributes:
        left_out: findings whose fixes change the same lines as those of earlier ones.
    """

    findings: tuple[Finding, ...]
    fix: Fix
    left_out: tuple[Finding, ...] = ()

    @property
    def names(self) -> str:
        return ", ".join(f"{finding.code} {finding.rule}" for finding in self.findings)


def chosen(report: Report, words: list[str], flag: str, history: Mapping[int, str]) -> Cure:
    """The cure that the words name: a number, ``all``, or none for the first with code.

    ``history`` holds the sources of the cells by execution count. Raises `OptionError`.
    """
    cures = [finding for finding in report.findings if finding.fix is not None]
    if not cures:
        raise OptionError(f"no finding of run '{report.run}' has a cure to show")
    if len(words) > 1:
        raise OptionError(f"{flag} takes one number, or {ALL}")
    if words == [ALL]:
        return _together(report, history)
    if not words:
        return _cure(next((f for f in cures if f.fix is not None and f.fix.cells), cures[0]))
    if not words[0].isdigit() or not 1 <= int(words[0]) <= len(cures):
        which = ", ".join(f"{n} ({f.code})" for n, f in enumerate(cures, start=1))
        raise OptionError(f"{flag} {words[0]}: there is only {which}")
    return _cure(cures[int(words[0]) - 1])


def _cure(finding: Finding) -> Cure:
    assert finding.fix is not None
    return Cure((finding,), finding.fix)


def _together(report: Report, history: Mapping[int, str]) -> Cure:
    """Of causes only: what a cause explains goes with it."""
    found = [
        (finding, finding.fix)
        for finding in causes(report)
        if finding.fix is not None
        and finding.resolved_step is None
        and finding.fix.cells
        and finding.fix.cells.keys() <= history.keys()
    ]
    if not found:
        raise OptionError(f"no finding of run '{report.run}' has a cure that is code")
    # the history may know a cell without the line end that it was run with
    sources = {number: source.rstrip("\n") for number, source in history.items()}
    versions = [{n: source.rstrip("\n") for n, source in fix.cells.items()} for _, fix in found]
    cells, numbers = merged(sources, versions)
    kept = [each for number, each in enumerate(found) if number not in numbers]
    order = ("safe", "needs-review", "example")
    return Cure(
        findings=tuple(finding for finding, _ in kept),
        fix=Fix(
            title="; ".join(dict.fromkeys(fix.title for _, fix in kept)),
            safety=max((fix.safety for _, fix in kept), key=order.index),
            diff="\n".join(diff(n, sources[n], source) for n, source in sorted(cells.items())),
            cells=cells,
        ),
        left_out=tuple(found[number][0] for number in numbers),
    )

"""Runs the rules over a history and keeps what they said: since when, what explains what, what is
over.

Rules are stateless. The engine guards each of them, keeps a finding from its first diagnosis on,
follows it while it escalates, and says when it is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .findings import Diagnosis, Finding
from .history import History
from .rules.base import KnowsWhenOver, Rule

# A finding is over when its rule has been silent for one window of Gate G, counted after the last
# diagnosis, and for as many steps as that diagnosis rests on: a lucky batch does not end it, and
# what stands on a threshold does not come and go.
SAMPLES_TO_RESOLVE = 512
SAMPLES_TO_RESOLVE_PER_CLASS = 20

_Key = tuple[str, str | None]  # rule, site


@dataclass(slots=True)
class _Case:
    """One finding over time."""

    diagnosis: Diagnosis
    first_step: int
    last_step: int
    samples: int  # counted at the site when the rule last fired
    resolved_step: int | None = None


class Engine:
    """Call `update` whenever there are new records: it returns all findings, the cause first."""

    def __init__(self, rules: Sequence[Rule], history: History) -> None:
        self._rules = tuple(rules)
        self._history = history
        self._cases: dict[_Key, _Case] = {}
        self._missing: dict[str, str] = {}
        self._failed: dict[str, str] = {}

    def update(self, final: bool = False) -> tuple[Finding, ...]:
        """Runs every rule once. With ``final`` no more records will come."""
        self._history.finished = final
        fired: set[_Key] = set()
        for rule in self._rules:
            for diagnosis in self._run(rule):
                key = (diagnosis.rule, diagnosis.site)
                fired.add(key)
                self._follow(key, diagnosis)
        for key, case in self._cases.items():
            if key not in fired and case.resolved_step is None and self._is_over(case, final):
                case.resolved_step = max(self._history.steps, case.last_step)
        return self._findings()

    def diagnosis(self, finding: Finding) -> Diagnosis:
        """The latest diagnosis behind a finding, with the remedy and what stands in the line."""
        return self._cases[finding.rule, finding.site].diagnosis

    @property
    def clear(self) -> tuple[str, ...]:
        """Rules that ran and have found nothing."""
        found = {rule for rule, _ in self._cases}
        return tuple(
            rule.name
            for rule in self._rules
            if rule.name not in found and rule.name not in self.skipped
        )

    @property
    def skipped(self) -> dict[str, str]:
        """Rules that could not run (and found nothing), with the reason."""
        found = {rule for rule, _ in self._cases}
        reasons = {**self._missing, **self._failed}
        return {name: reason for name, reason in reasons.items() if name not in found}

    def _run(self, rule: Rule) -> tuple[Diagnosis, ...]:
        """What one rule says; a rule that raises is a rule that could not run, never an error."""
        if rule.name in self._failed:
            return ()
        try:
            reason = rule.missing(self._history)
            if reason is None:
                self._missing.pop(rule.name, None)
                return tuple(rule.check(self._history))
            self._missing[rule.name] = reason
        except Exception as error:
            self._failed[rule.name] = f"the rule failed: {type(error).__name__}: {error}"
        return ()

    def _follow(self, key: _Key, diagnosis: Diagnosis) -> None:
        samples = self._samples(diagnosis.site)
        case = self._cases.get(key)
        if case is None:
            self._cases[key] = _Case(
                diagnosis, diagnosis.since_step, max(diagnosis.step, diagnosis.since_step), samples
            )
            return
        if self._history.finished and diagnosis.severity == "info" and case.resolved_step is None:
            # a note on how the run ended takes no alarm back
            alarm = case.diagnosis
            diagnosis = replace(diagnosis, severity=alarm.severity, confidence=alarm.confidence)
        case.diagnosis = diagnosis
        case.first_step = min(case.first_step, diagnosis.since_step)
        case.last_step = max(case.last_step, diagnosis.step)
        case.samples = samples
        case.resolved_step = None

    def _is_over(self, case: _Case, final: bool) -> bool:
        if case.diagnosis.structural or case.diagnosis.site is None:
            return True
        if not self._says_over(case.diagnosis):
            return False
        windows = self._history.windows(case.diagnosis.site)
        classes = len(windows[-1].labels) if windows else 0
        needed = max(SAMPLES_TO_RESOLVE, SAMPLES_TO_RESOLVE_PER_CLASS * classes)
        steps = case.diagnosis.step - case.diagnosis.since_step + 1
        if final:  # what would end it is never completed, so half of it decides
            needed, steps = needed // 2, steps // 2
        new_samples = self._samples(case.diagnosis.site) - case.samples
        return new_samples >= needed and self._history.steps - case.diagnosis.step >= steps

    def _says_over(self, diagnosis: Diagnosis) -> bool:
        """What the rule itself says, where it knows; silence counts for all others."""
        for rule in self._rules:
            if rule.name == diagnosis.rule and isinstance(rule, KnowsWhenOver):
                try:
                    return rule.is_over(self._history, diagnosis)
                except Exception as error:
                    self._failed[rule.name] = f"the rule failed: {type(error).__name__}: {error}"
        return True

    def _samples(self, site: str | None) -> int:
        return 0 if site is None else self._history.samples(site)

    def _findings(self) -> tuple[Finding, ...]:
        """Open before resolved; within both, causes in the order of the rules, then symptoms."""
        explained = self._explanations()
        place = {rule.name: index for index, rule in enumerate(self._rules)}

        def order(key: _Key) -> tuple[bool, bool, bool, int, int]:
            case = self._cases[key]
            return (
                case.resolved_step is not None,
                case.diagnosis.severity == "info",
                key in explained,
                place[key[0]],
                case.first_step,
            )

        return tuple(
            self._finding(self._cases[key], explained.get(key))
            for key in sorted(self._cases, key=order)
        )

    def _explanations(self) -> dict[_Key, str]:
        """Which finding is a symptom of which other rule's at its site; of several, the first in
        order.

        A cause that is over explains nothing that goes on.
        """
        explained: dict[_Key, str] = {}
        for cause in reversed(self._rules):
            for key, case in self._cases.items():
                if key[0] == cause.name and case.diagnosis.severity != "info":
                    for symptom, other in self._cases.items():
                        outlived = case.resolved_step is not None and other.resolved_step is None
                        if symptom[0] in cause.explains and symptom[1] == key[1] and not outlived:
                            explained[symptom] = cause.name
        return explained

    def _finding(self, case: _Case, explained_by: str | None) -> Finding:
        diagnosis = case.diagnosis
        return Finding(
            code=diagnosis.code,
            rule=diagnosis.rule,
            severity=diagnosis.severity,
            confidence=diagnosis.confidence,
            message=diagnosis.message,
            evidence=diagnosis.evidence,
            first_step=case.first_step,
            last_step=case.last_step,
            resolved_step=case.resolved_step,
            explained_by=explained_by,
            site=diagnosis.site,
        )

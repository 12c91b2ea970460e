"""Puts findings where they belong in the user's code, with the cure as a diff of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..engine import Engine
from ..findings import SEVERITY_ORDER, Diagnosis, Finding, Fix, Location
from ..history import History
from ..source import Code
from .user_code import UserCode

_Key = tuple[str, str | None]  # rule, site


class Placer:
    """Keeps location and fix of every finding: parsing the cells costs more than running the rules.

    They are made when a finding opens, when it escalates, and once more at the end, with the
    final numbers.
    """

    def __init__(self, engine: Engine, history: History, code: UserCode) -> None:
        self._engine = engine
        self._history = history
        self._code = code
        self._made: dict[_Key, tuple[int, Location | None, Fix | None]] = {}

    def place(self, findings: Sequence[Finding], final: bool) -> tuple[Finding, ...]:
        source: Code | None = None
        placed = []
        for finding in findings:
            key = finding.rule, finding.site
            weight = SEVERITY_ORDER[finding.severity]
            known = self._made.get(key)
            if known is None or weight < known[0] or (final and finding.resolved_step is None):
                source = source or Code(self._code.cells(), self._code.namespace())
                diagnosis = self._engine.diagnosis(finding)
                cell, line = self._origin(diagnosis)
                known = (
                    weight,
                    source.locate(diagnosis, cell, line),
                    source.fix(diagnosis, cell, line),
                )
                self._made[key] = known
            placed.append(dataclasses.replace(finding, location=known[1], fix=known[2]))
        return tuple(placed)

    def _origin(self, diagnosis: Diagnosis) -> tuple[int | None, int | None]:
        """(cell, line) of the backward call of the diagnosis' site, or of the call that raised."""
        raised = self._history.raised()
        if raised and (diagnosis.site is None or self._history.loss_facts(diagnosis.site) is None):
            return raised[-1].cell, raised[-1].line
        sites = [diagnosis.site] if diagnosis.site is not None else self._history.sites()
        for site in sites:
            facts = self._history.loss_facts(site)
            if facts is not None and facts.line is not None:
                return facts.cell, facts.line
        return self._code.cell, None

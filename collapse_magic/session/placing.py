"""Puts findings where they belong in the user's code, with the cure as a diff of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from ..engine import Engine
from ..findings import SEVERITY_ORDER, Diagnosis, Finding, Fix, Location
from ..history import History
from ..source import Code
from .user_code import UserCode

# What the first fix of a process takes, with libcst's parser still cold.
FIRST_FIX_SECONDS = 0.1

_Key = tuple[str, str | None]  # rule, site


@dataclasses.dataclass(frozen=True, slots=True)
class _Placed:
    weight: int
    location: Location | None
    fix: Fix | None
    tried: bool  # to make the fix


class Placer:
    """Keeps location and fix of every finding: parsing the cells costs more than running the rules.

    They are made when a finding opens, when it escalates, and once more at the end, with the
    final numbers. While the cell trains, the words of a second finding come first: its fix follows
    as soon as the run is long enough to be charged with it.
    """

    def __init__(
        self, engine: Engine, history: History, code: UserCode, clock: Callable[[], float]
    ) -> None:
        self._engine = engine
        self._history = history
        self._code = code
        self._clock = clock
        self._fix_seconds = FIRST_FIX_SECONDS
        self._made: dict[_Key, _Placed] = {}
        self._source: Code | None = None

    def read(self) -> Code:
        """The cells before the training: as many of the latest as can be read without being felt.

        What is parsed for it is not parsed again when a finding is placed.
        """
        self._source = Code.of_latest(self._code.cells(), self._code.namespace())
        return self._source

    def place(
        self, findings: Sequence[Finding], allowance: float, final: bool
    ) -> tuple[Finding, ...]:
        """Findings with locations and fixes; `allowance` is what a fix may take by now (s)."""
        source: Code | None = None
        placed = []
        for finding in findings:
            key = finding.rule, finding.site
            weight = SEVERITY_ORDER[finding.severity]
            known = self._made.get(key)
            anew = known is None or weight < known.weight
            anew = anew or (final and finding.resolved_step is None)
            # The first cure is worth its time in any run: a terminal shows a card only once.
            affordable = not self._made or allowance >= self._fix_seconds
            if known is None or anew or (affordable and not known.tried):
                # With the variables of now: the cell that trains goes on making some.
                source = source or Code(
                    self._code.cells(), self._code.namespace(), before=self._source
                )
                self._source = source
                diagnosis = self._engine.diagnosis(finding)
                cell, line = self._origin(diagnosis)
                location = source.locate(diagnosis, cell, line)
                fix = known.fix if known is not None else None  # its numbers are a little older
                if affordable:
                    began = self._clock()
                    fix = source.fix(diagnosis, cell, line)
                    self._fix_seconds = self._clock() - began
                    allowance -= self._fix_seconds
                known = self._made[key] = _Placed(weight, location, fix, affordable)
            placed.append(dataclasses.replace(finding, location=known.location, fix=known.fix))
        if final:
            self._source = None
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

"""The user's cells: where a diagnosis stands in them, and how to cure it.

`Code` reads the cells as typed, follows names from the backward call to the loss, the model, the
optimizer and the data, and rewrites cells with libcst, so that formatting and comments stay.
Nothing is parsed before the first question, and libcst is imported by the first fix only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

from ..findings import Diagnosis, Fix, Location, Remedy
from .answers import Answer, Answers
from .arguments import calls, in_library
from .cells import Cell, latest
from .context import Context
from .flow import Flow
from .idioms import in_general
from .keras import case as keras
from .keras.locate import locate as locate_in_keras
from .keras.place import Fit, Tape, in_use
from .keras.place import place as keras_place
from .keras.remedies import REMEDIES as KERAS_REMEDIES
from .locate import locate
from .patch import undecided
from .readings import read_outputs
from .remedies import REMEDIES, Case
from .sklearn import Fit as SklearnFit
from .sklearn import place as sklearn_place
from .sklearn.remedies import REMEDIES as SKLEARN_REMEDIES
from .sklearn.remedies import Case as SklearnCase

__all__ = ["Code"]

# Cells without any of this make no answers of outputs, and need not be parsed for it.
_MAY_READ = re.compile(
    r"[<>]=?\s*(?:[\d.]|[\w.]*(?:thr|cut))|argmax|\bmax\(|\bround\(|roc|precision|ndcg|AUC|['\"]auc"
    r"|sort|topk|partition|kthvalue|quantile|percentile|brier|calibration|digitize|histogram"
    r"|rankdata"
)
# Characters, about 1,000 lines: reading them took 60 ms with another process beside it.
_BEFORE_TRAINING = 40_000
T = TypeVar("T")


class Code:
    """Cells that were executed, and the variables they left.

    Args:
        cells: execution count -> raw source, as the user typed it, magics included.
        namespace: the user's variables, by name; read only.
        before: what was asked earlier: its cells are not parsed again.
    """

    def __init__(
        self,
        cells: Mapping[int, str],
        namespace: Mapping[str, Any],
        before: Code | None = None,
    ) -> None:
        self._sources = dict(cells)
        self._namespace = namespace
        self._read: dict[tuple[int, str], Cell | None] = {} if before is None else before._read
        self._contexts: dict[tuple[int, int, str | None], Context] = {}
        self._places: dict[tuple[int, int], Fit | Tape | None] = {}

    @classmethod
    def of_latest(cls, cells: Mapping[int, str], namespace: Mapping[str, Any]) -> Code:
        """As many of the latest cells as can be read before a training without being felt."""
        return cls(latest(cells, _BEFORE_TRAINING), namespace)

    def locate(self, diagnosis: Diagnosis, cell: int | None, line: int | None) -> Location | None:
        """The line to show; (cell, line) is that of the backward call, or of the call that raised.

        None where it is not certain. Never raises.
        """
        try:
            if diagnosis.target == "reading":
                return self._reading(diagnosis)
            cell, line = self._where(cell, line)
            fitted = self._fit(cell, line)
            if fitted is not None:
                spot = fitted.classifier or fitted.call
                return Location(spot.cell.number, spot.line, spot.cell.code(spot.line))
            trained = self._keras(diagnosis, cell, line)
            if trained is not None:
                return locate_in_keras(trained, diagnosis.target)
            context = self._context(diagnosis, cell, line)
            return None if context is None else locate(context, diagnosis.target)
        except Exception:  # reading foreign code must never disturb its run
            return None

    def fix(self, diagnosis: Diagnosis, cell: int | None, line: int | None) -> Fix | None:
        """The remedy as code, an example where that cannot be sure, or None. Never raises.

        Where the code that trains is in no cell, the call that leads there is changed.
        """
        remedy = diagnosis.remedy
        if remedy is None:
            return None
        cell, line = self._attempt(lambda: self._where(cell, line)) or (cell, line)
        found = self._attempt(lambda: self._in_cells(diagnosis, remedy, cell, line))
        if found is None or not found.cells:
            elsewhere = self._attempt(lambda: self._in_library(diagnosis, remedy, cell, line))
            found = elsewhere or found
        if found is None and self._attempt(lambda: self._elsewhere(diagnosis, cell, line)):
            keras_only = in_use(self._flow) and not self._flow.names.imports("torch")
            found = self._attempt(lambda: in_general(remedy, keras=keras_only))
        return found

    def _elsewhere(self, diagnosis: Diagnosis, cell: int | None, line: int | None) -> bool:
        """Whether the code that trains is in no cell."""
        if self._flow.names.imports("sklearn") and not self._flow.names.imports("torch"):
            return False
        if cell is None or line is None or cell not in self._cells:
            return True
        fitted = self._fit(cell, line)
        seen = (fitted is not None and fitted.kind) or self._keras(diagnosis, cell, line)
        return not seen and bool(calls(self._flow, self._cells[cell], line))

    def _attempt(self, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except Exception:  # reading foreign code must never disturb its run
            return None

    def _in_cells(
        self, diagnosis: Diagnosis, remedy: Remedy, cell: int | None, line: int | None
    ) -> Fix | None:
        if remedy.kind == "read-outputs":
            return read_outputs(self._flow, remedy)
        fitted = self._fit(cell, line)
        if fitted is not None:
            return SKLEARN_REMEDIES[remedy.kind](SklearnCase(self._flow, fitted, remedy))
        trained = self._keras(diagnosis, cell, line)
        if trained is not None:
            return KERAS_REMEDIES[remedy.kind](trained)
        rewrite = REMEDIES[remedy.kind]
        context = self._context(diagnosis, cell, line)
        if context is None:
            return None
        found = rewrite(Case(context, remedy))
        if found is None:
            each = [rewrite(Case(c, remedy)) for c in context.alternatives()]
            found = undecided(remedy.title, [fix for fix in each if fix is not None])
        return found

    def _in_library(
        self, diagnosis: Diagnosis, remedy: Remedy, cell: int | None, line: int | None
    ) -> Fix | None:
        if cell is None or line is None or cell not in self._cells:
            return None
        fitted = self._fit(cell, line)
        if (fitted is not None and fitted.kind) or self._keras(diagnosis, cell, line) is not None:
            return None
        return in_library(self._flow, self._cells[cell], line, remedy)

    def answers(self, watched: int | None) -> list[Answer]:
        """How the watched cell, and what all cells define, makes answers of models' outputs.

        Never raises.
        """
        if watched is None and len(self._sources) == 1:  # the lines of a script are one cell's
            watched = next(iter(self._sources))
        if watched is None or not any(map(_MAY_READ.search, self._sources.values())):
            return []
        return self._attempt(lambda: Answers(self._flow).found(watched)) or []

    @cached_property
    def _cells(self) -> dict[int, Cell]:
        for number, source in self._sources.items():
            if (number, source) not in self._read:
                self._read[number, source] = Cell.read(number, source)
        read = ((number, self._read[number, source]) for number, source in self._sources.items())
        return {number: cell for number, cell in read if cell is not None}

    @cached_property
    def _flow(self) -> Flow:
        return Flow(self._cells, self._namespace)

    def _where(self, cell: int | None, line: int | None) -> tuple[int | None, int | None]:
        """Of a cell whose training has no line (no loss was seen there), the one backward call."""
        if cell is None or line is not None or cell not in self._cells:
            return cell, line
        for cells in ([self._cells[cell]], list(self._cells.values())):
            found = [(one.number, at) for one in cells for at in one.backward_lines()]
            if found:
                return found[0] if len(found) == 1 else (cell, None)
        return cell, None

    def _reading(self, diagnosis: Diagnosis) -> Location | None:
        """The line that the remedy names: it is none of those that lead to the loss."""
        values = {} if diagnosis.remedy is None else diagnosis.remedy.values
        cell = self._cells.get(values.get("cell", -1))
        line = values.get("line")
        return None if cell is None or not line else Location(cell.number, line, cell.code(line))

    def _fit(self, cell: int | None, line: int | None) -> SklearnFit | None:
        """The call of scikit-learn's that fits an estimator on that line; None where none does."""
        if cell is None or line is None or cell not in self._cells:
            return None
        return sklearn_place(self._flow, self._cells[cell], line)

    def _keras(self, diagnosis: Diagnosis, cell: int | None, line: int | None) -> keras.Case | None:
        """What Keras or a tape of TensorFlow trains on that line; None where neither does."""
        if cell is None or line is None or cell not in self._cells:
            return None
        key = (cell, line)
        if key not in self._places:
            self._places[key] = keras_place(self._flow, self._cells[cell], line)
        place = self._places[key]
        return None if place is None else keras.Case(self._flow, place, diagnosis.remedy)

    def _context(self, diagnosis: Diagnosis, cell: int | None, line: int | None) -> Context | None:
        if cell is None or line is None or cell not in self._cells:
            return None
        kind = diagnosis.remedy.values.get("loss") if diagnosis.remedy else None
        if not isinstance(kind, str) and diagnosis.site:
            kind = diagnosis.site.partition("-")[0]
        key = (cell, line, kind)
        if key not in self._contexts:
            self._contexts[key] = Context(self._flow, self._cells[cell], line, kind)
        return self._contexts[key]

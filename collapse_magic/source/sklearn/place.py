"""The call on a line that fits an estimator, and where that estimator is made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..cells import Cell, Spot, own_nodes
from ..flow import Flow
from ..names import dotted

_METHODS = ("fit", "partial_fit")
# Functions that fit the estimator that they are given first.
_FUNCTIONS = frozenset(
    {
        "cross_val_predict",
        "cross_val_score",
        "cross_validate",
        "learning_curve",
        "permutation_test_score",
        "validation_curve",
    }
)
_SEARCHES = ("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV")
_LIBRARIES = frozenset({"sklearn", "imblearn", "xgboost", "lightgbm"})
_DEPTH = 5


@dataclass(frozen=True)
class Fit:
    """One call that fits an estimator."""

    call: Spot
    method: str  # "fit", "partial_fit", or the function's name
    made: Spot | None  # the outermost estimator's construction, where there is one
    classifier: Spot | None  # the construction of the classifier that it ends in
    kind: str  # the classifier's class name; "" where that is not known

    @property
    def alone(self) -> bool:
        """Whether nothing is around the classifier: it is what `fit` is called on."""
        return self.classifier is not None and self.made is self.classifier

    def argument(self, name: str, position: int) -> Spot | None:
        """What the call was given as X (0) or y (1)."""
        call = self.call.node
        assert isinstance(call, ast.Call)
        for keyword in call.keywords:
            if keyword.arg == name:
                return Spot(self.call.cell, keyword.value)
        given = call.args[: position + 1]
        if len(given) <= position or any(isinstance(arg, ast.Starred) for arg in given):
            return None
        return Spot(self.call.cell, given[position])


def place(flow: Flow, cell: Cell, line: int) -> Fit | None:
    """The fit on a line; None where scikit-learn fits nothing there, as far as the code tells."""
    for statement in cell.statements_at(line):
        for node in own_nodes(statement):
            found = _fit(flow, Spot(cell, node)) if isinstance(node, ast.Call) else None
            if found is not None:
                return found
    return None


def _fit(flow: Flow, call: Spot) -> Fit | None:
    assert isinstance(call.node, ast.Call)
    func = call.node.func
    name = (dotted(func) or "").rpartition(".")[2]
    if isinstance(func, ast.Attribute) and func.attr in _METHODS:
        estimator, name = Spot(call.cell, func.value), func.attr
    elif name in _FUNCTIONS and call.node.args:
        estimator = Spot(call.cell, call.node.args[0])
    else:
        return None
    made = _construction(flow, estimator)
    classifier = None if made is None else _classifier(flow, made)
    kind = "" if classifier is None else _class(flow, classifier)
    if not kind:
        live = _live(flow, estimator.node)
        if not _is_estimator(live):
            return None
    return Fit(call, name, made, classifier, kind)


def _construction(flow: Flow, spot: Spot) -> Spot | None:
    """The one call of a class of these libraries that an expression stands for."""
    found = [origin for origin in flow.origins(spot) if _is_construction(flow, origin)]
    return found[0] if len(found) == 1 and len(flow.origins(spot)) == 1 else None


def _is_construction(flow: Flow, spot: Spot) -> bool:
    if not isinstance(spot.node, ast.Call):
        return False
    live = _live(flow, spot.node.func)
    if live is None:
        return (_imported_from(flow, spot.node.func) or "") in _LIBRARIES
    home = str(getattr(live, "__module__", ""))
    return home.partition(".")[0] in _LIBRARIES


def _imported_from(flow: Flow, node: ast.AST) -> str | None:
    """The library that a name comes from, where a cell imports it."""
    head = (dotted(node) or "").partition(".")[0]
    for cell in flow.latest_first:
        for statement in cell.nodes:
            if isinstance(statement, ast.ImportFrom) and statement.module:
                if any((alias.asname or alias.name) == head for alias in statement.names):
                    return statement.module.partition(".")[0]
            elif isinstance(statement, ast.Import):
                for alias in statement.names:
                    if (alias.asname or alias.name.partition(".")[0]) == head:
                        return alias.name.partition(".")[0]
    return None


def _class(flow: Flow, construction: Spot) -> str:
    """The class's own name, whatever the user calls it."""
    assert isinstance(construction.node, ast.Call)
    live = _live(flow, construction.node.func)
    if isinstance(live, type):
        return live.__name__
    return (dotted(construction.node.func) or "").rpartition(".")[2]


def _classifier(flow: Flow, made: Spot, depth: int = _DEPTH) -> Spot | None:
    """The construction that a pipeline or a search ends in; itself where it is neither."""
    name = _class(flow, made)
    if name not in (*_SEARCHES, "Pipeline", "make_pipeline"):
        return made
    inner = next(_inner(made, name), None)
    found = None if inner is None or depth == 0 else _construction(flow, inner)
    return None if found is None else _classifier(flow, found, depth - 1)


def _inner(made: Spot, name: str) -> Iterator[Spot]:
    call = made.node
    assert isinstance(call, ast.Call)
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in _SEARCHES:
        found = call.args[0] if call.args else given.get("estimator")
        if found is not None:
            yield Spot(made.cell, found)
    elif name == "make_pipeline":
        if call.args and not isinstance(call.args[-1], ast.Starred):
            yield Spot(made.cell, call.args[-1])
    else:
        steps = call.args[0] if call.args else given.get("steps")
        if isinstance(steps, ast.List) and steps.elts:
            last = steps.elts[-1]
            if isinstance(last, ast.Tuple) and len(last.elts) == 2:
                yield Spot(made.cell, last.elts[1])


def _live(flow: Flow, node: ast.AST) -> Any:
    """The user's object behind a name, or an attribute of a module; None for anything else."""
    head, *rest = (dotted(node) or "").split(".")
    value = flow.namespace.get(head)
    for name in rest:
        if type(value).__name__ != "module":  # asking any other object may run the user's code
            return None
        value = vars(value).get(name)
    return value


def _is_estimator(value: Any) -> bool:
    return any(base.__module__ == "sklearn.base" for base in type(value).__mro__)

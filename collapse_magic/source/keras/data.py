"""shuffle-data and pair-labels: the order in which training data are handed out."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Spot
from ..orders import paired, shuffled
from ..patch import Patch, example, primary
from .case import Case
from .inputs import given_inputs
from .place import Fit


def shuffle_data(case: Case) -> Fix | None:
    """`shuffle=True` of `fit` where it is off; of a data set, before it is cut into batches."""
    patch = Patch(case.flow)
    if isinstance(case.place, Fit) and not case.place.open:
        given = case.place.argument("shuffle")
        if given is not None:
            patch.replace(given, "True")
            return patch.fix(case.title)
        data = case.place.argument("x")
        if case.labels is None and data is not None and _shuffle_set(case, patch, data):
            return patch.fix(case.title)
    return shuffled(case.flow, given_inputs(case), case.labels, case.title) or _shown(case)


def _shuffle_set(case: Case, patch: Patch, data: Spot) -> bool:
    """`.shuffle(n)` in front of `.batch(...)`, or a buffer as large as the data; False where there
    is no one place for it."""
    origins = case.flow.origins(data)
    if len(origins) != 1:
        return False
    calls = {
        call.func.attr: call
        for call in reversed(list(_chain(origins[0].node)))
        if isinstance(call.func, ast.Attribute)
    }
    cell, samples = origins[0].cell, str(int(case.values["samples"]))
    if (shuffled := calls.get("shuffle")) is not None and shuffled.args:
        patch.replace(Spot(cell, shuffled.args[0]), samples)
        return True
    cut = calls.get("batch")
    if cut is None or shuffled is not None:
        return False
    assert isinstance(cut.func, ast.Attribute)
    rows = Spot(cell, cut.func.value)
    patch.replace(rows, f"{primary(rows)}.shuffle({samples})")
    return True


def _chain(node: ast.AST) -> list[ast.Call]:
    """`a.b(...).c(...)`: the calls of one expression, the last one first."""
    found = []
    while isinstance(node, ast.Call):
        found.append(node)
        node = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    return found


def _shown(case: Case) -> Fix:
    return example(
        case.title,
        [],
        [
            "# before the training data are cut into batches:",
            "order = np.random.permutation(len(x))",
            "x, y = x[order], y[order]",
        ],
    )


def pair_labels(case: Case) -> Fix | None:
    """One order for inputs and labels."""
    return paired(case.flow, case.labels, case.title) or example(
        case.title,
        [],
        [
            "# one order for both, where the data are put together:",
            "order = np.random.permutation(len(x))",
            "x, y = x[order], y[order]",
            "print(y[:5])  # do these five belong to x[:5]?",
        ],
    )

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

_CALLS = 32  # of one data set


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
    calls = {
        call.node.func.attr: call
        for call in reversed(_chain(case, data))
        if isinstance(call.node, ast.Call) and isinstance(call.node.func, ast.Attribute)
    }
    samples = str(int(case.values["samples"]))
    shuffled, cut = calls.get("shuffle"), calls.get("batch")
    if shuffled is not None:
        assert isinstance(shuffled.node, ast.Call)
        for given in shuffled.node.args[:1]:
            patch.replace(Spot(shuffled.cell, given), samples)
        return bool(shuffled.node.args)
    if cut is None:
        return False
    assert isinstance(cut.node, ast.Call) and isinstance(cut.node.func, ast.Attribute)
    rows = Spot(cut.cell, cut.node.func.value)
    patch.replace(rows, f"{primary(rows)}.shuffle({samples})")
    return True


def _chain(case: Case, data: Spot) -> list[Spot]:
    """`a.b(...).c(...)`, and `ds = ds.c(...)` too: the calls, the last one first."""
    found: list[Spot] = []
    waiting: Spot | None = data
    while waiting is not None and len(found) < _CALLS:
        node = waiting.node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found.append(waiting)
            waiting = Spot(waiting.cell, node.func.value)
        elif isinstance(node, ast.Call):
            origins = case.flow.origins(waiting)
            waiting = origins[0] if len(origins) == 1 and origins[0].node is not node else None
        else:
            bound = [b for b in case.flow.values(waiting) if b.index is None and not b.loop]
            waiting = bound[0].spot if len(bound) == 1 else None
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
    return paired(case.flow, given_inputs(case), case.labels, case.title) or example(
        case.title,
        [],
        [
            "# one order for both, where the data are put together:",
            "order = np.random.permutation(len(x))",
            "x, y = x[order], y[order]",
            "print(y[:5])  # do these five belong to x[:5]?",
        ],
    )

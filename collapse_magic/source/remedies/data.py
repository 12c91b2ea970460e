"""shuffle-data and pair-labels: the order in which a loader hands out the training data."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..arguments import calls
from ..callees import argument_of, given_at
from ..cells import Spot
from ..flow import Flow
from ..orders import paired, shuffled
from ..patch import Patch, example
from .base import Case
from .inputs import model_input

# What decides the order in place of `shuffle`.
_ORDERED_BY = frozenset({"sampler", "batch_sampler"})
_SHUFFLE = 2  # position in DataLoader(dataset, batch_size, shuffle)


def shuffle_data(case: Case) -> Fix | None:
    """`shuffle=True` where the loader of the training loop is made."""
    made = loaders(case)
    sorted_ones = [spot for spot in made if not _shuffles(case.flow, spot)]
    if not made:
        labels = None if case.loss is None else case.loss.argument("target")
        return shuffled(case.flow, model_input(case), labels, case.title) or _shown(case)
    if len(sorted_ones) != 1 or is_ordered(case.flow, sorted_ones[0]):
        return _shown(case)
    patch = Patch(case.flow)
    patch.set_argument(sorted_ones[0], "shuffle", "True", _SHUFFLE)
    return patch.fix(case.title)


def loaders(case: Case) -> list[Spot]:
    """Constructions of the loaders that the training may run over."""
    found = {id(spot.node): spot for loop in _loops(case) for spot in _loaders(case, loop)}
    return list(found.values())


def _loops(case: Case) -> Iterator[Spot]:
    """What the loops around the backward call run over, or those around the calls of its
    function."""
    statement = case.context.statement
    yield from _around(statement)
    yield from _handed_over(case)
    function = case.cell.function(statement.node)
    if function is not None:
        for call, _ in case.flow.calls(Spot(case.cell, function)):
            yield from _around(call)


def _handed_over(case: Case) -> Iterator[Spot]:
    """The first loader that a library's trainer is given: the ones behind it are for validation."""
    for call in calls(case.flow, case.cell, case.line):
        assert isinstance(call.node, ast.Call)
        for given in (*call.node.args, *(keyword.value for keyword in call.node.keywords)):
            spot = Spot(case.cell, given)
            if any(True for _ in _loaders(case, spot)):
                yield spot
                return


def _around(spot: Spot) -> Iterator[Spot]:
    for above in spot.cell.ancestors(spot.node):
        if isinstance(above, (ast.For, ast.AsyncFor)):
            yield Spot(spot.cell, above.iter)


def _loaders(case: Case, loop: Spot) -> Iterator[Spot]:
    for origin in case.flow.origins(loop):
        if isinstance(origin.node, ast.Call):
            name = case.flow.names.torch(origin.node.func) or ""
            if name.rpartition(".")[2] == "DataLoader":
                yield origin


def _shuffles(flow: Flow, made: Spot) -> bool:
    given = argument_of(flow, made, "shuffle", _SHUFFLE)
    written = None if given is None else flow.literal(given)
    return getattr(getattr(written, "node", None), "value", None) is True


def is_ordered(flow: Flow, made: Spot) -> bool:
    """Whether something else decides the order, or the code does not tell what does."""
    if given_at(flow, made, "shuffle", _SHUFFLE) is None:
        return True
    given = (argument_of(flow, made, name) for name in _ORDERED_BY)
    return any(one is not None and getattr(one.node, "value", one) is not None for one in given)


def _shown(case: Case) -> Fix:
    return example(
        case.title,
        [],
        [
            "# before the training data are cut into batches, anew in each epoch:",
            "order = torch.randperm(len(x))",
            "x, y = x[order], y[order]",
        ],
    )


def pair_labels(case: Case) -> Fix | None:
    """One order for inputs and labels."""
    labels = None if case.loss is None else case.loss.argument("target")
    return paired(case.flow, model_input(case), labels, case.title) or example(
        case.title,
        [],
        [
            "# one order for both, where the data are put together:",
            "order = torch.randperm(len(x))",
            "x, y = x[order], y[order]",
            "print(y[:5])  # do these five belong to x[:5]?",
        ],
    )

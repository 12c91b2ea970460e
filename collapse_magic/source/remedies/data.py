"""shuffle-data and pair-labels: the order in which a loader hands out the training data."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from .. import common
from ..cells import Spot
from ..patch import Patch
from .base import Case

# What decides the order in place of `shuffle`.
_ORDERED_BY = frozenset({"sampler", "batch_sampler"})
_SHUFFLE = 2  # position in DataLoader(dataset, batch_size, shuffle)


def shuffle_data(case: Case) -> Fix | None:
    """`shuffle=True` where the loader of the training loop is made."""
    made = {id(spot.node): spot for loop in _loops(case) for spot in _loaders(case, loop)}
    sorted_ones = [spot for spot in made.values() if not _shuffles(spot)]
    if len(sorted_ones) != 1 or _ordered(sorted_ones[0]):
        return _shown(case)
    patch = Patch(case.flow)
    patch.set_argument(sorted_ones[0], "shuffle", "True", _SHUFFLE)
    return patch.fix(case.title)


def _loops(case: Case) -> Iterator[Spot]:
    """What the loops around the backward call run over, or those around the calls of its
    function."""
    statement = case.context.statement
    yield from _around(statement)
    function = case.cell.function(statement.node)
    if function is not None:
        for call, _ in case.flow.calls(Spot(case.cell, function)):
            yield from _around(call)


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


def _given(made: Spot) -> dict[str | None, ast.expr]:
    assert isinstance(made.node, ast.Call)
    given: dict[str | None, ast.expr] = {k.arg: k.value for k in made.node.keywords}
    if len(made.node.args) > _SHUFFLE:
        given["shuffle"] = made.node.args[_SHUFFLE]
    return given


def _shuffles(made: Spot) -> bool:
    value = _given(made).get("shuffle")
    return isinstance(value, ast.Constant) and value.value is True


def _ordered(made: Spot) -> bool:
    """Whether something else decides the order, or arguments are given that are not written."""
    given = _given(made)
    return bool(_ORDERED_BY & set(given)) or None in given


def _shown(case: Case) -> Fix:
    where = "before the training data are cut into batches, anew in each epoch"
    return common.in_one_order(case.title, where, "torch.randperm")


def pair_labels(case: Case) -> Fix | None:
    """One order for inputs and labels."""
    return common.pair_labels(case.title, "torch.randperm")

"""train-mode, settle-averages and stop-early: what training and evaluation do differently."""

from __future__ import annotations

import ast
import math

from ...findings import Fix
from ..cells import Spot
from ..names import dotted
from ..patch import Patch, example, number
from .base import Case
from .schedules import rounds

# Of PyTorch's batch normalization the weight of the newest batch; its default.
_MOMENTUM = 0.1


def train_mode(case: Case) -> Fix | None:
    """`model.train()` as the first thing that is done with each batch."""
    model = case.context.model
    name = None if model is None else dotted(model.node)
    loop = _loop(case)
    if name is None or loop is None or model is None or model.cell is not loop.cell:
        return example(case.title, [], [f"{name or 'model'}.train()  # before each epoch"])
    patch = Patch(case.flow)
    assert isinstance(loop.node, (ast.For, ast.AsyncFor))
    patch.insert_before(Spot(loop.cell, loop.node.body[0]), [f"{name}.train()"])
    return patch.fix(case.title)


def _loop(case: Case) -> Spot | None:
    """The innermost loop around the backward call, whose body stands on lines of its own."""
    for above in case.cell.ancestors(case.context.statement.node):
        if isinstance(above, (ast.For, ast.AsyncFor)):
            own_lines = above.body[0].lineno > above.lineno
            return Spot(case.cell, above) if own_lines else None
    return None


def settle_averages(case: Case) -> Fix | None:
    """The momentum of the batch normalizations, where one is given that is too small."""
    patch = Patch(case.flow)
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            if isinstance(node, ast.Call) and (
                (case.flow.names.torch(node.func) or "").startswith("nn.BatchNorm")
            ):
                for keyword in node.keywords:
                    if keyword.arg == "momentum" and _is_small(keyword.value):
                        patch.replace(Spot(cell, keyword.value), number(_MOMENTUM))
    return patch.fix(case.title) or example(
        case.title,
        [],
        [
            "# are the inputs of validation prepared as those of training?",
            "# the share of the newest batch in the averages:",
            f"nn.BatchNorm1d(..., momentum={number(_MOMENTUM)})",
        ],
    )


def _is_small(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, (int, float))
        and node.value < _MOMENTUM
    )


def stop_early(case: Case) -> Fix | None:
    """As many rounds as it took to the best validation; where that is open, an example."""
    fix = _ended_early(case)
    if fix is not None:
        return fix
    model = case.context.model
    name = (None if model is None else dotted(model.node)) or "model"
    return example(
        case.title,
        [],
        [
            "# after each validation:",
            "if val_loss < best:",
            "    best = val_loss",
            f"    kept = copy.deepcopy({name}.state_dict())",
            "# at the end:",
            f"{name}.load_state_dict(kept)",
        ],
    )


def _ended_early(case: Case) -> Fix | None:
    found, best = rounds(case), case.values.get("best_step")
    steps = case.values.get("steps")
    if found is None or not best or not steps:
        return None
    _, stop = found
    given = case.flow.literal(stop)
    value = None if given is None else getattr(given.node, "value", None)
    if not isinstance(value, int):
        return None
    wanted = max(1, math.ceil(value * float(best) / float(steps)))
    if wanted >= value:
        return None
    patch = Patch(case.flow)
    patch.replace(stop, str(wanted))
    return patch.fix(f"stop after {wanted} rounds, where validation is best")

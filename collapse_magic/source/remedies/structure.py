"""check-one-batch: what is wrong with the model's structure, where the code shows it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from ...findings import Fix
from ..cells import Spot
from ..patch import Patch
from .base import Case
from .examples import show_one_batch

_REDUCES = frozenset({"mean", "sum", "max", "min", "median", "softmax", "log_softmax"})


def check_one_batch(case: Case) -> Fix | None:
    """A non-linearity where layers follow each other without one; the features in place of the
    batch where outputs are averaged over the batch; else one batch to be learned by heart."""
    linear, mixed = list(_straight(case)), list(_over_batch(case))
    patch = Patch(case.flow)
    if linear:
        for spot, in_list in linear:
            relu = patch.spell("nn.ReLU" if in_list else "torch.relu", spot)
            text = f"{spot.text}, {relu}()" if in_list else f"{relu}({spot.text})"
            patch.replace(spot, text)
        return patch.fix("a non-linearity between the layers: without it they are one")
    for spot in mixed:
        patch.replace(spot, "1")
    return patch.fix("over the features, not over the batch") or show_one_batch(case)


def _owner(case: Case) -> Spot | None:
    return None if case.context.model is None else case.flow.class_of(case.context.model)


def _straight(case: Case) -> Iterator[tuple[Spot, bool]]:
    """Linear layers whose output goes right into another one, and whether they stand in a list."""
    owner = _owner(case)
    if owner is not None:
        found = {
            id(before.node): before
            for node in ast.walk(owner.node)
            if isinstance(node, ast.Call) and _is_linear(case, Spot(owner.cell, node.func))
            if (before := _before(case, Spot(owner.cell, node))) is not None
        }
        yield from ((spot, False) for spot in found.values())
    for made in case.flow.origins(case.context.model) if case.context.model is not None else ():
        elements = case.context.outputs.elements(made) or []
        for one, following in pairwise(elements):
            if _made_linear(case, one) and _made_linear(case, following):
                yield one, True


def _is_linear(case: Case, called: Spot) -> bool:
    """`self.fc1` of a layer that is `nn.Linear`."""
    origins = case.flow.origins(called)
    return len(origins) == 1 and _made_linear(case, origins[0])


def _made_linear(case: Case, made: Spot) -> bool:
    return isinstance(made.node, ast.Call) and case.flow.names.torch(made.node.func) == "nn.Linear"


def _before(case: Case, call: Spot) -> Spot | None:
    """The linear layer's call that another one is given the result of."""
    assert isinstance(call.node, ast.Call)
    if len(call.node.args) != 1:
        return None
    given = Spot(call.cell, call.node.args[0])
    if isinstance(given.node, ast.Name):
        values = case.flow.values(given)
        if len(values) != 1 or values[0].loop or values[0].index is not None:
            return None
        given = values[0].spot
    node = given.node
    linear = isinstance(node, ast.Call) and _is_linear(case, Spot(given.cell, node.func))
    return given if linear else None


def _over_batch(case: Case) -> Iterator[Spot]:
    """The 0 of `z.mean(0)` in the model's `forward`, where no normalization takes it away again."""
    owner = _owner(case)
    forward = None if owner is None else case.flow.method(owner, "forward")
    for node in ast.walk(forward.node) if forward is not None else ():
        assert forward is not None
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr not in _REDUCES or _normalizes(forward, node):
            continue
        function = (case.flow.names.torch(node.func) or "").startswith(("torch.", "F."))
        given = [k.value for k in node.keywords if k.arg in ("dim", "axis")]
        given += node.args[1 if function else 0 :][:1]
        for value in given:
            if isinstance(value, ast.Constant) and value.value == 0 and value.value is not False:
                yield Spot(forward.cell, value)


def _normalizes(spot: Spot, node: ast.AST) -> bool:
    """`(z - z.mean(0)) / z.std(0)`."""
    above = spot.cell.parents.get(node)
    while isinstance(above, (ast.BinOp, ast.Attribute, ast.Call)):
        if isinstance(above, ast.BinOp) and isinstance(above.op, (ast.Sub, ast.Div)):
            return above.right is node or node in ast.walk(above.right)
        above = spot.cell.parents.get(above)
    return False

"""check-one-batch: what is wrong with the model's structure, where the code shows it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from ...findings import Fix
from ..arrays import Arrays
from ..cells import Spot
from ..flow import Flow
from ..patch import Patch
from .base import Case
from .examples import show_one_batch
from .inputs import model_input
from .recurrent import gate

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
    return (
        patch.fix("over the features, not over the batch")
        or by_columns(case.flow, model_input(case))
        or _without_augmentation(case)
        or _gated(case)
        or show_one_batch(case)
    )


def by_columns(flow: Flow, given: Spot | None) -> Fix | None:
    """A table that is standardised along its rows: along its columns instead."""
    patch = Patch(flow)
    for root in Arrays(flow).chain(given) if given is not None else ():
        shape = getattr(flow.namespace.get(root.name), "shape", ())
        for function in _functions(flow, root.binding.spot):
            taken = {attr: [*_rows(function, attr)] for attr in ("mean", "std")}
            if len(shape) == 2 and all(taken.values()):
                for spot in [one for found in taken.values() for one in found]:
                    patch.replace(spot, "0")
    return patch.fix("standardise each column, not each row")


def _functions(flow: Flow, value: Spot) -> Iterator[Spot]:
    """The functions of the user's that an expression calls, and itself."""
    yield value
    for node in ast.walk(value.node):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found = flow.function_named(node.func.id)
            if found is not None:
                yield found


def _rows(spot: Spot, attr: str) -> Iterator[Spot]:
    """The 1 of `table.mean(axis=1, keepdims=True)`."""
    for node in ast.walk(spot.node):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            axis = given.get("axis", given.get("dim"))
            kept = "keepdims" in given or "keepdim" in given
            along = isinstance(axis, ast.Constant) and axis.value in (1, -1)
            if node.func.attr == attr and kept and along and axis is not None:
                yield Spot(spot.cell, axis)


def _without_augmentation(case: Case) -> Fix | None:
    """The inputs as they are, without a function of the user's that changes them at random."""
    given = model_input(case)
    node = None if given is None else given.node
    if given is None or not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None
    function = case.flow.function_named(node.func.id)
    if function is None or not node.args or not _is_random(function):
        return None
    patch = Patch(case.flow)
    patch.replace(given, given.cell.text(node.args[0]))
    return patch.fix(f"without {node.func.id}(): can it turn one class into another?")


def _is_random(function: Spot) -> bool:
    return any(
        isinstance(node, ast.Call) and "rand" in ast.unparse(node.func)
        for node in ast.walk(function.node)
    )


def _gated(case: Case) -> Fix | None:
    """A GRU in place of a plain recurrent net, which forgets within some ten steps."""
    patch = Patch(case.flow)
    gate(case, patch, relu=False)
    return patch.fix("a GRU, which keeps what it has read over more steps")


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

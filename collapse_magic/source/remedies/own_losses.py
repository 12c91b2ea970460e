"""weigh-classes for a loss that the user writes: each sample weighs as its class does."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Function, Spot
from ..losses import LossCall
from ..patch import Patch, number, primary
from .base import Case

_REDUCES = frozenset({"mean", "sum"})
_FOLLOWED = 4  # names between what is averaged and the labels


def weigh_own(case: Case, loss: LossCall) -> Fix | None:
    """The measured weights inside the function, where the losses of the samples are averaged.

    None where there is no one such place, or where it is not sure that it holds one loss for each
    label.
    """
    known = any(path.models for path in case.paths)  # else which of the arguments are the labels?
    function = _function(case, loss) if known else None
    labels = None if function is None else _parameter(function, loss)
    averaged = None if function is None else _averaged(case, function)
    if labels is None or averaged is None or not _depends(case, averaged, labels, _FOLLOWED):
        return None
    patch = Patch(case.flow)
    weight = _weight(case, patch, averaged, labels)
    if weight is None:
        return None
    method = isinstance(averaged.cell.parents.get(averaged.node), ast.Attribute)
    text = f"{weight} * {primary(averaged)}"
    patch.replace(averaged, f"({text})" if method else text)
    return patch.fix(case.title)


def _function(case: Case, loss: LossCall) -> Spot | None:
    """The user's function that computes the loss, or `forward` of her class."""
    found = case.flow.called_function(loss.spot)
    if found is not None:
        return found
    owner = case.flow.class_of(Spot(loss.cell, loss.call.func))
    return None if owner is None else case.flow.method(owner, "forward")


def _parameter(function: Spot, loss: LossCall) -> str | None:
    """What the function calls the labels that it is given."""
    assert isinstance(function.node, Function)
    names = [one.arg for one in (*function.node.args.posonlyargs, *function.node.args.args)]
    if isinstance(function.cell.parents.get(function.node), ast.ClassDef):
        names = names[1:]
    for keyword in loss.call.keywords:
        if keyword.value is loss.target:
            return keyword.arg
    at = loss.call.args.index(loss.target) if loss.target in loss.call.args else len(names)
    return names[at] if at < len(names) else None


def _averaged(case: Case, function: Spot) -> Spot | None:
    """What the one `mean` or `sum` of the returned loss is taken of."""
    values = case.flow.returns(function)
    found = values[0] if len(values) == 1 else None
    for _ in range(_FOLLOWED):
        node = None if found is None else found.node
        if found is None:
            return None
        if isinstance(node, ast.UnaryOp):
            found = Spot(found.cell, node.operand)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):  # `.sum() / len(y)`
            found = Spot(found.cell, node.left)
        elif isinstance(node, ast.Name):
            bound = case.flow.values(found)
            found = bound[0].spot if len(bound) == 1 else None
        else:
            return _reduced(case, found)
    return None


def _reduced(case: Case, spot: Spot) -> Spot | None:
    """`x` of `x.mean()` and `torch.mean(x)`."""
    node = spot.node
    func = node.func if isinstance(node, ast.Call) else None
    if not isinstance(node, ast.Call) or not isinstance(func, ast.Attribute):
        return None
    if func.attr not in _REDUCES or node.keywords:
        return None
    if (case.flow.names.torch(func) or "").startswith("torch."):
        return Spot(spot.cell, node.args[0]) if len(node.args) == 1 else None
    return None if node.args else Spot(spot.cell, func.value)


def _depends(case: Case, spot: Spot, labels: str, depth: int) -> bool:
    """Whether an expression is made of the labels."""
    names = [node for node in ast.walk(spot.node) if isinstance(node, ast.Name)]
    if any(node.id == labels for node in names):
        return True
    if not depth:
        return False
    bound = [b for node in names for b in case.flow.values(Spot(spot.cell, node))]
    function = spot.cell.function(spot.node)
    inside = [b for b in bound if b.cell.function(b.statement) is function]
    return any(_depends(case, b.spot, labels, depth - 1) for b in inside)


def _weight(case: Case, patch: Patch, averaged: Spot, labels: str) -> str | None:
    """The weight of each label's class; None where the shape of the losses is not sure."""
    function = averaged.cell.function(averaged.node)
    assert function is not None
    nodes = list(ast.walk(function))
    attributes = {n.attr for n in nodes if isinstance(n, ast.Attribute)}
    indices = [n.slice for n in nodes if isinstance(n, ast.Subscript)]
    indexed = any(
        isinstance(n, ast.Name) and n.id == labels for one in indices for n in ast.walk(one)
    )
    if "gather" in attributes or attributes & {"one_hot"}:  # a column for each sample, or several
        return None
    if indexed:
        weights = case.values.get("weights") or ()
        listed = ", ".join(number(float(one)) for one in weights)
        tensor = patch.spell("torch.tensor", averaged)
        return f"{tensor}([{listed}], device={labels}.device)[{labels}]" if listed else None
    if "pos_weight" not in case.values:
        return None
    where = patch.spell("torch.where", averaged)
    return f"{where}({labels} > 0.5, {number(case.values['pos_weight'])}, 1.0)"

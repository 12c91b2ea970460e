"""unfreeze: the last layer learns again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from ...findings import Fix
from ..cells import Spot
from ..names import dotted
from ..optimizers import optimizers
from ..patch import Patch, example
from .base import Case

_PARAMETERS = ("parameters", "named_parameters")


def unfreeze(case: Case) -> Fix | None:
    """The last layer's parameters ask for a gradient again, right after all were frozen."""
    model = str(case.values.get("model") or "model")
    layer = str(case.values.get("layer") or _last_layer(case.flow.namespace.get(model)))
    if not layer:
        rows = [f"for parameter in {model}.fc.parameters():  # the last layer, as it is called"]
        return example(case.title, [], [*rows, "    parameter.requires_grad = True"])
    found = _frozen(case, model)
    if found is None:
        line = f"{_access(model, layer)}.requires_grad_(True)"
        before = _optimizer_at_the_top(case, model)
        if before is not None:
            patch = Patch(case.flow)
            patch.insert_before(before, [line])
            return patch.fix(case.title)
        return example(case.title, [], ["# before the optimizer is made", line])
    statement, name = found
    patch = Patch(case.flow)
    patch.insert_after(statement, [f"{_access(name, layer)}.requires_grad_(True)"])
    return patch.fix(case.title)


def _optimizer_at_the_top(case: Case, model: str) -> Spot | None:
    """The statement at the top of a cell that makes the one optimizer of a model, where nothing is
    frozen at the top of a cell behind it."""
    made = optimizers(case.flow, case.cell, case.line)
    if len(made) != 1:
        return None
    found = Spot(made[0].cell, made[0].cell.statement(made[0].node))
    names = {node.id for node in ast.walk(found.node) if isinstance(node, ast.Name)}
    at = found.cell.number, found.line
    later = any(
        (spot.cell.number, spot.line) > at and spot.cell.function(spot.node) is None
        for spot in _freezing(case)
    )
    top = found.node in found.cell.tree.body and model in names
    return found if top and not later else None


def _last_layer(model: Any) -> str:
    """The name of the last part of a live model that has parameters of its own."""
    if not any(c.__module__ == "torch.nn.modules.module" for c in type(model).__mro__):
        return ""
    own = [name for name, part in model.named_modules() if part._parameters]
    return str(own[-1]) if own else ""


def _access(model: str, layer: str) -> str:
    """`model.classifier[6]` of "classifier.6"."""
    parts = [f"[{part}]" if part.isdigit() else f".{part}" for part in layer.split(".")]
    return model + "".join(parts)


def _frozen(case: Case, model: str) -> tuple[Spot, str] | None:
    """The one statement that freezes a whole model, and what the model is called there."""
    found = [(spot, _whose(spot)) for spot in _freezing(case)]
    whole = [(spot, name) for spot, name in found if name == model]
    if not whole:  # in the model's class, or in a function that is given it
        owner = case.context.model and case.flow.class_of(case.context.model)
        whole = [
            (spot, name)
            for spot, name in found
            if (name == "self" and owner and owner.node in spot.cell.ancestors(spot.node))
            or (name is not None and _is_given(case, spot, name, model))
        ]
    if len(whole) != 1 or whole[0][1] is None:
        return None
    return whole[0][0], whole[0][1]


def _is_given(case: Case, spot: Spot, name: str, model: str) -> bool:
    """Whether a function calls the model by another name, and is called with nothing else."""
    inner = next((n for n in ast.walk(spot.node) if isinstance(n, ast.Name) and n.id == name), None)
    given = [] if inner is None else case.flow.values(Spot(spot.cell, inner))
    return bool(given) and all(dotted(binding.value) == model for binding in given)


def _freezing(case: Case) -> Iterator[Spot]:
    """Statements that freeze parameters: a loop over them, or `requires_grad_(False)`."""
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            if isinstance(node, ast.For) and any(
                _freezes(one) for one in ast.walk(node) if isinstance(one, ast.stmt)
            ):
                yield Spot(cell, node)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                func, args = node.value.func, node.value.args
                named = isinstance(func, ast.Attribute) and func.attr == "requires_grad_"
                off = bool(args) and isinstance(args[0], ast.Constant) and args[0].value is False
                inside = any(isinstance(above, ast.For) for above in cell.ancestors(node))
                if named and off and not inside:
                    yield Spot(cell, node)


def _freezes(node: ast.stmt) -> bool:
    """`p.requires_grad = False`, `p.requires_grad = name in chosen`, `p.requires_grad_(False)`."""
    if isinstance(node, ast.Assign):
        target = node.targets[0]
        on = isinstance(node.value, ast.Constant) and node.value.value is True
        return not on and isinstance(target, ast.Attribute) and target.attr == "requires_grad"
    call = node.value if isinstance(node, ast.Expr) else None
    func = call.func if isinstance(call, ast.Call) else None
    return isinstance(func, ast.Attribute) and func.attr == "requires_grad_"


def _whose(spot: Spot) -> str | None:
    """The model, all of whose parameters a statement is about."""
    node = spot.node
    source = node.iter if isinstance(node, ast.For) else getattr(node, "value", None)
    inner = source.func if isinstance(source, ast.Call) else None
    if not isinstance(inner, ast.Attribute):
        return None
    if isinstance(node, ast.For) and inner.attr not in _PARAMETERS:
        return None
    return dotted(inner.value)

"""weigh-classes: give the rare class as much weight in the loss as the frequent one has."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from ...findings import Fix
from ..callees import given_at, is_partial, made_by
from ..cells import Spot
from ..losses import LossCall
from ..names import dotted
from ..patch import Patch, example, number, primary
from .base import Case
from .own_losses import weigh_own
from .sampling import draw_evenly

# A longer list of weights is no readable line of code; an example computes them instead.
_MOST_CLASSES = 24
# Positions of `weight` / `pos_weight` where people give them without a name.
_POSITIONS = {"nn.CrossEntropyLoss": 0, "nn.NLLLoss": 0, "F.cross_entropy": 2, "F.nll_loss": 2}

_BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")


def weigh_classes(case: Case) -> Fix | None:
    """Weights at the loss's construction, or at the call of a functional loss."""
    loss = case.loss
    values = case.values
    if loss is None or (loss.kind in _BINARY and "pos_weight" not in values):
        return None
    if (drawn := draw_evenly(case, loss)) is not None:
        return drawn
    if loss.kind == "binary_cross_entropy_with_logits":
        text = _tensor(case, loss, number(values["pos_weight"]))
        return _set(case, loss, "pos_weight", text)
    if loss.kind in ("cross_entropy", "nll"):
        weights = values.get("weights") or ()
        if not 2 <= len(weights) <= _MOST_CLASSES:
            return _computed(case, loss, len(weights))
        listed = ", ".join(number(w) for w in weights)
        return _set(case, loss, "weight", _tensor(case, loss, f"[{listed}]"))
    if loss.kind == "binary_cross_entropy":
        return _weigh_probabilities(case, loss)
    return (weigh_own(case, loss) if loss.kind is None else None) or _weigh_samples(case, loss)


def _set(case: Case, loss: LossCall, name: str, tensor: str) -> Fix | None:
    if loss.construction is not None:
        call = loss.construction
        known = made_by(case.flow, call) or ""
        position = None if is_partial(case.flow, call) else _POSITIONS.get(known)
    elif loss.functional:
        call = loss.spot
        position = _POSITIONS.get(case.flow.names.torch(loss.call.func) or "")
    else:
        return case.no_construction(loss, f"{name}={tensor.format(torch='torch.tensor')}")
    patch = Patch(case.flow)
    at = given_at(case.flow, call, name, position)
    text = tensor.format(torch=patch.spell("torch.tensor", call if at is None else at.spot))
    patch.set_argument(call, name, text, position)
    return patch.fix(case.title)


def _tensor(case: Case, loss: LossCall, values: str) -> str:
    """`torch.tensor(values)`, on the model's device where that is not the CPU."""
    device = case.device
    if device is None or _moved(loss):
        return f"{{torch}}({values})"
    made_in_call = loss.construction is None or _inside(loss)
    if made_in_call and isinstance(loss.input, (ast.Name, ast.Attribute)):
        return f"{{torch}}({values}, device={primary(loss.spot, loss.input)}.device)"
    return f'{{torch}}({values}, device="{device}")'


def _moved(loss: LossCall) -> bool:
    """`nn.CrossEntropyLoss(...).to(device)` takes its weights along."""
    if loss.construction is None:
        return False
    above = loss.construction.cell.parents.get(loss.construction.node)
    return isinstance(above, ast.Attribute) and above.attr in ("to", "cuda")


def _inside(loss: LossCall) -> bool:
    """Whether the module is made in the loss call itself."""
    made = loss.construction
    return made is not None and made.cell is loss.cell and made.node in ast.walk(loss.call)


def _weigh_probabilities(case: Case, loss: LossCall) -> Fix | None:
    """BCE on probabilities: weigh samples in the call; model and outputs keep their meaning."""
    target = loss.argument("target")
    weight = f"where({primary(target)} > 0.5, {number(case.values['pos_weight'])}, 1.0)"
    reduction = _reduction(case, loss)
    if reduction is None or not repeatable(target.node):
        return _weigh_samples(case, loss)
    patch = Patch(case.flow)
    where = patch.spell("torch.where", loss.spot)
    if not loss.functional:
        func = Spot(loss.cell, loss.call.func)
        patch.replace(func, patch.spell("F.binary_cross_entropy", loss.spot))
    patch.set_argument(loss.spot, "weight", where + weight.removeprefix("where"))
    for name, text in reduction.items():
        patch.set_argument(loss.spot, name, text)
    return patch.fix(case.title)


def _reduction(case: Case, loss: LossCall) -> Mapping[str, str] | None:
    """Arguments of the module that its functional form must get; None where it cannot be said."""
    if loss.functional:
        names = {k.arg for k in loss.call.keywords}
        plain = loss.construction is None and len(loss.call.args) <= 2 and "weight" not in names
        return {} if plain else None
    made = loss.construction
    if made is None:
        value: Any = case.flow.namespace.get(dotted(loss.call.func) or "")
        if value is None or getattr(value, "weight", None) is not None:
            return None
        kept = getattr(value, "reduction", "mean")
        return {} if kept == "mean" else {"reduction": repr(kept)}
    assert isinstance(made.node, ast.Call)
    given = {k.arg: k.value for k in made.node.keywords}
    if made.node.args or set(given) - {"reduction"}:
        return None
    return {name: made.cell.text(value) for name, value in given.items() if name}


def repeatable(node: ast.AST) -> bool:
    """Whether an expression may be written twice: names, attributes, indexing, casts and views."""
    harmless = {
        "float", "double", "half", "long", "int", "bool", "to", "type", "type_as", "cuda", "cpu",
        "view", "view_as", "reshape", "squeeze", "unsqueeze", "flatten", "detach", "size", "dim",
    }  # fmt: skip
    return all(
        isinstance(part.func, ast.Attribute) and part.func.attr in harmless
        for part in ast.walk(node)
        if isinstance(part, ast.Call)
    ) and not any(isinstance(part, (ast.Await, ast.NamedExpr)) for part in ast.walk(node))


def _weigh_samples(case: Case, loss: LossCall) -> Fix | None:
    """An example for a loss of the user's own, or one that already weighs."""
    if "pos_weight" not in case.values:
        return _computed(case, loss, 0)
    target = primary(loss.argument("target"))
    line = loss.cell.text(loss.cell.statement(loss.call)).split("\n")[0]
    return example(
        case.title,
        [line],
        [
            f"weight = torch.where({target} > 0.5, {number(case.values['pos_weight'])}, 1.0)",
            "# compute the loss per sample (reduction='none'), then",
            "loss = (weight * loss).mean()",
        ],
    )


def _computed(case: Case, loss: LossCall, classes: int) -> Fix | None:
    """Weights from the labels themselves."""
    call = loss.construction or loss.spot
    target = primary(loss.argument("target"))
    return example(
        case.title,
        [call.text],
        [
            f"counts = torch.bincount({target}.flatten(), minlength={classes or 'K'})"
            "  # over all labels",
            "weight = counts.sum() / (len(counts) * counts.clamp(min=1))",
            "criterion = nn.CrossEntropyLoss(weight=weight)",
        ],
    )

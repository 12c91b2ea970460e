"""scale-learning-rate and clip-gradients: rewritings of the optimizer and of the training step."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..callees import is_partial
from ..cells import Spot
from ..names import dotted
from ..optimizers import optimizers, stepped
from ..patch import Patch, example, number
from .base import Case
from .recurrent import gate
from .regularization import group_values


def scale_learning_rate(case: Case) -> Fix | None:
    """The `lr` of the optimizer's construction, or of its parameter groups, times a factor."""
    found = optimizers(case.flow, case.cell, case.line)
    if len(found) > 1:
        found = [made for made in found if _has_rate(case, made)] or found
    if not found:
        return None
    if len(found) > 1:
        return _shown(case, found)
    made = found[0]
    patch = Patch(case.flow)
    groups = group_values(case.flow, made, "lr")
    for rate in groups:
        patch.replace(rate, _scaled(case, rate))
    given = _rate(case, made)
    if given is not None:
        patch.replace(given, _scaled(case, given))
    elif not groups:
        patch.set_argument(made, "lr", number(case.values["new"]))
    return patch.fix(case.title)


def _rate(case: Case, made: Spot) -> Spot | None:
    """The value of `lr`, by name or as the second argument."""
    assert isinstance(made.node, ast.Call)
    for keyword in made.node.keywords:
        if keyword.arg == "lr":
            return Spot(made.cell, keyword.value)
    args = [] if is_partial(case.flow, made) else made.node.args
    if len(args) > 1 and not any(isinstance(a, ast.Starred) for a in args[:2]):
        return Spot(made.cell, args[1])
    return None


def _scaled(case: Case, rate: Spot) -> str:
    """The new rate: a number where a number stands, else the user's expression times the factor."""
    literal = _literal(rate.node)
    factor = float(case.values.get("factor", 0.1))
    if literal is None:
        return _scaled_expression(rate, factor)
    old = case.values.get("old")
    if old is not None and abs(literal - float(old)) <= 1e-9 * abs(literal):
        return number(case.values["new"])
    return number(literal * factor)


def _scaled_expression(rate: Spot, factor: float) -> str:
    simple = isinstance(rate.node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
    text = rate.text if simple else f"({rate.text})"
    return f"{text} * {number(factor)}"


def _literal(node: ast.AST) -> float | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    return None


def _has_rate(case: Case, made: Spot) -> bool:
    rate = _rate(case, made)
    literal = None if rate is None else _literal(rate.node)
    old = case.values.get("old")
    return literal is not None and old is not None and abs(literal - float(old)) <= 1e-9


def _shown(case: Case, found: list[Spot]) -> Fix:
    name = dotted(getattr(found[0].node, "func", found[0].node)) or "optimizer"
    return example(
        case.title,
        [made.text for made in found],
        [f"{name}(..., lr={number(case.values['new'])})"],
    )


def clip_gradients(case: Case) -> Fix | None:
    """`clip_grad_norm_` between the backward call and the optimizer's step."""
    limit = number(case.values.get("max_norm", 1.0))
    parameters = _parameters(case)
    statement = case.context.statement
    sent = _backward(statement)
    if parameters is None or sent is None:
        return _clip_example(case, parameters or "model.parameters()", limit)
    patch = Patch(case.flow)
    lines: list[str] = []
    func = sent.func
    assert isinstance(func, ast.Attribute)
    scaler = scaler_of(func.value)
    if scaler is not None:
        optimizer = _stepped_by(case, scaler)
        if optimizer is None:
            return _clip_example(case, parameters, limit)
        lines.append(f"{scaler}.unscale_({optimizer})")
    if sent.args and dotted(func.value) and not case.flow.names.torch(func):
        lines.append(f"{dotted(func.value)}.clip_grad_norm_({parameters}, {limit})")
    else:
        clip = patch.spell("nn.utils.clip_grad_norm_", statement)
        lines.append(f"{clip}({parameters}, max_norm={limit})")
    patch.insert_after(statement, lines)
    # the state of a relu net grows with each step: clipping alone holds the gradient only
    gated = gate(case, patch, relu=True)
    return patch.fix(f"{case.title}; a GRU's state stays in bounds" if gated else case.title)


def _backward(statement: Spot) -> ast.Call | None:
    """The backward call, where it is a statement of its own."""
    node = statement.node
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        func = node.value.func
        if isinstance(func, ast.Attribute) and func.attr == "backward":
            return node.value
    return None


def scaler_of(node: ast.expr) -> str | None:
    """`scaler` of `scaler.scale(loss).backward()`."""
    func = node.func if isinstance(node, ast.Call) else None
    if isinstance(func, ast.Attribute) and func.attr == "scale":
        return dotted(func.value)
    return None


def _stepped_by(case: Case, scaler: str) -> str | None:
    cell, statement = case.cell, case.context.statement
    for node in cell.walk(cell.scope(statement.node)):
        if isinstance(node, ast.Call) and dotted(node.func) == f"{scaler}.step" and node.args:
            return cell.text(node.args[0])
    return None


def _parameters(case: Case) -> str | None:
    """The model's parameters at the backward call: of the model as it is called there, of a name
    there that stands for it, or of all that the optimizer which steps there holds."""
    model = case.context.model
    scope = case.cell.scope(case.context.statement.node)
    if model is not None and model.cell is case.cell and model.cell.scope(model.node) is scope:
        name = dotted(model.node)
        return None if name is None else f"{name}.parameters()"
    wanted = set() if model is None else _constructions(case, model)
    for spot in _names_in(case, scope):
        if wanted and _constructions(case, spot) == wanted:
            return f"{spot.text}.parameters()"
    if (held := _held(case, scope)) is not None:
        return held
    for spot in stepped(case.flow, case.cell, scope):
        return f'[p for group in {spot.text}.param_groups for p in group["params"]]'
    return None


def _names_in(case: Case, scope: ast.AST) -> Iterator[Spot]:
    """Names and attributes that a scope reads, each once."""
    seen: set[str] = set()
    for node in case.cell.walk(scope):
        name = dotted(node) if isinstance(node, (ast.Name, ast.Attribute)) else None
        if name is not None and name not in seen and isinstance(node.ctx, ast.Load):  # type: ignore[attr-defined]
            seen.add(name)
            yield Spot(case.cell, node)


def _constructions(case: Case, spot: Spot) -> set[ast.AST]:
    return {one.node for one in case.flow.origins(spot) if isinstance(one.node, ast.Call)}


def _held(case: Case, scope: ast.AST) -> str | None:
    """`net.parameters()` of the optimizer's construction, where that name is the same here."""
    made = optimizers(case.flow, case.cell, case.line)
    if len(made) != 1 or not isinstance(made[0].node, ast.Call) or not made[0].node.args:
        return None
    held = made[0].node.args[0]
    name = dotted(held.func) or "" if isinstance(held, ast.Call) else ""
    inside = case.cell.function(case.context.statement.node)
    same = made[0].cell is case.cell and made[0].cell.scope(made[0].node) is scope
    local = same or (made[0].cell.function(made[0].node) is None and inside is None)
    return f"{name}()" if name.endswith(".parameters") and local else None


def _clip_example(case: Case, parameters: str, limit: str) -> Fix:
    line = f"torch.nn.utils.clip_grad_norm_({parameters}, max_norm={limit})"
    return example(case.title, [], ["# between backward() and step():", line])

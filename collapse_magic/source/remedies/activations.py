"""drop-activation and replace-hidden-activation: rewritings of the model's definition."""

from __future__ import annotations

import ast
from collections.abc import Set
from dataclasses import replace

from ...findings import Fix
from ..callees import callees
from ..cells import Spot
from ..hidden import hidden_activations
from ..names import dotted
from ..outputs import Activation
from ..patch import Patch, example, primary
from ..scopes import Binding
from .base import Case
from .initialization import begin_for_relu, overwriting, without
from .live import drop_last, replace_last
from .thresholds import read_as_logits

# A loss that applies softmax itself does not mind log_softmax in front, so only these are dropped.
_SAME = {"softmax": {"softmax"}, "sigmoid": {"sigmoid"}}
_FUNCTIONS = {
    "relu": "torch.relu",
    "tanh": "torch.tanh",
    "sigmoid": "torch.sigmoid",
    "gelu": "F.gelu",
    "leaky_relu": "F.leaky_relu",
    "elu": "F.elu",
    "silu": "F.silu",
}


def drop_activation(case: Case) -> Fix | None:
    """The outputs without an activation that the loss applies itself."""
    kind = str(case.values.get("activation", "")).lower()
    found = applied_before_loss(case, _SAME.get(kind, {kind}))
    if found is None:
        return drop_last(case, kind)
    # A loss on probabilities wants one sigmoid: only the second one, nearest to the loss, goes.
    keeps_one = (
        kind == "sigmoid" and case.loss is not None and case.loss.kind == "binary_cross_entropy"
    )
    if keeps_one:
        found = [path[:1] for path in found if len(path) > 1]
    patch = Patch(case.flow)
    if found and all(found) and drop_all(case, patch, found, as_logits=not keeps_one):
        return patch.fix(case.title)
    if not keeps_one and (live := drop_last(case, kind)) is not None:
        return live
    return _shown(case, _each(found)) if _each(found) else None


def applied_before_loss(case: Case, kinds: Set[str]) -> list[list[Activation]] | None:
    """Activations of these kinds on each way to the loss; None where there is none on any."""
    found = [[a for a in path.activations if a.kind in kinds] for path in case.paths]
    return found if any(found) else None


def drop_all(
    case: Case, patch: Patch, found: list[list[Activation]], *, as_logits: bool = True
) -> bool:
    """Take the activations out of the code; False where one cannot be taken out."""
    by_node = {a.spot.node: a for a in _each(found)}
    inner = {a.operand for a in by_node.values()}
    gone: set[ast.AST] = set()
    for node, activation in by_node.items():
        if activation.operand is not None and _drop_at_loss(case, patch, activation):
            continue
        gone.add(node)
        if node in inner:  # it goes with the one around it
            continue
        operand = activation.operand
        while operand in by_node:
            operand = by_node[operand].operand
        if not _drop(patch, replace(activation, operand=operand)):
            return False
    if as_logits and any(a.kind == "sigmoid" for a in by_node.values()):
        read_as_logits(case, patch, gone)
    return True


def _each(found: list[list[Activation]]) -> list[Activation]:
    return list({id(a.spot.node): a for path in found for a in path}.values())


def _drop(patch: Patch, activation: Activation) -> bool:
    if activation.operand is None:
        return _drop_element(patch, activation)
    spot, operand = activation.spot, activation.operand
    statement = spot.cell.statement(spot.node)
    if _only_repeats(statement, spot.node, operand):
        patch.remove_statement(Spot(spot.cell, statement))
    else:
        patch.replace(spot, _standing(spot, operand))
    return True


def _drop_element(patch: Patch, activation: Activation) -> bool:
    """An element of `nn.Sequential`; its pair where it has a name in an `OrderedDict`."""
    spot = activation.spot
    parent = spot.cell.parents.get(spot.node)
    if isinstance(parent, ast.Tuple):
        patch.remove_element(Spot(spot.cell, parent))
        return True
    if isinstance(parent, (ast.Call, ast.List)):
        patch.remove_element(spot)
        return True
    return False


def _drop_at_loss(case: Case, patch: Patch, activation: Activation) -> bool:
    """`probs = softmax(out); loss = criterion(probs, y)`: give the loss `out`, leave `probs` be.

    What else the user does with the probabilities then stays right.
    """
    loss = case.loss
    if loss is None or not isinstance(loss.input, ast.Name) or len(case.paths) != 1:
        return False
    if not isinstance(activation.operand, ast.Name) or activation.spot.cell is not loss.cell:
        return False
    bindings = case.flow.values(loss.argument("input"))
    if len(bindings) != 1 or bindings[0].value is not activation.spot.node:
        return False
    cell = loss.cell
    if cell.scope(activation.spot.node) is not cell.scope(loss.call):
        return False
    used = case.flow.values(Spot(cell, activation.operand))
    if activation.operand.id == loss.input.id or not _same_at(case, activation, used):
        return False
    patch.replace(loss.argument("input"), activation.operand.id)
    return True


def _same_at(case: Case, activation: Activation, used: list[Binding]) -> bool:
    """Whether the operand's name still has the same value at the loss call."""
    assert case.loss is not None and isinstance(activation.operand, ast.Name)
    there = ast.copy_location(ast.Name(activation.operand.id, ast.Load()), case.loss.input)
    case.loss.cell.parents[there] = case.loss.call
    found = case.flow.values(Spot(case.loss.cell, there))
    return [b.value for b in found] == [b.value for b in used]


def _only_repeats(statement: ast.stmt, applied: ast.AST, operand: ast.expr) -> bool:
    """`x = softmax(x)`: nothing is left of the statement without the activation."""
    return (
        isinstance(statement, ast.Assign)
        and statement.value is applied
        and len(statement.targets) == 1
        and isinstance(operand, ast.Name)
        and isinstance(statement.targets[0], ast.Name)
        and statement.targets[0].id == operand.id
    )


def _standing(spot: Spot, operand: ast.expr) -> str:
    """The operand as it can stand in place of the call."""
    above = spot.cell.parents.get(spot.node)
    free = isinstance(above, (ast.Assign, ast.Return, ast.AnnAssign, ast.keyword)) or (
        isinstance(above, ast.Call) and spot.node in above.args
    )
    text = spot.cell.text(operand)
    return text if free else primary(spot, operand)


def _shown(case: Case, found: list[Activation]) -> Fix:
    removed = [a.spot.cell.code(a.spot.line).strip() for a in found]
    added = [
        a.spot.cell.code(a.spot.line).strip().replace(a.spot.text, _standing(a.spot, a.operand))
        for a in found
        if a.operand is not None and "\n" not in a.spot.text
    ]
    return example(case.title, removed, added)


def replace_hidden_activation(case: Case) -> Fix | None:
    """Another activation in the hidden layers; that of the output stays."""
    old, new = str(case.values["old"]), str(case.values["new"])
    if new == "LeakyReLU" and (written := overwriting(case, biases=True)):
        # units that were pushed below zero at the start are dead with any slope
        return without(case, written, "let every layer begin as it was made")
    wanted = old.lower()
    found = [a for a in hidden_activations(case.context) if a.kind == wanted]
    if not found:
        return None
    applied = [a.construction for p in case.paths for a in p.activations]
    at_output = {
        spot.node for made in applied if made is not None for spot in (made, _named(case, made))
    }
    patch = Patch(case.flow)
    for activation in found:
        made = activation.construction
        if made is not None and made.node not in at_output and isinstance(made.node, ast.Call):
            named = _named(case, made)
            if named.node is made.node or named.node in at_output:
                patch.replace(made, f"{_class_spelling(patch, made, old, new)}()")
            else:
                patch.replace(named, patch.spell(f"nn.{new}", named))
        elif not _replace_call(patch, activation, new):
            return None
    if new == "ReLU":
        begin_for_relu(case, patch)
    return patch.fix(case.title)


def _named(case: Case, made: Spot) -> Spot:
    """Where a class is named that a construction calls by another name: `act=nn.Sigmoid` of
    `act()`; else the construction itself."""
    func = made.node.func if isinstance(made.node, ast.Call) else None
    if func is None or case.flow.names.torch(func) is not None:
        return made
    found = callees(case.flow, Spot(made.cell, func))
    named = found[0].node if len(found) == 1 else None
    return found[0] if isinstance(named, (ast.Name, ast.Attribute)) else made


def replace_output_activation(case: Case) -> Fix | None:
    """Another activation on the outputs, in the form in which the old one is applied."""
    old, new = str(case.values["old"]), str(case.values["new"])
    found = applied_before_loss(case, {old.lower()})
    patch = Patch(case.flow)
    for activation in _each(found) if found is not None and all(found) else ():
        made = activation.construction
        if made is not None and isinstance(made.node, ast.Call):
            patch.replace(made, f"{_class_spelling(patch, made, old, new)}()")
        elif not _replace_call(patch, activation, new):
            return None
    return patch.fix(case.title) or replace_last(case, old, new)


def _class_spelling(patch: Patch, made: Spot, old: str, new: str) -> str:
    assert isinstance(made.node, ast.Call)
    name = dotted(made.node.func) or ""
    if name.endswith(f".{old}"):
        return name.removesuffix(old) + new
    return patch.spell(f"nn.{new}", made)


def _replace_call(patch: Patch, activation: Activation, new: str) -> bool:
    if activation.operand is None:
        return False
    spot = activation.spot
    wanted = _FUNCTIONS.get(_snake(new))
    if wanted is None:
        return False
    patch.replace(spot, f"{patch.spell(wanted, spot)}({spot.cell.text(activation.operand)})")
    return True


def _snake(name: str) -> str:
    return {"LeakyReLU": "leaky_relu", "ReLU": "relu", "GELU": "gelu", "SiLU": "silu"}.get(
        name, name.lower()
    )

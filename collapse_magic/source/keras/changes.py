"""Single changes that several remedies make: of the loss, of an activation, of the last layer."""

from __future__ import annotations

import ast

from ..cells import Spot
from ..names import dotted
from ..patch import Patch, primary
from .case import Case
from .losses import FUNCTIONS, Loss
from .models import Activation, Step, argument

# Arguments that every class of Keras' cross entropies takes.
_COMMON_ARGUMENTS = {"from_logits", "reduction", "name", "dtype", "axis"}


def quoted(spot: Spot, text: str) -> str:
    """A string literal in the quotes that the user takes there."""
    quote = "'" if spot.text.startswith("'") else '"'
    return f"{quote}{text}{quote}"


def change_loss(case: Case, patch: Patch, loss: Loss, new: str) -> bool:
    """Another class of loss in the same form; False where its arguments would not fit."""
    if loss.form == "string":
        patch.replace(loss.spot, quoted(loss.spot, FUNCTIONS[new]))
    elif loss.form == "function":
        _rename(case, patch, loss.spot, f"keras.losses.{FUNCTIONS[new]}")
    elif loss.form == "object":
        made = loss.spot.node
        assert isinstance(made, ast.Call)
        if set(loss.arguments) - _COMMON_ARGUMENTS or len(made.args) > 1:
            return False
        _rename(case, patch, Spot(loss.spot.cell, made.func), f"keras.losses.{new}")
    else:
        return False
    return True


def _rename(case: Case, patch: Patch, spot: Spot, wanted: str) -> None:
    """`keras.losses.Hinge` for `keras.losses.Huber`: the same prefix where there is one."""
    head, dot, _ = (dotted(spot.node) or "").rpartition(".")
    last = wanted.rpartition(".")[2]
    patch.replace(spot, f"{head}.{last}" if dot else case.spell(patch, wanted, spot))


def take_logits(case: Case, patch: Patch, loss: Loss) -> bool:
    """`from_logits=True`; False where there is no place for it."""
    if loss.name is None or loss.form in ("own", "op"):
        return False
    if loss.form == "object":
        patch.set_argument(loss.spot, "from_logits", "True", 0)
    elif case.tape_loss is not None:
        patch.set_argument(case.tape_loss.spot, "from_logits", "True", 2)
    else:
        made = case.spell(patch, f"keras.losses.{loss.name}", loss.spot)
        patch.replace(loss.spot, f"{made}(from_logits=True)")
    return True


def takes_logits(loss: Loss) -> bool:
    if loss.form == "op":
        return True
    value = loss.arguments.get("from_logits")
    return isinstance(value, ast.Constant) and value.value is True


def set_activation(case: Case, patch: Patch, step: Step, kind: str) -> bool:
    """`activation=` of the layer that makes the outputs."""
    if step.made is None or case.models.kind(step) is None:
        return False
    found = case.models.activation(step)
    if found is not None and found.form == "argument":
        return change_activation(case, patch, found, kind)
    patch.set_argument(step.made, "activation", f'"{kind}"')
    return True


def change_activation(case: Case, patch: Patch, found: Activation, kind: str) -> bool:
    """Another kind of activation in the same place and form."""
    value = found.value
    if isinstance(value.node, ast.Constant):
        patch.replace(value, quoted(value, kind))
    elif found.form == "function":
        called = value.node
        assert isinstance(called, ast.Call)
        func = Spot(value.cell, called.func)
        head = (dotted(func.node) or "").rpartition(".")[0]
        patch.replace(func, f"{head}.{kind}" if head else kind)
        return bool(head)
    elif found.form == "layer":
        layer = case.spell(patch, "keras.layers.Activation", value)
        patch.replace(value, f'{layer}("{kind}")')
    elif (head := (dotted(value.node) or "").rpartition(".")[0]) != "":
        patch.replace(value, f"{head}.{kind}")
    else:
        patch.replace(value, f'"{kind}"')
    return True


def drop_activation(patch: Patch, found: Activation) -> bool:
    """Take an activation out; False where it cannot be."""
    step = found.step
    if found.form == "argument":
        patch.remove_element(found.value)
        return True
    if step.operand is not None:
        return _drop_applied(patch, step.at, step.operand)
    cell, node = step.at.cell, step.at.node
    above = cell.parents.get(node)
    if isinstance(above, (ast.List, ast.Tuple)):
        patch.remove_element(step.at)
        return True
    if isinstance(above, ast.Expr):  # model.add(...)
        patch.remove_statement(Spot(cell, above))
        return True
    return False


def _drop_applied(patch: Patch, applied: Spot, operand: ast.expr) -> bool:
    statement = applied.cell.statement(applied.node)
    if (
        isinstance(statement, ast.Assign)
        and statement.value is applied.node
        and [dotted(t) for t in statement.targets] == [dotted(operand)]
        and isinstance(operand, ast.Name)
    ):
        patch.remove_statement(Spot(applied.cell, statement))  # x = softmax(x)
        return True
    above = applied.cell.parents.get(applied.node)
    free = isinstance(above, (ast.Assign, ast.Return, ast.keyword)) or (
        isinstance(above, ast.Call) and applied.node in above.args
    )
    text = applied.cell.text(operand) if free else primary(applied, operand)
    patch.replace(applied, text)
    return True


def set_units(case: Case, patch: Patch, step: Step, units: int) -> bool:
    """Width of the layer that makes the outputs."""
    if step.made is None or case.models.kind(step) != "Dense":
        return False
    patch.set_argument(step.made, "units", str(units), 0)
    return True


def written_units(step: Step | None) -> int | None:
    """The width of a layer as a number in the code."""
    call = None if step is None else step.call
    value = None if call is None else argument(call, "units", 0)
    if isinstance(value, ast.Constant) and isinstance(value.value, int):
        return value.value
    return None

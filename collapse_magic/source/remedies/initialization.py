"""initialize-anew: the layers' own first weights, without what is written over them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..cells import Cell, Function, Spot
from ..patch import Patch, example
from .base import Case

# What fills weights with one number, or with random ones of a size that the user names.
_FILLS = frozenset(
    {"zeros_", "ones_", "constant_", "fill_", "zero_", "normal_", "uniform_", "trunc_normal_"}
    | {"eye_", "dirac_"}
)
# Layers whose first weights are made for the activation behind them.
_WEIGHTED = ("Linear", "Conv1d", "Conv2d", "Conv3d")
_FRESH = frozenset(
    f"torch.{name}"
    for name in (
        *("zeros", "ones", "full", "rand", "randn"),
        *("zeros_like", "ones_like", "full_like", "rand_like", "randn_like"),
    )
)


def initialize_anew(case: Case) -> Fix | None:
    """The statements that write over the weights are taken away; where none is found, each layer is
    reset before the training begins."""
    found = overwriting(case)
    return without(case, found, case.title) if found else _reset(case)


def without(case: Case, found: list[Spot], title: str) -> Fix | None:
    """The cells without these statements and calls of `apply`."""
    patch = Patch(case.flow)
    for spot in found:
        if isinstance(spot.node, ast.stmt):
            patch.remove_statement(spot)
        else:
            assert isinstance(spot.node, ast.Call) and isinstance(spot.node.func, ast.Attribute)
            patch.replace(spot, spot.cell.text(spot.node.func.value))
    return patch.fix(title)


def overwriting(case: Case, *, biases: bool = False) -> list[Spot]:
    """Statements that write over weights, and calls of `apply` with a function that does."""
    return list({id(spot.node): spot for spot in _overwriting(case, biases)}.values())


def _overwriting(case: Case, biases: bool) -> Iterator[Spot]:
    training = [spot.node for spot in case.around if isinstance(spot.node, (ast.For, ast.While))]
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            if any(above in training for above in cell.ancestors(node)):
                continue  # what is done in each step begins nothing
            if isinstance(node, ast.Call) and _applies(case, node, biases):
                above = cell.parents.get(node)
                yield Spot(cell, above if isinstance(above, ast.Expr) else node)
            elif isinstance(node, ast.stmt) and _writes(case, node, biases):
                function = cell.function(node)
                if function is None or not _is_applied(case, function, biases):
                    yield Spot(cell, _whole(case, cell, node, biases))


def _writes(case: Case, node: ast.stmt, biases: bool) -> bool:
    """`nn.init.zeros_(layer.weight)`, `p.data.fill_(0.1)`, `layer.weight.data = torch.ones(...)`;
    a bias may begin with any number."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value
        name = (case.flow.names.path(call.func) or ast.unparse(call.func)).rpartition(".")
        if name[2] not in _FILLS:
            return False
        if name[0].endswith("init"):
            first = call.args[0] if call.args else None
            if first is None or "bias" not in ast.unparse(first):
                return first is not None
            return biases and _of_any_layer(first)
        return _is_weight(name[0], biases)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
        target = ast.unparse(node.targets[0])
        made = node.value.func if isinstance(node.value, ast.Call) else None
        fresh = made is not None and (case.flow.names.torch(made) or "") in _FRESH
        return fresh and target.endswith(".data") and _is_weight(target, biases)
    return False


def _of_any_layer(node: ast.AST) -> bool:
    """`module.bias` of a loop or function over all layers, not `self.out.bias`."""
    return isinstance(node, ast.Name) or (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id != "self"
    )


def _is_weight(name: str, biases: bool) -> bool:
    """`layer.weight.data`, and `p.data` of a parameter that a loop runs over."""
    return ".weight" in name or (name.endswith(".data") and (biases or "bias" not in name))


def _whole(case: Case, cell: Cell, node: ast.stmt, biases: bool) -> ast.stmt:
    """The loop or condition around a statement that holds nothing else."""
    above = cell.parents.get(node)
    while isinstance(above, (ast.For, ast.If, ast.With)) and not getattr(above, "orelse", None):
        if not all(_writes(case, one, biases) or one is node for one in above.body):
            break
        node, above = above, cell.parents.get(above)
    return node


def _applies(case: Case, node: ast.Call, biases: bool) -> bool:
    """`model.apply(function)` with a function of the user's that writes over weights."""
    func = node.func
    if not (isinstance(func, ast.Attribute) and func.attr == "apply" and len(node.args) == 1):
        return False
    given = node.args[0]
    found = case.flow.function_named(given.id) if isinstance(given, ast.Name) else None
    return found is not None and any(
        isinstance(one, ast.stmt) and _writes(case, one, biases) for one in ast.walk(found.node)
    )


def _is_applied(case: Case, function: Function, biases: bool) -> bool:
    return any(
        isinstance(node, ast.Call)
        and _applies(case, node, biases)
        and isinstance(node.args[0], ast.Name)
        and node.args[0].id == function.name
        for cell in case.flow.latest_first
        for node in cell.nodes
    )


def _reset(case: Case) -> Fix | None:
    """Every layer that can be is reset where the training begins."""
    model = str(case.values.get("model") or "model")
    lines = [
        f"for layer in {model}.modules():",
        "    if hasattr(layer, 'reset_parameters'):",
        "        layer.reset_parameters()",
    ]
    start = _beginning(case)
    if start is None or not _made_before(case, start, model):
        return example(case.title, [], ["# before the optimizer is made", *lines])
    patch = Patch(case.flow)
    patch.insert_before(start, ["\n".join(lines) + "\n"])
    return patch.fix(case.title)


def _beginning(case: Case) -> Spot | None:
    """The statement that the training begins with, where there is a place above it."""
    start = case.start
    at_once = start is not None and start.node is case.context.statement.node
    return None if at_once else start


def _made_before(case: Case, start: Spot, name: str) -> bool:
    """Whether a name is given a value at the top of a cell, above a statement."""
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        for cell in case.flow.cells.values()
        for node in cell.walk(cell.tree)
        if cell.number < start.cell.number
        or (cell is start.cell and isinstance(node, ast.Name) and node.lineno < start.line)
    )


def begin_for_relu(case: Case, patch: Patch) -> None:
    """Kaiming's first weights before the training begins: torch's own are made for no relu, and
    with them a deep net gives its first layers next to nothing.

    Nothing is done where the model has no name there, or normalizes what its layers say.
    """
    start, model = _beginning(case), case.context.model
    wanted = set() if model is None else {one.node for one in case.flow.origins(model)}
    if start is None or not wanted:
        return
    for name, value in list(case.flow.namespace.items()):
        if not any(c.__module__ == "torch.nn.modules.module" for c in type(value).__mro__):
            continue
        if not _made_before(case, start, name) or not wanted & _made(case, start, name):
            continue
        kinds = {type(module).__name__ for module in value.modules()}
        layers = [f"nn.{kind}" for kind in _WEIGHTED if kind in kinds]
        if layers and not any("Norm" in kind for kind in kinds):
            spelled = [patch.spell(layer, start) for layer in layers]
            is_one = spelled[0] if len(spelled) == 1 else f"({', '.join(spelled)})"
            fill = patch.spell("nn.init.kaiming_normal_", start)
            lines = [
                f"for layer in {name}.modules():",
                f"    if isinstance(layer, {is_one}):",
                f'        {fill}(layer.weight, nonlinearity="relu")',
            ]
            patch.insert_before(start, ["\n".join(lines) + "\n"])
        return


def _made(case: Case, start: Spot, name: str) -> set[ast.AST]:
    """The constructions that a name stands for at a statement."""
    there = ast.copy_location(ast.Name(name, ast.Load()), start.node)
    start.cell.parents[there] = start.node
    return {one.node for one in case.flow.origins(Spot(start.cell, there))}

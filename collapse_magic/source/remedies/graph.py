"""join-graph: the way from the model to the loss without leaving the graph."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..cells import Spot, line_of
from ..names import dotted
from ..patch import Patch, example, primary
from .base import Case
from .rejoin import rejoin
from .switched_off import switched_off

_LEAVES = ("item", "numpy", "tolist", "requires_grad_")
# Functions that make a tensor of numbers; inside of the graph they have nothing to do.
_MAKES = frozenset({"torch.tensor", "torch.from_numpy", "torch.as_tensor", "torch.FloatTensor"})
# NumPy's functions that torch has under the same name, with the same first argument.
_SHARED = frozenset(
    {"abs", "exp", "log", "log1p", "maximum", "mean", "minimum", "sqrt", "std", "sum", "tanh"}
    | {"sin", "cos", "square", "clip", "stack", "where"}
)


def join_graph(case: Case) -> Fix | None:
    """The outputs without what cuts them off: `detach`, numbers and arrays, tensors made anew."""
    patch = Patch(case.flow)
    joined = rejoin(case, patch)
    cuts = {id(spot.node): spot for spot in _cuts(case) if spot.node not in joined}
    stacked = [spot for spot in _made(case) if _of_numbers(case, spot)]
    on_loss = list(_told_to_ask(case))
    off = list(switched_off(case))
    for call in off:
        patch.replace(call, patch.spell("torch.enable_grad", call))
    if (off or joined) and not cuts and not stacked:
        pass
    elif not _leaves(list(cuts.values())) and len(cuts) == 1 and not stacked:
        (cut,) = cuts.values()
        patch.replace(cut, primary(cut, _receiver(cut)))
    elif not (_stacks(case, patch, stacked) or _through_numpy(case, patch)):
        return _shown(case, list(cuts.values()))
    for statement in on_loss:
        patch.remove_statement(statement)
    return patch.fix(case.title)


def _receiver(call: Spot) -> ast.expr:
    assert isinstance(call.node, ast.Call) and isinstance(call.node.func, ast.Attribute)
    return call.node.func.value


def _leaves(cuts: list[Spot]) -> bool:
    """Whether one of them goes on to become an array or a number that is used."""
    return any(_attribute_on(cut) in ("numpy", "tolist", "item") for cut in cuts)


def _attribute_on(spot: Spot) -> str | None:
    above = spot.cell.parents.get(spot.node)
    return above.attr if isinstance(above, ast.Attribute) else None


# -- what lies between model and loss ----------------------------------------------------------


def _related(case: Case) -> Iterator[Spot]:
    """Nodes between model and loss: around the backward call above it, in the functions that make
    the loss, and in the model's class."""
    scope = case.cell.scope(case.context.statement.node)
    until = line_of(case.context.statement.node)
    for node in case.cell.walk(scope):
        if hasattr(node, "lineno") and line_of(node) <= until:
            yield Spot(case.cell, node)
    for function in _called(case, scope, until):
        for node in ast.walk(function.node):
            yield Spot(function.cell, node)
    owner = None if case.context.model is None else case.flow.class_of(case.context.model)
    if owner is not None and not (owner.cell is case.cell and _inside(case, owner)):
        for node in ast.walk(owner.node):
            yield Spot(owner.cell, node)


def _called(case: Case, scope: ast.AST, until: int) -> Iterator[Spot]:
    """Functions of the user's that are called where the loss comes from."""
    for node in case.cell.walk(scope):
        if isinstance(node, ast.Assign) and line_of(node) <= until:
            call = node.value
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                found = case.flow.function_named(call.func.id)
                if found is not None and found.node is not scope:
                    yield found


def _inside(case: Case, owner: Spot) -> bool:
    return owner.node in case.cell.ancestors(case.context.statement.node)


def _calls(case: Case) -> Iterator[tuple[Spot, ast.Call]]:
    for spot in _related(case):
        if isinstance(spot.node, ast.Call):
            yield spot, spot.node


def _cuts(case: Case) -> Iterator[Spot]:
    """Calls of `detach`, those left out whose result is only shown."""
    for spot, node in _calls(case):
        if not isinstance(node.func, ast.Attribute) or node.func.attr != "detach" or node.args:
            continue
        if _attribute_on(spot) not in ("cpu", "item", "tolist") and not _only_shown(spot):
            yield spot


def _only_shown(spot: Spot) -> bool:
    """`losses.append(loss.detach().numpy())`, `print(out.detach())`: no value goes on from it."""
    return isinstance(spot.cell.statement(spot.node), ast.Expr)


def _made(case: Case) -> Iterator[Spot]:
    """Calls that make a tensor of numbers."""
    for spot, node in _calls(case):
        if (case.flow.names.torch(node.func) or "") in _MAKES and node.args:
            yield spot


def _told_to_ask(case: Case) -> Iterator[Spot]:
    """`loss.requires_grad = True` and `loss.requires_grad_()` as statements."""
    for spot in _related(case):
        node = spot.node
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            if isinstance(target, ast.Attribute) and target.attr == "requires_grad":
                yield spot
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            func = node.value.func
            if isinstance(func, ast.Attribute) and func.attr == "requires_grad_":
                yield spot


# -- numbers of single outputs -----------------------------------------------------------------


def _numbers(case: Case, spot: Spot) -> list[Spot]:
    """The `.item()`s of the list that a tensor is made of: `[net(x).item() for x in rows]`, or
    those that are appended to it."""
    assert isinstance(spot.node, ast.Call)
    given = Spot(spot.cell, spot.node.args[0])
    values = case.flow.values(given) if isinstance(given.node, ast.Name) else []
    found = values[0].spot if len(values) == 1 else given
    made = [Spot(found.cell, found.node.elt)] if isinstance(found.node, ast.ListComp) else []
    if isinstance(found.node, ast.List) and not found.node.elts:
        name = dotted(given.node) or ""
        made = [
            Spot(spot.cell, node.args[0])
            for node in spot.cell.walk(spot.cell.scope(spot.node))
            if isinstance(node, ast.Call) and dotted(node.func) == f"{name}.append" and node.args
        ]
    return made if all(_is_item(one.node) for one in made) else []


def _is_item(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "item"
    )


def _of_numbers(case: Case, spot: Spot) -> bool:
    return bool(_numbers(case, spot))


def _stacks(case: Case, patch: Patch, stacked: list[Spot]) -> bool:
    """`torch.stack` of the outputs themselves in place of a tensor of their numbers."""
    for spot in stacked:
        assert isinstance(spot.node, ast.Call)
        for item in _numbers(case, spot):
            patch.replace(item, f"{primary(item, _receiver(item))}.squeeze()")
        if isinstance(spot.node.args[0], ast.ListComp) and not spot.node.keywords:
            patch.replace(Spot(spot.cell, spot.node.func), patch.spell("torch.stack", spot))
        else:
            name = spot.cell.text(spot.node.args[0])
            patch.replace(spot, f"{patch.spell('torch.stack', spot)}({name})")
    return bool(stacked)


# -- through NumPy -----------------------------------------------------------------------------


def _through_numpy(case: Case, patch: Patch) -> bool:
    """`z = f(x).detach().numpy()`, some of NumPy, `torch.from_numpy(z)`: all of it in torch; False
    where that takes something that torch has not."""
    leaving = [(spot, node) for spot, node in _calls(case) if _to_array(spot, node)]
    made = {id(spot.node): spot for spot in _made(case)}
    if not leaving or not made:
        return False
    for spot, _ in leaving:
        receiver = _receiver(spot)
        inner = Spot(spot.cell, receiver)
        for attr in ("cpu", "detach"):
            node = inner.node
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                inner = Spot(spot.cell, node.func.value) if node.func.attr == attr else inner
        patch.replace(spot, primary(inner))
    for spot in made.values():
        assert isinstance(spot.node, ast.Call)
        text = _in_torch(case, Spot(spot.cell, spot.node.args[0]))
        if text is None:
            return False
        patch.replace(spot, text)
    arrays = {name for spot, _ in leaving for name in _assigned(spot)}
    return all(
        _known(case, patch, spot, node)
        for spot, node in _calls(case)
        if any(isinstance(one, ast.Name) and one.id in arrays for one in ast.walk(node))
    )


def _assigned(spot: Spot) -> list[str]:
    """Names that the statement around an expression gives a value."""
    statement = spot.cell.statement(spot.node)
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _to_array(spot: Spot, node: ast.Call) -> bool:
    named = isinstance(node.func, ast.Attribute) and node.func.attr in ("numpy", "tolist")
    return named and not _only_shown(spot)


def _in_torch(case: Case, spot: Spot) -> str | None:
    """An array's expression as that of a tensor; None where it calls NumPy."""
    node: ast.AST = spot.node
    func = node.func if isinstance(node, ast.Call) else None
    if isinstance(func, ast.Attribute) and func.attr == "astype":
        return f"{primary(spot, func.value)}.float()"
    while isinstance(func, ast.Attribute) and func.attr in ("numpy", "tolist", "cpu", "detach"):
        node = func.value
        func = node.func if isinstance(node, ast.Call) else None
    inside = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
    plain = all(not _of_numpy(case, one) and not _leaves_graph(one) for one in inside)
    return primary(spot, node) if plain else None


def _leaves_graph(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in _LEAVES


def _of_numpy(case: Case, call: ast.Call) -> bool:
    return (case.flow.names.path(call.func) or "").startswith("numpy.")


def _known(case: Case, patch: Patch, spot: Spot, call: ast.Call) -> bool:
    """Spell a function of NumPy's as torch's; False where torch has none of that name."""
    if not _of_numpy(case, call):
        return True
    name = (case.flow.names.path(call.func) or "").rpartition(".")[2]
    if name not in _SHARED or call.keywords:
        return False
    patch.replace(Spot(spot.cell, call.func), patch.spell(f"torch.{name}", spot))
    return True


# -- where the code does not tell --------------------------------------------------------------


def _shown(case: Case, cuts: list[Spot]) -> Fix | None:
    rows = [spot.cell.code(spot.line).strip() for spot in (*cuts, *_detours(case))]
    if not rows:
        return None
    return example(case.title, list(dict.fromkeys(rows)), ["# without leaving the graph"])


def _detours(case: Case) -> Iterator[Spot]:
    """Other ways out of the graph: `no_grad`, numbers and arrays, tensors made anew."""
    for spot in _related(case):
        node = spot.node
        if isinstance(node, ast.With):
            calls = [i.context_expr for i in node.items if isinstance(i.context_expr, ast.Call)]
            if any(
                (dotted(call.func) or "").endswith(("no_grad", "inference_mode")) for call in calls
            ):
                yield spot
        elif isinstance(node, ast.Call):
            name = case.flow.names.torch(node.func) or ""
            attr = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if name in _MAKES or attr in _LEAVES:
                yield spot
    yield from _told_to_ask(case)

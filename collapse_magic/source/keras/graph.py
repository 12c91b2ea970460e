"""join-graph: the way from the model to the loss without leaving the tape."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..cells import Function, Spot, line_of
from ..names import dotted
from ..patch import Patch, example, primary
from .case import Case
from .place import Tape

# What hands its first argument on with another gradient than its own: none.
_CUTS = frozenset({"stop_gradient", "round", "rint", "sign", "floor", "ceil"})
_MAKES = frozenset({"constant", "convert_to_tensor", "Variable", "convert_to_numpy", "array"})
_LAST = 400  # expressions between the loss and the model


def join_graph(case: Case) -> Fix | None:
    """The outputs without what cuts them off: `stop_gradient`, arrays, rounding, a model that is
    called before the tape runs."""
    patch = Patch(case.flow)
    gone: set[ast.AST] = set()
    rows: list[str] = []
    for spot in _to_loss(case):
        if spot.node in gone or not isinstance(spot.node, ast.Call):
            continue
        inner = _uncut(case, spot)
        if inner is not None:
            gone.update(ast.walk(spot.node))
            statement = spot.cell.statement(spot.node)
            if isinstance(statement, ast.Assign) and spot.cell.text(statement) == (
                f"{inner} = {spot.text}"
            ):
                patch.remove_statement(Spot(spot.cell, statement))  # h = tf.stop_gradient(h)
            else:
                patch.replace(spot, inner)
        elif _is_lost(case, spot):
            rows.append(spot.cell.code(spot.line).strip())
        else:
            gone.update(_moved_inside(case, patch, spot))
    if rows:
        return example(case.title, list(dict.fromkeys(rows)), ["# without leaving the tape"])
    return patch.fix(case.title) or example(
        case.title, [], ["# between the model and the loss: no .numpy(), no tf.stop_gradient"]
    )


def _to_loss(case: Case) -> Iterator[Spot]:
    """Expressions that the loss is made of, from the gradient call back to the model's layers."""
    todo = list(_beginnings(case))
    seen: set[ast.AST] = set()
    while todo and len(seen) < _LAST:
        spot = todo.pop(0)
        if spot.node in seen:
            continue
        seen.add(spot.node)
        for node in ast.walk(spot.node):
            inner = Spot(spot.cell, node)
            yield inner
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                todo += [b.spot for b in case.flow.values(inner) if not b.loop]
            elif isinstance(node, ast.Call):
                todo += _returned(case, inner)


def _beginnings(case: Case) -> Iterator[Spot]:
    """What `tape.gradient` is given; of a `fit`, what the model's class returns."""
    if not isinstance(case.place, Tape):
        owner = case.flow.class_of(case.place.model)
        method = None if owner is None else case.flow.method(owner, "call")
        yield from () if method is None else case.flow.returns(method)
        return
    if case.place.loss is not None:  # what the labels come from may be cut off on purpose
        yield case.place.loss.output
        return
    cell = case.place.statement.cell
    scope = cell.scope(case.place.statement.node)
    for node in cell.walk(scope):
        func = node.func if isinstance(node, ast.Call) else None
        if isinstance(func, ast.Attribute) and func.attr in ("gradient", "minimize"):
            assert isinstance(node, ast.Call)
            yield from (Spot(cell, given) for given in node.args[:1])


def _returned(case: Case, call: Spot) -> list[Spot]:
    """What the user's function, or the `call` of her class, returns."""
    assert isinstance(call.node, ast.Call)
    function = case.flow.called_function(call)
    if function is None:
        owner = case.flow.class_of(Spot(call.cell, call.node.func))
        function = None if owner is None else case.flow.method(owner, "call")
    return [] if function is None else case.flow.returns(function)


def _uncut(case: Case, spot: Spot) -> str | None:
    """What is to stand in place of a call that ends the gradient's way; None of any other call."""
    node, func = spot.node, getattr(spot.node, "func", None)
    assert isinstance(node, ast.Call)
    path = case.flow.names.path(func) if func is not None else None
    home, last = (path or "").partition(".")[0], (path or "").rpartition(".")[2]
    if home in ("tensorflow", "keras", "numpy") and node.args:
        first = Spot(spot.cell, node.args[0])
        if last in _CUTS:
            return primary(first)
        if last in _MAKES and _is_output(case, _bare(first)):
            return primary(_bare(first))
        if last == "cast" and isinstance(node.args[0], ast.Compare):  # `tf.cast(p > 0.5, float)`
            return primary(first, node.args[0].left)
        return None
    if isinstance(func, ast.Attribute) and func.attr == "numpy" and path is None:
        return primary(_bare(spot))
    if isinstance(func, ast.Attribute) and func.attr in ("predict", "predict_on_batch"):
        given = node.args[0] if node.args else None
        return None if given is None else f"{spot.cell.text(func.value)}({spot.cell.text(given)})"
    return None


def _bare(spot: Spot) -> Spot:
    """`p` of `p.numpy()`."""
    node = spot.node
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr != "numpy":
            break
        node = node.func.value
    return Spot(spot.cell, node)


def _is_output(case: Case, spot: Spot) -> bool:
    """Whether an expression leads back to what a model says, not to the user's numbers."""
    node = spot.node
    if isinstance(node, ast.Name):
        return any(
            _is_output(case, _bare(bound.spot))
            for bound in case.flow.values(spot)
            if not bound.loop and bound.value is not node
        )
    if not isinstance(node, ast.Call):
        return False
    func = Spot(spot.cell, node.func)
    inside = [Spot(spot.cell, given) for given in node.args]
    of_library = (case.flow.names.path(node.func) or "").partition(".")[0]
    if of_library in ("tensorflow", "keras", "numpy"):
        return any(_is_output(case, one) for one in inside)
    return bool(case.models.constructions(func)) or case.flow.class_of(func) is not None


def _is_lost(case: Case, spot: Spot) -> bool:
    """`tf.argmax(p, 1)` and NumPy's functions: there is nothing to put in their place."""
    assert isinstance(spot.node, ast.Call)
    path = case.flow.names.path(spot.node.func) or ""
    framework = path.partition(".")[0] in ("tensorflow", "keras")
    given = [Spot(spot.cell, one) for one in spot.node.args]
    leaves = path.startswith("numpy.") or (framework and path.rpartition(".")[2] == "argmax")
    return leaves and any(_is_output(case, _bare(one)) for one in given)


def _moved_inside(case: Case, patch: Patch, call: Spot) -> list[ast.AST]:
    """`p = model(x)` in front of `with tf.GradientTape()`: as the first statement in there."""
    statement = call.cell.statement(call.node)
    whole = isinstance(statement, ast.Assign) and statement.value is call.node
    block = _tape_behind(Spot(call.cell, statement)) if whole else None
    if block is None or not _is_output(case, call):
        return []
    assert isinstance(block, ast.With)
    patch.remove_statement(Spot(call.cell, statement))
    patch.insert_before(Spot(call.cell, block.body[0]), [call.cell.text(statement)])
    return list(ast.walk(statement))


def _tape_behind(statement: Spot) -> ast.With | None:
    """The one tape that begins behind a statement, in the same function."""
    cell = statement.cell
    inside = [a for a in cell.ancestors(statement.node) if isinstance(a, (ast.With, Function))]
    if any(isinstance(above, ast.With) and _is_tape(above) for above in inside):
        return None
    tapes = [
        node
        for node in cell.walk(cell.scope(statement.node))
        if isinstance(node, ast.With) and _is_tape(node)
    ]
    return tapes[0] if len(tapes) == 1 and line_of(tapes[0]) > statement.line else None


def _is_tape(block: ast.With) -> bool:
    calls = [i.context_expr for i in block.items if isinstance(i.context_expr, ast.Call)]
    return any((dotted(call.func) or "").endswith("GradientTape") for call in calls)

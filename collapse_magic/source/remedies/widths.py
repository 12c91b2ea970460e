"""widen-output: one unit per class, and the loss for that many classes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..cells import Spot
from ..losses import LossCall
from ..names import dotted
from ..outputs import Path
from ..patch import Patch, example, primary
from .activations import applied_before_loss, drop_all
from .base import Case
from .labels import CASTS, without_call

_OF_CLASSES = ("cross_entropy", "nll")
# Methods of labels that change their form only: what is left counts the classes.
_FORMS = CASTS | {"unsqueeze", "squeeze", "view", "reshape", "expand_as", "expand", "flatten", "to"}
_TO_COLUMNS = {"unsqueeze", "view", "reshape", "expand_as", "expand"}
# What makes one number per sample out of a column; of one column per class it makes nonsense.
_FLATTENS = {"flatten", "ravel", "view", "reshape"}


def widen_output(case: Case) -> Fix | None:
    """As code where the layer, the loss and all that reads the outputs are in sight."""
    loss, classes = case.loss, int(case.values.get("classes", 0))
    if loss is None or classes < 2:
        return None
    layer = _last_linear(case, case.paths[0]) if len(case.paths) == 1 else None
    patch = Patch(case.flow)
    certain = _widened(patch, layer, classes)
    if certain and loss.kind not in _OF_CLASSES:
        certain = _of_classes(case, patch, loss)
    if certain and (fix := patch.fix(case.title)) is not None:
        return fix
    return _shown(case, loss, layer, classes)


def _last_linear(case: Case, path: Path) -> Spot | None:
    """Construction of the last layer, where it is `nn.Linear(n, k)`."""
    last = path.last
    if last is None:
        return None
    spots = [last]
    if isinstance(last.node, ast.Call):
        spots += case.flow.origins(Spot(last.cell, last.node.func))
    for spot in spots:
        node = spot.node
        if isinstance(node, ast.Call) and case.flow.names.torch(node.func) == "nn.Linear":
            return spot if len(node.args) == 2 else None
    return None


def _widened(patch: Patch, layer: Spot | None, classes: int) -> bool:
    """False where the layer is not found, or its width is no number in the code."""
    if layer is None:
        return False
    assert isinstance(layer.node, ast.Call)
    given = Spot(layer.cell, layer.node.args[1])
    width = patch.flow.literal(given)
    if width is None or not isinstance(width.node, ast.Constant):
        return False
    if width.node.value != classes:
        patch.replace(patch.flow.own_literal(given) or given, str(classes))
    return True


def _of_classes(case: Case, patch: Patch, loss: LossCall) -> bool:
    """Cross entropy over classes, with class indices; False where something stays open."""
    made = loss.construction
    if made is not None and isinstance(made.node, ast.Call) and not loss.functional:
        if made.node.args or {k.arg for k in made.node.keywords} - {"reduction"}:
            return False
        _rename(patch, Spot(made.cell, made.node.func), "nn.CrossEntropyLoss")
    elif loss.functional and made is None:
        _rename(patch, Spot(loss.cell, loss.call.func), "F.cross_entropy")
    else:
        return False
    labels = _indices(case, loss)
    if labels is None:
        return False
    patch.replace(loss.argument("target"), labels)
    applied = applied_before_loss(case, {"sigmoid", "softmax"})
    if applied is not None and not (
        all(applied) and drop_all(case, patch, applied, as_logits=False)
    ):
        return False
    return _in_columns(case, patch, loss) and _reads_classes(case, patch)


def _rename(patch: Patch, func: Spot, wanted: str) -> None:
    head, dot, _ = (dotted(func.node) or "").rpartition(".")
    last = wanted.partition(".")[2]
    patch.replace(func, f"{head}.{last}" if dot else patch.spell(wanted, func))


def _indices(case: Case, loss: LossCall) -> str | None:
    """The labels as one class index per sample."""
    spot, in_columns = loss.argument("target"), False
    for _ in range(8):
        node = spot.node
        if not isinstance(node, ast.Call):
            break
        if isinstance(node.func, ast.Attribute) and node.func.attr in _FORMS:
            in_columns = in_columns or node.func.attr in _TO_COLUMNS
            spot = Spot(spot.cell, node.func.value)
        elif (given := _passed_through(case, spot)) is not None:
            spot, in_columns = given, True
        else:
            return None
    if not isinstance(spot.node, (ast.Name, ast.Attribute, ast.Subscript)):
        return None
    squeezed = any(
        isinstance(one, ast.Attribute) and one.attr in ("squeeze", *_FLATTENS)
        for one in ast.walk(loss.input)
    ) or isinstance(loss.input, ast.Subscript)
    flat = "" if in_columns or squeezed else ".flatten()"
    return f"{primary(spot)}{flat}.long()"


def _passed_through(case: Case, call: Spot) -> Spot | None:
    """What a function of the user's is given that only changes the form of it."""
    assert isinstance(call.node, ast.Call)
    function = case.flow.called_function(call)
    if function is None or not isinstance(call.node.func, ast.Name):
        return None
    values = case.flow.returns(function)
    node: ast.AST | None = values[0].node if len(values) == 1 else None
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value if node.func.attr in _FORMS else None
    assert isinstance(function.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    names = [a.arg for a in function.node.args.args]
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    position = names.index(node.id)
    return Spot(call.cell, call.node.args[position]) if position < len(call.node.args) else None


def _in_columns(case: Case, patch: Patch, loss: LossCall) -> bool:
    """The outputs as the loss reads them, a column per class."""
    spot = loss.argument("input")
    inner = _unflattened(spot)
    if inner is not spot:
        patch.replace(spot, spot.cell.text(inner.node))
        spot = inner
    return not any(_flattens(one) for one in _expressions(case, spot))


def _unflattened(spot: Spot) -> Spot:
    """`out` of `out[:, 0]`, `out.flatten()` and `out.view(-1)`."""
    while _flattens(spot.node):
        node = spot.node
        inner = (
            node.value
            if isinstance(node, ast.Subscript)
            else node.func.value
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            else None
        )
        if inner is None:
            break
        spot = Spot(spot.cell, inner)
    return spot


def _flattens(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Tuple) and isinstance(node.slice.elts[-1], ast.Constant)
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    minus_one = len(node.args) == 1 and ast.unparse(node.args[0]) == "-1"
    attr = node.func.attr
    return (attr in ("flatten", "ravel") and not node.args) or (
        attr in ("view", "reshape") and minus_one
    )


def _expressions(case: Case, spot: Spot) -> Iterator[ast.AST]:
    """The output's expression, and what the user's model returns."""
    yield spot.node
    if isinstance(spot.node, ast.Name):
        for binding in case.flow.values(spot):
            yield from ast.walk(binding.value)
    owner = None if case.context.model is None else case.flow.class_of(case.context.model)
    forward = None if owner is None else case.flow.method(owner, "forward")
    for value in case.flow.returns(forward) if forward is not None else ():
        yield value.node


def _reads_classes(case: Case, patch: Patch) -> bool:
    """`out > 0.5` and `out.round()` become `out.argmax(1)`; False where one cannot."""
    layers = {path.last.node for path in case.paths if path.last is not None}
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            read = _thresholded(case, node)
            if read is None:
                continue
            paths = case.context.outputs.paths(Spot(cell, read))
            if not any(path.last is not None and path.last.node in layers for path in paths):
                continue
            inner = _unflattened(Spot(cell, read))
            values = case.flow.values(inner) if isinstance(inner.node, ast.Name) else []
            if any(_flattens(part) for b in values for part in ast.walk(b.value)):
                return False
            patch.replace(Spot(cell, node), f"{primary(inner)}.argmax(1)")
    return True


def _thresholded(case: Case, node: ast.AST) -> ast.expr | None:
    """`out` of `out > 0`, `torch.round(out)` and `out.round()`."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        number = node.comparators[0]
        greater = isinstance(node.ops[0], (ast.Gt, ast.GtE))
        return node.left if greater and isinstance(number, ast.Constant) else None
    if isinstance(node, ast.Call):
        if case.flow.names.torch(node.func) == "torch.round":
            return node.args[0] if node.args else None
        if isinstance(node.func, ast.Attribute) and node.func.attr == "round" and not node.args:
            return node.func.value
    return None


def _shown(case: Case, loss: LossCall, layer: Spot | None, classes: int) -> Fix | None:
    pairs: list[tuple[str, str]] = []
    if layer is not None:
        assert isinstance(layer.node, ast.Call)
        name, first = layer.cell.text(layer.node.func), layer.cell.text(layer.node.args[0])
        pairs.append((layer.text, f"{name}({first}, {classes})"))
    if loss.kind not in _OF_CLASSES:
        if loss.construction is not None:
            pairs.append((loss.construction.text, "nn.CrossEntropyLoss()"))
        called = loss.cell.text(loss.call.func) if loss.construction else "F.cross_entropy"
        target = primary(without_call(loss.argument("target"), CASTS))
        call = f"{called}({loss.cell.text(loss.input)}, {target}.long())"
        pairs.append((loss.spot.text, call))
    pairs = [(old, new) for old, new in pairs if old != new]
    return example(case.title, [p[0] for p in pairs], [p[1] for p in pairs]) if pairs else None

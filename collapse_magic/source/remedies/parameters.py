"""give-optimizer, register-layers, unfreeze and join-graph: weights that loss or optimizer miss."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..cells import Spot, line_of
from ..names import dotted
from ..optimizers import optimizers
from ..patch import Patch, example, primary
from ..scopes import attribute_bindings
from .base import Case

_LISTS = (ast.List, ast.ListComp, ast.Tuple, ast.GeneratorExp)
_DICTS = (ast.Dict, ast.DictComp)


# -- give-optimizer ----------------------------------------------------------------------------


def give_optimizer(case: Case) -> Fix | None:
    """The optimizer below the model's construction, or with all of the model's parameters."""
    model = str(case.values.get("model") or "model")
    made = optimizers(case.flow, case.cell, case.line)
    if len(made) != 1:
        return _shown_optimizer(case, made, model)
    return _moved(case, made[0], model) if case.values.get("again") else _all(case, made[0], model)


def _moved(case: Case, made: Spot, model: str) -> Fix | None:
    """The optimizer's construction below the last one of the model."""
    statement = Spot(made.cell, made.cell.statement(made.node))
    models = [
        Spot(cell, node)
        for cell in case.flow.cells.values()
        for node in cell.tree.body
        if isinstance(node, ast.Assign) and any(_names(t, model) for t in node.targets)
    ]
    latest = max(models, key=_order, default=None)
    at_top = statement.node in made.cell.tree.body and isinstance(statement.node, ast.Assign)
    if latest is None or not at_top or _order(latest) < _order(statement):
        # the code is in order: the model's cell was run again, and this one was not
        return example(case.title, [], ["# run this again, after the model", statement.text])
    patch = Patch(case.flow)
    patch.remove_statement(statement)
    patch.insert_after(latest, [statement.text])
    return patch.fix(case.title)


def _all(case: Case, made: Spot, model: str) -> Fix | None:
    """`model.parameters()` in place of those of one of its parts."""
    assert isinstance(made.node, ast.Call)
    first = made.node.args[0] if made.node.args else None
    name = dotted(first.func) if isinstance(first, ast.Call) else None
    if first is None or name is None or not name.endswith(".parameters"):
        return _shown_optimizer(case, [made], model)
    if not name.startswith(f"{model}."):
        return _shown_optimizer(case, [made], model)
    patch = Patch(case.flow)
    patch.replace(Spot(made.cell, first), f"{model}.parameters()")
    return patch.fix(case.title)


def _shown_optimizer(case: Case, made: list[Spot], model: str) -> Fix:
    called = dotted(getattr(made[0].node, "func", made[0].node)) if made else None
    return example(
        case.title,
        [one.text for one in made],
        [f"{called or 'torch.optim.Adam'}({model}.parameters(), ...)  # below the model"],
    )


def _names(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name


def _order(spot: Spot) -> tuple[int, int]:
    return spot.cell.number, spot.line


# -- register-layers ---------------------------------------------------------------------------


def register_layers(case: Case) -> Fix | None:
    """`nn.ModuleList` or `nn.ModuleDict` around the plain list or dict that holds the layers."""
    patch = Patch(case.flow)
    attributes = [str(name).rpartition(".")[2] for name in case.values.get("attributes", ())]
    for attribute in attributes:
        found = list(_plain(case, attribute))
        if len(found) != 1:
            return _shown_list(case, attribute)
        (spot,) = found
        kind = "nn.ModuleDict" if isinstance(spot.node, _DICTS) else "nn.ModuleList"
        text = spot.text
        if isinstance(spot.node, (ast.Tuple, ast.GeneratorExp)) and not text.startswith("("):
            text = f"({text})"
        patch.replace(spot, f"{patch.spell(kind, spot)}({text})")
    return patch.fix(case.title)


def _plain(case: Case, attribute: str) -> Iterator[Spot]:
    """What the attribute is given in the user's classes, where that is a plain list or dict."""
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            if not isinstance(node, ast.ClassDef):
                continue
            for binding in attribute_bindings(cell, node, attribute):
                value = binding.value
                called = dotted(value.func) if isinstance(value, ast.Call) else None
                if isinstance(value, (*_LISTS, *_DICTS)) or called in ("list", "tuple"):
                    yield binding.spot


def _shown_list(case: Case, attribute: str) -> Fix:
    return example(
        case.title, [], [f"self.{attribute} = nn.ModuleList(...)  # in place of the plain list"]
    )


# -- unfreeze ----------------------------------------------------------------------------------


def unfreeze(case: Case) -> Fix | None:
    """The last layer's parameters ask for a gradient again, right after all were frozen."""
    model, layer = str(case.values.get("model") or "model"), str(case.values.get("layer") or "")
    if not layer:
        rows = [f"for parameter in {model}.fc.parameters():  # the last layer, as it is called"]
        return example(case.title, [], [*rows, "    parameter.requires_grad = True"])
    line = f"{_access(model, layer)}.requires_grad_(True)"
    frozen = [s for s in _freezing(case) if _of(s, model)]
    if len(frozen) != 1:
        return example(case.title, [], ["# before the optimizer is made", line])
    patch = Patch(case.flow)
    patch.insert_after(frozen[0], [line])
    return patch.fix(case.title)


def _access(model: str, layer: str) -> str:
    """`model.classifier[6]` of "classifier.6"."""
    parts = [f"[{part}]" if part.isdigit() else f".{part}" for part in layer.split(".")]
    return model + "".join(parts)


def _freezing(case: Case) -> Iterator[Spot]:
    """Statements that freeze parameters: a loop over them, or `requires_grad_(False)`."""
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            if isinstance(node, ast.For) and any(map(_freezes, node.body)):
                yield Spot(cell, node)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                func, args = node.value.func, node.value.args
                named = isinstance(func, ast.Attribute) and func.attr == "requires_grad_"
                if named and args and isinstance(args[0], ast.Constant) and args[0].value is False:
                    parent = cell.parents.get(node)
                    if not isinstance(parent, ast.For):
                        yield Spot(cell, node)


def _freezes(node: ast.stmt) -> bool:
    """`p.requires_grad = False` and `p.requires_grad_(False)`."""
    if isinstance(node, ast.Assign):
        target = node.targets[0]
        off = isinstance(node.value, ast.Constant) and node.value.value is False
        return off and isinstance(target, ast.Attribute) and target.attr == "requires_grad"
    call = node.value if isinstance(node, ast.Expr) else None
    func = call.func if isinstance(call, ast.Call) else None
    return isinstance(func, ast.Attribute) and func.attr == "requires_grad_"


def _of(spot: Spot, model: str) -> bool:
    """Whether a statement is about all of a model, by its name."""
    node = spot.node
    source = node.iter if isinstance(node, ast.For) else getattr(node, "value", None)
    inner = source.func if isinstance(source, ast.Call) else None
    return isinstance(inner, ast.Attribute) and dotted(inner.value) == model


# -- join-graph --------------------------------------------------------------------------------


def join_graph(case: Case) -> Fix | None:
    """The outputs without the `detach` that cuts them off."""
    cuts = list(_cuts(case))
    if len(cuts) == 1:
        (cut,) = cuts
        call = cut.node
        assert isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        patch = Patch(case.flow)
        patch.replace(cut, primary(cut, call.func.value))
        return patch.fix(case.title)
    rows = [cut.cell.code(cut.line).strip() for cut in (*cuts, *_detours(case))]
    if not rows:
        return None
    return example(case.title, list(dict.fromkeys(rows)), ["# without leaving the graph"])


def _related(case: Case) -> Iterator[Spot]:
    """Nodes between model and loss: around the backward call above it, and in the model's class."""
    scope = case.cell.scope(case.context.statement.node)
    until = line_of(case.context.statement.node)
    for node in case.cell.walk(scope):
        if hasattr(node, "lineno") and line_of(node) <= until:
            yield Spot(case.cell, node)
    owner = None if case.context.model is None else case.flow.class_of(case.context.model)
    if owner is not None and not (owner.cell is case.cell and _inside(case, owner)):
        for node in ast.walk(owner.node):
            yield Spot(owner.cell, node)


def _inside(case: Case, owner: Spot) -> bool:
    return owner.node in case.cell.ancestors(case.context.statement.node)


def _cuts(case: Case) -> Iterator[Spot]:
    """Calls of `detach`, those whose result only is a number or an array left out."""
    for spot in _related(case):
        node = spot.node
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        above = spot.cell.parents.get(node)
        shown = isinstance(above, ast.Attribute) and above.attr in (
            "cpu",
            "numpy",
            "item",
            "tolist",
        )
        if node.func.attr == "detach" and not node.args and not shown:
            yield spot


_LEAVES = ("item", "numpy", "tolist", "requires_grad_")


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
            if name in ("torch.tensor", "torch.from_numpy") or attr in _LEAVES:
                yield spot
        elif isinstance(node, ast.Assign):
            target = node.targets[0]
            if isinstance(target, ast.Attribute) and target.attr == "requires_grad":
                yield spot

"""give-optimizer and register-layers: weights that the optimizer misses."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..cells import Spot
from ..names import dotted
from ..optimizers import optimizers
from ..patch import Patch, example
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

"""initialize-anew and unfreeze: arguments and attributes of the layers."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..cells import Spot
from ..names import dotted
from ..patch import Patch, example
from .case import Case

# Initializers that begin all units alike, or with numbers of a size that the user names.
_FILLS = frozenset(
    {"zeros", "ones", "constant", "randomnormal", "randomuniform", "truncatednormal", "identity"}
)


def initialize_anew(case: Case) -> Fix | None:
    """The initializer that the layers have by default, in place of one that fills them."""
    patch = Patch(case.flow)
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            for keyword in node.keywords if isinstance(node, ast.Call) else ():
                name = keyword.arg or ""
                of_weights = name.endswith("_initializer") and not name.startswith("bias")
                if of_weights and _fills(case, Spot(cell, keyword.value)):
                    patch.remove_element(Spot(cell, keyword.value))
    return patch.fix(case.title) or example(
        case.title, [], ['kernel_initializer="glorot_uniform"  # of every layer; it is the default']
    )


def _fills(case: Case, given: Spot) -> bool:
    node = given.node
    if isinstance(node, ast.Name):
        values = case.flow.values(given)
        if len(values) == 1 and isinstance(values[0].value, ast.Constant):
            node = values[0].value
    if isinstance(node, ast.Constant):
        return str(node.value).replace("_", "").lower() in _FILLS
    made = case.flow.origins(given)
    names = [case.flow.names.keras(getattr(one.node, "func", one.node)) or "" for one in made]
    return bool(names) and all(
        name.rpartition(".")[2].replace("_", "").lower() in _FILLS for name in names
    )


def unfreeze(case: Case) -> Fix | None:
    """All layers but those on top stay frozen; set before the model is compiled."""
    model = "model" if case.model is None else case.model.text
    kept = f"{model}.layers[:{_body(case, model)}]"
    loop = f"for layer in {kept}:\n    layer.trainable = False"
    patch = Patch(case.flow)
    for spot in _frozen_layers(case, model):
        patch.replace(spot, kept)
        return patch.fix(case.title)
    for spot in _frozen_models(case, model):
        patch.remove_statement(spot)
        patch.insert_after(spot, [loop + "\n"])
        return patch.fix(case.title)
    last = None if case.last_layer is None else case.last_layer.made
    if last is not None and isinstance(last.node, ast.Call):
        for keyword in last.node.keywords:
            if keyword.arg == "trainable":
                patch.replace(Spot(last.cell, keyword.value), "True")
                return patch.fix(case.title)
    return example(
        case.title, [], [f"{model}.trainable = True", *loop.split("\n"), "# then compile, and fit"]
    )


def _body(case: Case, model: str) -> int:
    """How many layers stand below the head: up to the last model that is used as a layer."""
    layers = getattr(case.flow.namespace.get(model), "layers", None)
    nested = [
        index
        for index, layer in enumerate(layers if isinstance(layers, list) else [])
        if any(c.__module__ == "keras.src.models.model" for c in type(layer).__mro__)
    ]
    assert nested == [] or isinstance(layers, list)
    return nested[-1] + 1 if nested and layers and nested[-1] + 1 < len(layers) else -1


def _frozen_layers(case: Case, model: str) -> Iterator[Spot]:
    """`model.layers` of a loop that freezes them all."""
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            if isinstance(node, ast.For) and dotted(node.iter) == f"{model}.layers":
                name = dotted(node.target)
                if any(_freezes(one, name) for one in ast.walk(node)):
                    yield Spot(cell, node.iter)


def _frozen_models(case: Case, model: str) -> Iterator[Spot]:
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            if _freezes(node, model):
                yield Spot(cell, node)


def _freezes(node: ast.AST, name: str | None) -> bool:
    """`layer.trainable = False`."""
    return (
        isinstance(node, ast.Assign)
        and [dotted(target) for target in node.targets] == [f"{name}.trainable"]
        and isinstance(node.value, ast.Constant)
        and node.value.value is False
    )

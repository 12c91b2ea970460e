"""scale-inputs and clean-inputs: the data that the model is given."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Spot
from ..names import dotted
from ..patch import example
from ..preparing import cleaned, scaled
from .base import Case


def scale_inputs(case: Case) -> Fix | None:
    """Each feature less its mean, over its deviation, right behind the statement that makes it."""
    given = model_input(case)
    if given is None:
        return None
    found = scaled(case.flow, given, case.title, case.values)
    name = input_name(case)
    if found is not None or name is None:
        return found
    return example(
        case.title,
        [],
        [
            f"mean, std = {name}.mean(0), {name}.std(0)  # of the whole training data, once",
            f"{name} = ({name} - mean) / std  # in training and wherever the model is used",
        ],
    )


def clean_inputs(case: Case) -> Fix | None:
    """Values that are not finite give way to the median of their feature."""
    if case.values.get("argument") == "target":
        name = None if case.loss is None else root_name(case.loss.target)
    else:
        given = model_input(case)
        found = None if given is None else cleaned(case.flow, given, case.title, "torch")
        if found is not None:
            return found
        name = input_name(case)
    if name is None:
        return None
    return example(
        case.title,
        [],
        [
            f"print((~torch.isfinite({name})).sum())  # how many, before the loop over all data",
            f"{name} = torch.nan_to_num({name}, nan=0.0, posinf=0.0, neginf=0.0)",
        ],
    )


def model_input(case: Case) -> Spot | None:
    """What the model is called with."""
    model = case.context.model
    call = None if model is None else model.cell.parents.get(model.node)
    if model is None or not isinstance(call, ast.Call) or not call.args:
        return None
    return Spot(model.cell, call.args[0])


def input_name(case: Case) -> str | None:
    """What the model is called with, as a name."""
    given = model_input(case)
    return None if given is None else dotted(given.node)


def root_name(node: ast.AST) -> str:
    """`labels` of `labels.float().unsqueeze(1)`."""
    while not isinstance(node, ast.Name):
        node = (
            node.func
            if isinstance(node, ast.Call)
            else node.value
            if isinstance(node, (ast.Attribute, ast.Subscript))
            else ast.Name("labels")
        )
    return node.id

"""A GRU in place of a plain recurrent net: it keeps what it has read, and its state in bounds."""

from __future__ import annotations

import ast

from ..cells import Spot
from ..patch import Patch
from .base import Case


def gate(case: Case, patch: Patch, *, relu: bool) -> bool:
    """Make the `nn.RNN`s in the model's class `nn.GRU`s; those with a relu, or those without.

    A GRU takes and gives the same shapes. False where there is none, or where weights of a shape
    that only the plain net has are copied into it.
    """
    owner = None if case.context.model is None else case.flow.class_of(case.context.model)
    found = False
    for node in ast.walk(owner.node) if owner is not None else ():
        assert owner is not None
        if not isinstance(node, ast.Call) or case.flow.names.torch(node.func) != "nn.RNN":
            continue
        given = next((k.value for k in node.keywords if k.arg == "nonlinearity"), None)
        if relu != (given is not None and _is_relu(case, Spot(owner.cell, given))):
            continue
        if (given is not None and not relu) or _copies_weights(owner):
            continue
        func = Spot(owner.cell, node.func)
        head = func.text.rpartition(".")[0]
        patch.replace(func, f"{head}.GRU" if head else patch.spell("nn.GRU", func))
        if given is not None:
            patch.remove_element(Spot(owner.cell, given))
        found = True
    return found


def _is_relu(case: Case, given: Spot) -> bool:
    written = case.flow.literal(given)
    return written is not None and getattr(written.node, "value", None) == "relu"


def _copies_weights(owner: Spot) -> bool:
    """`self.rnn.weight_hh_l0.data.copy_(torch.eye(32))`, `self.rnn.weight_hh_l0 = ...`."""
    for node in ast.walk(owner.node):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        copied = isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".copy_")
        if "weight_hh" in ast.unparse(target or (node if copied else ast.Pass())):
            return True
    return False

"""mask-padding: the last real step, or the mean of the real ones, in place of what sees padding."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..cells import Spot
from ..patch import Patch, example
from .base import Case

_RECURRENT = frozenset({"nn.RNN", "nn.GRU", "nn.LSTM"})
_EMBEDDING = "nn.Embedding"


def mask_padding(case: Case) -> Fix | None:
    """Changes what reads the last step of a recurrent layer, its last state, or a mean over time.

    How long a sample is follows from what it holds: up to its filling of zeros.
    """
    patch = Patch(case.flow)
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            _change(case, patch, Spot(cell, node))
    return patch.fix(case.title) or example(
        case.title,
        [],
        [
            "lengths = (x != 0).sum(1)  # of right-padded tokens; how many steps are real",
            "last = states[torch.arange(len(states)), lengths - 1]  # in place of states[:, -1]",
        ],
    )


def _change(case: Case, patch: Patch, spot: Spot) -> None:
    node = spot.node
    if _is_last_step(node):
        assert isinstance(node, ast.Subscript)
        call = _made_by(case, Spot(spot.cell, node.value), _RECURRENT)
        given = None if call is None else _given(case, call)
        if given is not None:
            states = spot.cell.text(node.value)
            last = f"{_lengths(*given)} - 1"
            rows = f"{patch.spell_module('torch', 'torch', spot)}.arange(len({states}))"
            patch.replace(spot, f"{states}[{rows}, {last}]")
    elif _is_mean(node):
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        call = _made_by(case, Spot(spot.cell, node.func.value), frozenset({_EMBEDDING}))
        if call is not None and len(call.args) == 1 and isinstance(call.args[0], ast.Name):
            ids, rows = call.args[0].id, spot.cell.text(node.func.value)
            real = f"({ids} != 0)"
            patch.replace(
                spot,
                f"({rows} * {real}.unsqueeze(-1)).sum(1)"
                f" / {real}.sum(1, keepdim=True).clamp(min=1)",
            )


def _is_last_step(node: ast.AST) -> bool:
    """`states[:, -1]` or `states[:, -1, :]`."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple):
        return False
    first, last, *rest = [ast.unparse(part) for part in node.slice.elts] + [""] * 2
    return first == ":" and last == "-1" and set(rest) <= {":", ""}


def _is_mean(node: ast.AST) -> bool:
    """`.mean(1)` or `.mean(dim=1)`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    given = [*node.args, *(k.value for k in node.keywords if k.arg in ("dim", "axis"))]
    return (
        node.func.attr == "mean"
        and len(given) == 1
        and isinstance(given[0], ast.Constant)
        and given[0].value == 1
    )


def _made_by(case: Case, spot: Spot, kinds: frozenset[str]) -> ast.Call | None:
    """The call of a layer of one of these kinds that an expression, or its name, stands for."""
    calls = [spot.node] if isinstance(spot.node, ast.Call) else list(_assigned(case, spot))
    found = [
        call
        for call in calls
        if isinstance(call, ast.Call)
        and any(
            case.flow.names.torch(getattr(made.node, "func", made.node)) in kinds
            for made in case.flow.origins(Spot(spot.cell, call.func))
        )
    ]
    return found[0] if len(calls) == len(found) == 1 else None


def _assigned(case: Case, spot: Spot) -> Iterator[ast.expr]:
    for binding in case.flow.values(spot) if isinstance(spot.node, ast.Name) else ():
        if isinstance(binding.value, ast.expr):
            yield binding.value


def _given(case: Case, call: ast.Call) -> tuple[str, bool] | None:
    """The name of what a recurrent layer reads, and whether that is tokens, which it embeds."""
    node: ast.expr | None = call.args[0] if call.args else None
    tokens = case.values.get("inputs") == "integers"
    if tokens and isinstance(node, ast.Call) and len(node.args) == 1:
        node = node.args[0]
    elif tokens:
        return None
    return (node.id, tokens) if isinstance(node, ast.Name) else None


def _lengths(name: str, tokens: bool) -> str:
    real = f"({name} != 0)" if tokens else f"({name} != 0).any(-1)"
    return f"{real}.sum(1).clamp(min=1)"

"""The cure of a reading: the threshold that fits what the outputs are."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from ..findings import Fix, Remedy
from .answers import Answer, Answers
from .cells import Spot
from .flow import Flow
from .patch import Patch, example, number, primary


def read_outputs(flow: Flow, remedy: Remedy) -> Fix | None:
    """Compare with the remedy's threshold what is compared with another, rounded, or argmaxed.

    All readings of the kind, of the same model, are cured: that of a helper function and that of
    the cell.
    """
    patch = Patch(flow)
    for answer in Answers(flow).found(int(remedy.values["watched"])):
        if _is_meant(answer, remedy.values):
            wanted = float(remedy.values["wanted"])
            threshold = "0" if wanted == 0 else number(wanted)
            node = answer.spot.node
            if isinstance(node, ast.Compare):
                given = Spot(answer.spot.cell, node.comparators[0])
                patch.replace(flow.own_literal(given) or given, threshold)
                continue
            text = _cured(answer, threshold)
            if _is_pair(answer):  # values and indices, which are unpacked in many ways
                old = answer.spot.cell.text(answer.spot.cell.statement(answer.spot.node))
                return example(remedy.title, [old], [f"predicted = {text}"])
            patch.replace(answer.spot, text)
    return patch.fix(remedy.title)


def _is_meant(answer: Answer, values: Mapping[str, Any]) -> bool:
    if (answer.model, answer.how) != (values["model"], values["how"]):
        return False
    return answer.how == "argmax" or answer.threshold == values["threshold"]


def _is_pair(answer: Answer) -> bool:
    """`torch.max(outputs, 1)`: values and indices."""
    func = answer.spot.node.func if isinstance(answer.spot.node, ast.Call) else None
    return isinstance(func, ast.Attribute) and func.attr == "max"


def _cured(answer: Answer, threshold: str) -> str:
    """The same answers, 0 and 1, for arrays and for tensors."""
    read = primary(Spot(answer.spot.cell, answer.read))
    if answer.how == "argmax":
        return f"(({read}[:, 0] > {threshold}) * 1)"
    return f"(({read} > {threshold}) * 1.0)"

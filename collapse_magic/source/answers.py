"""How the user's code makes answers of a model's outputs: by a threshold, by argmax, by rank."""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .cells import Cell, Spot
from .flow import Flow
from .names import dotted
from .outputs import Outputs

Reading = Literal["threshold", "argmax", "ranking"]

_DEPTH = 12
_HALF = 0.5
# The same numbers in another shape, type or place.
_SHAPES = frozenset(
    {"squeeze", "unsqueeze", "view", "reshape", "flatten", "ravel", "contiguous", "clone"}
    | {"float", "double", "type", "to", "cuda", "cpu", "detach", "numpy", "astype", "tolist"}
    | {"asarray", "array", "as_tensor", "tensor", "from_numpy", "item"}
)
_ATTRIBUTES = frozenset({"data", "T"})
# How a model is called, beside being called itself.
_CALLS = frozenset({"forward", "predict", "predict_on_batch", "call"})
# Where a model works, rather than being used.
_WITHIN = frozenset({"forward", "call", "__call__"})
# What needs no threshold: only how the outputs are ordered counts.
_RANKINGS = frozenset(
    {"roc_auc_score", "average_precision_score", "roc_curve", "precision_recall_curve"}
    | {"auroc", "binary_auroc", "average_precision", "binary_average_precision", "ndcg_score"}
    | {"brier_score_loss", "calibration_curve", "digitize", "histogram", "rankdata"}
    | {"quantile", "nanquantile", "percentile", "nanpercentile"}
)
# Likewise, of one score for each sample; over classes they are an argmax.
_SORTS = frozenset({"argsort", "sort", "msort", "topk", "argpartition", "kthvalue"})
# Arguments in front of the axis, the outputs among them.
_BEHIND = {"topk": 2, "argpartition": 2, "kthvalue": 2}
_OVER_CLASSES = (1, -1)
_SQUASHING = frozenset({"sigmoid", "softmax", "log_softmax", "tanh"})


@dataclass(frozen=True)
class Answer:
    """One reading: ``spot`` is the comparison or the call, ``read`` the outputs in it."""

    how: Reading
    spot: Spot
    read: ast.expr
    threshold: float
    model: str
    activations: tuple[str, ...]

    @property
    def column(self) -> int:
        return int(getattr(self.spot.node, "col_offset", 0))


@dataclass(frozen=True)
class _Source:
    """Where outputs come from: a model, and what was applied to what it says."""

    model: str
    activations: tuple[str, ...]


class Answers:
    """Finds readings in the watched cell, and in what all cells define."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._outputs = Outputs(flow)

    def found(self, watched: int) -> list[Answer]:
        """Those that lead back to the call of a model, in the order of cells and lines.

        What other cells do at their top level was done to other outputs.
        """
        answers: list[Answer] = []
        for number in sorted(self._flow.cells):
            cell = self._flow.cells[number]
            for node in cell.nodes:
                if not isinstance(node, (ast.Compare, ast.Call)):
                    continue
                if isinstance(node, ast.Call):  # what is compiled in one cell holds in the next
                    answers.extend(self._measured(Spot(cell, node), node))
                inside = cell.function(node)
                if inside is None and number != watched:
                    continue
                if inside is None or inside.name not in _WITHIN:  # a model may gate its own values
                    answers.extend(self.at(Spot(cell, node)))
        return answers

    def at(self, spot: Spot) -> Iterator[Answer]:
        """The reading that an expression is, once for each model that it may read."""
        for how, read, threshold in self._readings(spot):
            sources = dict.fromkeys(self._sources(Spot(spot.cell, read), None, (), _DEPTH))
            for source in sources:
                yield Answer(how, spot, read, threshold, source.model, source.activations)

    def _measured(self, spot: Spot, call: ast.Call) -> Iterator[Answer]:
        """A model that is compiled with areas under curves as its only metrics."""
        func = call.func
        if not isinstance(func, ast.Attribute) or func.attr != "compile":
            return
        metrics = next((k.value for k in call.keywords if k.arg == "metrics"), None)
        parts = metrics.elts if isinstance(metrics, (ast.List, ast.Tuple)) else []
        model = self._name(Spot(spot.cell, func.value), _DEPTH)
        if model is not None and parts and all(map(_is_area, parts)):
            yield Answer("ranking", spot, func.value, math.nan, model, ())

    # What is a reading

    def _readings(self, spot: Spot) -> Iterator[tuple[Reading, ast.expr, float]]:
        node = spot.node
        if isinstance(node, ast.Compare):
            threshold = self._compared_with(spot.cell, node)
            if threshold is not None:
                yield "threshold", node.left, threshold
        elif isinstance(node, ast.Call):
            func = node.func
            name = func.attr if isinstance(func, ast.Attribute) else (dotted(func) or "")
            if name in _RANKINGS:
                for read in (*self._given(node), *(keyword.value for keyword in node.keywords)):
                    yield "ranking", read, math.nan
            elif name in _SORTS:
                given = self._given(node)
                if given and _axis(node, given[_BEHIND.get(name, 1) :]) not in _OVER_CLASSES:
                    yield "ranking", given[0], math.nan
            elif name in ("argmax", "max", "round"):
                if not isinstance(func, ast.Attribute):
                    return
                given = self._given(node)
                if name == "round" and len(given) == 1:
                    yield "threshold", given[0], _HALF
                elif name != "round" and given and _axis(node, given[1:]) in _OVER_CLASSES:
                    yield "argmax", given[0], math.nan

    def _compared_with(self, cell: Cell, node: ast.Compare) -> float | None:
        """The number that something is compared with, written there or behind a name."""
        if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE)):
            return None
        written = self._flow.literal(Spot(cell, node.comparators[0]))
        value = None if written is None else getattr(written.node, "value", None)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return float(value)

    def _given(self, call: ast.Call) -> list[ast.expr]:
        """The arguments of a function; of a method the outputs stand in front of it."""
        func = call.func
        if isinstance(func, ast.Attribute) and not self._is_library(func):
            return [func.value, *call.args]
        return list(call.args)

    def _is_library(self, func: ast.AST) -> bool:
        """`torch.argmax`, `np.round`: a function of a module, not a method of a value."""
        if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name):
            return False
        path = self._flow.names.path(func) or ""
        return path.partition(".")[0] in ("torch", "numpy", "tensorflow", "keras")

    # Where it comes from

    def _sources(
        self, spot: Spot, index: int | None, applied: tuple[str, ...], depth: int
    ) -> Iterator[_Source]:
        node = spot.node
        if depth == 0:
            return
        if isinstance(node, ast.Name):
            for binding in self._flow.values(spot):
                if not binding.loop:
                    yield from self._sources(binding.spot, binding.index, applied, depth - 1)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            # the highest first, where a function sorts upwards
            yield from self._sources(Spot(spot.cell, node.operand), index, applied, depth - 1)
        elif isinstance(node, ast.Tuple):
            if index is not None and index < len(node.elts):
                inner = Spot(spot.cell, node.elts[index])
                yield from self._sources(inner, None, applied, depth - 1)
        elif isinstance(node, ast.Subscript) or (
            isinstance(node, ast.Attribute) and node.attr in _ATTRIBUTES
        ):
            yield from self._sources(Spot(spot.cell, node.value), index, applied, depth - 1)
        elif isinstance(node, ast.Call):
            yield from self._of_call(spot, node, index, applied, depth)

    def _of_call(
        self,
        spot: Spot,
        node: ast.Call,
        index: int | None,
        applied: tuple[str, ...],
        depth: int,
    ) -> Iterator[_Source]:
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else (dotted(func) or "")
        if (activation := self._outputs.activation(spot)) is not None and activation.operand:
            operand = Spot(spot.cell, activation.operand)
            yield from self._sources(operand, None, (*applied, activation.kind), depth - 1)
        elif name in _SQUASHING and self._is_framework(func):
            operand = Spot(spot.cell, node.args[0])
            yield from self._sources(operand, None, (*applied, name), depth - 1)
        elif name in _SHAPES and isinstance(func, ast.Attribute):
            inner = node.args[0] if self._is_library(func) and node.args else func.value
            yield from self._sources(Spot(spot.cell, inner), index, applied, depth - 1)
        elif isinstance(func, ast.Name) and (f := self._flow.function_named(func.id)) is not None:
            for value in self._flow.returns(f):
                yield from self._sources(value, index, applied, depth - 1)
        else:
            yield from self._of_model(spot, func, applied)

    def _is_framework(self, func: ast.AST) -> bool:
        path = self._flow.names.path(func) or ""
        return path.partition(".")[0] in ("tensorflow", "keras", "scipy")

    def _of_model(self, spot: Spot, func: ast.expr, applied: tuple[str, ...]) -> Iterator[_Source]:
        called = func
        if isinstance(func, ast.Attribute) and func.attr in _CALLS:
            called = func.value
        name = self._name(Spot(spot.cell, called), _DEPTH)
        if (
            name is None
            or hasattr(builtins, name)
            or self._flow.names.torch(called)
            or self._flow.names.keras(called)
        ):
            return
        paths = self._outputs.paths(spot)
        inner = {tuple(each.kind for each in path.activations) for path in paths} or {()}
        for activations in sorted(inner):
            yield _Source(name, (*applied, *activations))

    def _name(self, called: Spot, depth: int) -> str | None:
        """What the model is called where it was made: a parameter is what was given for it."""
        if depth and isinstance(called.node, ast.Name):
            bindings = [b for b in self._flow.values(called) if not b.loop and b.index is None]
            if len(bindings) == 1 and isinstance(bindings[0].value, (ast.Name, ast.Attribute)):
                return self._name(bindings[0].spot, depth - 1)
        return dotted(called.node)


def _is_area(metric: ast.expr) -> bool:
    """Whether a metric of Keras' is the area under a curve, by class or by name."""
    if isinstance(metric, ast.Constant):
        return str(metric.value).lower() == "auc"
    made = dotted(metric.func) if isinstance(metric, ast.Call) else None
    return made is not None and made.rpartition(".")[2] == "AUC"


def _axis(node: ast.Call, given: list[ast.expr]) -> int | None:
    """The axis of a call, of its arguments behind the outputs; None where it is not written."""
    named = [k.value for k in node.keywords if k.arg in ("dim", "axis")]
    value = next(iter((*named, *given)), None)
    sign = 1
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        sign, value = -1, value.operand
    if isinstance(value, ast.Constant) and isinstance(value.value, int):
        return sign * value.value
    return None

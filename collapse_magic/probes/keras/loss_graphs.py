"""The graph between the arguments of a loss function and its result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

_MOST_OPERATIONS = 1000  # between the arguments and the loss
# Their results are constants, whatever the values that they are given.
_BLIND = frozenset({"Shape", "Size", "Rank", "OnesLike", "ZerosLike", "ShapeN"})
_COMPARING = frozenset({"Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual"})
# What a probability stays one through, though clipped, normalised, or picked by the label.
_PASSING = frozenset({
    "AddV2", "Add", "Cast", "ClipByValue", "ExpandDims", "GatherNd", "GatherV2", "Identity", "Max",
    "Maximum", "Minimum", "Mul", "RealDiv", "DivNoNan", "Reshape", "Squeeze", "StopGradient", "Sum",
})  # fmt: skip
_SELECTS = frozenset({"Select", "SelectV2"})
_OF_LABELS = frozenset({"Cast", "ExpandDims", "Identity", "Neg", "OneHot", "Reshape", "Squeeze"})
# One part of an argument: labels with weights beside them, say.
_PARTS = frozenset({"StridedSlice", "Slice", "Split", "SplitV", "Unpack"})
LOGARITHMS = {"Log": 0, "Log1p": 0, "LogSoftmax": 0, "Softplus": 0, "Xlogy": 1, "Xlog1py": 1}

Kind = Literal["probabilities", "softmax", "sigmoid"]


class Reading(NamedTuple):
    """How the outputs of the model reach a logarithm: as such, or as one minus them."""

    kind: Kind
    opposite: bool = False


class Unknown(Exception):  # noqa: N818 - no error of anybody's
    """Something on the way is not known."""


class LossGraph:
    """The operations that make a loss of targets and outputs, which are tensors of one graph.

    Attributes
        operations: each after those that it is given.
        of_targets, of_outputs: ids of the tensors that are made of either.
    """

    def __init__(self, value: Any, targets: Any, outputs: Any) -> None:
        self._value, self.targets, self.outputs = value, targets, outputs
        self._read: dict[int, set[Reading]] = {}  # by id of a tensor
        self.operations = list(self._behind(value))
        self.of_outputs = self._depending(outputs)
        self.of_targets = self._depending(targets)
        if not {id(value)} <= self.of_outputs & self.of_targets:
            raise Unknown
        for operation in self.operations:
            if operation.type in _PARTS and not self._in_full(operation):
                raise Unknown

    def _behind(self, value: Any) -> Iterator[Any]:
        """The operations that a loss is made of, each after those that it is given."""
        ends = {id(self.targets), id(self.outputs)}
        waiting: list[tuple[Any, bool]] = [(value, False)]
        seen: set[int] = set()
        while waiting:
            tensor, over = waiting.pop()
            operation = tensor.op
            if over:
                yield operation
            elif id(tensor) not in ends and id(operation) not in seen:
                seen.add(id(operation))
                if len(seen) > _MOST_OPERATIONS:
                    raise Unknown
                waiting.append((tensor, True))
                if operation.type not in _BLIND:
                    waiting += [(given, False) for given in operation.inputs]

    def _depending(self, argument: Any) -> set[int]:
        """Ids of the tensors that are made of an argument."""
        found = {id(argument)}
        for operation in self.operations:
            if operation.type not in _BLIND and any(id(t) in found for t in operation.inputs):
                found.update(map(id, operation.outputs))
        return found

    def _in_full(self, operation: Any) -> bool:
        given = operation.inputs[0]
        return id(given) not in self.of_outputs | self.of_targets

    def reads_outputs(self, operation: Any) -> bool:
        """Whether a logarithm is one of the model's outputs."""
        return id(operation.inputs[LOGARITHMS[operation.type]]) in self.of_outputs

    def readings(self, operation: Any) -> set[Reading]:
        """What the outputs are to a logarithm, on each way to it."""
        given = operation.inputs[LOGARITHMS[operation.type]]
        if operation.type == "LogSoftmax":
            return self._squashed(given, "softmax")
        if operation.type == "Softplus":
            return self._squashed(given, "sigmoid")
        if operation.type in ("Log1p", "Xlog1py") and given.op.type == "Neg":
            return {r._replace(opposite=not r.opposite) for r in self._of(given.op.inputs[0])}
        return self._of(given)

    def _of(self, tensor: Any) -> set[Reading]:
        """Each tensor once: the ways to it double where it is divided by its own sum."""
        found = self._read.get(id(tensor))
        if found is None:
            found = self._read[id(tensor)] = self._of_operation(tensor)
        return found

    def _of_operation(self, tensor: Any) -> set[Reading]:
        if tensor is self.outputs:
            return {Reading("probabilities")}
        operation, given = tensor.op, list(tensor.op.inputs)
        if operation.type == "Softmax":
            return self._squashed(given[0], "softmax")
        if operation.type == "Sigmoid":
            return self._squashed(given[0], "sigmoid")
        if operation.type == "Exp":
            return self._squashed(given[0], "sigmoid" if _negated(given[0]) else "softmax")
        if operation.type == "Sub" and id(given[1]) in self.of_outputs:
            return self._difference(*given)
        if operation.type in _SELECTS:
            given = given[1:]
        elif operation.type not in (*_PASSING, "Sub", "Neg", "Abs", "IsFinite"):
            raise Unknown
        found: set[Reading] = set()
        for part in given:
            if id(part) in self.of_outputs and part.op.type not in _COMPARING:
                found |= self._of(part)
        return found

    def _difference(self, first: Any, second: Any) -> set[Reading]:
        if id(first) in self.of_outputs:  # less their largest, say
            return self._of(first) | self._of(second)
        return {r._replace(opposite=not r.opposite) for r in self._of(second)}

    def _squashed(self, tensor: Any, kind: Kind) -> set[Reading]:
        """Behind a softmax or sigmoid of the function's own there are logits."""
        if any(reading.kind != "probabilities" for reading in self._of(tensor)):
            raise Unknown  # behind another one
        return {Reading(kind)}

    def is_output(self, tensor: Any) -> bool:
        while tensor is not self.outputs and tensor.op.type in ("Cast", "Identity", "Squeeze"):
            tensor = tensor.op.inputs[0]
        return tensor is self.outputs

    def is_label(self, tensor: Any) -> bool:
        """Whether these are the targets, or one minus them, and nothing else."""
        return self.side_of(tensor) is not None

    def side_of(self, tensor: Any) -> bool | None:
        """Whether these are one minus the targets; None where they are anything else."""
        opposite = False
        while tensor is not self.targets:
            operation = tensor.op
            if operation.type == "Sub" and not operation.inputs[0].op.inputs:
                tensor, opposite = operation.inputs[1], not opposite
            elif operation.type in _OF_LABELS:
                tensor = operation.inputs[0]
            else:
                return None
        return opposite


def _negated(tensor: Any) -> bool:
    while tensor.op.type in ("Cast", "Identity"):
        tensor = tensor.op.inputs[0]
    return bool(tensor.op.type == "Neg")

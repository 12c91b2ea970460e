"""What a loss function of the user's own takes its arguments for, read from its graph.

The loss is followed back to the function's arguments. Each logarithm on the way tells what the
outputs of the model are to the function: probabilities, or logits behind its own softmax or
sigmoid. What stands on the way and is not known leaves the loss unknown: nothing is guessed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from .activations import activations_of, operation_of

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
# What takes labels for numbers of classes.
_BY_INDEX = frozenset({"OneHot", "GatherV2", "GatherNd"})
# One part of an argument: labels with weights beside them, say.
_PARTS = frozenset({"StridedSlice", "Slice", "Split", "SplitV", "Unpack"})
_LOGARITHMS = {"Log": 0, "Log1p": 0, "LogSoftmax": 0, "Softplus": 0, "Xlogy": 1, "Xlog1py": 1}
_SQUASHING = ("sigmoid", "softmax")

Kind = Literal["probabilities", "softmax", "sigmoid"]


class Reading(NamedTuple):
    """How the outputs of the model reach a logarithm: as such, or as one minus them."""

    kind: Kind
    opposite: bool = False


class Understood(NamedTuple):
    """The name that a loss goes by, and whether it weighs classes or samples."""

    loss: str
    weighted: bool = False


class _Unknown(Exception):  # noqa: N818 - no error of anybody's
    """Something on the way is not known."""


def understood(value: Any, targets: Any, outputs: Any) -> Understood | None:
    """What a loss of these targets and outputs is; None where that cannot be told.

    Parameters: tensors of one graph. Eagerly nothing is known of what a value was made of.
    """
    if any(operation_of(tensor) is None for tensor in (value, targets, outputs)):
        return None
    try:
        return _Way(value, targets, outputs).understood()
    except _Unknown:
        return None


class _Way:
    """The operations between the arguments of a loss function and its result."""

    def __init__(self, value: Any, targets: Any, outputs: Any) -> None:
        self._value, self._targets, self._outputs = value, targets, outputs
        self._operations = list(self._behind(value))
        self._of_outputs = self._depending(outputs)
        self._of_targets = self._depending(targets)
        if not {id(value)} <= self._of_outputs & self._of_targets:
            raise _Unknown
        for operation in self._operations:
            if operation.type in _PARTS and not self._in_full(operation):
                raise _Unknown

    def understood(self) -> Understood | None:
        logarithms = [
            operation
            for operation in self._operations
            if operation.type in _LOGARITHMS and self._reads_outputs(operation)
        ]
        if not logarithms:
            return self._without_logarithm()
        readings = {found for operation in logarithms for found in self._told_by(operation)}
        kinds = {reading.kind for reading in readings}
        if len(kinds) != 1:
            return None
        softplus = any(operation.type == "Softplus" for operation in logarithms)
        smooth = softplus or any(_is_of_exponential(operation) for operation in logarithms)
        two_sided = len({reading.opposite for reading in readings}) > 1
        loss = self._name(kinds.pop(), two_sided, smooth)
        return None if loss is None else Understood(loss, self._weighs(logarithms))

    # -- what is there ----------------------------------------------------------------------------

    def _behind(self, value: Any) -> Iterator[Any]:
        """The operations that a loss is made of, each after those that it is given."""
        ends = {id(self._targets), id(self._outputs)}
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
                    raise _Unknown
                waiting.append((tensor, True))
                if operation.type not in _BLIND:
                    waiting += [(given, False) for given in operation.inputs]

    def _depending(self, argument: Any) -> set[int]:
        """Ids of the tensors that are made of an argument."""
        found = {id(argument)}
        for operation in self._operations:
            if operation.type not in _BLIND and any(id(t) in found for t in operation.inputs):
                found.update(map(id, operation.outputs))
        return found

    def _in_full(self, operation: Any) -> bool:
        given = operation.inputs[0]
        return id(given) not in self._of_outputs | self._of_targets

    def _reads_outputs(self, operation: Any) -> bool:
        return id(operation.inputs[_LOGARITHMS[operation.type]]) in self._of_outputs

    # -- what the outputs of the model are --------------------------------------------------------

    def _told_by(self, operation: Any) -> set[Reading]:
        """By one logarithm."""
        given = operation.inputs[_LOGARITHMS[operation.type]]
        if operation.type == "LogSoftmax":
            return self._squashed(given, "softmax")
        if operation.type == "Softplus":
            return self._squashed(given, "sigmoid")
        if operation.type in ("Log1p", "Xlog1py") and given.op.type == "Neg":
            return {r._replace(opposite=not r.opposite) for r in self._of(given.op.inputs[0])}
        return self._of(given)

    def _of(self, tensor: Any) -> set[Reading]:
        if tensor is self._outputs:
            return {Reading("probabilities")}
        operation, given = tensor.op, list(tensor.op.inputs)
        if operation.type == "Softmax":
            return self._squashed(given[0], "softmax")
        if operation.type == "Sigmoid":
            return self._squashed(given[0], "sigmoid")
        if operation.type == "Exp":
            return self._squashed(given[0], "sigmoid" if _negated(given[0]) else "softmax")
        if operation.type == "Sub" and id(given[1]) in self._of_outputs:
            return self._difference(*given)
        if operation.type in _SELECTS:
            given = given[1:]
        elif operation.type not in (*_PASSING, "Sub", "Neg", "Abs", "IsFinite"):
            raise _Unknown
        found: set[Reading] = set()
        for part in given:
            if id(part) in self._of_outputs and part.op.type not in _COMPARING:
                found |= self._of(part)
        return found

    def _difference(self, first: Any, second: Any) -> set[Reading]:
        if id(first) in self._of_outputs:  # less their largest, say
            return self._of(first) | self._of(second)
        return {r._replace(opposite=not r.opposite) for r in self._of(second)}

    def _squashed(self, tensor: Any, kind: Kind) -> set[Reading]:
        """Behind a softmax or sigmoid of the function's own there are logits."""
        if any(reading.kind != "probabilities" for reading in self._of(tensor)):
            raise _Unknown  # behind another one
        return {Reading(kind)}

    # -- what the loss is -------------------------------------------------------------------------

    def _name(self, kind: Kind, two_sided: bool, smooth: bool) -> str | None:
        outputs, paired = self._width(), self._are_paired()
        if kind == "sigmoid":
            whole = two_sided or smooth
            return "binary_cross_entropy_with_logits" if whole and paired else None
        if kind == "softmax":
            if outputs < 2 or smooth:
                return None
            return "soft_cross_entropy" if paired else self._by_index("cross_entropy")
        if two_sided:
            return "binary_cross_entropy" if paired else None
        if outputs < 2:
            return None
        if paired:
            return "categorical_crossentropy"
        return self._by_index("sparse_categorical_crossentropy")

    def _by_index(self, loss: str) -> str | None:
        """This loss, where the function takes its targets for numbers of classes."""
        for operation in self._operations:
            if operation.type in _BY_INDEX and any(
                id(given) in self._of_targets for given in operation.inputs
            ):
                return loss
        return None

    def _width(self) -> int:
        shape = self._outputs.shape
        return int(shape[-1] or 0) if shape.rank is not None and shape.rank > 1 else 1

    def _are_paired(self) -> bool:
        """Whether there is a target for every output; raises where there is none for a sample."""
        wanted, given = self._targets.shape, self._outputs.shape
        if wanted.rank is None or given.rank is None:
            raise _Unknown
        last = wanted[-1] if wanted.rank else None
        one = self._width() == 1
        if wanted.rank == given.rank and (last == given[-1] or (one and last is None)):
            return True
        if one and wanted.rank in (given.rank - 1, given.rank):
            return True
        if wanted.rank == given.rank - 1 or (wanted.rank == given.rank and last == 1):
            return False
        raise _Unknown

    def _without_logarithm(self) -> Understood | None:
        """A distance between targets and outputs, or what the last activation says they are."""
        if any(self._is_square(operation) for operation in self._operations):
            return Understood("mse") if self._are_paired() else None
        if activations_of(self._outputs)[:1] and self._are_paired():
            squashed = activations_of(self._outputs)[0] in _SQUASHING
            return Understood("custom") if squashed else None
        return None

    def _is_square(self, operation: Any) -> bool:
        itself = operation.type == "Mul" and operation.inputs[0] is operation.inputs[1]
        if itself or operation.type in ("Square", "Pow"):
            operation = operation.inputs[0].op
            if operation.type != "Sub":
                return False
        elif operation.type != "SquaredDifference":
            return False
        one, other = operation.inputs
        pairs = ((one, other), (other, one))
        return any(self._is_label(a) and self._is_output(b) for a, b in pairs)

    def _is_output(self, tensor: Any) -> bool:
        while tensor is not self._outputs and tensor.op.type in ("Cast", "Identity", "Squeeze"):
            tensor = tensor.op.inputs[0]
        return tensor is self._outputs

    def _is_label(self, tensor: Any) -> bool:
        """Whether these are the targets, or one minus them, and nothing else."""
        while tensor is not self._targets:
            operation = tensor.op
            if operation.type == "Sub" and not operation.inputs[0].op.inputs:
                tensor = operation.inputs[1]
            elif operation.type in _OF_LABELS:
                tensor = operation.inputs[0]
            else:
                return False
        return True

    # -- weights ----------------------------------------------------------------------------------

    def _weighs(self, logarithms: list[Any]) -> bool:
        """Whether log-likelihoods are multiplied with what is neither labels nor outputs."""
        behind: dict[int, set[int]] = {}  # the logarithms that a tensor is made of
        for operation in self._operations:
            own = {id(operation)} if operation in logarithms else set()
            found = own.union(*(behind.get(id(t), ()) for t in operation.inputs))
            behind.update((id(t), found) for t in operation.outputs)
            if operation.type != "Mul" or not found:
                continue
            for part, other in (operation.inputs, operation.inputs[::-1]):
                whole = len(behind.get(id(part), ())) == len(logarithms)
                if behind.get(id(part)) and self._is_weight(other, whole):
                    return True
        return False

    def _is_weight(self, factor: Any, of_all: bool) -> bool:
        if factor.op.type == "Mul" and id(factor) in self._of_outputs | self._of_targets:
            return any(self._is_weight(part, of_all) for part in factor.op.inputs)
        if id(factor) in self._of_outputs:
            return False  # focal, say
        if id(factor) in self._of_targets and self._is_label(factor):
            return False
        return not (factor.shape.rank == 0 and (of_all or abs(_number(factor)) == 1))


def _is_of_exponential(operation: Any) -> bool:
    return bool(operation.type == "Log1p" and operation.inputs[0].op.type == "Exp")


def _negated(tensor: Any) -> bool:
    while tensor.op.type in ("Cast", "Identity"):
        tensor = tensor.op.inputs[0]
    return bool(tensor.op.type == "Neg")


def _number(tensor: Any) -> float:
    """The value of a constant; nan of anything else."""
    value = sys.modules["tensorflow"].get_static_value(tensor)
    return math.nan if value is None else float(value)

"""What a loss function of the user's own takes its arguments for, read from its graph.

The loss is followed back to the function's arguments. Each logarithm on the way tells what the
outputs of the model are to the function: probabilities, or logits behind its own softmax or
sigmoid. What stands on the way and is not known leaves the loss unknown: nothing is guessed.
"""

from __future__ import annotations

import math
import sys
from typing import Any, NamedTuple

from .activations import activations_of, operation_of
from .loss_graphs import LOGARITHMS, Kind, LossGraph, Unknown

# What takes labels for numbers of classes.
_BY_INDEX = frozenset({"OneHot", "GatherV2", "GatherNd"})
_SQUASHING = ("sigmoid", "softmax")


class Understood(NamedTuple):
    """The name that a loss goes by, and whether it weighs classes or samples."""

    loss: str
    weighted: bool = False


def understood(value: Any, targets: Any, outputs: Any) -> Understood | None:
    """What a loss of these targets and outputs is; None where that cannot be told.

    Parameters: tensors of one graph. Eagerly nothing is known of what a value was made of.
    """
    if any(operation_of(tensor) is None for tensor in (value, targets, outputs)):
        return None
    try:
        return _OwnLoss(value, targets, outputs).understood()
    except (Unknown, RecursionError):  # a graph as deep as that is not known
        return None


class _OwnLoss(LossGraph):
    """What is told by the graph of a loss that the user has written."""

    def understood(self) -> Understood | None:
        logarithms = [
            operation
            for operation in self.operations
            if operation.type in LOGARITHMS and self.reads_outputs(operation)
        ]
        if not logarithms:
            return self._without_logarithm()
        readings = {found for operation in logarithms for found in self.readings(operation)}
        kinds = {reading.kind for reading in readings}
        if len(kinds) != 1 or self._is_turned_round(logarithms):
            return None
        softplus = any(operation.type == "Softplus" for operation in logarithms)
        smooth = softplus or any(_is_of_exponential(operation) for operation in logarithms)
        two_sided = len({reading.opposite for reading in readings}) > 1
        loss = self._name(kinds.pop(), two_sided, smooth)
        return None if loss is None else Understood(loss, self._weighs(logarithms))

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
        for operation in self.operations:
            if operation.type in _BY_INDEX and any(
                id(given) in self.of_targets for given in operation.inputs
            ):
                return loss
        return None

    def _width(self) -> int:
        shape = self.outputs.shape
        return int(shape[-1] or 0) if shape.rank is not None and shape.rank > 1 else 1

    def _are_paired(self) -> bool:
        """Whether there is a target for every output; raises where there is none for a sample."""
        wanted, given = self.targets.shape, self.outputs.shape
        if wanted.rank is None or given.rank is None:
            raise Unknown
        last = wanted[-1] if wanted.rank else None
        one = self._width() == 1
        if wanted.rank == given.rank and (last == given[-1] or (one and last is None)):
            return True
        if one and wanted.rank in (given.rank - 1, given.rank):
            return True
        if wanted.rank == given.rank - 1 or (wanted.rank == given.rank and last == 1):
            return False
        raise Unknown

    def _without_logarithm(self) -> Understood | None:
        """A distance between targets and outputs, or a sum of what they share.

        Of that the layers tell whether the outputs are probabilities.
        """
        if any(self._is_square(operation) for operation in self.operations):
            return Understood("mse") if self._are_paired() else None
        squashed = activations_of(self.outputs)[:1]
        shared = any(self._is_shared(operation) for operation in self.operations)
        if shared and squashed and squashed[0] in _SQUASHING and self._are_paired():
            return Understood("custom")
        return None

    def _is_shared(self, operation: Any) -> bool:
        """Whether it adds up labels times outputs, and nothing else: in contrastive losses a label
        says the contrary of what an output does."""
        if operation.type != "Sum" or operation.inputs[0].op.type != "Mul":
            return False
        one, other = operation.inputs[0].op.inputs
        return any(
            self.side_of(a) is False and self.is_output(b) for a, b in ((one, other), (other, one))
        )

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
        return any(self.is_label(a) and self.is_output(b) for a, b in pairs)

    def _is_turned_round(self, logarithms: list[Any]) -> bool:
        """Whether label 1 is paired with one minus the output: that is a distance, not a class."""
        for operation in self.operations:
            if operation.type in ("Mul", "Xlogy", "Xlog1py"):
                for label, factor in (operation.inputs, operation.inputs[::-1]):
                    made = operation if operation in logarithms else factor.op
                    side = self.side_of(label) if made in logarithms else None
                    if side is not None and self._told_sides(made) == {not side}:
                        return True
        return False

    def _told_sides(self, logarithm: Any) -> set[bool]:
        return {reading.opposite for reading in self.readings(logarithm)}

    def _weighs(self, logarithms: list[Any]) -> bool:
        """Whether log-likelihoods are multiplied with what is neither labels nor outputs."""
        behind: dict[int, set[int]] = {}  # the logarithms that a tensor is made of
        for operation in self.operations:
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
        if factor.op.type == "Mul" and id(factor) in self.of_outputs | self.of_targets:
            return any(self._is_weight(part, of_all) for part in factor.op.inputs)
        if id(factor) in self.of_outputs:
            return False  # focal, say
        if id(factor) in self.of_targets and self.is_label(factor):
            return False
        return not (factor.shape.rank == 0 and (of_all or abs(_number(factor)) == 1))


def _is_of_exponential(operation: Any) -> bool:
    return bool(operation.type == "Log1p" and operation.inputs[0].op.type == "Exp")


def _number(tensor: Any) -> float:
    """The value of a constant; nan of anything else."""
    value = sys.modules["tensorflow"].get_static_value(tensor)
    return math.nan if value is None else float(value)

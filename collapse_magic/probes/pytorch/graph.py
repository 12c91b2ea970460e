"""Reading the autograd graph: loss nodes, the activations before them, the parameter of the head.

Nothing here computes anything; nodes are looked at by the name of their class. The graph is read
before the backward pass runs, for that frees what the nodes have saved.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

LOSS_NODES = {
    "NllLossBackward0": "nll",
    "NllLoss2DBackward0": "nll",
    "BinaryCrossEntropyBackward0": "binary_cross_entropy",
    "BinaryCrossEntropyWithLogitsBackward0": "binary_cross_entropy_with_logits",
    "MseLossBackward0": "mse",
    "SmoothL1LossBackward0": "smooth_l1",
    "HuberLossBackward0": "huber",
    "SoftMarginLossBackward0": "soft_margin",
    "MultiMarginLossBackward0": "multi_margin",
}

# They move or cast values and change none (clamp cuts off what a logarithm could not take).
_TRANSPARENT = frozenset(
    f"{name}Backward{number}"
    for name in (
        "View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "Expand", "Select", "Slice",
        "Index", "IndexSelect", "ToCopy", "Clone", "Alias", "Permute", "Transpose", "T", "Clamp",
        "AsStrided", "Narrow", "Contiguous", "Unbind", "Split",
    )
    for number in range(5)
)  # fmt: skip

_ACTIVATIONS = {
    "SoftmaxBackward0": "softmax",
    "LogSoftmaxBackward0": "log_softmax",
    "SigmoidBackward0": "sigmoid",
    "LogSigmoidBackward0": "log_sigmoid",
    "ReluBackward0": "relu",
    "LeakyReluBackward0": "leaky_relu",
    "EluBackward0": "elu",
    "GeluBackward0": "gelu",
    "SiluBackward0": "silu",
    "TanhBackward0": "tanh",
    "SoftplusBackward0": "softplus",
    "HardtanhBackward0": "hardtanh",
    "HardsigmoidBackward0": "hardsigmoid",
    "PreluKernelBackward0": "prelu",
    "LogBackward0": "log",
}

_LAYERS = ("Addmm", "Mm", "Bmm", "Convolution", "Embedding", "NativeLayerNorm", "NativeBatchNorm",
           "CompiledFunction", "Rnn", "Lstm")  # fmt: skip
_MOST_NODES = 256  # above the loss; a handwritten loss may be long, the model below is never walked
_MOST_CHAIN = 32

# Which of `next_functions` to take at every node, from one node down to another.
Path = tuple[int, ...]

# They leave the values and their order (seen flat) as they are, and none of them out.
KEEPS_ORDER = frozenset(
    f"{name}Backward{number}"
    for name in (
        "View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "ToCopy", "Clone", "Alias",
        "Contiguous",
    )
    for number in range(5)
)  # fmt: skip

# Between the losses of single samples and the loss as a whole.
_COMBINING = KEEPS_ORDER | {
    f"{name}Backward{number}"
    for name in ("Neg", "Mean", "Sum", "Add", "Sub", "Mul", "Div", "Stack", "Cat")
    for number in range(3)
}

# They leave out some of the values.
SELECTING = ("WhereBackward0", "MaskedFillBackward0", "MaskedSelectBackward0", "IndexBackward0")

# What is above a node and makes some of its values count more than others, products with constants
# among them: (way to the operation, which of its arguments the values are).
Factors = tuple[tuple[Path, int], ...]
# Takes the root, the way to a node, the node, and the factors above it; hands back how the loss is
# to be read from the root, False where it is a built-in loss like any other, None for no loss.
Recognise = Callable[[Any, Path, Any, Factors], Any | None]


# (way to the node, the node, how to read it if it is no node of a built-in loss)
Loss = tuple[Path, Any, Any]


def losses(root: Any, recognise: Recognise) -> list[Loss]:
    """The losses at or below `root`, down to the layers of the model.

    Parameters: the root of a backward, and what knows losses that are written by hand.

    Returns
        (path, node, None) for every node of a built-in loss, and for every other one that
        `recognise` knows ((), root, what it returned).
    """
    found: list[Loss] = []
    seen = {root}
    rest: list[tuple[Path, Any]] = []
    stack: list[tuple[Path, Any, Factors]] = [((), root, ())]
    while stack and len(seen) < _MOST_NODES:
        path, node, factors = stack.pop()
        name = type(node).__name__
        if name in LOSS_NODES and not factors:
            found.append((path, node, None))
            continue
        written = recognise(root, path, node, factors)
        if written is not None:
            found.append(((), root, written) if written else (path, node, None))
        if written is not None or name in LOSS_NODES:
            continue
        if name not in _COMBINING and name not in SELECTING:
            rest.append((path, node))
            continue
        under = node.next_functions
        weighs = name in SELECTING or (
            name == "MulBackward0" and (under[0][0] is None or under[1][0] is None)
        )
        for index in range(len(under) - 1, -1, -1):
            below = under[index][0]
            if below is not None and below not in seen:
                seen.add(below)
                own = (*factors, (path, index)) if weighs else factors
                stack.append(((*path, index), below, own))
    rest.reverse()
    return found + [(*one, None) for one in _built_in(rest, seen)]


def _built_in(stack: list[tuple[Path, Any]], seen: set[Any]) -> list[tuple[Path, Any]]:
    """Nodes of built-in losses below those of `stack`, and the paths to them."""
    found: list[tuple[Path, Any]] = []
    while stack and len(seen) < _MOST_NODES:
        path, node = stack.pop()
        name = type(node).__name__
        if name in LOSS_NODES:
            found.append((path, node))
            continue
        if name.startswith(_LAYERS):
            continue
        under = node.next_functions
        for index in range(len(under) - 1, -1, -1):
            below = under[index][0]
            if below is not None and below not in seen:
                seen.add(below)
                stack.append(((*path, index), below))
    return found


def below(node: Any) -> Any:
    """The node that made the first argument of `node`; None where it needs no gradient."""
    functions = node.next_functions
    return functions[0][0] if functions else None


def activations(node: Any | None) -> tuple[str, ...]:
    """Activations from `node` downwards to the last layer, nearest first."""
    names: list[str] = []
    for _ in range(_MOST_CHAIN):
        if node is None:
            break
        kind = type(node).__name__
        if kind in _ACTIVATIONS:
            names.append(_ACTIVATIONS[kind])
        elif kind not in _TRANSPARENT:
            break
        node = below(node)
    return tuple(names)


def made_by_log_softmax(node: Any) -> Any | None:
    """The LogSoftmax node directly before an NLL node, which makes both a cross entropy."""
    before = below(node)
    while before is not None and type(before).__name__ in ("ViewBackward0", "SqueezeBackward1"):
        before = below(before)
    if before is not None and type(before).__name__ == "LogSoftmaxBackward0":
        return before
    return None


def head_parameter(node: Any | None) -> tuple[Path, Any | None]:
    """The nearest parameter at or below `node`, and the path to it.

    It tells models, and the heads of one model, apart.
    """
    if node is None:
        return (), None
    queue: deque[tuple[Path, Any]] = deque([((), node)])
    seen = {node}
    while queue and len(seen) < _MOST_NODES:
        path, node = queue.popleft()
        variable = getattr(node, "variable", None)
        if variable is not None:
            return path, variable
        for index, (under, _) in enumerate(node.next_functions):
            if under is not None and under not in seen:
                seen.add(under)
                queue.append(((*path, index), under))
    return (), None


def kinds_along(path: Path, root: Any) -> tuple[str, ...]:
    """The class names of the nodes on the way, the root's left out."""
    kinds, node = [], root
    for index in path:
        node = node.next_functions[index][0]
        kinds.append(type(node).__name__)
    return tuple(kinds)


def kinds_beside(path: Path, root: Any) -> tuple[str, ...] | None:
    """The class names of a node and those beside it; None for the root."""
    above: Any = None
    for index in path:
        above, root = root, root.next_functions[index][0]
    return None if above is None else kinds_below(above)


def kinds_below(node: Any) -> tuple[str, ...]:
    """The class names of the nodes directly below."""
    return tuple(type(below).__name__ for below, _ in node.next_functions)


def handwritten_kind(root: Any) -> str:
    """Name for a loss without a node of its own: ``l1`` or ``custom``."""
    node, steps = root, []
    for _ in range(4):
        if node is None:
            break
        steps.append(type(node).__name__)
        node = below(node)
    if "AbsBackward0" in steps and steps[steps.index("AbsBackward0") + 1 :][:1] == ["SubBackward0"]:
        return "l1"
    return "custom"

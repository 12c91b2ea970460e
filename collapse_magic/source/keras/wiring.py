"""Remedies for loss and output that do not fit: activations, losses and widths."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Spot
from ..patch import Patch, example
from .case import Case
from .changes import (
    change_activation,
    change_loss,
    drop_activation,
    quoted,
    set_activation,
    set_units,
    take_logits,
    takes_logits,
    written_units,
)
from .losses import FUNCTIONS
from .models import Activation
from .readings import read_as_logits

_OLD_NAMES = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "GELU": "gelu", "SiLU": "silu"}
# Metrics that compare one output with one label; with a column per class they cannot.
_OF_ONE_OUTPUT = ("Binary", "binary", "AUC", "Precision", "Recall", "auc", "precision", "recall")
# Layers whose first weights are made for the activation that they apply.
_WEIGHTED = ("Dense", "Conv1D", "Conv2D", "Conv3D")
_SPARSE = "SparseCategoricalCrossentropy"
# What a loss of one's own is seen as where it applies a softmax or sigmoid itself.
_ON_LOGITS = ("cross_entropy", "binary_cross_entropy_with_logits")


def leave_to_loss(case: Case) -> Fix | None:
    """drop-activation: the outputs without an activation that the loss applies itself."""
    kind = str(case.values.get("activation", "")).lower()
    found = [a for a in case.output_activations if a.kind == kind]
    if not found or case.loss is None:
        return None
    # A loss on probabilities wants one sigmoid: only the second one, nearest to it, goes.
    on_logits = takes_logits(case.loss) or _own(case) in _ON_LOGITS
    if not on_logits:
        found = found[:1] if len(found) > 1 else []
    patch = Patch(case.flow)
    if not found or not all(drop_activation(patch, one) for one in found):
        return None
    if on_logits and kind == "sigmoid":
        read_as_logits(case, patch)
    return patch.fix(case.title)


def fit_loss_to_outputs(case: Case) -> Fix | None:
    """use-logits-loss: raw outputs get the loss that takes them, or their activation.

    One output per sample gets its sigmoid: accuracy and `predict(x) > 0.5` are then right, too.
    Where the largest output counts, `from_logits=True` changes nothing for those who read it.
    """
    loss, own = case.loss, _own(case)
    if loss is None or (loss.name is None and not own):
        return None
    patch = Patch(case.flow)
    binary = loss.name == "BinaryCrossentropy" or own == "binary_cross_entropy"
    wanted = "sigmoid" if binary else "softmax"
    wrong = case.output_activations[:1]
    if wrong and change_activation(case, patch, wrong[0], wanted):
        return patch.fix(f"give the output layer its {wanted}")
    layer = case.last_layer
    if (binary or own) and layer is not None and set_activation(case, patch, layer, wanted):
        return patch.fix(f"give the output layer its {wanted}")
    return patch.fix(case.title) if not own and take_logits(case, patch, loss) else None


def _own(case: Case) -> str:
    """As what a loss of the user's own making was seen; "" for any other one."""
    of_own = case.loss is not None and case.loss.name is None
    return str(case.values.get("loss", "")) if of_own else ""


def widen_output(case: Case) -> Fix | None:
    """One unit per class, and the loss for that many classes."""
    loss, layer, classes = case.loss, case.last_layer, int(case.values.get("classes", 0))
    if classes < 2 or loss is None or loss.name is None:
        return None
    patch = Patch(case.flow)
    certain = layer is not None and (
        written_units(layer) == classes or set_units(case, patch, layer, classes)
    )
    if loss.name not in (_SPARSE, "CategoricalCrossentropy"):
        certain = certain and change_loss(case, patch, loss, _SPARSE)
        if not takes_logits(loss):
            certain = certain and _softmax(case, patch)
        certain = certain and not _counts_one_output(case)
    if loss.name == "CategoricalCrossentropy":
        certain = certain and deepen_one_hot(case, patch, classes)
    if certain:
        return patch.fix(case.title)
    return _shown_width(case, classes)


def _softmax(case: Case, patch: Patch) -> bool:
    found = case.output_activations[:1]
    if found:
        return found[0].kind == "softmax" or change_activation(case, patch, found[0], "softmax")
    return case.last_layer is not None and set_activation(case, patch, case.last_layer, "softmax")


def _counts_one_output(case: Case) -> bool:
    metrics = case.compile_argument("metrics")
    return metrics is not None and any(word in metrics.text for word in _OF_ONE_OUTPUT)


def _shown_width(case: Case, classes: int) -> Fix:
    layer = case.last_layer
    removed = [layer.made.text] if layer is not None and layer.made is not None else []
    return example(
        case.title,
        removed,
        [
            f'Dense({classes}, activation="softmax")  # the output layer',
            f'loss="{FUNCTIONS[_SPARSE]}"  # labels are 0 to {classes - 1}',
        ],
    )


def deepen_one_hot(case: Case, patch: Patch, classes: int) -> bool:
    """`depth=` of `tf.one_hot` and `num_classes=` of `to_categorical`, where the labels come from;
    False where neither is found."""
    found = [] if case.labels is None else _encodings(case, case.labels, 8)
    for call, name, position in found:
        patch.set_argument(call, name, str(classes), position)
    return bool(found)


def _encodings(case: Case, spot: Spot, depth: int) -> list[tuple[Spot, str, int]]:
    """Calls that turn class indices into rows, behind an expression."""
    node = spot.node
    if depth == 0:
        return []
    if isinstance(node, (ast.Name, ast.Attribute)):
        return [f for b in case.flow.values(spot) for f in _encodings(case, b.spot, depth - 1)]
    if isinstance(node, ast.Call):
        name = (case.flow.names.keras(node.func) or "").rpartition(".")[2]
        if name == "one_hot":
            keras = (case.flow.names.keras(node.func) or "").startswith("keras.")
            return [(spot, "num_classes" if keras else "depth", 1)]
        if name == "to_categorical":
            return [(spot, "num_classes", 1)]
        parts = [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        return [f for p in parts for f in _encodings(case, Spot(spot.cell, p), depth - 1)]
    if isinstance(node, (ast.Tuple, ast.Subscript)):
        inner = node.elts if isinstance(node, ast.Tuple) else [node.value]
        return [f for p in inner for f in _encodings(case, Spot(spot.cell, p), depth - 1)]
    return []


def swap_loss(case: Case) -> Fix | None:
    """The loss that reads labels of this form."""
    loss, new = case.loss, str(case.values.get("new", ""))
    if loss is None or loss.name is None or new not in FUNCTIONS:
        return None
    patch = Patch(case.flow)
    if not change_loss(case, patch, loss, new):
        return _shown_loss(case, new)
    if loss.name == "BinaryCrossentropy" and not takes_logits(loss) and not _softmax(case, patch):
        return None
    return patch.fix(case.title)


def _shown_loss(case: Case, new: str) -> Fix | None:
    assert case.loss is not None
    return example(case.title, [case.loss.spot.text], [f"keras.losses.{new}()"])


def replace_output_activation(case: Case) -> Fix | None:
    """Another activation on the outputs."""
    old, new = (str(case.values[name]).lower() for name in ("old", "new"))
    found = [a for a in case.output_activations if a.kind == old]
    patch = Patch(case.flow)
    if len(found) != 1 or not change_activation(case, patch, found[0], new):
        return None
    # One sigmoid is a probability of one class; a cross entropy over classes has no use for it.
    loss = case.loss
    of_classes = loss is not None and loss.name in (_SPARSE, "CategoricalCrossentropy")
    if new == "sigmoid" and loss is not None and of_classes:
        change_loss(case, patch, loss, "BinaryCrossentropy")
    return patch.fix(case.title)


def replace_hidden_activation(case: Case) -> Fix | None:
    """Another activation in the hidden layers; that of the output stays."""
    old, new = (str(case.values[name]) for name in ("old", "new"))
    if case.model is None:
        return None
    steps = case.steps or case.models.steps(case.model)
    found = [a for a in case.models.hidden(case.model, steps) if a.kind == old.lower()]
    patch = Patch(case.flow)
    named = _OLD_NAMES.get(new, new.lower())
    if not found or not all(_replaced(case, patch, one, named) for one in found):
        return None
    for one in found if named == "relu" else ():
        _begin_for_relu(case, patch, one)
    return patch.fix(case.title)


def _begin_for_relu(case: Case, patch: Patch, found: Activation) -> None:
    """He's first weights: with Keras' own a relu halves what each layer passes on."""
    step = found.step
    if found.form != "argument" or step.call is None or step.made is None:
        return
    given = {keyword.arg for keyword in step.call.keywords}
    if case.models.kind(step) in _WEIGHTED and not given & {"kernel_initializer", None}:
        patch.set_argument(step.made, "kernel_initializer", '"he_normal"')


def _replaced(case: Case, patch: Patch, found: Activation, new: str) -> bool:
    value = found.value
    if isinstance(value.node, ast.Constant):
        patch.replace(value, quoted(value, new))
        return True
    return change_activation(case, patch, found, new)

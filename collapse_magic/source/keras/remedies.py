"""Rewritings by the kind of remedy; one function each, from a `Case` to a `Fix` or None."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...findings import Fix
from .case import Case
from .examples import (
    check_one_batch,
    clean_inputs,
    count_labels,
    initialize_anew,
    make_step,
    unfreeze,
)
from .labels import binarize_labels, cast_labels, match_shapes, shift_labels
from .regularization import lower_dropout, lower_weight_decay, step_per_epoch, train_longer
from .stepping import clip_gradients, scale_learning_rate
from .weights import weigh_classes
from .wiring import (
    fit_loss_to_outputs,
    leave_to_loss,
    replace_hidden_activation,
    replace_output_activation,
    swap_loss,
    widen_output,
)

REMEDIES: Mapping[str, Callable[[Case], Fix | None]] = {
    "weigh-classes": weigh_classes,
    "drop-activation": leave_to_loss,
    "use-logits-loss": fit_loss_to_outputs,
    "shift-labels": shift_labels,
    "binarize-labels": binarize_labels,
    "widen-output": widen_output,
    "match-shapes": match_shapes,
    "cast-labels": cast_labels,
    "change-loss": swap_loss,
    "replace-output-activation": replace_output_activation,
    "replace-hidden-activation": replace_hidden_activation,
    "scale-learning-rate": scale_learning_rate,
    "step-per-epoch": step_per_epoch,
    "train-longer": train_longer,
    "lower-weight-decay": lower_weight_decay,
    "lower-dropout": lower_dropout,
    "clip-gradients": clip_gradients,
    "clean-inputs": clean_inputs,
    "check-one-batch": check_one_batch,
    "count-labels": count_labels,
    "initialize-anew": initialize_anew,
    "make-step": make_step,
    "unfreeze": unfreeze,
}

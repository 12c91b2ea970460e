"""Rewritings by the kind of remedy; one function each, from a `Case` to a `Fix` or None."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...findings import Fix
from .case import Case
from .data import pair_labels, shuffle_data
from .examples import (
    check_one_batch,
    count_labels,
)
from .fitting import settle_averages, stop_early
from .graph import join_graph
from .inputs import clean_inputs, scale_inputs
from .labels import binarize_labels, cast_labels, match_shapes, shift_labels
from .layers import initialize_anew, unfreeze
from .padding import mask_padding
from .regularization import lower_dropout, lower_weight_decay, step_per_epoch, train_longer
from .stepping import clip_gradients, scale_learning_rate
from .tapes import make_step, train_mode
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
    "shuffle-data": shuffle_data,
    "pair-labels": pair_labels,
    "settle-averages": settle_averages,
    "stop-early": stop_early,
    "clean-inputs": clean_inputs,
    "scale-inputs": scale_inputs,
    "mask-padding": mask_padding,
    "check-one-batch": check_one_batch,
    "count-labels": count_labels,
    "initialize-anew": initialize_anew,
    "make-step": make_step,
    "train-mode": train_mode,
    "unfreeze": unfreeze,
    "join-graph": join_graph,
}

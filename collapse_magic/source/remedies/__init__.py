"""Rewritings by the kind of remedy; one function each, from a `Case` to a `Fix` or None."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...findings import Fix
from .activations import (
    drop_activation,
    replace_hidden_activation,
    replace_output_activation,
)
from .base import Case
from .data import pair_labels, shuffle_data
from .examples import count_labels
from .freezing import unfreeze
from .graph import join_graph
from .initialization import initialize_anew
from .inputs import clean_inputs, scale_inputs
from .labels import binarize_labels, cast_labels, match_shapes, shift_labels
from .losses import change_loss, use_logits_loss
from .modes import settle_averages, stop_early, train_mode
from .padding import mask_padding
from .parameters import give_optimizer, register_layers
from .regularization import lower_dropout, lower_weight_decay
from .schedules import step_per_epoch, train_longer
from .stepping import clear_gradients, make_step
from .structure import check_one_batch
from .training import clip_gradients, scale_learning_rate
from .weights import weigh_classes
from .widths import widen_output

REMEDIES: Mapping[str, Callable[[Case], Fix | None]] = {
    "weigh-classes": weigh_classes,
    "drop-activation": drop_activation,
    "use-logits-loss": use_logits_loss,
    "change-loss": change_loss,
    "shift-labels": shift_labels,
    "binarize-labels": binarize_labels,
    "widen-output": widen_output,
    "match-shapes": match_shapes,
    "cast-labels": cast_labels,
    "replace-output-activation": replace_output_activation,
    "replace-hidden-activation": replace_hidden_activation,
    "scale-learning-rate": scale_learning_rate,
    "step-per-epoch": step_per_epoch,
    "train-longer": train_longer,
    "lower-weight-decay": lower_weight_decay,
    "lower-dropout": lower_dropout,
    "clip-gradients": clip_gradients,
    "make-step": make_step,
    "give-optimizer": give_optimizer,
    "register-layers": register_layers,
    "unfreeze": unfreeze,
    "join-graph": join_graph,
    "clear-gradients": clear_gradients,
    "shuffle-data": shuffle_data,
    "pair-labels": pair_labels,
    "train-mode": train_mode,
    "settle-averages": settle_averages,
    "stop-early": stop_early,
    "clean-inputs": clean_inputs,
    "scale-inputs": scale_inputs,
    "mask-padding": mask_padding,
    "check-one-batch": check_one_batch,
    "count-labels": count_labels,
    "initialize-anew": initialize_anew,
}

__all__ = ["REMEDIES", "Case"]

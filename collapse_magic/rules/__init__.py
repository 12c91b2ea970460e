"""The table of rules, their selection by name or code, and their explanations.

The order of the table is the order in which causes are named: what is wired wrongly, then values
that are not finite, weights that nothing updates, weights of the loss, the learning rate, the first
weights, the scale of the inputs, what holds the model back, the gradients, the labels, and last the
symptoms.
"""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Iterable, Sequence

from .bad_initialization import BadInitialization
from .base import Rule
from .broken_graph import BrokenGraph
from .class_imbalance import ClassImbalance
from .constant_output import ConstantOutput
from .dead_relu import DeadRelu
from .double_activation import DoubleActivation
from .frozen_parameters import FrozenParameters
from .label_encoding import LabelEncoding
from .label_shape_broadcast import LabelShapeBroadcast
from .labels_out_of_range import LabelsOutOfRange
from .learning_rate_too_high import LearningRateTooHigh
from .learning_rate_too_low import LearningRateTooLow
from .missing_activation import MissingActivation
from .missing_class import MissingClass
from .missing_zero_grad import MissingZeroGrad
from .misweighted_loss import MisweightedLoss
from .no_optimizer_step import NoOptimizerStep
from .non_finite import NonFiniteValues
from .not_learning import NotLearning
from .one_class_labels import OneClassLabels
from .optimizer_mismatch import OptimizerMismatch
from .output_activation import OutputActivation
from .over_regularized import OverRegularized
from .single_class_predictions import SingleClassPredictions
from .single_unit_softmax import SingleUnitSoftmax
from .undertrained import Undertrained
from .unscaled_inputs import UnscaledInputs
from .vanishing_gradients import VanishingGradients
from .wrong_loss import WrongLoss

__all__ = ["RULES", "Rule", "UnknownRule", "explanation", "select"]

RULES: tuple[Rule, ...] = (
    LabelsOutOfRange(),
    LabelShapeBroadcast(),
    LabelEncoding(),
    SingleUnitSoftmax(),
    OutputActivation(),
    MissingActivation(),
    DoubleActivation(),
    OneClassLabels(),
    MissingZeroGrad(),
    NonFiniteValues(),
    NoOptimizerStep(),
    OptimizerMismatch(),
    FrozenParameters(),
    BrokenGraph(),
    MisweightedLoss(),
    LearningRateTooHigh(),
    BadInitialization(),
    LearningRateTooLow(),
    UnscaledInputs(),
    OverRegularized(),
    DeadRelu(),
    VanishingGradients(),
    WrongLoss(),
    ClassImbalance(),
    Undertrained(),
    SingleClassPredictions(),
    ConstantOutput(),
    MissingClass(),
    NotLearning(),
)


class UnknownRule(ValueError):  # noqa: N818 - named for what is wrong, as the rules are
    """A word that names no rule; the message holds the nearest name."""


def select(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Rule, ...]:
    """The rules to run: those named by ``select`` (all without it) less those named by ``ignore``.

    A word is a rule's name, its code, or the beginning of codes ("CM4"), in any case. Raises
    `UnknownRule`.
    """
    wanted = _named(select) if select else {rule.name for rule in RULES}
    muted = _named(ignore)
    return tuple(rule for rule in RULES if rule.name in wanted and rule.name not in muted)


def explanation(name: str) -> str:
    """What a rule checks, why, how, and where it may be wrong: its module's docstring.

    ``name`` is a name or a whole code. Raises `UnknownRule`.
    """
    for rule in RULES:
        if name.strip().lower() in (rule.name, rule.code.lower()):
            return inspect.cleandoc(sys.modules[type(rule).__module__].__doc__ or "")
    raise _unknown(name)


def _named(words: Iterable[str]) -> set[str]:
    return {name for word in words for name in _matches(word)}


def _matches(word: str) -> list[str]:
    lower = word.strip().lower()
    by_code = lower.startswith("cm")
    found = [
        rule.name
        for rule in RULES
        if rule.name == lower or (by_code and rule.code.lower().startswith(lower))
    ]
    if not found:
        raise _unknown(word)
    return found


def _unknown(word: str) -> UnknownRule:
    names = [text for rule in RULES for text in (rule.name, rule.code)]
    near = difflib.get_close_matches(word.strip(), names, n=1, cutoff=0.5)
    near = near or difflib.get_close_matches(word.strip().upper(), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(names[::2])}"
    return UnknownRule(f"no rule is named {word.strip()!r}{hint}")

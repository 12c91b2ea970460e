"""The table of rules, their selection by name or code, and their explanations.

The order of the table is the order in which causes are named: what is wired wrongly, then what
makes a training blow up, values that are not finite, weights that nothing updates, weights of the
loss, the learning rate, the first weights, the scale of the inputs, what holds the model back, the
gradients, the labels, how answers are read, and last the symptoms.
"""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Iterable, Sequence

from .added import added_rules
from .bad_initialization import BadInitialization
from .base import Rule
from .broken_graph import BrokenGraph
from .class_imbalance import ClassImbalance
from .constant_output import ConstantOutput
from .dead_relu import DeadRelu
from .double_activation import DoubleActivation
from .exploding_gradients import ExplodingGradients
from .frozen_parameters import FrozenParameters
from .label_encoding import LabelEncoding
from .label_shape_broadcast import LabelShapeBroadcast
from .labels_out_of_range import LabelsOutOfRange
from .learning_rate_too_high import LearningRateTooHigh
from .learning_rate_too_low import LearningRateTooLow
from .low_capacity import LowCapacity
from .missing_activation import MissingActivation
from .missing_class import MissingClass
from .missing_zero_grad import MissingZeroGrad
from .misweighted_loss import MisweightedLoss
from .no_optimizer_step import NoOptimizerStep
from .noisy_labels import NoisyLabels
from .non_finite import NonFiniteValues
from .not_learning import NotLearning
from .one_class_batches import OneClassBatches
from .one_class_labels import OneClassLabels
from .optimizer_mismatch import OptimizerMismatch
from .output_activation import OutputActivation
from .over_regularized import OverRegularized
from .overfitting import Overfitting
from .single_class_predictions import SingleClassPredictions
from .single_unit_softmax import SingleUnitSoftmax
from .train_eval_gap import TrainEvalGap
from .undertrained import Undertrained
from .unmasked_padding import UnmaskedPadding
from .unscaled_inputs import UnscaledInputs
from .vanishing_gradients import VanishingGradients
from .wrong_loss import WrongLoss
from .wrong_threshold import WrongThreshold

__all__ = ["RULES", "Rule", "UnknownRule", "every", "explanation", "problems", "select"]

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
    ExplodingGradients(),
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
    OneClassBatches(),
    UnmaskedPadding(),
    NoisyLabels(),
    TrainEvalGap(),
    WrongLoss(),
    WrongThreshold(),
    ClassImbalance(),
    LowCapacity(),
    Undertrained(),
    Overfitting(),
    SingleClassPredictions(),
    ConstantOutput(),
    MissingClass(),
    NotLearning(),
)


class UnknownRule(ValueError):  # noqa: N818 - named for what is wrong, as the rules are
    """A word that names no rule; the message holds the nearest name."""


def every() -> tuple[Rule, ...]:
    """The built-in rules, and those that other packages add."""
    return (*RULES, *added_rules().rules)


def problems() -> tuple[str, ...]:
    """What is wrong with rules of other packages, a sentence for each."""
    return added_rules().problems


def select(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Rule, ...]:
    """The rules to run: those named by ``select`` (all without it) less those named by ``ignore``.

    A word is a rule's name, its code, or the beginning of codes ("CM4"), in any case. Raises
    `UnknownRule`.
    """
    rules = every()
    wanted = _named(select, rules) if select else {rule.name for rule in rules}
    muted = _named(ignore, rules)
    return tuple(rule for rule in rules if rule.name in wanted and rule.name not in muted)


def explanation(name: str) -> str:
    """What a rule checks, why, how, and where it may be wrong: its docstring, or its module's.

    ``name`` is a name or a whole code. Raises `UnknownRule`.
    """
    rules = every()
    for rule in rules:
        if name.strip().lower() in (rule.name.lower(), rule.code.lower()):
            own = type(rule).__dict__.get("__doc__") if rule not in RULES else None
            return inspect.cleandoc(own or sys.modules[type(rule).__module__].__doc__ or rule.says)
    raise _unknown(name, rules)


def _named(words: Iterable[str], rules: Sequence[Rule]) -> set[str]:
    return {name for word in words for name in _matches(word, rules)}


def _matches(word: str, rules: Sequence[Rule]) -> list[str]:
    lower = word.strip().lower()
    found = [rule.name for rule in rules if rule.name.lower() == lower]
    # the beginning of a code is letters, and perhaps digits: "" and "c" name nothing
    if not found and len(lower) > 1:
        found = [rule.name for rule in rules if rule.code.lower().startswith(lower)]
    if not found:
        raise _unknown(word, rules)
    return found


def _unknown(word: str, rules: Sequence[Rule]) -> UnknownRule:
    names = [text for rule in rules for text in (rule.name, rule.code)]
    near = difflib.get_close_matches(word.strip(), names, n=1, cutoff=0.5)
    near = near or difflib.get_close_matches(word.strip().upper(), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(names[::2])}"
    return UnknownRule(f"no rule is named {word.strip()!r}{hint}")

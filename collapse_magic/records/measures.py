"""What is measured again and again while a training runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .words import Phase


@dataclass(frozen=True, slots=True)
class ActivationStatistics:
    """One full look at the activations in the graph of a loss, in forward order."""

    model: str
    step: int
    layers: tuple[str, ...]  # the layer that feeds each one
    kinds: tuple[str, ...]  # relu, sigmoid, gelu ...
    # Root mean square of the output (relu, sigmoid, tanh, softmax), of the input for the others;
    # nan where this look left it out.
    rms: tuple[float, ...]
    # Share of the units that were 0 for every value seen; nan where the kind never gives 0, or
    # where too little was seen.
    dead: tuple[float, ...]
    seen: tuple[int, ...]  # values per unit (samples, pixels, tokens) behind `dead`


@dataclass(frozen=True, slots=True)
class LossValues:
    """The user's own loss, a value per counted backward."""

    site: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PredictionWindow:
    """Predictions of some consecutive batches at one site (of a classification task).

    Where targets are probabilities, a sample's true class is the most probable one. Where several
    labels may hold for one sample (task "multilabel", not ``exclusive``) every class is a question
    of its own, and ``labels``, ``predicted`` and ``correct`` count the positives: as labelled, as
    predicted, and both; their sums are not the number of samples. ``cross_entropy_nats`` then is
    the mean over samples and classes, ``spread`` the mean of the logits' standard deviations, and
    ``rank`` the mean over the (first 16) classes.
    """

    site: str
    phase: Phase
    first_step: int
    last_step: int
    batches: int  # counted
    one_in: int  # one of so many batches was counted
    samples: int
    labels: tuple[int, ...]  # samples per true class, K
    predicted: tuple[int, ...]  # samples per predicted class, K
    correct: tuple[int, ...]  # samples per true class that were predicted rightly, K
    cross_entropy_nats: float  # the tool's own, unweighted mean; never the user's loss
    mean_probability: tuple[float, ...]  # K
    pull: tuple[float, ...]  # share of the gradient at the logits by true class, K; sums to 1
    spread: float  # standard deviation over samples of the logit margin
    rank: float  # AUC (macro one-vs-rest); nan where one class only
    outside_unit: float  # share of loss inputs outside [0, 1]; nan unless probabilities are wanted
    input_row_sums_to_one: bool  # the loss inputs look like probabilities
    out_of_range: int  # labels that name no class (below 0 or >= K; targets outside [0, 1])
    single_class_batches: int
    exclusive: bool = True  # every sample has exactly one class
    # Samples of another class than that of all samples in the (counted) batch before theirs, and
    # how many of these were predicted rightly.
    newcomers: int = 0
    newcomers_found: int = 0
    # As `spread`, around each batch's own mean: near 0 where all samples of a batch get the same
    # answer, however that moves from batch to batch; nan where it was not looked at, or every
    # batch is a single sample.
    spread_in_batch: float = math.nan
    # Of three and more classes, which is taken for which: (true class, predicted class, samples),
    # the most frequent first; a bounded number of them. Of two classes the counts above tell it.
    confused: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class LayerStatistics:
    """One full look at a model's layers at an optimizer step; the order is ModelFacts.layers'."""

    model: str
    step: int
    gradient_norm: tuple[float, ...]  # nan: no gradient (None), or not looked at; 0: exactly zero
    weight_norm: tuple[float, ...]
    update_ratio: tuple[float, ...]  # norm of the weights' change over norm of the weights


@dataclass(frozen=True, slots=True)
class LearningRate:
    optimizer: str
    step: int
    learning_rates: tuple[float, ...]  # one per parameter group

"""What was observed, as plain numbers.

Probes emit records; history, rules, the event writer and the Collapse tab read
them. A record holds no tensor, no module and no frame: only names, integers,
floats and tuples of these. ``records.schema.json`` is the written contract.

Common words
    step    1 for the work up to and including the first optimizer step of the
            run, counted over all optimizers of the run; where a model is fitted
            by a single call, rounds of its solver
    site    one place where a loss is computed for one model, for example
            ``cross_entropy`` or ``cross_entropy-2``; several losses and models
            in one cell are several sites
    model   name of a model, by the user's variable where one is found
    nats    unit of every entropy and cross entropy
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Phase = Literal["train", "eval"]
Task = Literal["binary", "multiclass", "multilabel", "regression", "unknown"]
TargetKind = Literal["index", "binary", "one-hot", "probabilities", "continuous", "unknown"]
Place = Literal["input", "target", "logits", "loss", "gradient", "weight"]
Start = Literal["random", "constant", "zero", "unknown"]
InputKind = Literal["features", "channels", "integers"]
Reading = Literal["threshold", "argmax", "ranking"]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A watched cell (or `with` block) began."""

    run: str
    started: float  # seconds since the epoch
    framework: str  # for example "torch 2.13.0"
    cell: int | None  # execution count
    class_names: tuple[str, ...] | None
    # Where several processes train one model: which one this is, of how many, and what the runs of
    # all of them have in common. A process that trains alone is none of a group.
    rank: int | None = None
    world_size: int = 1
    group: str = ""


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """One module (or, where no module is known, one parameter) that owns parameters."""

    name: str  # dotted path inside the model, "(model)" for the model itself
    kind: str  # class name, for example "Linear"
    parameters: int  # number of scalars
    weight_std: float  # of the first parameter, before the first step; nan if unknown
    weight_mean: float = math.nan  # likewise
    start: Start = "unknown"  # what that parameter was filled with
    identical_rows: bool = False  # all units began with the same weights, which are not constant
    units: int = 0  # outputs of the layer; 0 if unknown
    trainable: bool = True  # some parameter asked for a gradient when the model was met


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Structure of one model, as far as it was found."""

    model: str
    kind: str  # class name, "" where only parameters were seen
    layers: tuple[LayerFacts, ...]  # in order of registration, which is mostly forward order
    activations: tuple[str, ...]  # class names of activation modules, in order
    normalizations: tuple[str, ...]
    dropouts: tuple[float, ...]  # probabilities
    last_layer: str = ""  # name in `layers` of the one that makes the logits; "" if unknown
    outputs: int = 0  # its units; 0 if unknown
    # Probability of a dropout between the last layer and the loss; 0 where there is none.
    last_dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelMode:
    """How a model stood while it was trained; emitted when that changes, and ever more seldom.

    Only modules that act differently in training and evaluation count: batch normalisation and
    dropout.
    """

    model: str
    step: int  # of the latest look
    since: int  # step of the first look at which it stood like this without a break
    looks: int  # that found it like this since then
    training: bool  # the model's own flag
    sensitive: int  # modules that act differently in the two modes
    in_eval: int  # of these, how many stood in evaluation mode


@dataclass(frozen=True, slots=True)
class ParameterSet:
    """Some parameters: how many tensors and scalars, and the names of the first few."""

    tensors: int = 0
    scalars: int = 0
    names: tuple[str, ...] = ()  # dotted path in the model, or the shape where no module owns it


@dataclass(frozen=True, slots=True)
class Wiring:
    """How losses, one model and the optimizers hang together; parameters are told by identity.

    Facts, no verdicts: a frozen backbone, a teacher or an EMA copy looks like this on purpose.
    Emitted once the first steps are over, and when it changes.
    """

    model: str | None  # None: the loss trains parameters that no module in sight owns
    step: int
    optimizers: int  # in sight so far, whether they have stepped or not
    trainable: ParameterSet  # of the model, that ask for a gradient
    frozen: ParameterSet  # of the model, that do not
    untrained: ParameterSet  # reached by a loss, but in no optimizer
    unreached: ParameterSet  # trainable parameters of the model that no loss reached
    unregistered: ParameterSet  # parameters in the graph of its loss that no module owns
    # In an optimizer that has stepped, without a gradient, and owned by no model that a loss trains
    strangers: ParameterSet


@dataclass(frozen=True, slots=True)
class TrainingLoop:
    """How backwards, steps and the clearing of gradients follow each other, for one optimizer.

    Emitted when something new is seen and when the counts have doubled.
    """

    optimizer: str  # "": none has stepped so far, nor has anything else moved the weights
    step: int
    backwards: int  # of the run so far
    steps: int  # of all optimizers so far
    # Stretches from one of its own steps to the next that were seen whole, with the gradients
    # cleared somewhere between, and without.
    cleared: int
    kept: int


@dataclass(frozen=True, slots=True)
class InputFacts:
    """What enters the first layer in the graph of a loss.

    Emitted at the first looks, and ever more seldom afterwards. Quantiles are minimum, quartiles
    and maximum.
    """

    model: str
    step: int
    layer: str  # the layer that is entered
    kind: InputKind
    shape: tuple[int, ...]
    values: int  # looked at
    minimum: float
    maximum: float
    p99: float  # 99th percentile of the absolute value
    zero_share: float
    features: int  # columns of a table, channels of an image; 0 for integers
    feature_std: tuple[float, ...]  # quantiles of the features' standard deviations
    constant_features: int
    narrowest: int  # index of the feature with the smallest deviation that is not 0; -1: none
    widest: int  # index of the feature with the largest deviation; -1: none
    narrowest_p99: float  # 99th percentile of the absolute value of that feature
    widest_p99: float


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
class OptimizerFacts:
    """One optimizer, at its first step or after its settings changed."""

    optimizer: str  # its variable's name where one is found, else its class name
    kind: str  # class name
    step: int
    learning_rates: tuple[float, ...]  # one per parameter group
    weight_decay: float
    momentum: float
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LossFacts:
    """What a loss call looks like; emitted at a site's first batch and when it changes."""

    site: str
    step: int
    loss: str  # the functional's name: cross_entropy, binary_cross_entropy_with_logits, mse ...
    task: Task
    classes: int  # K; 2 for a binary task with one output, 0 if unknown
    # Ops between the last layer and the loss, nearest to the loss first, log_softmax of the loss
    # itself left out: ("sigmoid",), ("softmax",), ("relu",) ...
    activations: tuple[str, ...]
    input_shape: tuple[int, ...]  # as the user passed it, before broadcasting
    target_shape: tuple[int, ...]
    target_kind: TargetKind
    target_min: float
    target_max: float
    broadcast: bool  # input and target were broadcast to a larger shape than either
    weighted: bool  # class weights or pos_weight were given
    model: str | None
    cell: int | None  # execution count of the cell with the backward call
    line: int | None  # its line there, from 1
    # What the user calls the classes, where the labels say so ("spam", "class 2"); () where they
    # are numbered from 0.
    class_names: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class NonFinite:
    """The first NaN or Inf of a run, at the first place along the way where it is found.

    Weights of layers are looked at now and then. Where they are not finite while the loss is a
    number, ``lost`` is the layer; if place is "weight", what of the data has made them so may
    follow.
    """

    site: str  # or the model, where it was not seen at a loss
    step: int
    place: Place
    name: str  # layer, parameter or argument; "" if there is nothing to add
    value: str  # "nan" | "inf" | "-inf"
    count: int = 0  # values there that are not finite; 0 where they were not counted
    values: int = 0  # of how many
    lost: str = ""


@dataclass(frozen=True, slots=True)
class EpochEnded:
    epoch: int  # from 1
    step: int


@dataclass(frozen=True, slots=True)
class FitEnded:
    """A model was fitted by one call, and is finished: its site's window shows what came of it.

    Such a call is a site of its own kind: its latest window stands for the training as a whole, and
    a step is a round of the solver (or the call, where the solver has none).
    """

    site: str
    step: int  # the last one of the call
    fits: int  # calls of `fit` that this one stands for: of a search those of its candidates, too
    iterations: int  # rounds that the solver took; 0 if it has none
    limit: int  # rounds after which it gives up; 0 if it never does
    converged: bool  # False: it gave up


@dataclass(frozen=True, slots=True)
class LossRaised:
    """The user's loss call raised; read from the traceback, which goes on its way unchanged.

    Where the call that sends the loss backward raised, since no weight is behind the loss, ``loss``
    is "backward", and nothing is known of inputs and targets.

    A range is -inf to inf where the values are not known (in a compiled graph); a size is -1.
    """

    loss: str
    error: str  # class name of the exception
    message: str  # its first line
    input_shape: tuple[int, ...]
    target_shape: tuple[int, ...]
    input_dtype: str
    target_dtype: str
    input_min: float
    input_max: float
    target_min: float
    target_max: float
    step: int
    cell: int | None
    line: int | None


@dataclass(frozen=True, slots=True)
class OutputReading:
    """A line of the user's code that makes answers of a model's outputs, as the source has it.

    Emitted before the training begins; nothing has been run, and no value is known.
    """

    model: str  # the expression that is called, as it is written: "model", "self.net"
    how: Reading  # argmax: over the classes; ranking: an area under a curve, for example
    threshold: float  # that outputs are compared with, .5 where they are rounded; nan for others
    # Between the model's last layer and the reading, nearest to the reading first, as far as the
    # source shows them.
    activations: tuple[str, ...]
    cell: int | None
    line: int
    column: int  # of the expression, from 0


@dataclass(frozen=True, slots=True)
class ProbeNote:
    """One sentence about the watching itself, for example that it was switched off, and why."""

    text: str


Record = (
    RunStarted
    | ModelFacts
    | ModelMode
    | Wiring
    | TrainingLoop
    | InputFacts
    | OptimizerFacts
    | LossFacts
    | LossValues
    | PredictionWindow
    | LayerStatistics
    | ActivationStatistics
    | LearningRate
    | NonFinite
    | EpochEnded
    | FitEnded
    | LossRaised
    | OutputReading
    | ProbeNote
)

"""What stands: the run, its models, losses, optimizers and inputs, and how they hang together."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .words import InputKind, Reading, Start, TargetKind, Task


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
    # Share of the rows (samples of a table, steps of a sequence) in which every feature is 0, or of
    # the most frequent integer; nan where the layer masks it, or where it is not known.
    padding_share: float = math.nan


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

"""What happens, once or now and then."""

from __future__ import annotations

from dataclasses import dataclass

from .words import Place


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
class BatchTried:
    """What came of a copy of a model that was trained on one batch alone (``--probe``)."""

    site: str
    model: str
    step: int  # of the run, which is over
    samples: int
    learned: bool  # all of them right, and surely so
    right: float  # share of the samples, at best
    possible: float  # share that can be right: samples that are equal get equal answers
    steps: int  # that the copy made
    parameters: int  # tensors that ask for a gradient
    unreached: int  # of these, that got none


@dataclass(frozen=True, slots=True)
class ProbeNote:
    """One sentence about the watching itself, for example that it was switched off, and why."""

    text: str

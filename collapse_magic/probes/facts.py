"""What is known of a site's loss call, and what of it has been told."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..records import LossFacts
from .base import ProbeContext
from .calls import Array, LossCall
from .gathering import shown
from .tasks import (
    COUNTED,
    INDEX_LOSSES,
    PROBABILITY_LOSSES,
    Judgement,
    judge,
    outputs_of,
    told,
)

# "nll" wants their logarithms: behind a log_softmax it is told as a cross entropy.
WANT_PROBABILITIES = PROBABILITY_LOSSES | {"nll"}
SQUASHING = ("sigmoid", "softmax")
MOST_CLASSES = 1000  # a vocabulary of words is no set of classes that a share could be drawn for
_MOST_TOLD = 8  # times that they are told again


class Facts:
    """The loss call of one site as it was seen last, and the task that it stands for.

    Attributes
        place: (cell, line) of the user's code that trains with the loss, where it is known.
        model_name: of the model that the loss trains, where it is known.
    """

    def __init__(self, site: str, context: ProbeContext) -> None:
        self.site = site
        self.place: tuple[int, int] | None = None
        self.call: LossCall | None = None
        self.judged: Judgement | None = None
        self._model: str | None = None
        self._context = context
        self._material: tuple[Any, ...] | None = None
        self._late_weights: Array | None = None  # of classes, that were not at hand with the call
        self._told = 0
        self._varies = False  # the number of classes, from batch to batch: they are no classes
        self._range = (math.inf, -math.inf)

    @property
    def model_name(self) -> str | None:
        return self._model

    def name_model(self, name: str | None) -> None:
        self._model = name

    def meet(self, call: LossCall) -> bool:
        """Take in what the call looks like now; True where its task has to be judged (anew)."""
        before, self.call = self.call, call
        if before is not None and before.loss == call.loss:
            outputs = outputs_of(call.loss, call.by_sample)
            self._varies |= outputs != outputs_of(call.loss, before.by_sample)
        material = (
            len(call.input_shape), call.by_sample[1:2], len(call.target_shape),
            call.target_shape[1:2], call.broadcast, call.activations, call.weighted,
        )  # fmt: skip
        if material != self._material:
            self._material = material
            self.judged = None
        return self.judged is None

    def learn_unknown(self, loss: str, step: int) -> None:
        """A loss of which nothing but its value is seen."""
        self.call = LossCall(loss, (), (), (), False, False, None, None)
        self.judged = Judgement("unknown", 0, "unknown")
        self._tell(step)

    def tell_again(self) -> None:
        """More is known of the site than when its facts were told: tell them at the next batch."""
        self._material = None

    def takes(self, loss: str, shape: tuple[int, ...]) -> bool:
        """Whether a call with this loss and input is of the kind that was met here."""
        call = self.call
        return (
            call is not None
            and call.loss == loss
            and (self._varies or outputs_of(loss, call.by_sample) == outputs_of(loss, shape))
        )

    @property
    def values_decide(self) -> bool:
        """Whether only values tell if the outputs are fit for the loss: it wants probabilities, or
        their logarithms, and nothing is seen that would have made some."""
        call = self.call
        if call is None or call.handwritten or call.loss not in WANT_PROBABILITIES:
            return False
        return not (call.activations and call.activations[0] in SQUASHING)

    @property
    def hopeless(self) -> bool:
        """Whether the task is none whose predictions are counted."""
        judged = self.judged
        return judged is not None and (judged.task not in COUNTED or judged.classes > MOST_CLASSES)

    def weights_by_class(self, judged: Judgement, targets: Array) -> Array | None:
        """Per target the weight of its class in the loss; None without such weights."""
        by_class = None if self.call is None else self.call.class_weights
        by_class = self._late_weights if by_class is None else by_class
        if by_class is None:
            return None
        if judged.task == "multilabel":
            given: Array = by_class if len(by_class) == judged.classes else by_class[-1:]
            return np.where(targets > 0.5, given, 1.0)
        if len(by_class) != judged.classes or targets.ndim != 1:
            return None
        labels = (targets > 0.5) if judged.task == "binary" else targets
        labels = labels.astype(np.intp)
        chosen: Array = by_class[np.clip(labels, 0, judged.classes - 1)]
        return chosen

    def judge(self, step: int, targets: Array) -> None:
        """Take the task from the targets of one batch."""
        call = self.call
        if call is None:
            return
        given = shown(call, targets)
        self.judged = judge(call.loss, call.by_sample, given)
        if self._varies and self.judged.task in COUNTED:
            self.judged = Judgement("unknown", 0, self.judged.kind)
        self._widen(given)
        self._tell(step)

    def look_at_range(self, judged: Judgement, targets: Array, step: int) -> None:
        """The first batch may have shown only some of the labels: tell again what came later."""
        if not self._widen(targets) or self.call is None:
            return
        shape = (len(targets), *self.call.by_sample[1:2]) if targets.ndim > 1 else (len(targets),)
        if self.call.loss not in INDEX_LOSSES:
            again = judge(self.call.loss, shape, targets)
            if again.task != judged.task and len(targets) < 2:
                again = judged
            self.judged = again
        self._tell(step)

    def _widen(self, targets: Array) -> bool:
        if not targets.size:
            return False
        low, high = self._range
        self._range = (min(low, float(targets.min())), max(high, float(targets.max())))
        return self._range != (low, high)

    @property
    def told(self) -> bool:
        return self._told > 0

    def _tell(self, step: int) -> None:
        call, judged = self.call, self.judged
        if call is None or judged is None or self._told >= _MOST_TOLD:
            return
        self._told += 1
        low, high = self._range
        cell, line = self.place if self.place is not None else (None, None)
        self._context.emit(
            LossFacts(
                site=self.site,
                step=max(step, 1),  # provisional before the first step is sure
                loss=told(call.loss),
                task=judged.task,
                classes=judged.classes,
                activations=call.activations,
                input_shape=call.input_shape,
                target_shape=call.target_shape,
                target_kind=judged.kind,
                target_min=low if low <= high else math.nan,
                target_max=high if low <= high else math.nan,
                broadcast=call.broadcast,
                weighted=call.weighted,
                model=self.model_name,
                cell=cell,
                line=line,
            )
        )

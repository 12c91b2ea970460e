"""A site: what is kept of one loss call's batches until the next flush."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records import LossFacts, LossValues, Phase, PredictionWindow
from .. import samples
from ..base import ProbeContext
from ..tasks import COUNTED, DISTANCE_LOSSES, INDEX_LOSSES, Judgement, judge, told
from . import reading
from .gathering import copied, gather, shown, to_numpy
from .names import Model
from .reading import LossCall
from .written import Written

Array = NDArray[Any]

MOST_BATCHES = 64
MOST_BYTES = 4 * 2**20
MOST_CLASSES = 1000  # a vocabulary of words is no set of classes that a share could be drawn for
_MOST_FACTS = 8  # times that a site's facts are told again


class Batches:
    """Copies of some batches' loss inputs and targets, and the steps they belong to."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.scores: list[Any] = []
        self.targets: list[Any] = []
        self.weights: list[Any] = []
        self.bytes = 0

    @property
    def full(self) -> bool:
        return len(self.steps) >= MOST_BATCHES or self.bytes >= MOST_BYTES

    def add(self, step: int, scores: Any, targets: Any, weights: Any | None) -> None:
        """Copies are made at once: what is handed in may share memory that the user writes to."""
        self.steps.append(step)
        self.scores.append(copied(scores))
        self.targets.append(copied(targets))
        if weights is not None:
            self.weights.append(copied(weights))
        self.bytes += (scores.numel() + targets.numel()) * scores.element_size()


class Site:
    """One place where a loss is computed for one model."""

    def __init__(self, name: str, context: ProbeContext) -> None:
        self.name = name
        self.owner: Model | None = None
        self.place: tuple[int, int] | None = None
        self.call: LossCall | None = None
        self.non_finite_told = False
        self.last_step = 0
        self._context = context
        self._judged: Judgement | None = None
        self._signature: tuple[Any, ...] | None = None
        self._material: tuple[Any, ...] | None = None
        self._facts_told = 0
        self._range = (math.inf, -math.inf)
        self._train, self._eval = Batches(), Batches()
        self._values: tuple[list[int], list[Any]] = ([], [])
        self._lock = threading.Lock()

    # -- while training ---------------------------------------------------------------------------

    def take_loss(self, step: int, value: Any) -> None:
        """The loss of one counted backward: a number, or a device tensor that is read later."""
        self.last_step = step
        self._values[0].append(step)
        self._values[1].append(value)

    def take_node(self, node: Any, written: Written | None, step: int) -> None:
        """One counted backward's batch, from the loss node of the graph."""
        weights = None
        try:
            if written is None:
                scores, targets = node._saved_self, node._saved_target
            else:
                scores, targets, weights = written.read(node)
        except (RuntimeError, LookupError):
            return  # changed in place since: backward will say so, where it needs it
        shape, target_shape = scores.shape, targets.shape
        signature = (len(shape), shape[1:], target_shape[1:], targets.dtype)
        if signature != self._signature:
            self._signature = signature
            seen = reading.read_call(node) if written is None else written.call(node)
            self.learn(seen, step, targets)
        call = self.call
        if call is None or self._hopeless():
            return
        if written is None and call.weighted and call.class_weights is None:
            weights = reading.sample_weights(node, scores.numel())
        scores, targets, weights = reading.rows(call.loss, scores, targets, weights)
        self._train.add(step, scores, targets, weights)

    def take_evaluation(self, scores: Any, targets: Any, step: int) -> None:
        """One batch of a loss computed without gradients; raw loss inputs."""
        call = self.call
        if call is None or self._hopeless():
            return
        scores, targets, _ = reading.rows(call.loss, scores, targets, None)
        self._eval.add(step, scores, targets, None)

    def learn(self, call: LossCall, step: int, targets: Any) -> None:
        """Take in what the call looks like now, and tell it where it differs materially."""
        self.call = call
        material = (
            len(call.input_shape), call.input_shape[1:2], len(call.target_shape),
            call.target_shape[1:2], call.broadcast, call.activations, call.weighted,
        )  # fmt: skip
        if material != self._material:
            self._material = material
            self._judged = None
        if targets.is_cpu and self._judged is None:
            if call.loss in DISTANCE_LOSSES:
                targets = reading.once(targets)
            self._judge(step, to_numpy([copied(targets)])[0])

    def tell_again(self) -> None:
        """More is known of the site than when its facts were told: tell them at the next batch."""
        self._material = None

    def learn_unknown(self, loss: str, step: int) -> None:
        """A loss of which nothing but its value is seen."""
        self.call = LossCall(loss, (), (), (), False, False, None, None)
        self._judged = Judgement("unknown", 0, "unknown")
        self._tell(step)

    @property
    def full(self) -> bool:
        return self._train.full or self._eval.full or len(self._values[0]) >= 4 * MOST_BATCHES

    def _hopeless(self) -> bool:
        judged = self._judged
        return judged is not None and (judged.task not in COUNTED or judged.classes > MOST_CLASSES)

    # -- at a flush -------------------------------------------------------------------------------

    def flush(self, train_one_in: int, eval_one_in: int, known_step: Callable[[int], int]) -> None:
        """Emit what is held; `known_step` turns a provisional step into the final one."""
        with self._lock:
            self._flush_losses(known_step)
            train, self._train = self._train, Batches()
            evaluation, self._eval = self._eval, Batches()
            if train.steps:
                self._flush_window("train", train, train_one_in, known_step)
            if evaluation.steps:
                self._flush_window("eval", evaluation, eval_one_in, known_step)

    def _flush_losses(self, known_step: Callable[[int], int]) -> None:
        steps, values = self._values
        if not steps:
            return
        self._values = ([], [])
        numbers = tuple(v if isinstance(v, float) else float(v) for v in values)
        self._context.emit(LossValues(self.name, tuple(map(known_step, steps)), numbers))

    def _flush_window(
        self, phase: Phase, batches: Batches, one_in: int, known_step: Callable[[int], int]
    ) -> None:
        call = self.call
        scores, targets = to_numpy(batches.scores), to_numpy(batches.targets)
        first, last = known_step(batches.steps[0]), known_step(batches.steps[-1])
        if call is None:
            return
        if self._judged is None:
            self._judge(first, targets[0])
        judged = self._judged
        if judged is None or self._hopeless():
            return
        gathered = gather(call, judged, scores, targets, to_numpy(batches.weights))
        if gathered is None:
            return
        all_scores, all_targets, given_weights, single = gathered
        self._look_at_range(judged, all_targets, last)
        judged = self._judged or judged
        if self._hopeless():
            return
        weights = given_weights
        if weights is not None and (weights < 0).any():
            return  # no weights: rewards, perhaps
        if weights is None:
            weights = self._weights_by_class(judged, all_targets)
        window = samples.summarize(call.loss, judged, all_scores, all_targets, weights)
        if window is None:
            return
        q = window.quantities
        softmaxed = call.loss == "cross_entropy" and call.activations[:1] == ("softmax",)
        self._context.emit(
            PredictionWindow(
                site=self.name,
                phase=phase,
                first_step=first,
                last_step=last,
                batches=len(batches.steps),
                one_in=one_in,
                samples=q.samples,
                labels=q.labels,
                predicted=q.predicted,
                correct=q.correct,
                cross_entropy_nats=q.cross_entropy_nats,
                mean_probability=q.mean_probability,
                pull=q.pull,
                spread=q.spread,
                rank=q.rank,
                outside_unit=window.outside_unit,
                input_row_sums_to_one=softmaxed or window.input_row_sums_to_one,
                out_of_range=window.out_of_range,
                single_class_batches=single,
                exclusive=judged.task != "multilabel",
            )
        )

    def _weights_by_class(self, judged: Judgement, targets: Array) -> Array | None:
        by_class = None if self.call is None else self.call.class_weights
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

    # -- facts ------------------------------------------------------------------------------------

    def _judge(self, step: int, targets: Array) -> None:
        call = self.call
        if call is None:
            return
        given = shown(call, targets)
        self._judged = judge(call.loss, call.input_shape, given)
        self._widen(given)
        self._tell(step)

    def _widen(self, targets: Array) -> bool:
        if not targets.size:
            return False
        low, high = self._range
        self._range = (min(low, float(targets.min())), max(high, float(targets.max())))
        return self._range != (low, high)

    def _look_at_range(self, judged: Judgement, targets: Array, step: int) -> None:
        """The first batch may have shown only some of the labels: tell again what came later."""
        if not self._widen(targets) or self.call is None:
            return
        shape = (len(targets), *self.call.input_shape[1:2]) if targets.ndim > 1 else (len(targets),)
        if self.call.loss not in INDEX_LOSSES:
            again = judge(self.call.loss, shape, targets)
            if again.task != judged.task and len(targets) < 2:
                again = judged
            self._judged = again
        self._tell(step)

    def _tell(self, step: int) -> None:
        call, judged = self.call, self._judged
        if call is None or judged is None or self._facts_told >= _MOST_FACTS:
            return
        self._facts_told += 1
        low, high = self._range
        cell, line = self.place if self.place is not None else (None, None)
        self._context.emit(
            LossFacts(
                site=self.name,
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
                model=self.owner.name if self.owner is not None else None,
                cell=cell,
                line=line,
            )
        )

"""A site: what is kept of one loss call's batches until the next flush."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from ...records import LossValues, NonFinite, Phase
from ..base import ProbeContext
from ..window_records import window_record
from . import reading
from .batches import FIRST_BATCHES, MOST_BATCHES, Batches, by_step
from .facts import TorchFacts
from .handwritten import make_sure_later
from .passes import Passes
from .suspicion import Suspicion, extremes, suspect
from .transfer import Transfers
from .written import Written

Array = NDArray[Any]


class Site:
    """One place where a loss is computed for one model."""

    def __init__(self, name: str, context: ProbeContext, transfers: Transfers) -> None:
        self.name = name
        self.suspicion: Suspicion | None = None
        self.facts = TorchFacts(name, context, transfers)
        self.non_finite_told = False
        self.last_step = 0
        self._context = context
        self._transfers = transfers
        self.signature: tuple[Any, ...] | None = None  # of the latest batch
        self.samples = 0  # in it
        self._train, self._eval = Batches(FIRST_BATCHES), Batches()
        self._passes = Passes()
        self._ends = Batches()  # of those whose values are not worth a copy, on a device
        self._values: tuple[list[int], list[Any]] = ([], [])
        self._forms: dict[int, tuple[Written, Written | None]] = {}  # None: not sure (yet)
        self._lock = threading.Lock()

    # -- while training ---------------------------------------------------------------------------

    def take_loss(self, step: int, value: Any) -> None:
        """The loss of one counted backward: a number, or a device tensor that is read later."""
        self.last_step = step
        if not isinstance(value, float) and self.full:
            return  # the device is behind
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
        if written is not None and not scores.is_cpu:
            written = self._made_sure(written, node, step)
            if written is None:
                return
            scores, targets, weights = written.read(node)
        if not targets.numel():
            return  # no sample tells what the task is
        shape, target_shape = scores.shape, targets.shape
        # targets like the scores are a row each, others a class each
        self.samples = len(targets) if shape == target_shape and shape else targets.numel()
        signature = (len(shape), shape[1:], target_shape[1:], targets.dtype)
        if signature != self.signature:
            self.signature = signature
            seen = reading.read_call(node) if written is None else written.call(node)
            own = reading.sample_weights(node, scores.numel()) if written is None else weights
            self.facts.learn(seen, step, reading.counted(targets, own))
            if written is None:
                self.facts.fetch_weights(node)
        call = self.facts.call
        if call is None or self.facts.hopeless:
            if not scores.is_cpu and scores.numel():
                torch = self._transfers.torch
                ends = extremes(scores, torch), extremes(targets, torch)
                self._ends.add(step, *ends, None, self._transfers)
            return
        if written is None and call.weighted and call.class_weights is None:
            weights = reading.sample_weights(node, scores.numel())
        scores, targets, weights = reading.rows(call.loss, scores, targets, weights)
        self._train.add(step, scores, targets, weights, self._transfers)

    def take_copies(
        self, step: int, value: float, scores: Array, targets: Array, size: int
    ) -> None:
        """One counted backward's loss and batch, as arrays of our own, of so many bytes."""
        self.last_step = step
        steps, values = self._values
        steps.append(step)
        values.append(value)
        kept = self._train
        kept.steps.append(step)
        kept.scores.append(scores)
        kept.targets.append(targets)
        kept.bytes += size

    @property
    def batches(self) -> Batches:
        """Those of the training that are held."""
        return self._train

    def _made_sure(self, form: Written, node: Any, step: int) -> Written | None:
        """What has the form of a loss and is on a device: None until its values are known."""
        if id(form) in self._forms:
            return self._forms[id(form)][1]

        def tell(sure: Written | None) -> None:
            self._forms[id(form)] = form, sure
            if sure is None and self.facts.call is None:
                self.facts.learn_unknown("l1" if form.loss == "l1" else "custom", step)

        if make_sure_later(form, node, self._transfers, tell):
            self._forms.setdefault(id(form), (form, None))
        return None

    def take_evaluation(self, scores: Any, targets: Any, step: int) -> None:
        """One batch of a loss computed without gradients; raw loss inputs."""
        call = self.facts.call
        if call is None or self.facts.hopeless or call.weighed_outside:
            return
        scores, targets, _ = reading.rows(call.loss, scores, targets, None)
        self._eval.add(step, scores, targets, None, self._transfers)

    @property
    def full(self) -> bool:
        return self._train.full or self._eval.full or len(self._values[0]) >= 4 * MOST_BATCHES

    # -- at a flush -------------------------------------------------------------------------------

    def flush(self, train_one_in: int, eval_one_in: int, known_step: Callable[[int], int]) -> None:
        """Emit what is held, as soon as it is on the host; `known_step` turns a provisional step
        into the final one."""
        with self._lock:
            self._flush_training(train_one_in, known_step)
            self._flush_evaluation(eval_one_in, known_step)

    def _flush_training(self, one_in: int, known_step: Callable[[int], int]) -> None:
        (steps, values), batches = self._values, self._train
        if not steps:
            return
        known = tuple(map(known_step, steps))
        of_batches = tuple(map(known_step, batches.steps))
        of_ends = tuple(map(known_step, self._ends.steps))
        late = not isinstance(values[-1], float)
        parts = [values, self._ends.tensors, batches.tensors]

        def arrived(arrays: list[Any]) -> None:
            given, ends, held = _cut(arrays, [len(part) for part in parts])
            losses = tuple(v if isinstance(v, float) else float(v.item()) for v in given)
            self._context.emit(LossValues(self.name, known, losses))
            if late and not self.non_finite_told:
                kept = by_step(of_batches, held) | by_step(of_ends, ends)
                self._look_for_nan(known, losses, kept)
            if of_batches:
                self._emit_window("train", of_batches, held, one_in)

        stream = batches.stream or self._ends.stream
        if self._transfers.later([one for part in parts for one in part], arrived, stream):
            most = min(2 * batches.most, MOST_BATCHES) if batches.steps else batches.most
            self._values, self._train, self._ends = ([], []), Batches(most), Batches()

    def _flush_evaluation(self, one_in: int, known_step: Callable[[int], int]) -> None:
        batches = self._eval
        if not batches.steps:
            return
        known = tuple(map(known_step, batches.steps))

        def arrived(arrays: list[Any]) -> None:
            scores, targets = arrays[: len(known)], arrays[len(known) :]
            for part in self._passes.cut(known):
                self._emit_window("eval", known[part], [*scores[part], *targets[part]], one_in)

        if self._transfers.later(batches.tensors, arrived, batches.stream):
            self._eval = Batches()

    def _emit_window(
        self, phase: Phase, steps: tuple[int, ...], held: list[Array], one_in: int
    ) -> None:
        """`held`: scores, targets and (where there are any) weights of one batch per step."""
        count = len(steps)
        scores, targets, weights = held[:count], held[count : 2 * count], held[2 * count :]
        record = window_record(self.facts, phase, steps, scores, targets, weights, one_in)
        if record is not None:
            self._context.emit(record)

    # -- what is not finite -----------------------------------------------------------------------

    def _look_for_nan(
        self,
        steps: tuple[int, ...],
        losses: tuple[float, ...],
        batches: dict[int, tuple[Array, Array]],
    ) -> None:
        """The first loss that is not finite, among some that have come from a device.

        `batches`: scores and targets by step, or their extremes.
        """
        for step, loss in zip(steps, losses, strict=True):
            if not math.isfinite(loss):
                self.suspicion = suspect(step, loss, self.facts.call, batches.get(step))
                if self.suspicion is not None:
                    self.non_finite_told = True
                    if self.suspicion.asked:
                        self.settle()
                    return

    def settle(self, found: Suspicion | None = None) -> None:
        """Tell what is suspected, or what was found instead."""
        suspicion, self.suspicion = self.suspicion, None
        if suspicion is None:
            return
        told = found or suspicion
        name = told.place if told.place in ("input", "target") else ""
        self._context.emit(NonFinite(self.name, told.step, told.place, name, told.value))


def _cut(values: list[Any], lengths: list[int]) -> list[list[Any]]:
    """Consecutive parts of so many values each."""
    found, at = [], 0
    for length in lengths:
        found.append(values[at : at + length])
        at += length
    return found

"""From the batches that were kept to the record of a window."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..records import Phase, PredictionWindow
from . import samples
from .batch_order import BatchOrder, batch_order, spread_in_batch
from .calls import Array
from .facts import Facts
from .gathering import gather
from .tasks import Judgement
from .windows import Quantities


def window_record(
    facts: Facts,
    phase: Phase,
    steps: tuple[int, ...],
    scores: list[Array],
    targets: list[Array],
    weights: list[Array],
    one_in: int,
) -> PredictionWindow | None:
    """The window of some consecutive batches, one of each list per step; `facts` learn from it.

    Parameters: raw loss inputs and targets as `gathering.gather` takes them, weights of the loss
    per sample (an empty list without), and that one batch in `one_in` was kept. None where the
    task is none whose predictions are counted.
    """
    call = facts.call
    if call is None:
        return None
    if facts.judged is None or not facts.told:
        facts.judge(steps[0], targets[0])
    judged = facts.judged
    if judged is None or facts.hopeless:
        return None
    gathered = gather(call, judged, scores, targets, weights)
    if gathered is None:
        return None
    all_scores, all_targets, per_sample, sizes = gathered
    facts.look_at_range(judged, all_targets, steps[-1])
    judged = facts.judged or judged
    if facts.hopeless:
        return None
    if per_sample is not None and (per_sample < 0).any():
        return None  # no weights: rewards, perhaps
    if per_sample is None:
        per_sample = facts.weights_by_class(judged, all_targets)
    window = samples.summarize(call.loss, judged, all_scores, all_targets, per_sample)
    if window is None:
        return None
    q = window.quantities
    order = _order(judged, sizes, all_targets, window.right)
    softmaxed = call.loss == "cross_entropy" and call.activations[:1] == ("softmax",)
    return PredictionWindow(
        site=facts.site,
        phase=phase,
        first_step=steps[0],
        last_step=steps[-1],
        batches=len(steps),
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
        confused=q.confused,
        outside_unit=window.outside_unit,
        input_row_sums_to_one=softmaxed or window.input_row_sums_to_one,
        out_of_range=window.out_of_range,
        exclusive=judged.task != "multilabel",
        spread_in_batch=_spread(sizes, q),
        **order._asdict(),
    )


def _order(
    judged: Judgement, sizes: list[int], targets: Array, right: NDArray[np.bool_] | None
) -> BatchOrder:
    if judged.task == "multilabel":
        return BatchOrder()
    return batch_order(sizes, targets.argmax(axis=1) if targets.ndim > 1 else targets, right)


def _spread(sizes: list[int], found: Quantities) -> float:
    """Within batches; nan where samples that have no class were left out of the margins."""
    if found.margins is None or len(found.margins) != sum(sizes):
        return math.nan
    return spread_in_batch(sizes, found.margins)

"""Remedies that can only be shown: what to look at, in the user's names."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from ...findings import Fix
from ..names import dotted
from ..orders import MIXED, mixed_before_cut
from ..patch import Patch, example
from ..remedies.structure import by_columns
from ..spelling import respelled
from .case import Case
from .changes import set_activation
from .inputs import given_inputs
from .models import Step
from .place import Fit

_BATCH = 32
_EPOCHS = 200


def check_one_batch(case: Case) -> Fix | None:
    """Train on one batch only: a sound model and loop bring its loss near zero."""
    patch = Patch(case.flow)
    for step in _straight(case):
        set_activation(case, patch, step, "relu")
    found = patch.fix("a non-linearity between the layers: without it they are one")
    found = found or by_columns(case.flow, given_inputs(case))
    if found is not None:
        return found
    head = _to_expect(case)
    if not isinstance(case.place, Fit):
        return _one_batch_of_tape(case, head)
    fit, data, labels = case.place, case.place.argument("x"), case.labels
    given = None if data is None else dotted(data.node)
    if given is None:
        return None
    if labels is None:
        return example(
            case.title, [], [head, f"{fit.model.text}.fit({given}.take(1), epochs={_EPOCHS})"]
        )
    target = dotted(labels.node) or "y"
    rows = f"{given}[:{_BATCH}], {target}[:{_BATCH}]"
    return example(case.title, [], [head, f"{fit.model.text}.fit({rows}, epochs={_EPOCHS})"])


def _to_expect(case: Case) -> str:
    """What a sound model does, beside what was measured: without weights, and in nats."""
    measured = case.values.get("cross_entropy_nats")
    if measured is None or not math.isfinite(measured):
        return "# a sound model learns one batch by heart: the loss goes to about 0"
    return f"# cross entropy {measured:.3g}: a sound model brings that of one batch to about 0"


def _straight(case: Case) -> Iterator[Step]:
    """Dense layers whose outputs go right into another one."""
    for later, step in pairwise(case.steps):
        dense = case.models.kind(later) == case.models.kind(step) == "Dense"
        if dense and case.models.activation(step) is None and not _names_activation(step):
            yield step


def _names_activation(step: Step) -> bool:
    """Whether it says what its activation is, in words that are not understood."""
    return step.call is None or (
        len(step.call.args) > 1 or any(k.arg in ("activation", None) for k in step.call.keywords)
    )


def _one_batch_of_tape(case: Case, head: str) -> Fix | None:
    call = case.spot.text.split("\n")[0]
    if case.tape_loss is None:
        return None
    return example(
        case.title,
        [],
        [head, f"for _ in range({_EPOCHS}):  # over one batch only", f"    ...  # {call}"],
    )


def count_labels(case: Case) -> Fix | None:
    """How many labels there are of each class; a word that is spelt as the data spell it."""
    found = respelled(case.flow, case.labels, "labels") or mixed_before_cut(
        case.flow, given_inputs(case), case.labels, MIXED
    )
    if found is not None:
        return found
    name = None if case.labels is None else dotted(case.labels.node)
    if name is None:
        return None
    return example(case.title, [], [f"print(np.unique({name}, return_counts=True))"])

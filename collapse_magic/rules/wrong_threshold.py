"""wrong-threshold (CM418)

## What it checks
Whether the training is fine, but the user's own code reads the outputs wrongly: an argmax over a
single output, one half as the threshold of logits, zero as that of probabilities.

## Why it matters
The model has learned, and nobody sees it: an argmax over one column is always 0, probabilities are
always above zero, and of logits only those of a probability above .62 count as positive, which may
be none. The loss falls, the accuracy stands still, and people change the model.

## How it is measured
The source says how outputs become classes: in the watched cell, and in the functions and classes of
all cells, comparisons with a number, rounding and argmax are followed back to the call of the model
that is trained. What the outputs are is seen at the loss: one of them per sample, logits or
probabilities. Nothing is said as long as the training itself fails (see the other rules), before
512 samples and 30 steps.

## Known limits
Cells that are run later are not seen. Outputs that are gathered in a list are not followed. Other
thresholds than one half and zero may be chosen on purpose, and are left alone. A metric of Keras'
that has the threshold built in is not checked.

## Example
    predicted = model(x).argmax(dim=1)        # of one output per sample: always 0
    predicted = model(x) > 0.5                # of logits

## Use instead
    predicted = model(x)[:, 0] > 0            # a logit of 0 is a probability of one half
    predicted = torch.sigmoid(model(x)) > 0.5

## Fix safety
Needs review: only what the outputs are compared with changes, and no training.

## References
PyTorch, BCEWithLogitsLoss: "this loss combines a Sigmoid layer and the BCELoss".
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LossFacts, OutputReading
from ..statistics import number
from . import gates
from .wording import fitting

LOGITS = "binary_cross_entropy_with_logits"
# What turns a logit into a probability.
SQUASHING = ("sigmoid", "softmax")
HALF = 0.5


class WrongThreshold:
    code = "CM418"
    name = "wrong-threshold"
    says = "training is fine, the code's own reading of the outputs is not"
    explains: tuple[str, ...] = ()

    def missing(self, history: History) -> str | None:
        return gates.no_classification(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            facts = history.loss_facts(site)
            look = gates.look(history, site)
            if facts is None or look is None or not _one_output(history, facts):
                continue
            if gates.fails(history, look):
                continue
            for reading in _readings(history, facts):
                wrong = _wrong(facts, reading)
                if wrong is not None:
                    yield self._diagnosis(history, look, facts, reading, wrong)
                    break

    def _diagnosis(
        self,
        history: History,
        look: gates.Look,
        facts: LossFacts,
        reading: OutputReading,
        wrong: tuple[str, str],
    ) -> Diagnosis:
        message, known = wrong
        over, rank = look.last.cross_entropy_over_entropy, look.last.rank
        learned = f"rank {number(rank)} (chance 0.5); loss {number(over)} x a constant answer's"
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="warning",
            confidence="likely",
            message=message,
            evidence=(
                Evidence(known),
                Evidence(
                    fitting([f"in training: {learned}"]),
                    {"rank": rank, "cross_entropy_over_entropy": over},
                ),
            ),
            step=look.last.last_step,
            since_step=look.before.first_step,
            remedy=_remedy(history, facts, reading),
            target="reading",
            site=look.site,
        )


def _one_output(history: History, facts: LossFacts) -> bool:
    """Whether the model gives one score per sample, as the loss takes it."""
    model = history.model_facts(facts.model)
    outputs = model.outputs if model is not None else 0
    return facts.task == "binary" and outputs in (0, 1)


def _readings(history: History, facts: LossFacts) -> Iterable[OutputReading]:
    """Those of the model; none where the source shows several ways from it to one reading."""
    seen: dict[tuple[int | None, int | None, int], list[OutputReading]] = {}
    for reading in history.readings(facts.model):
        seen.setdefault((reading.cell, reading.line, reading.column), []).append(reading)
    return [ways[0] for ways in seen.values() if len(ways) == 1]


def _wrong(facts: LossFacts, reading: OutputReading) -> tuple[str, str] | None:
    """(what is wrong, how it is known), or None."""
    squashed = any(kind in SQUASHING for kind in reading.activations)
    if reading.how == "argmax":
        return "an argmax over one output is always 0", "the model gives one output per sample"
    logits = facts.loss == LOGITS and not facts.activations
    if reading.how == "threshold" and reading.threshold == HALF and logits and not squashed:
        return "logits are compared with 0.5", "a logit of 0.5 stands for a probability of 0.62"
    if reading.how == "threshold" and reading.threshold == 0 and squashed:
        return "probabilities are compared with 0", "probabilities are always above 0"
    return None


def _remedy(history: History, facts: LossFacts, reading: OutputReading) -> Remedy:
    squashed = any(kind in SQUASHING for kind in reading.activations)
    wanted = HALF if squashed or facts.loss != LOGITS else 0.0
    cell = history.run.cell if history.run is not None else None
    values: dict[str, Any] = {
        "model": reading.model,
        "how": reading.how,
        "threshold": reading.threshold if math.isfinite(reading.threshold) else None,
        "wanted": wanted,
        "cell": reading.cell,
        "line": reading.line,
        "watched": cell or 0,
    }
    what = "probabilities" if wanted else "logits"
    return Remedy("read-outputs", f"compare the {what} with {number(wanted)}", values)

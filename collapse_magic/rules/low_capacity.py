"""low-capacity (CM206)

## What it checks
Whether a copy of the model cannot even tell the samples of one batch apart when it is trained on
nothing else. It is advice, and only given where `--probe` was asked for.

## Why it matters
What cannot learn thirty samples by heart will not learn thousands: a hidden layer of one or two
units, or no hidden layer where no straight line separates the classes. No learning rate, and no
other data, makes up for that.

## How it is measured
When the cell has ended, a copy of the model, without dropout, is trained on the run's first batch
alone, by Adam, for 300 steps or three seconds. It is told if at least 100 steps were made, every
parameter got a gradient, and one sample in twenty or more was still wrong at best that could have
been right: samples that are equal get equal answers, so of those with different labels only the
most frequent counts. Nothing is said where the training got below half of a constant answer's loss
all the same: a model that does well on new data need not learn a batch by heart.

## Known limits
The copy begins with the weights that the training has left: units that it has killed or saturated
stay so, and the rules about these are the ones to believe. Three hundred steps are too few for some
models that learn slowly. Models of scikit-learn are not tried.

## Example
    # --probe, and classes inside and outside of a ring
    model = nn.Linear(2, 2)

## Use instead
    model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))

## Fix safety
An example: how wide and how deep is for the data to say.

## References
Karpathy, A Recipe for Training Neural Networks (2019): "overfit one batch".
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import BatchTried
from ..statistics import percent
from . import gates

# Of fewer steps nothing is known: a large model gets through few of them in three seconds.
ENOUGH_STEPS = 100
# One wrong sample of a small batch may be a label that is wrong, and that needs a few steps more.
STILL_WRONG = 0.05
# Ten digits through a single unit come to .77 of a constant answer's loss, through two to .53 and
# through three, which are enough to read most of them, to .40.
WELL = 0.5


class LowCapacity:
    code = "CM206"
    name = "low-capacity"
    says = "too small to separate even a single repeated batch"
    explains: tuple[str, ...] = ()

    def missing(self, history: History) -> str | None:
        return None if history.trials() else "no batch was tried on a copy (--probe)"

    def check(self, history: History) -> Iterable[Diagnosis]:
        for tried in history.trials():
            if _is_too_small(tried) and not _does_well(history, tried.site):
                yield self._diagnosis(tried)

    def _diagnosis(self, tried: BatchTried) -> Diagnosis:
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="info",
            confidence="to check",
            message=f"a copy did not learn {tried.samples} samples by heart",
            evidence=(
                Evidence(
                    f"{percent(tried.right)} of one batch right at best in {tried.steps} steps; "
                    f"{percent(tried.possible)} can be",
                    {
                        "right": tried.right,
                        "possible": tried.possible,
                        "samples": float(tried.samples),
                        "steps": float(tried.steps),
                    },
                ),
            ),
            step=tried.step,
            since_step=1,
            remedy=Remedy("check-one-batch", "a wider or deeper model; see one batch learned"),
            target="model",
            site=tried.site,
        )


def _does_well(history: History, site: str) -> bool:
    last = history.total(site, "train", gates.MIN_SAMPLES)
    return last is not None and last.cross_entropy_over_entropy < WELL


def _is_too_small(tried: BatchTried) -> bool:
    return (
        not tried.learned
        and tried.unreached == 0
        and tried.steps >= ENOUGH_STEPS
        and tried.right <= tried.possible - STILL_WRONG
    )

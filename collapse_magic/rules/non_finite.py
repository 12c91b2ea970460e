"""non-finite (CM204)

## What it checks
Whether NaN or Inf appears, and where first: input, target, logits, loss, gradient or weight.

## Why it matters
One NaN in a weight makes every output NaN, for good; the largest of NaNs is index 0, so all
predictions are the first class.

## How it is measured
The first place along the way input, target, logits, loss, gradient, weight where a value is not
finite. Silent where the loss is finite again afterwards: a gradient scaler skips its first steps,
and a batch may hold only ignored labels. A gradient counts once a loss after it is not finite.
Where the loss hides it, the weights tell: in a graph TensorFlow fuses a dense layer with its relu,
and that gives 0 for NaN. A missing value then makes NaN of the first layer's weights alone.

## Known limits
The place is where it was first seen, not always where it arose: an input of 1e30 overflows later,
and in loops of less than about half a millisecond a step, where only every second or fourth loss is
asked, the weights may be reached before the next question. A PyTorch model that hides NaN from its
loss by itself (`nan_to_num` behind a layer) is not told of.

## Example
    optimizer = torch.optim.SGD(model.parameters(), lr=1e6)

## Use instead
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

## Fix safety
Needs review: of an input the median of its feature takes the place, but only the user knows what a
missing value means. For targets an example.

## References
Pascanu et al., On the difficulty of training recurrent neural networks (2013), on clipping.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from ..findings import Diagnosis, Evidence, Remedy, Target
from ..history import History
from ..records import LossFacts, NonFinite
from ..statistics import number
from .base import SYMPTOMS
from .learning_rates import slower
from .raised import Problem, raised_problems
from .wording import layer, loss_name, trains_keras

# Losses in a row that are finite again: then whatever it was did not stay.
RECOVERED = 3
SATURATING = ("sigmoid", "softmax")
CLIP_NORM = 1.0


class NonFiniteValues:
    code = "CM204"
    name = "non-finite"
    says = "NaN or Inf, with the first place where it appeared"
    explains: tuple[str, ...] = (
        "learning-rate-too-high",
        "wrong-loss",
        "dead-relu",
        "vanishing-gradients",
        "class-imbalance",
        *SYMPTOMS,
    )

    def missing(self, history: History) -> str | None:
        return None if history.sites() or history.raised() else "no loss was seen"

    def check(self, history: History) -> Iterable[Diagnosis]:
        first: dict[str, NonFinite] = {}
        for record in (at_site(history, record) for record in history.non_finite()):
            known = first.get(record.site)
            behind = known is not None and (known.place, record.place) == ("weight", "input")
            if (known is None or behind) and stayed(history, record):
                first[record.site] = record
        for record in first.values():
            yield self._diagnosis(history, record)
        for raised in raised_problems(history, Problem.NON_FINITE):
            if not first:
                yield Diagnosis(
                    rule=self.name,
                    code=self.code,
                    severity="error",
                    confidence="certain",
                    message=f"the outputs are nan at step {raised.step:,}",
                    evidence=(Evidence(f"{loss_name(history, raised.loss)} takes 0 to 1"),),
                    step=raised.step,
                    since_step=raised.step,
                    remedy=slower(history, None),
                    target="optimizer",
                    structural=True,
                )

    def _diagnosis(self, history: History, record: NonFinite) -> Diagnosis:
        facts = history.loss_facts(record.site)
        where = f" ({layer(record.name)})" if record.name not in ("", record.place) else ""
        remedy, target = _remedy(history, record, facts)
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely" if _behind_is_open(record) else "certain",
            message=f"{record.value} in the {record.place}{where} at step {record.step:,}",
            evidence=_evidence(history, record),
            step=max(record.step, history.steps),
            since_step=record.step,
            remedy=remedy,
            target=target,
            site=record.site,
            structural=True,
        )


def at_site(history: History, record: NonFinite) -> NonFinite:
    """A gradient is seen at a model: its loss is the site that everything else is told of."""
    if record.site not in history.sites():
        for site in history.sites():
            facts = history.loss_facts(site)
            if facts is not None and facts.model == record.site:
                return replace(record, site=site)
    return record


def stayed(history: History, record: NonFinite) -> bool:
    """Whether losses, or weights, are not finite since then, too."""
    if record.lost:
        return True
    later = [
        value
        for step, value in zip(*history.loss_values(record.site), strict=True)
        if step > record.step
    ]
    if record.place == "gradient":
        return any(not math.isfinite(value) for value in later[-RECOVERED:])
    return len(later) < RECOVERED or any(not math.isfinite(v) for v in later[-RECOVERED:])


def _behind_is_open(record: NonFinite) -> bool:
    """Whether weights are lost, and what they were given has not been seen to be why."""
    return record.place == "weight" and record.lost != ""


def _evidence(history: History, record: NonFinite) -> tuple[Evidence, ...]:
    steps, values = history.loss_values(record.site)
    bad = sum(not math.isfinite(value) for value in values)
    before = [value for value in values if math.isfinite(value)]
    evidence = [
        Evidence(
            f"first {record.value} at step {record.step:,}: {record.place}", {"step": record.step}
        )
    ]
    if record.count:
        where = layer(record.name)
        evidence.append(
            Evidence(
                f"{record.count:,} of {record.values:,} values of {where} are not finite",
                {"not_finite": float(record.count), "values": float(record.values)},
            )
        )
    if record.lost:
        evidence.append(
            Evidence(f"weights of {layer(record.lost)} are not finite; the loss hides it")
        )
    elif before:
        evidence.append(
            Evidence(
                f"loss {number(before[0])} at step {steps[0]:,}; "
                f"{number(before[-1])} when last finite",
                {"first_loss": before[0], "last_finite_loss": before[-1]},
            )
        )
    if bad:
        evidence.append(
            Evidence(
                f"loss not finite in {bad:,} of {len(values):,} values",
                {"not_finite": float(bad), "values": float(len(values))},
            )
        )
    return tuple(evidence)


def _remedy(
    history: History, record: NonFinite, facts: LossFacts | None
) -> tuple[Remedy | None, Target]:
    if record.place in ("input", "target"):
        title = f"keep out {record.place}s that are not finite"
        return Remedy("clean-inputs", title, {"argument": record.place}), "data"
    if _behind_is_open(record):  # no loss that was too large has done it
        title = "keep out inputs that are not finite, if there are any"
        return Remedy("clean-inputs", title, {"argument": "input"}), "data"
    saturates = facts is not None and any(name in SATURATING for name in facts.activations)
    saturates = saturates and not trains_keras(history)  # Keras takes these losses on logits anyway
    if record.place in ("logits", "loss") and facts is not None and saturates:
        title = "take the loss on logits, which cannot overflow"
        return Remedy("use-logits-loss", title, {"loss": facts.loss}), "loss"
    if record.place == "gradient":
        title = f"clip the gradient's norm at {CLIP_NORM:.0f}"
        return Remedy("clip-gradients", title, {"max_norm": CLIP_NORM}), "backward"
    return slower(history, facts.model if facts else None), "optimizer"

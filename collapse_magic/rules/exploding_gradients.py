"""exploding-gradients (CM202)

## What it checks
Whether the gradient blows up on its way back through many time steps or layers, and the training
with it.

## Why it matters
Each time step (each layer) multiplies the gradient. Where that makes it grow, one batch is enough
for a step that throws the weights to where the outputs overflow: the loss leaps, or is NaN from
there on, though the learning rate was right for every step before.

## How it is measured
In models that hand the gradient through a long chain: with a recurrent layer, or ten layers and
more without a normalization. The first steps changed the weights by no more than 10% in half of the
layers, so that the learning rate was not too high from the start; then the loss rose to a hundred
times what it began with and the predictions are bad (one class, nothing learned, worse than a
constant answer), or it at least doubled and outputs, loss or gradients are not finite since.

## Known limits
Gradient norms are taken at few of the steps, so the one that exploded is mostly seen by what it
did. A learning rate a little too high for such a chain looks the same, and the same fix helps. Not
said where the inputs stand in raw scales or the first weights are to blame: see unscaled-inputs and
bad-initialization.

## Example
    loss.backward()                     # through nn.RNN(..., nonlinearity="relu") and 100 steps
    optimizer.step()

## Use instead
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()

## Fix safety
Needs review: clipping changes the steps that are larger than the limit, and no others.

## References
Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks (2013): the
cliffs, and clipping by norm.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LayerStatistics, ModelFacts
from ..statistics import number, percent
from . import gates
from .bad_initialization import badly_begun
from .base import SYMPTOMS
from .non_finite import CLIP_NORM, at_site, stayed
from .scales import raw_inputs
from .wording import fitting, layer

# Above it the learning rate is too high by itself (the threshold of learning-rate-too-high). In the
# corpus explosions begin with 0.3% to 1.2% a step, rates that are too high with 20% and more.
LARGE_UPDATE = 0.1
# Losses of single batches differ by a third or so from the mean of the first ones; a hundred times
# as much is no bad batch.
GROWN = 2.0
RISING = 10.0  # on its way there: what came before was well
BLOWN_UP = 100.0
FIRST_LOSSES = 5
# A factor of 1.26 a layer then makes ten of it.
LONG_CHAIN = 10
RECURRENT = ("rnn", "lstm", "gru")
_AFTER_INPUTS = ("logits", "loss", "gradient", "weight")


@dataclass(frozen=True, slots=True)
class _Blow:
    """What the loss came to."""

    begins: int  # up to here all was well
    step: int  # from here on it is wrong
    first: float  # mean of the first losses
    highest: float  # of the losses that are finite
    non_finite: str  # "nan in the logits"; "" where all losses are finite


class ExplodingGradients:
    code = "CM202"
    name = "exploding-gradients"
    says = "gradient norms blow up"
    explains: tuple[str, ...] = (
        "non-finite",
        "learning-rate-too-high",
        "dead-relu",
        "vanishing-gradients",
        "wrong-loss",
        "class-imbalance",
        *SYMPTOMS,
    )

    def missing(self, history: History) -> str | None:
        reason = gates.no_classification(history)
        if reason is None and not any(
            history.layer_statistics(facts.model) for facts in history.models()
        ):
            return "no layer statistics were taken"
        return reason

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            facts = history.loss_facts(site)
            model = history.model_facts(facts.model) if facts else None
            blow = None if model is None else _blow(history, site)
            if model is None or blow is None:  # as nearly always: before the layers are gone over
                continue
            chain = _chain(model)
            if chain is None or raw_inputs(history, model.model):
                continue
            if badly_begun(model) is not None:  # that is the cause
                continue
            looks = history.layer_statistics(model.model)
            early = [look for look in looks if look.step < blow.begins]
            update = _update(model, early)
            if update <= LARGE_UPDATE:
                yield self._diagnosis(history, site, chain, blow, early, update)

    def _diagnosis(
        self,
        history: History,
        site: str,
        chain: str,
        blow: _Blow,
        early: Sequence[LayerStatistics],
        update: float,
    ) -> Diagnosis:
        then = f"then {blow.non_finite}" if blow.non_finite else f"at step {blow.step:,}"
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message=f"the training blows up at step {blow.step:,}",
            evidence=(
                Evidence(
                    f"loss {number(blow.first)} at first, up to {number(blow.highest)}, {then}",
                    {"first_loss": blow.first, "highest_loss": blow.highest},
                ),
                Evidence(
                    f"before, a step changed the weights by {percent(update)} (too large: "
                    f"{LARGE_UPDATE:.0%})",
                    {"update_ratio": update, "too_large": LARGE_UPDATE},
                ),
                _norms(early, chain),
            ),
            step=blow.step if blow.non_finite else history.steps,
            since_step=blow.step,
            remedy=Remedy(
                "clip-gradients",
                f"clip the gradient's norm at {CLIP_NORM:.0f}",
                {"max_norm": CLIP_NORM},
            ),
            target="backward",
            site=site,
        )


def _chain(model: ModelFacts) -> str | None:
    """What the gradient goes back through many times; None where that is short."""
    for part in model.layers:
        if any(word in part.kind.lower() for word in RECURRENT):
            return f"time in {layer(part.name)}"
    if len(model.layers) >= LONG_CHAIN and not model.normalizations:
        return f"{len(model.layers)} layers"
    return None


def _blow(history: History, site: str) -> _Blow | None:
    """Since when a training that began well is wrong; None where it is not."""
    steps, values = history.loss_values(site)
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return None
    first = sum(finite[:FIRST_LOSSES]) / len(finite[:FIRST_LOSSES])
    highest = max(finite)
    rising = (step for step, value in zip(steps, values, strict=True) if value > RISING * first)
    begins = next(rising, steps[-1])
    for record in (at_site(history, record) for record in history.non_finite()):
        if record.site == site and record.place in _AFTER_INPUTS and stayed(history, record):
            grown = highest > GROWN * first > 0
            says = f"{record.value} in the {record.place}"
            return (
                _Blow(min(begins, record.step), record.step, first, highest, says)
                if grown
                else None
            )
    if highest > BLOWN_UP * first > 0 and gates.fails(history, gates.look(history, site)):
        since = next(step for step, value in zip(steps, values, strict=True) if value == highest)
        return _Blow(begins, since, first, highest, "")
    return None


def _update(model: ModelFacts, looks: Sequence[LayerStatistics]) -> float:
    """Middle of the looks' updates, each that of its middle layer; inf without a look."""
    counted = [index for index, part in enumerate(model.layers) if part.weight_std != 0]
    found = []
    for look in looks:
        known = sorted(
            ratio
            for index, ratio in enumerate(look.update_ratio)
            if index in counted and math.isfinite(ratio)
        )
        found.append(known[len(known) // 2] if known else math.inf)
    return sorted(found)[len(found) // 2] if found else math.inf


def _norms(looks: Sequence[LayerStatistics], chain: str) -> Evidence:
    """The gradient's norm at first, and at its largest where a look has met that."""
    first, largest = _norm(looks[0]), max(looks, key=_norm)
    parts = [f"gradient norm {number(first)}"]
    if _norm(largest) > RISING * first:
        parts.append(f"{number(_norm(largest))} at step {largest.step:,}")
    parts.append(f"back through {chain}")
    return Evidence(fitting(parts, ", "), {"first_norm": first, "largest_norm": _norm(largest)})


def _norm(look: LayerStatistics) -> float:
    """The norm of the whole gradient, of the layers that were looked at."""
    return math.sqrt(sum(norm * norm for norm in look.gradient_norm if not math.isnan(norm)))

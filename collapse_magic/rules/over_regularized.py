"""over-regularized (CM415)

## What it checks
Whether weight decay (or a penalty) has shrunk the weights away, or dropout lets next to nothing
through, so that nothing can be learned.

## Why it matters
A penalty that outweighs the loss is minimized by weights of zero: the outputs no longer depend on
the inputs and the answer is one class. Where nearly all units are dropped, a step sees another
small part of the network each time, and noise drowns what it could learn.

## How it is measured
In half of the layers or more the norm of the weights has fallen below a tenth of what it was at
first. Below a half is enough where it is known what shrinks them: the optimizer's weight decay is
.1 or more (1 where it is decoupled from the gradient), or the gradient is that of a penalty, as
many times the weights in one layer as in the others and at every look. Or a dropout has a
probability of .8 or more (.5 or more behind the last layer) while the model trains. And it must
matter: the predictions are one class twice running, or the loss is that of a constant answer (or
worse) after an epoch and 200 steps; where weights shrink, also if that loss still falls, for it
falls to that of a constant answer. Where an evaluation, in which nothing is dropped, is clearly
better than a constant answer, dropout is left alone.

## Known limits
Layers that begin at zero tell no shrinking. A dropout that is called as a function is seen only
behind the last layer.

## Example
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1.0)

## Use instead
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-4)

## Fix safety
Needs review: the usual strength is a first try, not the best one.

## References
Krogh and Hertz, A Simple Weight Decay Can Improve Generalization (1991); Srivastava et al., Dropout
(2014): a unit is kept with probability .5 to .8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LayerStatistics, ModelFacts, OptimizerFacts
from ..statistics import number, percent
from . import gates
from .base import SYMPTOMS

# Weights of the healthy programs of the corpus keep 89% of their norm and more, those of a faulty
# one without any penalty 19%.
SHRUNK = 0.1
LAYER_SHARE = 0.5
# Three dense layers on the digits, 1,500 steps: at the strongest decay with which they still learn
# (Adam and SGD .03: nine in ten right) each keeps .53 of its norm and more.
HALVED = 0.5
# There, .1 leaves nothing of any layer, as a part of the gradient. Decoupled from it (AdamW, rate
# .001), 1 takes a hundredth and 10 takes half; higher rates take more.
HIGH_DECOUPLED, HIGH_DECAY = 1.0, 0.1
# The gradient of a penalty of strength l is 2 l times the weights, in every layer. Without one the
# layers differ by anything from 1.02 to 8 times: that they are alike says so only of weights that
# have lost half of their norm besides.
ALIKE_IN_LAYERS = 1.3
PENALTY_LOOKS = 3
# Those who use dropout on purpose drop up to half, seldom .7.
HIGH_DROPOUT = 0.8
# Half of the logits gone changes the class of a sample at random.
HIGH_LAST_DROPOUT = 0.5
# What people use: decoupled from the gradient (AdamW and its kin), and as a part of it.
USUAL_DECOUPLED, USUAL_DECAY = 0.01, 1e-4
USUAL_DROPOUT = 0.3


class OverRegularized:
    code = "CM415"
    name = "over-regularized"
    says = "weight decay or dropout so strong that nothing can be learned"
    explains: tuple[str, ...] = ("dead-relu", "vanishing-gradients", "class-imbalance", *SYMPTOMS)

    def missing(self, history: History) -> str | None:
        reason = gates.no_classification(history)
        if reason is None and not history.models():
            return "no model was seen"
        return reason

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            facts = history.loss_facts(site)
            model = history.model_facts(facts.model) if facts else None
            look = gates.look(history, site)
            if model is None or look is None:
                continue
            shrunk = _shrunk(history, model)
            fails = gates.fails(history, look)
            if shrunk is not None and (fails or _no_better_than_constant(history, look)):
                yield self._of_decay(history, look, model, *shrunk)
                continue
            dropout = _dropout(history, model) if fails else 0.0
            if dropout and _only_noise(history, look) and not _evaluates_well(history, site):
                yield self._of_dropout(look, model, dropout)

    def is_over(self, history: History, diagnosis: Diagnosis) -> bool:
        """A loss clearly below that of a constant answer ends it."""
        return gates.has_learned(history, diagnosis.site or "")

    def _of_decay(
        self, history: History, look: gates.Look, model: ModelFacts, left: float, layers: int
    ) -> Diagnosis:
        strongest = _strongest(history, model)
        decay = strongest.weight_decay if strongest is not None else 0.0
        told = f"; weight decay {number(decay)}" if decay else ""
        usual = USUAL_DECOUPLED if strongest and _is_decoupled(strongest) else USUAL_DECAY
        lower = f"lower the weight decay from {number(decay)} to {number(usual)}"
        return self._diagnosis(
            look,
            f"the weights shrank to {percent(left)} of their norm",
            Evidence(
                f"norm {percent(left)} of the first or less in {layers} of {len(model.layers)} "
                f"layers{told}",
                {"norm_left": left, "layers": float(layers), "weight_decay": decay},
            ),
            Remedy(
                "lower-weight-decay",
                lower if decay else "lower the penalty on the weights",
                {"old": decay, "new": usual},
            ),
        )

    def _of_dropout(self, look: gates.Look, model: ModelFacts, dropout: float) -> Diagnosis:
        where = "the outputs" if model.last_dropout >= HIGH_LAST_DROPOUT else "a layer's units"
        return self._diagnosis(
            look,
            f"dropout takes {percent(dropout, 0)} of {where}",
            Evidence(
                f"dropout {number(dropout)} (usual: 0.2 to 0.5)",
                {"dropout": dropout, "usual_at_most": 0.5},
            ),
            Remedy(
                "lower-dropout",
                f"lower the dropout from {number(dropout)} to {number(USUAL_DROPOUT)}",
                {"old": dropout, "new": USUAL_DROPOUT},
            ),
        )

    def _diagnosis(
        self, look: gates.Look, message: str, evidence: Evidence, remedy: Remedy
    ) -> Diagnosis:
        last = look.last
        over = last.cross_entropy_over_entropy
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message=message,
            evidence=(
                evidence,
                Evidence(
                    f"loss {number(over)} x a constant answer's after {last.last_step:,} steps",
                    {"cross_entropy_over_entropy": over, "predicted_share": last.top},
                ),
            ),
            step=last.last_step,
            since_step=look.before.first_step,
            remedy=remedy,
            target="optimizer" if remedy.kind == "lower-weight-decay" else "model",
            site=look.site,
        )


def _shrunk(history: History, model: ModelFacts) -> tuple[float, int] | None:
    """(what is left of the norm in the median shrunken layer, how many layers have shrunk)."""
    looks = history.layer_statistics(model.model)
    if len(looks) < 2:
        return None
    pairs = zip(model.layers, looks[0].weight_norm, looks[-1].weight_norm, strict=False)
    left = sorted(now / first for layer, first, now in pairs if layer.weight_std != 0 and first > 0)
    strongest = _strongest(history, model)
    if len(left) == 1 and not (strongest is not None and strongest.weight_decay > 0):
        # one layer alone goes to zero by itself where no straight line tells the classes apart:
        # to 4% of its norm, measured on classes inside and outside of a band
        return None
    known = _decays_strongly(history, model) or _is_penalized(model, looks)
    for bound in (SHRUNK, *([HALVED] if known else [])):
        small = [share for share in left if share <= bound]
        if small and len(small) >= LAYER_SHARE * len(left):
            return small[len(small) // 2], len(small)
    return None


def _strongest(history: History, model: ModelFacts) -> OptimizerFacts | None:
    return max(history.optimizers(model.model), key=lambda one: one.weight_decay, default=None)


def _is_decoupled(optimizer: OptimizerFacts) -> bool:
    return optimizer.kind.endswith("W")


def _decays_strongly(history: History, model: ModelFacts) -> bool:
    strongest = _strongest(history, model)
    if strongest is None:
        return False
    high = HIGH_DECOUPLED if _is_decoupled(strongest) else HIGH_DECAY
    return strongest.weight_decay >= high


def _is_penalized(model: ModelFacts, looks: Sequence[LayerStatistics]) -> bool:
    """Whether gradients are as many times the weights in all layers, look after look.

    Biases are mostly left out of a penalty; in the norms of most layers they are small.
    """
    counted = [index for index, layer in enumerate(model.layers) if layer.weight_std != 0]
    if len(counted) < 2:
        return False
    seen = [
        [look.gradient_norm[index] / look.weight_norm[index] for index in counted]
        for look in looks
        if all(look.weight_norm[index] > 0 for index in counted)
        and all(look.gradient_norm[index] > 0 for index in counted)
    ]
    alike = [ratios for ratios in seen if max(ratios) <= ALIKE_IN_LAYERS * min(ratios)]
    return len(alike) >= PENALTY_LOOKS and 2 * len(alike) > len(seen)


def _no_better_than_constant(history: History, look: gates.Look) -> bool:
    """A constant answer's loss, late and twice, even if it still falls: it falls to just that."""
    if look.last.last_step < gates.NOT_LEARNING_STEPS or history.epochs == 0:
        return False
    return (
        min(total.cross_entropy_over_entropy for total in (look.before, look.last))
        >= gates.NOT_LEARNING
    )


def _dropout(history: History, model: ModelFacts) -> float:
    """The probability that is too high; 0 where none is, or where nothing is dropped."""
    mode = history.mode(model.model)
    if mode is not None and mode.sensitive and mode.in_eval == mode.sensitive:
        return 0.0
    if model.last_dropout >= HIGH_LAST_DROPOUT:
        return model.last_dropout
    highest = max(model.dropouts, default=0.0)
    return highest if highest >= HIGH_DROPOUT else 0.0


def _only_noise(history: History, look: gates.Look) -> bool:
    """Nothing is learned; what dropout adds to the outputs may cost more than a constant answer."""
    by_chance = max(look.before.rank, look.last.rank) < gates.CHANCE_RANK
    late = look.last.last_step >= gates.NOT_LEARNING_STEPS
    worse = late and by_chance and gates.worse_than_prior(look)
    return worse or gates.learns_nothing(history, look)


def _evaluates_well(history: History, site: str) -> bool:
    total = history.total(site, "eval", gates.MIN_SAMPLES // 2)
    return total is not None and total.cross_entropy_over_entropy < gates.HAS_LEARNED

"""train-eval-gap (CM106)

## What it checks
Whether a model is good in training and bad in evaluation because parts of it act differently there:
batch normalization whose running averages are off, or a model that is trained in evaluation mode;
or where it is given other numbers there, as where only the training data are scaled.

## Why it matters
In training batch normalization uses each batch's own mean and deviation, in evaluation running
averages of them. Where these are off, every sample is shifted the same way and one class takes the
predictions, though nothing was learned wrongly. A model that a validation has left in evaluation
mode trains without dropout, on averages that stand still.

## How it is measured
First: with batch normalization in the model, training is right in 15 points more than the most
frequent label, and validation, with its scores still in order (rank of .6 and more), costs more
than a constant answer, is right in 15 points less and predicts classes in other shares than it has
labels (by 15% of the samples; training by less than a tenth). All of that in every evaluation
but the best, the first ones among them, so that it is not what was learned by heart. Averages need
time: it is said from 1,000 steps on, or where training ends before.
Likewise without batch normalization where every evaluation, from the first one on, takes 99.5% of
its samples for one class, while its labels are several: then what is evaluated was prepared in
another way.
Second (PyTorch): batch normalization and dropout all stand in evaluation mode for 20 steps, after
they had been in training mode, or from the first steps on while training fails.

## Known limits
Behind batch normalization, validation data that are prepared in another way look the same. Where
only parts are kept in evaluation mode, as in a frozen backbone, nothing is said.

## Example
    keras.layers.BatchNormalization(momentum=0.9999)     # 200 steps do not move the averages

## Use instead
    keras.layers.BatchNormalization(momentum=0.9)

## Fix safety
Needs review: `model.train()` also turns on the parts that were kept in evaluation mode on purpose.

## References
Ioffe and Szegedy, Batch Normalization (2015), on inference; the PyTorch documentation of
`Module.eval`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History, WindowTotal
from ..records import ModelFacts, ModelMode
from ..statistics import number, percent
from . import gates
from .base import SYMPTOMS
from .validation import Validation, accuracy, collapsed, not_validated, shift, validation

# Right in so many points more (less): three standard errors at 150 samples.
GAP = 0.15
# Scores in order: what is off is their place. Labels learned by heart rank about .5.
IN_ORDER = gates.FOLLOWING_RANK - 0.1
# Predicted classes against labels: in the corpus .18 and more in evaluation, below .06 in training.
SHIFTED = 0.15
NOT_SHIFTED = 0.1
# With a momentum of .99, Keras' default, what the averages began with then weighs 4e-5.
SETTLED_STEPS = 1000
# A validation of every few steps may come between; nobody validates on and on.
EVAL_STEPS = 20


class TrainEvalGap:
    code = "CM106"
    name = "train-eval-gap"
    says = "good in training, bad in evaluation, where parts of the model act differently"
    explains: tuple[str, ...] = ("overfitting", *SYMPTOMS)

    def missing(self, history: History) -> str | None:
        if any(history.mode(model.model) for model in history.models()):
            return gates.no_classification(history)
        return not_validated(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            facts = history.loss_facts(site)
            model = history.model_facts(facts.model) if facts else None
            if model is None:
                continue
            mode = history.mode(model.model)
            if mode is not None and _left_in_eval(history, site, mode):
                # so from the start, what it does to the training has to show first
                step = mode.step if mode.since > 1 else history.steps
                yield self._left_on(site, mode, step)
            elif history.finished or history.steps >= SETTLED_STEPS:
                seen = validation(history, site)
                if seen is None or not _is_good(seen.train):
                    continue
                if _normalizes(model) and _is_off(seen):
                    yield self._shifted(history, seen)
                elif not _normalizes(model) and all(map(collapsed, seen.evaluations)):
                    yield self._prepared_otherwise(history, seen)

    def _left_on(self, site: str, mode: ModelMode, step: int) -> Diagnosis:
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="warning",
            confidence="likely" if mode.step - mode.since >= EVAL_STEPS else "to check",
            message="the model is trained in evaluation mode",
            evidence=(
                Evidence(
                    f"{mode.in_eval} of {mode.sensitive} batch norms and dropouts so at steps "
                    f"{mode.since:,} to {mode.step:,}",
                    {"in_eval": float(mode.in_eval), "sensitive": float(mode.sensitive)},
                ),
            ),
            step=step,
            since_step=mode.since,
            remedy=Remedy("train-mode", "back to training mode before each step"),
            target="model",
            site=site,
        )

    def _shifted(self, history: History, seen: Validation) -> Diagnosis:
        last = seen.last
        scores = Evidence(
            f"its scores are in order (rank {number(last.rank)}), its loss is "
            f"{number(last.cross_entropy_over_entropy)} x a constant answer's",
            {"rank": last.rank, "cross_entropy_over_entropy": last.cross_entropy_over_entropy},
        )
        remedy = Remedy("settle-averages", "let the averages of batch normalization follow")
        return self._gap(history, seen, scores, remedy)

    def _prepared_otherwise(self, history: History, seen: Validation) -> Diagnosis:
        """No part of the model acts differently: what it is given does."""
        spreads = Evidence(
            f"logit margins differ by {number(seen.last.spread)} in evaluation, by "
            f"{number(seen.train.spread)} in training",
            {"spread": seen.last.spread, "train_spread": seen.train.spread},
        )
        return self._gap(history, seen, spreads, None)

    def _gap(
        self, history: History, seen: Validation, evidence: Evidence, remedy: Remedy | None
    ) -> Diagnosis:
        train, last = seen.train, seen.last
        name = history.class_name(seen.site, last.top_class)
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message=f"{percent(accuracy(train))} right in training, {percent(accuracy(last))} in "
            f"evaluation",
            evidence=(
                Evidence(
                    f"validation: predictions {percent(last.top)} {name}, labels "
                    f"{percent(last.prior[last.top_class])}",
                    {"predicted_share": last.top, "label_share": last.prior[last.top_class]},
                ),
                evidence,
                Evidence(
                    f"from the first evaluation on, at step {seen.evaluations[0].last_step:,}",
                    {"first_evaluation": float(seen.evaluations[0].last_step)},
                ),
            ),
            step=max(train.last_step, last.last_step),
            since_step=seen.evaluations[0].first_step,
            remedy=remedy,
            target="model",
            site=seen.site,
        )


def _left_in_eval(history: History, site: str, mode: ModelMode) -> bool:
    wholly = not mode.training and mode.in_eval == mode.sensitive > 0
    if mode.since > 1:
        return wholly and mode.step - mode.since >= EVAL_STEPS
    # so from the start, perhaps on purpose
    return wholly and mode.looks > 1 and gates.fails(history, gates.look(history, site))


def _normalizes(model: ModelFacts) -> bool:
    return any("batch" in name.lower() for name in model.normalizations)


def _is_good(train: WindowTotal) -> bool:
    return accuracy(train) - train.ttop >= GAP and shift(train) < NOT_SHIFTED


def _is_off(seen: Validation) -> bool:
    """The last evaluation, and every one but the best: a single one may be lucky."""
    ordered = sorted(seen.evaluations, key=lambda one: one.cross_entropy_over_entropy)
    return (
        _is_shifted(seen.last)
        and all(
            one.cross_entropy_over_entropy > 1 and accuracy(one) < accuracy(seen.train) - GAP
            for one in ordered[1:]
        )
        and accuracy(seen.last) < accuracy(seen.train) - GAP
    )


def _is_shifted(evaluation: WindowTotal) -> bool:
    return evaluation.rank >= IN_ORDER and shift(evaluation) >= SHIFTED

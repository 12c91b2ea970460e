"""unscaled-inputs (CM303)

## What it checks
Whether the features come in raw and very different (or very large) scales, where that is what keeps
a model from being trained.

## Why it matters
A step that is right for the widest feature does nothing for a narrow one, and one that is right for
the narrow one jumps about along the wide one. A solver then gives up before it has arrived, and a
network stays at, or falls to, a constant answer.

## How it is measured
The standard deviations of what enters the first layer (or of the training rows of an estimator)
span more than a factor of 1,000, or the 99th percentile of the absolute values is above 20, with no
normalising layer or scaler. And it must matter: a solver gave up at its limit of iterations; or,
where steps are seen, nearly all predictions are one class twice running, or the loss is that of a
constant answer or worse after an epoch and 200 steps, and gets no better. Silent while a model
learns, whatever it is given. Steps of plain gradient descent grow with the inputs: updates that
would be no more than a tenth of the weights with inputs of one scale are the scale's doing, and not
the learning rate's; units that they have killed or saturated are no story of their own.

## Known limits
Integers (tokens) and sparse rows are not looked at. That the scale is the reason follows from its
size, not from a trial.

## Example
    model = nn.Linear(2, 2)                  # x[:, 1] is an income in cents, x[:, 0] an age
    loss = nn.CrossEntropyLoss()(model(x), y)

## Use instead
    x = (x - x_train.mean(0)) / x_train.std(0)

## Fix safety
Needs review: the same scaling is needed wherever the model is used. In scikit-learn a pipeline
takes it along.

## References
LeCun, Bottou, Orr and Müller, Efficient BackProp (1998), section 4.3; scikit-learn, Preprocessing
data.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import InputFacts
from ..statistics import number, round_measured
from . import gates
from .base import SYMPTOMS
from .models import model_behind
from .scales import STD_RATIO, raw_inputs, std_ratio


class UnscaledInputs:
    code = "CM303"
    name = "unscaled-inputs"
    says = "raw feature scales that keep a model from being trained"
    explains: tuple[str, ...] = (
        "dead-relu",
        "vanishing-gradients",
        "wrong-loss",
        "class-imbalance",
        *SYMPTOMS,
    )

    def missing(self, history: History) -> str | None:
        if not any(history.inputs(facts.model) for facts in history.models()):
            return "no inputs were seen"
        return None

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in history.sites():
            model = model_behind(history, history.loss_facts(site))
            found = None if model is None else raw_inputs(history, model.model)
            trouble = None if found is None else _trouble(history, site)
            if found is not None and trouble is not None:
                yield self._diagnosis(history, site, found, *trouble)

    def _diagnosis(
        self, history: History, site: str, inputs: InputFacts, evidence: Evidence, since: int
    ) -> Diagnosis:
        fitted = history.fitted(site)
        ratio = std_ratio(inputs)
        message = (
            f"features differ {number(round_measured(ratio))}-fold in scale"
            if ratio > STD_RATIO
            else f"inputs go up to {number(max(abs(inputs.minimum), abs(inputs.maximum)))}"
        )
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error" if fitted is None else "warning",
            confidence="likely",
            message=message,
            evidence=(_scales(inputs), evidence),
            step=history.steps if fitted is None else fitted.step,
            since_step=since,
            remedy=_remedy(inputs),
            target="model",
            site=site,
        )


def _remedy(inputs: InputFacts) -> Remedy:
    measured = {
        "inputs": inputs.kind,
        "minimum": inputs.minimum,
        "maximum": inputs.maximum,
        "constant": inputs.constant_features,
    }
    return Remedy("scale-inputs", "bring the features to one scale", measured)


def _trouble(history: History, site: str) -> tuple[Evidence, int] | None:
    """What goes wrong at a site, and since which step; None where the scales do no harm."""
    fitted = history.fitted(site)
    if fitted is not None:
        text = f"the solver gave up after {fitted.iterations:,} of at most {fitted.limit:,} rounds"
        values = {"iterations": float(fitted.iterations), "limit": float(fitted.limit)}
        first = max(fitted.step - fitted.iterations + 1, 1)
        return None if fitted.converged else (Evidence(text, values), first)
    look = gates.look(history, site) if site in gates.classification_sites(history) else None
    if look is None or gates.gets_better(history, look):
        return None
    one_class = gates.predicts_one_class(look) and not gates.only_threshold_is_off(history, look)
    worse = gates.worse_than_prior(look) and look.last.last_step >= gates.NOT_LEARNING_STEPS
    if not one_class and not worse and not gates.learns_nothing(history, look):
        return None
    over = look.last.cross_entropy_over_entropy
    text = f"loss {number(over)} x a constant answer's after {look.last.last_step:,} steps"
    return Evidence(text, {"cross_entropy_over_entropy": over}), look.before.first_step


def _scales(inputs: InputFacts) -> Evidence:
    known = [value for value in inputs.feature_std if value > 0]
    if not known:
        return Evidence(f"99% of values below {number(inputs.p99)}", {"p99": inputs.p99})
    low, high = min(known), max(known)
    return Evidence(
        f"standard deviations {number(low)} (feature {inputs.narrowest}) to {number(high)} "
        f"(feature {inputs.widest})",
        {"narrowest_std": low, "widest_std": high, "p99": inputs.p99},
    )

"""label-encoding (CM405)

## What it checks
Whether the labels are written in the way that the loss reads: class indices or one column per
class, whole numbers or floating point.

## Why it matters
Mostly the loss call raises, with words about data types. A cross entropy over a single output does
not: its loss is 0 whatever the model says, and nothing is learned.

## How it is measured
Shapes and data types of outputs and targets at the loss call, also where it raised. Certain.

## Known limits
Exclusive classes as independent binary ones train, if not well, and are not reported.

## Example
    loss = nn.CrossEntropyLoss()(model(x), y.float())    # class indices as floating point

## Use instead
    loss = nn.CrossEntropyLoss()(model(x), y.long())

## Fix safety
Needs review: a cast keeps whole numbers as they are, but what the labels mean is the user's to
know.

## References
PyTorch, CrossEntropyLoss: class indices are integers, class probabilities floating point.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LossFacts, LossRaised
from .base import SYMPTOMS
from .raised import TAKES_COLUMNS, TAKES_INDICES, Problem, raised_problems
from .wording import loss_name, shape


class LabelEncoding:
    code = "CM405"
    name = "label-encoding"
    says = "labels in another form than the loss reads (index, one-hot, data type)"
    explains: tuple[str, ...] = (
        "vanishing-gradients",
        "wrong-loss",
        "class-imbalance",
        *SYMPTOMS,
    )

    def missing(self, history: History) -> str | None:
        return None if history.sites() or history.raised() else "no loss was seen"

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in history.sites():
            facts = history.loss_facts(site)
            if facts is not None and _single_column(facts):
                yield self._diagnosis(
                    f"{loss_name(history, facts.loss)} over one output is always 0",
                    [
                        Evidence(f"outputs {shape(facts.input_shape)}; one per class are needed"),
                        Evidence(f"labels {shape(facts.target_shape)}"),
                    ],
                    max(facts.step, history.steps),
                    facts.step,
                    Remedy("widen-output", "one output per class: 2", {"classes": 2}),
                    facts.site,
                )
        for record in raised_problems(history, Problem.ENCODING):
            yield self._raised(history, record)

    def _raised(self, history: History, record: LossRaised) -> Diagnosis:
        target, wanted = _dtype(record.target_dtype), _wanted(record)
        if record.loss in TAKES_COLUMNS:
            message = f"class indices; the loss wants {record.input_shape[-1]} columns"
            remedy = _other_loss("class indices", "SparseCategoricalCrossentropy")
        elif record.input_shape == record.target_shape and record.loss.startswith("sparse"):
            message = f"labels in {record.target_shape[-1]} columns; the loss wants class indices"
            remedy = _other_loss("one column per class", "CategoricalCrossentropy")
        elif record.input_shape == record.target_shape or record.loss in TAKES_INDICES:
            message = f"labels are {target}; the loss wants {wanted}"
            cast = "long" if wanted == "int64" else "float"
            remedy = Remedy("cast-labels", f"give the labels as {wanted}", {"dtype": cast})
        else:
            classes = record.input_shape[-1]
            message = f"class indices; the loss wants {classes} columns"
            remedy = Remedy("widen-output", f"the loss for {classes} classes", {"classes": classes})
        evidence = [
            Evidence(f"outputs {shape(record.input_shape)} {_dtype(record.input_dtype)}"),
            Evidence(f"labels {shape(record.target_shape)} {target}"),
            Evidence(f"loss {loss_name(history, record.loss)}"),
        ]
        return self._diagnosis(message, evidence, record.step, record.step, remedy, None)

    def _diagnosis(
        self,
        message: str,
        evidence: list[Evidence],
        step: int,
        since: int,
        remedy: Remedy,
        site: str | None,
    ) -> Diagnosis:
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="certain",
            message=message,
            evidence=tuple(evidence),
            step=step,
            since_step=since,
            remedy=remedy,
            target="labels",
            site=site,
            structural=True,
        )


def _single_column(facts: LossFacts) -> bool:
    """A softmax over it is a matter of its own: `single-unit-softmax`."""
    return (
        facts.loss in ("cross_entropy", *TAKES_COLUMNS)
        and len(facts.input_shape) > 1
        and facts.input_shape[1] == 1
        and "softmax" not in facts.activations[:1]
    )


def _other_loss(labels: str, new: str) -> Remedy:
    return Remedy("change-loss", f"the loss that reads {labels}", {"new": new})


def _dtype(name: str) -> str:
    return name.removeprefix("torch.")


def _wanted(record: LossRaised) -> str:
    """The data type in which this loss takes these labels."""
    by_index = record.loss in TAKES_INDICES and record.input_shape != record.target_shape
    return "int64" if by_index else _dtype(record.input_dtype)

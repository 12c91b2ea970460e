"""labels-out-of-range (CM306)

## What it checks
Whether labels name classes that the loss does not have: binary targets outside [0, 1], labels 1..K
for K outputs, -1 and +1, many classes into a single output.

## Why it matters
A binary cross entropy has no lower bound on such targets: the loss falls below zero and all outputs
run to the same side. A cross entropy raises, or on other devices reads past the end.

## How it is measured
The lowest and highest target over all batches at the loss call, and the number of labels that name
no class; among one-hot rows those that are all zeros, in 1% of the samples or more. Certain from
the first batch that shows them. A loss call that raises for them is explained with the same words.

## Known limits
Soft labels, label smoothing and mixup lie inside [0, 1] and are not reported, nor are labels that
noise has moved by up to a quarter beyond, nor ignored indices, nor rows of zeros that fill up
sequences. Which labels were meant is guessed from the range alone; of how many classes rows of
zeros stand for, one is certain.

## Example
    loss = nn.BCEWithLogitsLoss()(model(x), y)               # y is -1 or 1

## Use instead
    loss = nn.BCEWithLogitsLoss()(model(x), (y > 0).float())

## Fix safety
Needs review: the meaning of the labels is the user's to know.

## References
PyTorch, BCELoss: "the targets y should be numbers between 0 and 1"; CrossEntropyLoss: "class
indices in [0, C)".
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LossFacts, LossRaised
from ..statistics import number, percent
from .base import SYMPTOMS
from .raised import BINARY, TAKES_COLUMNS, TAKES_INDICES, Problem, raised_problems
from .wording import loss_name

# Room for labels that are noisy on purpose: those of GANs come with 0.05 times a uniform number on
# top, or between 0.7 and 1.2, as people have made of the smoothing of Salimans et al. (Improved
# Techniques for Training GANs, 2016). What names another class is one or more away.
TOLERANCE = 0.25
# One row of zeros among many may be a sample that is to be ignored.
ROWS_OF_ZEROS = 0.01
# The highest value of an 8-bit mask, which stands for "yes" rather than for class 255.
MASK = 255


class LabelsOutOfRange:
    code = "CM306"
    name = "labels-out-of-range"
    says = "labels that name no class of the loss (1..K, -1/+1, 0..9 into one unit)"
    explains: tuple[str, ...] = (
        "non-finite",
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
        for site in history.sites():
            facts = history.loss_facts(site)
            if facts is not None and facts.loss in BINARY:
                if facts.target_min < -TOLERANCE or facts.target_max > 1 + TOLERANCE:
                    yield self._binary(history, facts)
            elif facts is not None and facts.loss in (*TAKES_INDICES, *TAKES_COLUMNS):
                outside = sum(window.out_of_range for window in history.windows(site))
                in_rows = facts.target_kind in ("one-hot", "probabilities")
                if outside and not in_rows:
                    yield self._indices(history, facts, outside)
                elif outside and len(facts.target_shape) == 2:
                    yield from self._rows(history, facts, outside)
        for record in raised_problems(history, Problem.LABEL_RANGE):
            yield self._raised(history, record)

    def _binary(self, history: History, facts: LossFacts) -> Diagnosis:
        low, high = facts.target_min, facts.target_max
        windows = history.windows(facts.site)
        outside = sum(window.out_of_range for window in windows)
        samples = sum(window.samples for window in windows)
        evidence = [_range(low, high, f"{loss_name(history, facts.loss)} takes 0 to 1")]
        if outside and samples:
            evidence.append(
                Evidence(
                    f"{outside:,} of {samples:,} targets lie outside",
                    {"outside": float(outside), "samples": float(samples)},
                )
            )
        negative = min(history.loss_values(facts.site)[1], default=0.0)
        if negative < 0:
            evidence.append(
                Evidence(
                    f"loss down to {number(negative)}; it should never be below 0",
                    {"loss": negative},
                )
            )
        return self._diagnosis(
            f"targets {low:g} to {high:g}; the loss takes 0 to 1",
            evidence,
            max(facts.step, history.steps),
            facts.step,
            binary_remedy(low, high),
            facts.site,
        )

    def _indices(self, history: History, facts: LossFacts, outside: int) -> Diagnosis:
        return self._diagnosis(
            f"{outside:,} labels name none of the {facts.classes} classes",
            [_range(facts.target_min, facts.target_max, f"allowed are 0 to {facts.classes - 1}")],
            max(facts.step, history.steps),
            facts.step,
            index_remedy(facts.target_min, facts.target_max, facts.classes),
            facts.site,
        )

    def _rows(self, history: History, facts: LossFacts, outside: int) -> Iterable[Diagnosis]:
        named = sum(window.samples for window in history.windows(facts.site))
        samples = named + outside  # windows count what has a class
        if outside < ROWS_OF_ZEROS * samples:
            return
        wanted = facts.classes + 1
        title = f"a column and an output for each class: {wanted}"
        evidence = Evidence(
            f"{percent(outside / samples)} of the labels belong to none of {facts.classes} columns",
            {"outside": float(outside), "samples": float(samples)},
        )
        yield self._diagnosis(
            f"{outside:,} of {samples:,} one-hot labels are all zeros",
            [evidence],
            max(facts.step, history.steps),
            facts.step,
            Remedy("widen-output", title, {"classes": wanted}),
            facts.site,
        )

    def _raised(self, history: History, record: LossRaised) -> Diagnosis:
        low, high = record.target_min, record.target_max
        for site in history.sites():  # earlier batches may have held labels that this one lacks
            facts = history.loss_facts(site)
            if facts is not None and facts.loss == record.loss:
                low, high = min(low, facts.target_min), max(high, facts.target_max)
        if record.loss in BINARY:
            remedy = binary_remedy(low, high)
            message = f"targets {low:g} to {high:g}; the loss takes 0 to 1"
            wanted = f"{loss_name(history, record.loss)} takes 0 to 1"
        elif record.loss in TAKES_COLUMNS:
            return self._columns(record)
        else:
            classes = (
                record.input_shape[1] if len(record.input_shape) > 1 else record.input_shape[0]
            )
            remedy = index_remedy(low, high, classes)
            outputs = f"{classes} outputs" if classes > 1 else "1 output"
            message = f"labels {low:g} to {high:g} for {outputs}"
            wanted = (
                f"{outputs} take 0 to {classes - 1}" if classes > 1 else "one output takes only 0"
            )
        return self._diagnosis(
            message, [_range(low, high, wanted)], record.step, record.step, remedy, None
        )

    def _columns(self, record: LossRaised) -> Diagnosis:
        outputs, columns = record.input_shape[-1], record.target_shape[-1]
        wanted = max(outputs, columns)
        title = f"a column and an output for each class: {wanted}"
        return self._diagnosis(
            f"one-hot labels of {columns} classes for {outputs} outputs",
            [Evidence(f"labels {record.target_shape}, outputs {record.input_shape}")],
            record.step,
            record.step,
            Remedy("widen-output", title, {"classes": wanted}),
            None,
        )

    def _diagnosis(
        self,
        message: str,
        evidence: list[Evidence],
        step: int,
        since: int,
        remedy: Remedy | None,
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


def _range(low: float, high: float, wanted: str) -> Evidence:
    return Evidence(
        f"labels {low:g} to {high:g}; {wanted}",
        {"target_min": low, "target_max": high},
    )


def binary_remedy(low: float, high: float) -> Remedy | None:
    """For targets of a binary loss; None where the range does not tell what was meant."""
    if low < 0 or (low >= 0 and high == MASK):
        return Remedy("binarize-labels", "turn the labels into 0 and 1")
    if low == 1 and high == 2:
        return Remedy("shift-labels", "count the classes from 0", {"offset": 1})
    if high == int(high) and low == int(low):
        classes = int(high) + 1
        return Remedy("widen-output", f"one output per class: {classes}", {"classes": classes})
    return None


def index_remedy(low: float, high: float, classes: int) -> Remedy | None:
    """For class indices; None where labels below 0 leave open what was meant."""
    if low < 0:
        return None
    if low >= 1 and high - low < classes and high == classes:
        return Remedy("shift-labels", "count the classes from 0", {"offset": 1})
    wanted = int(high) + 1
    return Remedy("widen-output", f"one output per class: {wanted}", {"classes": wanted})

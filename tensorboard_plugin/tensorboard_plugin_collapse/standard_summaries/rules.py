"""The rules that standard summaries can feed, under the names that they have everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from collapse_magic import rules
from collapse_magic.findings import Diagnosis
from collapse_magic.history import History
from collapse_magic.rules.base import Rule

from . import gradients, held_out, learning, one_class
from .seen import Seen, fact
from .training import Training

MARK = "from standard summaries"
NEEDS_PREDICTIONS = "standard summaries do not show it"
MOST_NAMED = 60  # characters of the series that a finding rests on

Check = Callable[[Training], Iterable[Seen]]
Missing = Callable[[Training], str | None]


class _OfTable:
    """A rule under its name in the table, for one training."""

    def __init__(self, rule: Rule, training: Training) -> None:
        self.code = rule.code
        self.name = rule.name
        self.says = rule.says
        self.explains = rule.explains
        self.training = training


class StandardRule(_OfTable):
    """A rule of the table, checked on a training's standard summaries."""

    def __init__(self, rule: Rule, training: Training, missing: Missing, look: Check) -> None:
        super().__init__(rule, training)
        self._missing = missing
        self._look = look

    def missing(self, history: History) -> str | None:  # noqa: ARG002 - what a rule is asked
        return self._missing(self.training)

    def check(self, history: History) -> Iterable[Diagnosis]:  # noqa: ARG002
        for seen in self._look(self.training):
            yield Diagnosis(
                rule=self.name,
                code=self.code,
                severity=seen.severity,
                confidence=seen.confidence,
                message=seen.message,
                evidence=(*seen.evidence, fact(mark(seen.names))),
                step=max(seen.step, 0),
                since_step=max(seen.since, 0),
                site=seen.site or self.training.site,
            )


class Lowered(_OfTable):
    """A rule over records, where these come from standard summaries: nothing is certain there, and
    no code is at hand."""

    def __init__(self, rule: Rule, training: Training) -> None:
        super().__init__(rule, training)
        self._rule = rule

    def missing(self, history: History) -> str | None:
        return self._rule.missing(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        # What is wrong in training shows in every loss: one speaks for all.
        order = [metric.name for metric in self.training.of("loss", "train")]
        order += [metric.name for metric in self.training.of("loss", "eval")]
        found = {each.site: each for each in self._rule.check(history)}
        first = next((found[name] for name in order if name in found), None)
        if first is None:
            return
        # An evaluation over no samples is nan, too; a training is not.
        of_training = any(first.site == m.name for m in self.training.of("loss", "train"))
        yield replace(
            first,
            severity=first.severity if of_training else "warning",
            confidence="likely" if of_training else "to check",
            evidence=(*first.evidence, fact(mark([first.site or ""]))),
            remedy=None,
        )


def mark(names: Iterable[str]) -> str:
    """Says where a finding comes from."""
    text = ", ".join(name for name in names if name)
    if len(text) > MOST_NAMED:
        text = text[: MOST_NAMED - 1] + "…"
    return f"{MARK}: {text}" if text else MARK


def _no_loss(training: Training) -> str | None:
    return None if training.loss is not None else "no loss of the training was logged"


def _no_evaluation(training: Training) -> str | None:
    return None if training.pair is not None else "no loss of an evaluation was logged"


def _no_rate(training: Training) -> str | None:
    if not training.of("learning_rate"):
        return "no learning rate was logged"
    return _no_loss(training)


def _no_accuracies(training: Training) -> str | None:
    for phase in ("train", "eval"):
        if not training.of("accuracy", "train" if phase == "train" else "eval"):
            return "no accuracies of training and evaluation were logged"
    return _no_evaluation(training)


def _no_gradients(training: Training) -> str | None:
    if not any(layer.gradient is not None for layer in training.layers):
        return "no histograms of gradients were logged"
    return _no_loss(training)


def _no_norms(training: Training) -> str | None:
    return _no_loss(training) if training.of("gradient_norm") else _no_gradients(training)


def _no_curves(training: Training) -> str | None:
    return None if training.curves else "no PR curves were logged"


CHECKS: dict[str, tuple[Missing, Check]] = {
    "exploding-gradients": (_no_norms, gradients.exploding),
    "learning-rate-too-low": (_no_rate, learning.rate_gone),
    "vanishing-gradients": (_no_gradients, gradients.vanishing),
    "train-eval-gap": (_no_accuracies, held_out.gap),
    "overfitting": (_no_evaluation, held_out.overfitting),
    "single-class-predictions": (_no_curves, one_class.single_class),
    "not-learning": (_no_loss, learning.not_learning),
}
OVER_RECORDS = ("non-finite",)


def rules_for(training: Training) -> list[Rule]:
    """In the order of the table: the first finding is the cause."""
    found: list[Rule] = []
    for rule in rules.RULES:
        if rule.name in OVER_RECORDS:
            found.append(Lowered(rule, training))
        elif rule.name in CHECKS:
            found.append(StandardRule(rule, training, *CHECKS[rule.name]))
    return found


def out_of_reach() -> dict[str, str]:
    """The other rules, and why they cannot run."""
    known = {*CHECKS, *OVER_RECORDS}
    return {rule.name: NEEDS_PREDICTIONS for rule in rules.RULES if rule.name not in known}

"""Findings over time: since when, escalated, explained, over; and rules that fail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from collapse_magic.engine import SAMPLES_TO_RESOLVE, Engine
from collapse_magic.findings import Diagnosis, Evidence, Severity
from collapse_magic.history import History
from collapse_magic.rules import RULES
from tests.rules.hand_made import BATCHES, history_of, loss_facts, window


class FakeRule:
    """Says what it is told to say."""

    says = "for a test"

    def __init__(
        self, name: str, explains: tuple[str, ...] = (), site: str | None = "loss"
    ) -> None:
        self.name = name
        self.code = "CM999"
        self.explains = explains
        self.reason: str | None = None
        self.found: list[Diagnosis] = []
        self._site = site

    def missing(self, history: History) -> str | None:
        return self.reason

    def check(self, history: History) -> Iterable[Diagnosis]:
        return self.found

    def say(self, step: int, severity: Severity = "warning", **changes: Any) -> None:
        values: dict[str, Any] = {
            "rule": self.name,
            "code": self.code,
            "severity": severity,
            "confidence": "likely",
            "message": f"seen at {step}",
            "evidence": (Evidence("one"),),
            "step": step,
            "since_step": step,
            "site": self._site,
        }
        self.found = [Diagnosis(**{**values, **changes})]


class RaisingRule(FakeRule):
    def check(self, history: History) -> Iterable[Diagnosis]:
        yield from self.found
        raise ZeroDivisionError("division by zero")


def test_a_finding_goes_on_from_its_first_step_to_its_last() -> None:
    rule = FakeRule("bad")
    engine = Engine((rule,), history_of(loss_facts()))
    rule.say(10)
    engine.update()
    rule.say(30)
    (finding,) = engine.update()
    assert (finding.first_step, finding.last_step, finding.resolved_step) == (10, 30, None)
    assert finding.message == "seen at 30"
    assert engine.diagnosis(finding).step == 30
    assert (finding.location, finding.fix) == (None, None)


def test_a_warning_becomes_an_error() -> None:
    rule = FakeRule("bad")
    engine = Engine((rule,), history_of(loss_facts()))
    rule.say(10)
    assert engine.update()[0].severity == "warning"
    rule.say(20, "error")
    (finding,) = engine.update()
    assert (finding.severity, finding.first_step) == ("error", 10)


def test_a_finding_is_over_after_a_window_of_silence_and_may_come_back() -> None:
    # GIVEN a finding
    rule = FakeRule("bad")
    history = history_of(loss_facts(), window(0))
    engine = Engine((rule,), history)
    rule.say(BATCHES)
    engine.update()

    # WHEN its rule falls silent for less than a window, it stays open
    rule.found = []
    history.append(window(1, labels=(100, 100)))
    assert engine.update()[0].resolved_step is None

    # WHEN the window is complete, it is over
    history.append(window(2, labels=(200, SAMPLES_TO_RESOLVE - 400)))
    assert engine.update()[0].resolved_step == 3 * BATCHES
    # (and is no rule that found nothing)
    assert engine.clear == ()

    # WHEN it is seen again, it is open again, since the first time
    rule.say(4 * BATCHES)
    (finding,) = engine.update()
    assert (finding.resolved_step, finding.first_step) == (None, BATCHES)


def test_a_finding_on_a_long_stretch_is_not_over_after_a_short_one() -> None:
    rule = FakeRule("bad")
    history = history_of(loss_facts(), *(window(index) for index in range(4)))
    engine = Engine((rule,), history)
    rule.say(4 * BATCHES, since_step=1)
    engine.update()
    rule.found = []
    history.append(window(4))
    assert engine.update()[0].resolved_step is None
    assert engine.update(final=True)[0].resolved_step is None
    history.append(window(5))
    assert engine.update()[0].resolved_step is None
    # at the end half of it has to do, since more will not come
    assert engine.update(final=True)[0].resolved_step == 6 * BATCHES


class SureRule(FakeRule):
    """Knows itself when it is over."""

    over = False

    def is_over(self, history: History, diagnosis: Diagnosis) -> bool:
        return self.over


def test_silence_is_not_enough_for_a_rule_that_knows_when_it_is_over() -> None:
    rule = SureRule("bad")
    history = history_of(loss_facts(), window(0))
    engine = Engine((rule,), history)
    rule.say(BATCHES)
    engine.update()
    rule.found = []
    history.append(window(1))
    assert engine.update(final=True)[0].resolved_step is None
    rule.over = True
    assert engine.update()[0].resolved_step == 2 * BATCHES


def test_what_was_wired_wrongly_is_over_as_soon_as_it_is_right() -> None:
    rule = FakeRule("bad")
    engine = Engine((rule,), history_of(loss_facts(), window(0)))
    rule.say(1, structural=True)
    engine.update()
    rule.found = []
    assert engine.update()[0].resolved_step == BATCHES


def test_causes_come_in_the_order_of_the_rules_and_symptoms_after_them() -> None:
    # GIVEN two causes and two symptoms, found in another order
    first = FakeRule("first", explains=("symptom", "both"))
    second = FakeRule("second", explains=("both",))
    symptom, both = FakeRule("symptom"), FakeRule("both")
    for rule in (first, second, symptom, both):
        rule.say(5)
    engine = Engine((first, second, symptom, both), history_of(loss_facts()))

    # THEN the first cause explains what two could
    findings = engine.update()
    assert [found.rule for found in findings] == ["first", "second", "symptom", "both"]
    assert [found.explained_by for found in findings] == [None, None, "first", "first"]


def test_a_cause_explains_nothing_at_another_site_and_nothing_as_a_mere_note() -> None:
    cause, symptom = FakeRule("cause", explains=("symptom",)), FakeRule("symptom")
    engine = Engine((cause, symptom), history_of(loss_facts()))
    symptom.say(5, site="elsewhere")
    cause.say(5)
    assert [found.explained_by for found in engine.update()] == [None, None]
    symptom.say(5)
    cause.say(5, "info")
    here = {found.rule: found for found in engine.update() if found.site == "loss"}
    assert here["symptom"].explained_by is None
    # and a note comes after all the rest
    assert engine.update()[-1].rule == "cause"


def test_a_cause_that_is_over_explains_nothing_that_goes_on() -> None:
    cause, symptom = FakeRule("cause", explains=("symptom",)), FakeRule("symptom")
    engine = Engine((cause, symptom), history_of(loss_facts(), window(0)))
    cause.say(5, structural=True)
    symptom.say(5)
    assert [found.explained_by for found in engine.update()] == [None, "cause"]
    cause.found = []
    findings = engine.update()
    assert [(found.rule, found.explained_by) for found in findings] == [
        ("symptom", None),
        ("cause", None),
    ]


def test_a_rule_that_raises_is_skipped_with_its_reason_and_the_others_run() -> None:
    broken, good, silent = RaisingRule("broken"), FakeRule("good"), FakeRule("silent")
    broken.say(1)
    good.say(1)
    engine = Engine((broken, good, silent), history_of(loss_facts()))
    assert [found.rule for found in engine.update()] == ["good"]
    assert engine.skipped == {"broken": "the rule failed: ZeroDivisionError: division by zero"}
    assert engine.clear == ("silent",)


def test_a_rule_that_cannot_run_yet_says_why_until_it_can() -> None:
    rule = FakeRule("bad")
    rule.reason = "no layer statistics were taken"
    engine = Engine((rule,), history_of(loss_facts()))
    assert engine.update() == ()
    assert engine.skipped == {"bad": "no layer statistics were taken"}
    assert engine.clear == ()
    rule.reason = None
    engine.update()
    assert engine.skipped == {}
    assert engine.clear == ("bad",)


def test_nothing_observed_is_nothing_found() -> None:
    engine = Engine(RULES, History())
    assert engine.update(final=True) == ()
    assert set(engine.skipped) == {rule.name for rule in RULES}


def test_explanations_lead_to_one_cause() -> None:
    """A symptom of a symptom is a symptom of the cause, so that nesting is one level deep."""
    by_name = {rule.name: rule for rule in RULES}
    place = {rule.name: index for index, rule in enumerate(RULES)}
    for rule in RULES:
        for symptom in rule.explains:
            assert place[symptom] > place[rule.name], "causes come before their symptoms"
            assert set(by_name[symptom].explains) <= set(rule.explains)


@pytest.mark.parametrize("final", [False, True])
def test_asking_twice_changes_nothing(final: bool) -> None:
    engine = Engine(RULES, history_of(loss_facts(activations=("softmax",)), window(0)))
    assert engine.update(final) == engine.update(final)

"""The table: names, codes, selection, explanations."""

from __future__ import annotations

import importlib
import re

import pytest

from collapse_magic.rules import RULES, UnknownRule, explanation, select

HEADINGS = [
    "What it checks",
    "Why it matters",
    "How it is measured",
    "Known limits",
    "Example",
    "Use instead",
    "Fix safety",
    "References",
]


def names(rules: object) -> list[str]:
    return [rule.name for rule in rules]  # type: ignore[attr-defined]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_a_file_of_its_own_name_that_explains_itself(rule: object) -> None:
    name, code = rule.name, rule.code  # type: ignore[attr-defined]
    module = importlib.import_module(f"collapse_magic.rules.{name.replace('-', '_')}")
    assert type(rule).__module__ == module.__name__
    text = explanation(name)
    assert text == explanation(code.lower())
    assert text.splitlines()[0] == f"{name} ({code})"
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert not re.search(r"^## .+\n\n", text, re.MULTILINE), "no heading stands over nothing"
    assert max(map(len, text.splitlines())) <= 100


def test_names_and_codes_are_used_once() -> None:
    assert len({rule.name for rule in RULES}) == len({rule.code for rule in RULES}) == len(RULES)
    assert {rule.code: rule.name for rule in RULES} == {
        "CM101": "single-class-predictions",
        "CM102": "missing-class",
        "CM103": "constant-output",
        "CM104": "not-learning",
        "CM105": "overfitting",
        "CM106": "train-eval-gap",
        "CM201": "vanishing-gradients",
        "CM202": "exploding-gradients",
        "CM203": "dead-relu",
        "CM204": "non-finite",
        "CM205": "bad-initialization",
        "CM206": "low-capacity",
        "CM301": "class-imbalance",
        "CM302": "one-class-batches",
        "CM303": "unscaled-inputs",
        "CM304": "noisy-labels",
        "CM305": "one-class-labels",
        "CM306": "labels-out-of-range",
        "CM307": "unmasked-padding",
        "CM401": "double-activation",
        "CM402": "missing-activation",
        "CM403": "single-unit-softmax",
        "CM404": "label-shape-broadcast",
        "CM405": "label-encoding",
        "CM406": "wrong-loss",
        "CM407": "misweighted-loss",
        "CM408": "learning-rate-too-high",
        "CM409": "learning-rate-too-low",
        "CM410": "missing-zero-grad",
        "CM411": "broken-graph",
        "CM412": "optimizer-mismatch",
        "CM413": "frozen-parameters",
        "CM414": "no-optimizer-step",
        "CM415": "over-regularized",
        "CM416": "undertrained",
        "CM417": "output-activation",
        "CM418": "wrong-threshold",
    }


def test_without_words_all_rules_run() -> None:
    assert select() == RULES


def test_rules_are_named_by_name_code_or_the_beginning_of_codes() -> None:
    assert names(select(["class-imbalance"])) == ["class-imbalance"]
    assert names(select([" CM301 "])) == ["class-imbalance"]
    assert names(select(["cm3"])) == [
        "labels-out-of-range", "one-class-labels", "unscaled-inputs", "one-class-batches",
        "unmasked-padding", "noisy-labels", "class-imbalance",
    ]  # fmt: skip
    assert names(
        select(["CM30"], ["labels-out-of-range", "CM302", "CM303", "CM304", "CM305", "CM307"])
    ) == ["class-imbalance"]
    assert len(select(ignore=["CM4"])) == len(
        [rule for rule in RULES if not rule.code.startswith("CM4")]
    )


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("class-imbalence", "did you mean class-imbalance?"),
        ("double_activation", "did you mean double-activation?"),
        ("CM3011", "did you mean CM301?"),
        ("CM9", "did you mean CM"),
        ("", "known are labels-out-of-range"),
        ("xyz", "known are labels-out-of-range"),
    ],
)
def test_an_unknown_word_is_answered_with_the_nearest(word: str, hint: str) -> None:
    with pytest.raises(UnknownRule, match=re.escape(hint)):
        select([word])
    with pytest.raises(UnknownRule):
        select(ignore=[word])
    with pytest.raises(ValueError, match="no rule is named"):
        explanation(word)

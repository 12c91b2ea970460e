"""Rules of other packages: really installed ones, in a folder of their own."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import torch
from torch import nn

from collapse_magic import rules, watch_training
from collapse_magic.rules.added import added_rules

from .programs import blobs, fit

PAGE = (Path(__file__).parents[2] / "docs" / "adding-rules.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
Install = Callable[[Mapping[str, str], Mapping[str, str]], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution: modules by name, and entry points."""

    def installed(modules: Mapping[str, str], points: Mapping[str, str]) -> None:
        about = tmp_path / "more_rules-1.0.dist-info"
        about.mkdir()
        about.joinpath("METADATA").write_text(
            "Metadata-Version: 2.1\nName: more-rules\nVersion: 1.0\n"
        )
        listed = "".join(f"{name} = {value}\n" for name, value in points.items())
        about.joinpath("entry_points.txt").write_text(f"[collapse_magic.rules]\n{listed}")
        for name, source in modules.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        monkeypatch.syspath_prepend(tmp_path)
        added_rules.cache_clear()

    added_rules.cache_clear()
    yield installed
    added_rules.cache_clear()


def test_without_other_packages_there_are_the_built_in_ones(install: Install) -> None:
    assert rules.every() == rules.RULES and rules.problems() == ()


def train(tmp_path: Path, batch: int) -> object:
    x, y = blobs()
    model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    with watch_training(logdir=str(tmp_path / "runs"), quiet=True, budget=100) as watch:
        fit(model, nn.CrossEntropyLoss(), x, y, epochs=1, batch=batch)
    return watch.report


def test_the_example_of_the_docs_runs_beside_the_others(install: Install, tmp_path: Path) -> None:
    # GIVEN the package of the docs, installed
    install({"tiny_batches": EXAMPLE}, {"tiny-batches": "tiny_batches:TinyBatches"})
    assert rules.problems() == ()

    # THEN it is chosen and explained as the others are
    assert [rule.name for rule in rules.select(["TB"])] == ["tiny-batches"]
    assert [rule.name for rule in rules.select(["tiny-batches"])] == ["tiny-batches"]
    assert "tiny-batches" not in {rule.name for rule in rules.select(ignore=["tb001"])}
    assert rules.explanation("TB001").startswith("tiny-batches (TB001)\n")
    with pytest.raises(rules.UnknownRule, match="did you mean tiny-batches"):
        rules.select(["tiny-batch"])

    # WHEN a training is watched
    torch.manual_seed(0)
    (finding,) = [f for f in train(tmp_path, 4).findings if f.rule == "tiny-batches"]  # type: ignore[attr-defined]

    # THEN it has its say
    assert finding.message == "batch normalisation on 4 samples"
    assert "tiny-batches" in train(tmp_path, 50).clear  # type: ignore[attr-defined]


BROKEN = {
    "raises": ("raise RuntimeError('no such thing')", "RuntimeError: no such thing"),
    "imports": ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
    "is half a rule": (
        "class Rule:\n    code, name, says, explains = 'X1', 'x', 'x', ()",
        "TypeError: it lacks missing(), check()",
    ),
    "takes a name": (
        EXAMPLE.replace('"tiny-batches"', '"dead-relu"').replace("TinyBatches", "Rule"),
        "ValueError: there is a rule dead-relu already",
    ),
    "is not there": ("", "AttributeError"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_rule_that_cannot_be_loaded_is_one_sentence(
    case: str, install: Install, tmp_path: Path
) -> None:
    source, says = BROKEN[case]
    module = "broken_" + case.replace(" ", "_")
    install({module: source}, {"mine": f"{module}:Rule"})
    (problem,) = rules.problems()
    assert problem.startswith(f"the rule 'mine' ({module}:Rule) was not loaded: {says}")
    assert "\n" not in problem
    assert rules.select() == rules.RULES
    report = train(tmp_path, 50)
    assert problem in report.notes and report.steps == 20  # type: ignore[attr-defined]


def test_a_rule_that_raises_is_one_that_could_not_run(install: Install, tmp_path: Path) -> None:
    source = """
    class Rule:
        code, name, says, explains = "X1", "always-wrong", "raises", ()
        def missing(self, history):
            return None
        def check(self, history):
            raise KeyError("there")
    """
    install({"always_wrong": source}, {"mine": "always_wrong:Rule"})
    report = train(tmp_path, 50)
    assert report.skipped["always-wrong"] == "the rule failed: KeyError: 'there'"  # type: ignore[attr-defined]
    assert report.steps == 20  # type: ignore[attr-defined]

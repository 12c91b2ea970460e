"""Every style is seen as it says, and goes on exactly as if nobody watched."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from collapse_magic.config import WatchConfig
from collapse_magic.probes import schedule
from collapse_magic.records import EpochEnded, LayerStatistics, LossFacts, ModelFacts

from . import STYLES
from .table import PAGE, amounts, last_looks, table
from .watching import Run, observed, plain, run


@pytest.fixture(scope="module", autouse=True)
def unfrozen_afterwards() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.mark.parametrize("name", STYLES)
def test_what_is_seen_is_what_happened(name: str) -> None:
    style, watched = STYLES[name], observed(name)
    account, report = watched.account, watched.report
    assert report is not None and report.notes == () and list(report.findings) == []
    assert len({facts.site for facts in watched.of(LossFacts)}) == (
        0 if "loss" in style.unseen else style.sites
    )
    there = amounts(watched)
    assert {aspect: there[aspect] for aspect in style.unseen} == dict.fromkeys(style.unseen, 0)
    if "loss" not in style.unseen:
        assert_losses(watched)
    if "predictions" not in style.unseen:
        assert watched.counted("train") == account.train
    assert report.steps == account.steps
    if "epochs" not in style.unseen:
        ends = [(record.epoch, record.step) for record in watched.of(EpochEnded)]
        assert ends == list(enumerate(account.epochs, start=1))
    if "layers" not in style.unseen:
        assert_layers(watched)
        last = {facts.site: facts for facts in watched.of(LossFacts)}
        assert all(facts.model and facts.line for facts in last.values())
    if "evaluation" not in style.unseen:
        assert watched.counted("eval") == account.evaluation


def assert_losses(watched: Run) -> None:
    """Every site has the losses of its backwards in order; together they are all there are."""
    sites, account = watched.values(), watched.account.losses
    together: Counter[tuple[int, float]] = Counter()
    for values in sites:
        rest = iter(account)
        assert all(pair in rest for pair in values)
        together |= Counter(values)
    assert together == Counter(account)


def assert_layers(watched: Run) -> None:
    """All layers by name, looked at in every step; their norms are those of the final weights."""
    steps = {look.step for look in watched.of(LayerStatistics)}
    assert steps == set(range(1, watched.account.steps + 1))
    facts = {model.model: model for model in watched.of(ModelFacts)}
    found = [
        {
            layer.name: norm
            for layer, norm in zip(facts[look.model].layers, look.weight_norm, strict=True)
        }
        for look in last_looks(watched)
    ]
    wanted = watched.account.layers
    assert len(found) == len(wanted)
    for norms in wanted:
        assert any(norms == pytest.approx(other, rel=1e-3) for other in found)


def assert_same(one: Run, other: Run) -> None:
    """Bit for bit."""
    assert one.account.told() == other.account.told()
    weights = zip(one.account.weights, other.account.weights, strict=True)
    assert all(torch.equal(a, b) for a, b in weights)
    states = zip(one.random, other.random, strict=True)
    assert all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in states)


@pytest.mark.parametrize("name", STYLES)
def test_watching_changes_nothing_and_leaves_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwatched, runs = plain(name), [observed(name)]
    if not STYLES[name].slow:
        monkeypatch.setattr(schedule.Sampler, "gap", lambda _: 2)  # counts one batch in three
        runs.append(run(STYLES[name], WatchConfig()))
        assert_rarely_counted(runs[-1])
    for watched in runs:
        assert_same(unwatched, watched)
        assert watched.left == set()
        assert watched.alive <= unwatched.alive


def assert_rarely_counted(watched: Run) -> None:
    """Of what was let pass nothing is told; steps are counted all the same."""
    assert watched.report is not None and watched.report.steps == watched.account.steps
    told = {pair for values in watched.values() for pair in values}
    assert told <= set(watched.account.losses)
    assert watched.counted("train").labels <= watched.account.train.labels


def test_the_table_in_the_docs_is_what_was_observed() -> None:
    given = table([(style, observed(name)) for name, style in STYLES.items()])
    assert PAGE.read_text("utf-8") == given, "run `python -m tests.styles`"

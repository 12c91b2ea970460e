"""Programs of a few lines, run in real kernels: what the harness makes of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from .judging import judge
from .kernels import Kernels
from .plain import check
from .running import WATCH, BrokenProgram, run
from .scenario import Scenario

SETUP = """\
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

X, y = load_iris(return_X_y=True)
labels = y * 0"""
TRAIN = """\
model = LogisticRegression()
if len(set(labels)) > 1:
    model.fit(StandardScaler().fit_transform(X), labels)"""
VERIFY = """\
predicted = model.predict(StandardScaler().fit_transform(X)) if len(set(labels)) > 1 else labels
actual = y"""
CELLS = {"setup": SETUP, "train": TRAIN, "verify": VERIFY}
FIX = {"setup": SETUP.replace("y * 0", "y")}


def program(cells: Mapping[str, str] = CELLS, fix: Mapping[str, str] = FIX) -> Scenario:
    return Scenario(
        slug="one-class-labels-2-iris",
        framework="sklearn",
        data="tabular",
        story="all labels are the same",
        loss="none",
        cause="one-class-labels",
        also=frozenset(),
        raises=None,
        backend="tensorflow",
        options="",
        holdout=False,
        fast=False,
        cells=cells,
        fix=fix,
    )


HEALTHY = replace(program({**CELLS, **FIX}, {}), cause=None)


@pytest.fixture(scope="module")
def kernels() -> Iterator[Kernels]:
    with Kernels() as kernels:
        yield kernels


def test_a_faulty_program_is_shown_to_be_faulty_and_its_fix_to_cure_it(kernels: Kernels) -> None:
    plain = check(kernels, program())
    assert not plain.wrong
    assert plain.asis.measure.skill == 0 and plain.asis.measure.top == 1
    assert plain.reference is not None and plain.reference.measure.skill > 0.9


def test_a_program_that_is_not_what_it_says_is_found_out(kernels: Kernels) -> None:
    assert "is said to be faulty" in check(kernels, program({**CELLS, **FIX})).wrong[0]
    assert "does not cure" in check(kernels, program(fix={"train": TRAIN})).wrong[0]
    assert "healthy" in check(kernels, replace(program(fix={}), cause=None)).wrong[0]
    raising = program({**CELLS, "train": "1 / 0"}, {**FIX, "train": TRAIN})
    assert "ended in ZeroDivisionError" in check(kernels, raising).wrong[0]
    assert not check(kernels, replace(raising, raises="ZeroDivisionError")).wrong


def test_cells_that_cannot_be_run_break_the_program(kernels: Kernels) -> None:
    with pytest.raises(BrokenProgram, match="setup raised"):
        run(kernels, program(), {**CELLS, "setup": "nowhere"})
    with pytest.raises(BrokenProgram, match="neither predicted"):
        run(kernels, program(), {**CELLS, "verify": "pass"})
    with pytest.raises(BrokenProgram, match="3 predictions for 2"):
        run(kernels, program(), {**CELLS, "verify": "predicted, actual = [0] * 3, [0, 1]"})


def test_kernels_share_nothing(kernels: Kernels) -> None:
    with kernels.fresh("sklearn") as first, kernels.fresh("sklearn") as second:
        first.run("left = 1; import sklearn; sklearn.left = 1")
        assert second.value("hasattr(__import__('sklearn'), 'left')") == "False"
        assert first.folder != second.folder


def test_a_healthy_program_is_watched_without_an_alarm(kernels: Kernels) -> None:
    judged = judge(kernels, HEALTHY)
    assert judged.right and judged.equal and not judged.invalid
    assert judged.fix is None and judged.steps > 0


def test_a_program_that_differs_from_run_to_run_is_of_no_use(kernels: Kernels) -> None:
    odd = "\nimport os\noutputs = list(os.urandom(8))"
    judged = judge(kernels, replace(HEALTHY, cells={**HEALTHY.cells, "verify": VERIFY + odd}))
    assert not judged.equal and judged.invalid == ("it differs from run to run",)


def test_it_is_noted_when_a_rule_first_fires(kernels: Kernels) -> None:
    setup = """\
import numpy as np
from sklearn.linear_model import LogisticRegression
random = np.random.default_rng(0)
y = (random.random(2000) < 0.05).astype(int)
X = random.normal(size=(2000, 5))
X[:, 0] += y"""
    train = "model = LogisticRegression().fit(X, y)"
    cells = {"setup": setup, "train": train, "verify": "predicted, actual = model.predict(X), y"}
    seen = run(kernels, program(), cells, watch=WATCH)
    assert seen.report is not None and seen.report["findings"]
    assert set(seen.fired) == {found["rule"] for found in seen.report["findings"]}
    for fired in seen.fired.values():
        assert 0 <= fired.evidence <= fired.said <= seen.report["steps"]

"""A scikit-learn cell in a real kernel: the card, the summary and the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.magic.kernel import Kernel

DATA = """
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler
random = np.random.default_rng(0)
y = np.where(random.random(3000) < 0.05, "fraud", "paid")
X = random.normal(size=(3000, 6))
X[:, 0] += y == "fraud"
%load_ext collapse_magic
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder: Path = tmp_path_factory.mktemp("notebook")
    kernel = Kernel(folder)
    assert kernel.run(DATA).errors == []
    yield kernel
    kernel.close()


def test_a_fit_that_the_majority_drowns(kernel: Kernel) -> None:
    outcome = kernel.run("%%watch_training\nmodel = LogisticRegression()\nmodel.fit(X, y)")
    assert outcome.status == "ok" and outcome.stderr == ""
    assert "error[CM301] class-imbalance: fraud is found in " in outcome.shown
    assert "2 | model = LogisticRegression()" in outcome.shown
    assert '+ model = LogisticRegression(class_weight="balanced")' in outcome.shown
    assert "run 'model'  1 fit, " in outcome.shown
    assert all(len(line) <= 79 for line in outcome.shown.splitlines())
    facts = kernel.value(
        "open(__import__('glob').glob('runs/model/*')[0], 'rb').read().decode('latin-1')"
    )
    assert '"framework": "sklearn ' in facts and '"class_names": ["fraud", "paid"]' in facts


def test_a_search_is_one_run_with_its_candidates(kernel: Kernel) -> None:
    outcome = kernel.run(
        "%%watch_training --no-tensorboard\n"
        "grid = GridSearchCV(LogisticRegression(class_weight='balanced'), {'C': [0.1, 1]}, cv=2)\n"
        "grid.fit(X, y);"
    )
    assert "run 'grid'  5 fits, " in outcome.shown
    assert "candidate 1 of 2: C=0.1: score " in outcome.shown
    assert "candidate 2 of 2: C=1: score " in outcome.shown


def test_a_cell_that_only_uses_its_tools_is_no_run(kernel: Kernel) -> None:
    before = kernel.runs
    outcome = kernel.run("%%watch_training\ntrain_test_split(X, y)\nStandardScaler().fit(X);")
    assert "no training was seen in this cell" in outcome.shown
    assert kernel.runs == before


def test_a_library_that_the_cell_itself_imports(kernel: Kernel) -> None:
    outcome = kernel.run(
        "%%watch_training --no-tensorboard\n"
        "from sklearn.naive_bayes import GaussianNB\n"
        "bayes = GaussianNB().fit(X, y)"
    )
    assert "1 fit, " in outcome.shown and "class-imbalance" in outcome.shown


def test_the_first_import_of_all_in_the_watched_cell(tmp_path: Path) -> None:
    fresh = Kernel(tmp_path)
    try:
        assert fresh.run("%load_ext collapse_magic").errors == []
        assert fresh.value("'sklearn' in __import__('sys').modules") == "False"
        outcome = fresh.run(
            "%%watch_training --no-tensorboard\n"
            "import numpy as np\n"
            "from sklearn.tree import DecisionTreeClassifier\n"
            "X = np.arange(600.0).reshape(300, 2)\n"
            "DecisionTreeClassifier().fit(X, X[:, 0] > 200);"
        )
        assert "1 fit, " in outcome.shown and "no problem found" in outcome.shown
    finally:
        fresh.close()

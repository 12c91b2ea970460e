"""Fixes in scikit-learn's idiom: they change the user's cell, run, and cure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from collapse_magic.findings import Fix
from collapse_magic.history import History
from collapse_magic.session.placing import Placer
from tests.source.notebooks import ask, cells, changed, check, run, show

from .watched import Watched, watched

DATA = """
import numpy as np
random = np.random.default_rng(0)
y = (random.random(2000) < 0.06).astype(int)
X = random.normal(size=(2000, 5))
X[:, 0] += y
"""
WEIGHTS = {"weights": [0.53, 8.3], "pos_weight": 16.0}
BALANCED = 'class_weight="balanced"'


def story(*texts: str) -> tuple[dict[int, str], Watched, dict[str, Any]]:
    """Runs the cells, the last one watched; its lines count as those of cell 7 there."""
    notebook = cells(*texts)
    last = max(notebook)
    space = run({number: notebook[number] for number in notebook if number != last})
    with watched(user_file=f"cell {last}") as context:
        context._namespace = space
        exec(compile(notebook[last], f"cell {last}", "exec"), space)
    return notebook, context, space


def cure(notebook: dict[int, str], context: Watched, space: dict[str, Any]) -> Fix | None:
    """The fix of the first finding, as a session places it."""
    from collapse_magic.engine import Engine
    from collapse_magic.rules import RULES

    last = max(notebook)

    class Cells:
        cell = last

        def cells(self):
            return notebook

        def namespace(self):
            return space

    history = History()
    for record in context.records:
        history.append(_at_cell(record, last))
    engine = Engine(RULES, history)
    placer = Placer(engine, history, Cells(), lambda: 0.0)  # type: ignore[arg-type]
    finding, *_ = placer.place(engine.update(final=True), 1e9, final=True)
    assert finding.location is not None
    if finding.fix is not None:
        check(finding.fix, notebook)
    return finding.fix


def _at_cell(record: Any, cell: int) -> Any:
    import dataclasses

    return dataclasses.replace(record, cell=cell) if hasattr(record, "line") else record


@pytest.mark.parametrize(
    ("imported", "before", "after"),
    [
        (
            "sklearn.linear_model import LogisticRegression",
            "model = LogisticRegression().fit(X, y)",
            f"model = LogisticRegression({BALANCED}).fit(X, y)",
        ),
        (
            "sklearn.linear_model import LogisticRegression as LR",
            "LR(C=0.5).fit(X, y=y)  # once",
            f"LR(C=0.5, {BALANCED}).fit(X, y=y)  # once",
        ),
        (
            "sklearn.linear_model import LogisticRegression\nmake = LogisticRegression",
            "make().fit(X, y)",
            f"make({BALANCED}).fit(X, y)",
        ),
        (
            "sklearn import svm",
            "svm.LinearSVC(C=0.5).fit(X, y)",
            f"svm.LinearSVC(C=0.5, {BALANCED}).fit(X, y)",
        ),
        (
            "sklearn.naive_bayes import GaussianNB",
            "nb = GaussianNB(); nb.fit(X, y)",
            'nb = GaussianNB(); nb.fit(X, y, sample_weight=compute_sample_weight("balanced", y))',
        ),
    ],
)
def test_a_single_cell(imported: str, before: str, after: str) -> None:
    notebook, context, space = story(DATA + f"from {imported}", before)
    fix = cure(notebook, context, space)
    assert fix is not None and fix.safety == "needs-review"
    removed, added = changed(fix)
    assert removed == [before] and added[-1] == after
    cured = {**notebook, **fix.cells}
    _, context, _ = story(*(cured[number] for number in sorted(cured)))
    assert context.alarms == []


def test_a_model_from_an_earlier_cell_in_a_pipeline_in_a_search() -> None:
    notebook, context, space = story(
        DATA,
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler
        clf = LogisticRegression(max_iter=500)   # the default is 100
        pipe = Pipeline([("scale", StandardScaler()), ("clf", clf)])
        """,
        """
        search = GridSearchCV(pipe, {"clf__C": [0.1, 1.0]}, cv=2)
        search.fit(X, y)
        """,
    )
    fix = cure(notebook, context, space)
    removed, added = changed(fix)
    assert removed == ["clf = LogisticRegression(max_iter=500)   # the default is 100"]
    assert added == [f"clf = LogisticRegression(max_iter=500, {BALANCED})   # the default is 100"]
    assert fix is not None
    _, context, _ = story(*(notebook | fix.cells).values())
    assert context.alarms == []


def test_a_partial_fit_loop_gets_the_measured_weights_by_label() -> None:
    notebook = cells(
        "from sklearn.linear_model import SGDClassifier\nclf = SGDClassifier()",
        """
        for xb, yb in batches:
            clf.partial_fit(xb, yb, classes=[0, 1])
        """,
    )
    _, added = changed(ask(notebook, "weigh-classes", ".partial_fit(", **WEIGHTS))
    assert added == ["clf = SGDClassifier(class_weight={0: 0.53, 1: 8.3})"]
    named = {**WEIGHTS, "labels": ["ham", "spam"]}
    _, added = changed(ask(notebook, "weigh-classes", ".partial_fit(", **named))
    assert added == ["clf = SGDClassifier(class_weight={'ham': 0.53, 'spam': 8.3})"]


def test_where_the_code_does_not_tell_nothing_is_written() -> None:
    notebook = cells(
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.svm import SVC\n"
        "models = {'a': LogisticRegression(), 'b': SVC()}",
        "for name, model in models.items():\n    model.fit(X, y)",
    )
    space = run({1: notebook[1]})
    space["model"] = space["models"]["b"]
    assert ask(notebook, "weigh-classes", ".fit(", space, **WEIGHTS) is None
    assert show(notebook, "loss", ".fit(", space) == (2, "model.fit(X, y)")


def test_a_fit_of_something_else_is_none_of_scikit_learns() -> None:
    notebook = cells("model = Trainer()", "model.fit(X, y)")
    fix = ask(notebook, "weigh-classes", ".fit(", {"model": object()}, **WEIGHTS)
    assert fix is not None and fix.safety == "example" and "class_weight" not in fix.diff
    assert show(notebook, "loss", ".fit(", {"model": object()}) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("clf = SVC(C=2)", "clf = make_pipeline(StandardScaler(), SVC(C=2))"),
        (
            "clf = make_pipeline(PCA(2), SVC())",
            "clf = make_pipeline(PCA(2), StandardScaler(), SVC())",
        ),
        (
            "clf = Pipeline([('pca', PCA(2)), ('svc', SVC())])",
            "clf = Pipeline([('pca', PCA(2)), (\"scale\", StandardScaler()), ('svc', SVC())])",
        ),
    ],
)
def test_a_scaler_goes_in_front_of_the_classifier(before: str, after: str) -> None:
    notebook = cells(
        "from sklearn.svm import SVC\nfrom sklearn.decomposition import PCA\n"
        "from sklearn.pipeline import Pipeline, make_pipeline\n" + before,
        "clf.fit(X, y)",
    )
    fix = ask(notebook, "scale-inputs", ".fit(")
    _, added = changed(fix)
    assert after in added and "from sklearn.preprocessing import StandardScaler" in added
    assert fix is not None
    space = run({1: fix.cells[1]})
    space["X"], space["y"] = [[0, 1, 2], [3, 1, 1], [2, 2, 5], [4, 0, 0]], [0, 1, 0, 1]
    exec(notebook[2], space)


def test_a_pipeline_has_no_partial_fit() -> None:
    notebook = cells(
        "from sklearn.linear_model import SGDClassifier\nclf = SGDClassifier()",
        "for xb, yb in batches:\n    clf.partial_fit(xb, yb, classes=[0, 1])",
    )
    fix = ask(notebook, "scale-inputs", ".partial_fit(")
    assert fix is not None and fix.safety == "example"
    assert changed(fix)[1][1] == "clf.partial_fit(scaler.transform(xb), yb, classes=[0, 1])"


# -- stories that people tell ---------------------------------------------------------------------

UNEVEN = """
import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.utils import resample
X, y = make_classification(
    1000, 20, n_informative=10, n_redundant=5, weights=[0.9, 0.1], random_state=42
)
"""


def test_upsampling_before_a_logistic_regression_is_a_cure() -> None:
    """As told, the rare class is also copied before the split, so that copies of a training sample
    are tested on: the training itself, which is all there is to see, is balanced."""
    _, before, _ = story(UNEVEN, "LogisticRegression().fit(*train_test_split(X, y)[::2])")
    assert [finding.rule for finding in before.findings()] == ["class-imbalance"]
    _, after, _ = story(
        UNEVEN,
        """
        few = resample(X[y == 1], replace=True, n_samples=int((y == 0).sum()), random_state=42)
        X_even = np.concatenate([X[y == 0], few])
        y_even = np.concatenate([np.zeros(len(few)), np.ones(len(few))])
        X_train, X_test, y_train, y_test = train_test_split(X_even, y_even, random_state=42)
        model = LogisticRegression().fit(X_train, y_train)
        print(model.score(X_test, y_test))
        """,
    )
    assert after.alarms == []
    from collapse_magic.records import PredictionWindow

    (window,) = after.of(PredictionWindow)
    assert max(window.labels) < 0.55 * sum(window.labels)


def test_upsampling_both_classes_by_mistake_changes_nothing() -> None:
    _, context, _ = story(
        UNEVEN,
        """
        X_up, y_up = resample(X, y, replace=True, n_samples=2000, random_state=0)
        LogisticRegression().fit(X_up, y_up)
        """,
    )
    assert [finding.rule for finding in context.findings()] == ["class-imbalance"]


def test_weights_from_compute_class_weight_cure_and_on_noise_cure_nothing() -> None:
    weigh = """
    from sklearn.utils.class_weight import compute_class_weight
    found = compute_class_weight("balanced", classes=np.unique(y), y=y)
    model = LogisticRegression(class_weight=dict(enumerate(found))).fit(X, y)
    """
    _, context, _ = story(UNEVEN, weigh)
    assert context.alarms == []
    noise = UNEVEN + "\nX = np.random.default_rng(0).random((1000, 10))"
    _, unweighted, _ = story(noise, "LogisticRegression().fit(X, y)")
    assert [finding.rule for finding in unweighted.findings()] == ["single-class-predictions"]


def test_weights_the_wrong_way_round_leave_the_rare_class_lost() -> None:
    _, context, _ = story(UNEVEN, "LogisticRegression(class_weight={0: 9, 1: 1}).fit(X, y)")
    finding, *_ = context.findings()
    assert (finding.rule, finding.confidence) == ("class-imbalance", "to check")


def test_a_word_that_the_labels_spell_otherwise() -> None:
    notebook = cells(
        "import numpy as np\nfrom sklearn.linear_model import LogisticRegression\n"
        "said = np.array(['Yes', 'no'] * 30)\nX = (said == 'Yes')[:, None] * 1.0",
        "y = said == 'yes'  # wanted\nclf = LogisticRegression()",
        "clf.fit(X, y)",
    )
    space = run({n: notebook[n] for n in (1, 2)})
    assert not space["y"].any()
    fix = ask(notebook, "count-labels", ".fit(", space)
    assert fix is not None and fix.cells == {2: notebook[2].replace("'yes'", "'Yes'")}
    cured = run({**notebook, **fix.cells})
    assert cured["clf"].score(cured["X"], cured["y"]) == 1.0
    other = ask({**notebook, 2: "y, clf = X[:, 0] > 2, LogisticRegression()"}, "count-labels",
                ".fit(", space)  # fmt: skip
    assert other is not None and other.diff == "+print(np.unique(y, return_counts=True))"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LogisticRegression(C=1e-6)", "LogisticRegression()"),
        ("LogisticRegression(max_iter=200, C=1e-6,)", "LogisticRegression(max_iter=200,)"),
        ("LogisticRegression(C=strength, tol=1e-3)", "LogisticRegression(tol=1e-3)"),
        ("DecisionTreeClassifier(min_samples_leaf=150)", "DecisionTreeClassifier()"),
    ],
)
def test_a_setting_that_leaves_no_freedom_goes_back_to_its_default(before: str, after: str) -> None:
    notebook = cells(
        "import numpy as np\nfrom sklearn.linear_model import LogisticRegression\n"
        "strength = 1e-6\n"
        "from sklearn.tree import DecisionTreeClassifier\n"
        "X = np.random.default_rng(0).normal(size=(200, 3)); y = (X[:, 0] > 0.3).astype(int)",
        f"clf = {before}  # strict",
        "clf.fit(X, y)",
    )
    fix = ask(notebook, "check-one-batch", ".fit(", run({n: notebook[n] for n in (1, 2)}))
    assert fix is not None and fix.cells == {2: f"clf = {after}  # strict"}
    held_back, cured = run(notebook), run({**notebook, **fix.cells})
    assert len(np.unique(held_back["clf"].predict(held_back["X"]))) == 1
    assert cured["clf"].score(cured["X"], cured["y"]) > 0.9

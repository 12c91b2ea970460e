"""What is said of a fitted classifier, and of which nothing is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from collapse_magic.findings import Finding

from .watched import Watched, watched

Data = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def overlapping(rows: int = 2000, rare: float = 0.05, gap: float = 1.0, seed: int = 0) -> Data:
    """Five normal features; of the rare class the first one is `gap` deviations higher."""
    random = np.random.default_rng(seed)
    y = (random.random(rows) < rare).astype(int)
    X = random.normal(size=(rows, 5))
    X[:, 0] += gap * y
    return X, y


def fit(model: BaseEstimator, X: Any, y: Any) -> Watched:
    with watched(model=model) as context:
        model.fit(X, y)
    return context


def only(context: Watched) -> Finding:
    (finding,) = context.findings()
    return finding


def test_a_logistic_regression_that_the_majority_drowns() -> None:
    X, y = overlapping()
    model = LogisticRegression()
    finding = only(fit(model, X, y))
    found = int(model.predict(X)[y == 1].sum())
    assert (finding.rule, finding.severity, finding.confidence) == (
        "class-imbalance", "error", "likely",
    )  # fmt: skip
    assert finding.message == f"class 1 is found in {found} of {y.sum()} cases"
    assert finding.evidence[0].values["label_ratio"] == pytest.approx((y == 0).sum() / y.sum())
    assert not any("gradient" in evidence.text for evidence in finding.evidence)


@pytest.mark.parametrize(
    "model",
    [
        LinearSVC(),
        SVC(),
        GaussianNB(),
        DecisionTreeClassifier(max_depth=3, random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_others_that_it_drowns(model: BaseEstimator) -> None:
    finding = only(fit(model, *overlapping()))
    assert (finding.rule, finding.severity) == ("class-imbalance", "error")


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(class_weight="balanced"),
        LinearSVC(class_weight="balanced"),
        RandomForestClassifier(20, random_state=0),
        HistGradientBoostingClassifier(max_iter=50, random_state=0),
        KNeighborsClassifier(1),
    ],
    ids=lambda model: type(model).__name__,
)
def test_models_that_find_the_rare_class_are_healthy(model: BaseEstimator) -> None:
    assert fit(model, *overlapping()).alarms == []


def test_rare_labels_that_are_easy_to_tell_apart_are_healthy() -> None:
    X, y = overlapping(gap=5.0)
    for model in (LogisticRegression(), LinearSVC(), GaussianNB(), SVC()):
        assert fit(model, X, y).alarms == []


def test_balanced_labels_are_healthy_however_hard_the_task() -> None:
    for gap in (0.3, 1.0, 3.0):
        X, y = overlapping(rare=0.5, gap=gap)
        for model in (
            LogisticRegression(),
            RandomForestClassifier(10),
            GradientBoostingClassifier(),
        ):
            assert fit(model, X, y).alarms == []


def test_a_few_samples_say_nothing() -> None:
    X, y = overlapping(rows=150, rare=0.2)
    assert fit(LogisticRegression(C=1e-6), X, y).alarms == []


def test_labels_that_are_noise_are_no_matter_of_weights() -> None:
    random = np.random.default_rng(1)
    X = random.normal(size=(1000, 10))
    y = (random.random(1000) < 0.15).astype(int)
    finding = only(fit(LogisticRegression(), X, y))
    assert finding.rule == "single-class-predictions"
    assert fit(LogisticRegression(), X, (random.random(1000) < 0.5).astype(int)).alarms == []


def test_so_much_regularization_that_one_class_is_left() -> None:
    X, y = overlapping(rare=0.4, gap=3.0)
    finding = only(fit(LogisticRegression(C=1e-7), X, y))
    assert finding.rule == "single-class-predictions"
    assert finding.message == "100% of predictions are class 0"
    assert fit(LogisticRegression(), X, y).alarms == []


def test_the_last_fit_at_a_place_is_the_one_that_counts() -> None:
    X, y = overlapping()
    with watched() as context:
        for model in (LogisticRegression(), LogisticRegression(class_weight="balanced")):
            model.fit(X, y)
    assert context.alarms == []


def test_named_labels_are_called_by_their_names() -> None:
    X, y = overlapping()
    context = fit(LogisticRegression(), X, np.array(["paid", "fraud"])[y])
    assert only(context).message.startswith("fraud is found in ")


def test_a_network_that_is_fitted_in_one_call() -> None:
    X, y = overlapping()
    model = MLPClassifier((8,), max_iter=200, learning_rate_init=0.01, tol=1e-3, random_state=0)
    finding = only(fit(model, X, y))
    assert finding.rule == "class-imbalance"
    assert "loss fell" in finding.evidence[0].text


@pytest.mark.parametrize("loss", ["hinge", "log_loss"])
def test_a_partial_fit_loop_that_the_majority_drowns_and_a_weighted_one(loss: str) -> None:
    X, y = overlapping(20_000)
    for weights in (None, {0: 0.53, 1: 10.0}):
        model = SGDClassifier(
            loss=loss, class_weight=weights, random_state=0, learning_rate="constant", eta0=0.003
        )
        with watched() as context:
            for _ in range(3):
                for at in range(0, len(y), 50):
                    model.partial_fit(X[at : at + 50], y[at : at + 50], classes=[0, 1])
        rules = [finding.rule for finding in context.findings()]
        assert rules == ([] if weights else ["class-imbalance"])


def test_a_healthy_partial_fit_loop_on_shuffled_data() -> None:
    X, y = overlapping(10_000, rare=0.4, gap=3.0)
    model = SGDClassifier(random_state=0)
    with watched() as context:
        for at in range(0, len(y), 50):
            model.partial_fit(X[at : at + 50], y[at : at + 50], classes=[0, 1])
    assert context.alarms == []


def raw_scales() -> Data:
    X, y = overlapping(rare=0.5, gap=2.0)
    return X * np.array([1.0, 1e4, 1.0, 1e-2, 1.0]), y


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(solver="saga", max_iter=20),
        MLPClassifier((8,), max_iter=15, random_state=0),
        SGDClassifier(max_iter=5, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_solver_that_gives_up_on_raw_scales(model: BaseEstimator) -> None:
    X, y = raw_scales()
    with pytest.warns(ConvergenceWarning):
        context = fit(model, X, y)
    finding = next(f for f in context.findings() if f.rule == "unscaled-inputs")
    deviation = X.std(axis=0, ddof=1)
    values = finding.evidence[0].values
    assert finding.severity == "warning"
    assert values["widest_std"] == pytest.approx(deviation.max(), rel=0.1)
    assert values["narrowest_std"] == pytest.approx(deviation.min(), rel=0.1)
    assert finding.evidence[1].values["limit"] == model.max_iter


def test_scales_that_a_solver_does_not_mind_are_no_matter() -> None:
    X, y = raw_scales()
    for model in (
        RandomForestClassifier(5),
        HistGradientBoostingClassifier(max_iter=5),
        GaussianNB(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        LogisticRegression(solver="newton-cholesky"),
    ):
        assert fit(model, X, y).alarms == []


def test_a_solver_that_gives_up_on_even_scales_is_another_matter() -> None:
    X, y = overlapping(rare=0.5, gap=2.0)
    with pytest.warns(ConvergenceWarning):
        context = fit(MLPClassifier((4,), max_iter=3, random_state=0), X, y)
    assert "unscaled-inputs" not in [finding.rule for finding in context.findings()]

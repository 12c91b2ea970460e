"""What is seen of a fit, against numbers that are computed without the probe."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, SGDClassifier
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_score,
    train_test_split,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from collapse_magic.records import (
    FitEnded,
    InputFacts,
    LossFacts,
    LossValues,
    ModelFacts,
    PredictionWindow,
)

from .watched import data, watched

ESTIMATORS = [
    LogisticRegression(),
    SGDClassifier(random_state=0),
    Perceptron(),
    LinearSVC(),
    SVC(),
    DecisionTreeClassifier(max_depth=3),
    RandomForestClassifier(10, random_state=0),
    AdaBoostClassifier(n_estimators=5),
    GradientBoostingClassifier(n_estimators=5),
    HistGradientBoostingClassifier(max_iter=5),
    GaussianNB(),
    KNeighborsClassifier(),
    MLPClassifier((4,), max_iter=300, learning_rate_init=0.05, random_state=0),
    GaussianProcessClassifier(),
    make_pipeline(StandardScaler(), LogisticRegression()),
    Pipeline([("scale", StandardScaler()), ("svc", SVC())]),
    VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())]),
    VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())], voting="soft"),
    StackingClassifier([("a", GaussianNB())], cv=2),
    BaggingClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=4),
    CalibratedClassifierCV(LinearSVC(), cv=2),
    OneVsRestClassifier(LogisticRegression()),
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_one_fit_is_one_window_of_its_answers(estimator: BaseEstimator) -> None:
    X, y = data(300, rare=0.3, separation=0.8)
    with watched(model=estimator) as context:
        estimator.fit(X, y)
    (facts,) = context.of(LossFacts)
    (window,) = context.of(PredictionWindow)
    (ended,) = context.of(FitEnded)
    predicted = estimator.predict(X)
    assert (facts.task, facts.classes, facts.model) == ("binary", 2, "model")
    assert (facts.input_shape, facts.target_shape) == ((300, 10), (300,))
    assert window.samples == 300
    assert window.labels == tuple(np.bincount(y))
    assert window.predicted == tuple(np.bincount(predicted, minlength=2))
    assert window.correct == tuple(np.bincount(y[predicted == y], minlength=2))
    assert window.last_step == ended.step == context.history.steps
    assert window.site == facts.site == ended.site
    if hasattr(estimator, "predict_proba"):
        probability = np.clip(estimator.predict_proba(X), 1e-7, 1 - 1e-7)
        expected = log_loss(y, probability)
        assert window.cross_entropy_nats == pytest.approx(expected, rel=1e-3, abs=1e-6)
        assert window.mean_probability == pytest.approx(probability.mean(axis=0), abs=1e-3)
        score = probability[:, 1]
    else:
        assert np.isnan(window.cross_entropy_nats)
        asked = getattr(estimator, "decision_function", lambda X: predicted)
        score = asked(X)
    assert window.rank == pytest.approx(roc_auc_score(y, score), abs=0.02)


def test_several_classes_are_told_apart() -> None:
    X, y = data(400, rare=0.2, classes=4)
    for model in (LogisticRegression(), LinearSVC(), SVC()):
        with watched() as context:
            model.fit(X, y)
        (window,) = context.of(PredictionWindow)
        predicted = model.predict(X)
        assert window.predicted == tuple(np.bincount(predicted, minlength=4))
        assert context.of(LossFacts)[0].task == "multiclass"


def test_labels_name_the_classes() -> None:
    X, y = data(300)
    for labels, names in (
        (np.array(["ham", "spam"])[y], ("ham", "spam")),
        (2 * y - 1, ("class -1", "class 1")),
        (y.astype(bool), ()),
        (y + 1.0, ("class 1", "class 2")),
    ):
        with watched() as context:
            LogisticRegression().fit(X, labels)
        assert context.of(LossFacts)[0].class_names == names
        (window,) = context.of(PredictionWindow)
        assert window.labels == tuple(np.unique(labels, return_counts=True)[1])
        expected = names[1] if names else "class 1"
        assert context.history.class_name("LogisticRegression", 1) == expected


def test_the_scales_of_the_features_and_the_scaler_before() -> None:
    X, y = data(500)
    X = X * 10.0 ** np.arange(10) + 5
    with watched() as context:
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    (inputs,) = context.of(InputFacts)
    deviation = X.std(axis=0, ddof=1)
    assert inputs.feature_std == pytest.approx(np.quantile(deviation, (0, 0.25, 0.5, 0.75, 1)))
    assert (inputs.narrowest, inputs.widest) == (deviation.argmin(), deviation.argmax())
    assert inputs.p99 == pytest.approx(np.quantile(np.abs(X), 0.99))
    assert (inputs.features, inputs.shape, inputs.layer) == (10, (500, 10), "StandardScaler")
    (model,) = context.of(ModelFacts)
    assert model.normalizations == ("StandardScaler",)


def test_sparse_rows_lists_and_texts() -> None:
    X, y = data(200)
    with watched() as context:
        LogisticRegression().fit(csr_matrix(X), y)
        LogisticRegression().fit(X.tolist(), y.tolist())
        texts = ["good fine day" if label else "bad rainy night" for label in y]
        make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, y)
    assert [window.samples for window in context.of(PredictionWindow)] == [200] * 3
    assert context.of(PredictionWindow)[2].correct == tuple(np.bincount(y))


def test_rounds_of_the_solver_are_the_steps() -> None:
    X, y = data(300)
    model, limited = LogisticRegression(), LogisticRegression(max_iter=3)
    with watched(model=model) as context:
        model.fit(X, y)
        with pytest.warns(UserWarning, match="failed to converge"):
            limited.fit(X, y)
        RandomForestClassifier(3).fit(X, y)
    first, second, third = context.of(FitEnded)
    rounds = int(model.n_iter_[0])
    assert (first.iterations, first.limit, first.converged) == (rounds, 100, True)
    assert (second.iterations, second.limit, second.converged) == (3, 3, False)
    assert (third.iterations, third.limit, third.converged) == (0, 0, True)
    assert [e.step for e in (first, second, third)] == [rounds, rounds + 3, rounds + 4]
    assert context.history.fits == 3


def test_the_loss_curve_of_a_network_and_its_warm_starts() -> None:
    X, y = data(200)
    model = MLPClassifier((3,), max_iter=400, learning_rate_init=0.05, random_state=0)
    boosted = GradientBoostingClassifier(n_estimators=7)
    with watched() as context:
        model.fit(X, y)
        boosted.fit(X, y)
    first, second = context.of(LossValues)
    assert first.values == tuple(model.loss_curve_)
    assert first.steps == tuple(range(1, model.n_iter_ + 1))
    assert second.values == pytest.approx(boosted.train_score_)
    again = SGDClassifier(warm_start=True, random_state=0)
    with watched() as context:
        for _ in range(3):
            again.fit(X, y)
    steps = [ended.step for ended in context.of(FitEnded)]
    assert steps == sorted(set(steps)) and len(steps) == 3


def test_partial_fits_are_steps_and_their_batches_are_answered_before_they_are_learned() -> None:
    X, y = data(960, rare=0.3)
    plain, seen = SGDClassifier(random_state=0, loss="log_loss"), []
    watched_one = SGDClassifier(random_state=0, loss="log_loss")
    with watched(clf=watched_one) as context:
        for start in range(0, 960, 32):
            watched_one.partial_fit(X[start : start + 32], y[start : start + 32], classes=[0, 1])
    for start in range(0, 960, 32):
        part = slice(start, start + 32)
        if start:
            seen.append((plain.predict(X[part]), y[part]))
        plain.partial_fit(X[part], y[part], classes=[0, 1])
    predicted, labels = (np.concatenate(each) for each in zip(*seen, strict=True))
    windows = context.of(PredictionWindow)
    assert sum(w.batches for w in windows) == 29
    for name, values in (("predicted", predicted), ("labels", labels)):
        counts = np.sum([getattr(window, name) for window in windows], axis=0)
        assert counts.tolist() == np.bincount(values).tolist()
    assert windows[0].first_step == 2 and windows[-1].last_step == 30 == context.history.steps
    assert not context.of(FitEnded)
    assert (plain.coef_ == watched_one.coef_).all()


def test_a_network_that_is_fitted_in_parts_tells_its_loss() -> None:
    X, y = data(200)
    model, told = MLPClassifier((3,), random_state=0), []
    with watched() as context:
        for _ in range(10):
            model.partial_fit(X, y, classes=[0, 1])
            told.append(model.loss_)
    values = [value for record in context.of(LossValues) for value in record.values]
    assert values == told


def test_a_search_is_one_run_with_a_line_for_each_candidate() -> None:
    X, y = data(600, rare=0.05, separation=0.6)
    search = GridSearchCV(LogisticRegression(), {"C": [1e-5, 1.0]}, cv=3)
    with watched(grid=search) as context:
        search.fit(X, y)
    (ended,) = context.of(FitEnded)
    assert ended.fits == 7
    assert len(context.of(PredictionWindow)) == 1
    scores = search.cv_results_["mean_test_score"]
    assert context.notes == [
        f"candidate 1 of 2: C=1e-05: score {scores[0]:.3f}, 3 of 3 fits answer only 0",
        f"candidate 2 of 2: C=1: score {scores[1]:.3f}",
    ]


def test_of_many_candidates_the_best_are_named() -> None:
    X, y = data(200)
    search = RandomizedSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"logisticregression__C": np.logspace(-3, 3, 30)},
        n_iter=12,
        cv=2,
        random_state=0,
    )
    with watched() as context:
        search.fit(X, y)
    best = int(search.best_index_) + 1
    assert any(note.startswith(f"candidate {best} of 12: C=") for note in context.notes)
    assert context.notes[-1].startswith("and ") and len(context.notes) <= 7


def test_a_search_in_other_processes_says_what_is_not_seen() -> None:
    X, y = data(200)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, n_jobs=2)
    with watched() as context:
        search.fit(X, y)
    assert context.of(FitEnded)[0].fits == 5
    assert len(context.notes) == 3 and "other processes" in context.notes[-1]
    assert len(context.of(PredictionWindow)) == 1


def test_the_folds_of_a_cross_validation_are_fits_of_one_site() -> None:
    X, y = data(300)
    with watched() as context:
        cross_val_score(LogisticRegression(), X, y, cv=4)
    assert {ended.site for ended in context.of(FitEnded)} == {"LogisticRegression"}
    assert context.history.fits == 4


def test_places_and_classes_make_sites() -> None:
    X, y = data(200)
    with watched(user_file="test_observed.py") as context:
        LogisticRegression().fit(X, y)
        LogisticRegression(C=0.1).fit(X, y)
        for model in (GaussianNB(), LogisticRegression()):
            model.fit(X, y)
    assert [f.site for f in context.of(LossFacts)] == [
        "LogisticRegression",
        "LogisticRegression-2",
        "GaussianNB",
        "LogisticRegression-3",
    ]
    first, second, *_ = context.of(LossFacts)
    assert second.line is not None and first.line == second.line - 1


def test_class_weights_and_sample_weights_are_noticed() -> None:
    X, y = data(200)
    for model, arguments, weighted in (
        (LogisticRegression(), {}, False),
        (LogisticRegression(class_weight="balanced"), {}, True),
        (make_pipeline(LogisticRegression(class_weight={0: 1, 1: 2})), {}, True),
        (GaussianNB(), {"sample_weight": np.ones(200)}, True),
    ):
        with watched() as context:
            model.fit(X, y, **arguments)
        assert context.of(LossFacts)[0].weighted is weighted


class Threshold(ClassifierMixin, BaseEstimator):
    """As a user's cell may define one: no known module, a column and a threshold."""

    asked = 0

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.at_ = float(np.median(X[:, 0]))
        return self

    def predict(self, X):
        print("asked")
        self.asked += 1
        return self.classes_[(X[:, 0] > self.at_).astype(int)]


def test_a_class_of_the_users_own_that_is_defined_before_or_while_watching(capsys) -> None:
    X, y = data(200)

    with watched() as context:

        class Later(Threshold):
            def fit(self, X, y):
                return super().fit(X, y)

        before, later = Threshold().fit(X, y), Later().fit(X, y)
    assert [facts.site for facts in context.of(LossFacts)] == ["Threshold", "Later"]
    windows = context.of(PredictionWindow)
    assert windows[0].predicted == tuple(np.bincount(before.predict(X)))
    assert windows[1].predicted == windows[0].predicted
    assert (before.asked, later.asked) == (1, 0), "nothing is left behind in the user's object"
    assert capsys.readouterr().out == "asked\n", "only the test's own call is heard"


def test_what_trains_no_classifier_is_no_run() -> None:
    X, y = data(200)
    with watched() as context:
        train_test_split(X, y)
        StandardScaler().fit_transform(X)
        LinearRegression().fit(X, y)
        RandomForestRegressor(3).fit(X, y)
        TransformedTargetRegressor(LinearRegression()).fit(X, y)
        KMeans(2, n_init=1).fit(X)
        make_pipeline(StandardScaler(), LinearRegression()).fit(X, y)
        GridSearchCV(LinearRegression(), {"fit_intercept": [True]}, cv=2).fit(X, y)
        SelectFromModel(LogisticRegression()).fit(X, y)
        RFE(LogisticRegression(), n_features_to_select=5).fit(X, y)
        accuracy_score(y, y)
        DummyClassifier(strategy="most_frequent").fit(X, y)  # a baseline
    assert context.records == []


def test_a_network_in_an_estimators_clothes_is_seen_by_its_frameworks_probe() -> None:
    torch = pytest.importorskip("torch")
    skorch = pytest.importorskip("skorch")
    X, y = data(64)
    net = skorch.NeuralNetClassifier(
        torch.nn.Linear,
        module__in_features=10,
        module__out_features=2,
        criterion=torch.nn.CrossEntropyLoss,
        max_epochs=1,
        train_split=None,
        verbose=0,
    )
    with watched() as context:
        net.fit(X.astype(np.float32), y)
        make_pipeline(StandardScaler(), net).fit(X.astype(np.float32), y)
    assert context.records == []


def test_labels_of_one_class_are_said() -> None:
    X, _ = data(200)
    with watched(forest=(forest := RandomForestClassifier(3))) as context:
        forest.fit(X, np.zeros(200, int))
    assert context.notes == ["forest was given labels of one class only: 0"]
    assert context.alarms == ["one-class-labels: all labels are class 0"]


def test_several_labels_a_row_are_counted_as_such() -> None:
    X, y = data(200)
    with watched() as context:
        OneVsRestClassifier(LogisticRegression()).fit(X, np.stack([y, 1 - y], axis=1))
        RandomForestClassifier(3).fit(X, np.stack([y, 1 - y], axis=1))
    assert [facts.task for facts in context.of(LossFacts)] == ["multilabel", "multilabel"]
    assert not context.of(PredictionWindow)


def test_a_lazy_classifier_with_much_to_go_through_is_not_asked() -> None:
    X, y = data(3000)
    wide = np.tile(X, (1, 200))
    with watched() as context:
        KNeighborsClassifier().fit(wide, y)
        make_pipeline(StandardScaler(), KNeighborsClassifier()).fit(wide, y)
    assert len(context.of(FitEnded)) == 2 and not context.of(PredictionWindow)


def test_where_the_budget_is_spent_each_place_gets_one_look_and_the_rest_is_said() -> None:
    X, y = data(200)
    with watched(budget=0.0, user_file="test_observed.py") as context:
        context._clock = iter(np.arange(0, 1e9, 1.0)).__next__  # each of our steps takes a second
        for _ in range(3):
            GaussianNB().fit(X, y)
        LogisticRegression().fit(X, y)
    assert context.history.fits == 4
    assert [w.site for w in context.of(PredictionWindow)] == ["GaussianNB", "LogisticRegression"]
    assert context.notes == ["2 fits went by without a look: the budget was spent"]

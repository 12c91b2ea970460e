"""Watching changes nothing: results, objects, warnings, random numbers, classes, errors."""

from __future__ import annotations

import copy
import inspect
import pickle
import random
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.validation import has_fit_parameter

from collapse_magic.probes import TrainingStopped
from collapse_magic.probes.sklearn import SklearnProbe, probe
from collapse_magic.probes.sklearn.hooks import METHODS, WatchedMethod
from collapse_magic.records import FitEnded, PredictionWindow

from .test_observed import Threshold
from .watched import Watched, data, watched

PROGRAMS = {
    "logistic": lambda: LogisticRegression(),
    "forest": lambda: RandomForestClassifier(8, random_state=np.random.RandomState(3)),
    "network": lambda: MLPClassifier((5,), max_iter=30, random_state=0),
    "network from the global generator": lambda: MLPClassifier((5,), max_iter=30),
    "descent": lambda: SGDClassifier(random_state=0),
    "pipeline": lambda: make_pipeline(StandardScaler(copy=False), LogisticRegression()),
    "search": lambda: GridSearchCV(SGDClassifier(random_state=0), {"alpha": [1e-3, 1.0]}, cv=2),
    "voting": lambda: VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())]),
    "bagging": lambda: BaggingClassifier(n_estimators=3),
}


def _run(make: Any) -> tuple[Any, ...]:
    np.random.seed(5)
    random.seed(5)
    X, y = data(300, rare=0.2)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        model = make()
        result = model.fit(X, y)
    assert result is model
    state = vars(model)
    for name in ("cv_results_", "refit_time_"):  # times of the clock
        if name in state:
            state[name] = (
                {k: v for k, v in dict(state[name]).items() if "time" not in k}
                if (name == "cv_results_")
                else 0
            )
    return (
        pickle.dumps(model),
        X.tobytes(),
        np.random.get_state()[1].tobytes(),
        np.random.get_state()[2],
        random.getstate(),
        [(w.category, str(w.message), w.filename, w.lineno) for w in shown],
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_model_the_data_the_generators_and_the_warnings_are_the_same(name: str) -> None:
    plain = _run(PROGRAMS[name])
    with watched() as context:
        seen = _run(PROGRAMS[name])
    assert context.of(FitEnded) and context.of(PredictionWindow)
    assert seen == plain


def test_warnings_that_show_once_show_once_and_those_that_raise_raise() -> None:
    X, y = data(200)

    class Complains(Threshold):
        def fit(self, X, y):
            warnings.warn("no good data", UserWarning, stacklevel=1)
            return super().fit(X, y)

    def loop() -> list[str]:
        globals().get("__warningregistry__", {}).clear()
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("default")
            for _ in range(3):
                Complains().fit(X, y)
        return [str(w.message) for w in shown]

    plain = loop()
    with watched():
        assert loop() == plain
        assert len(plain) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ConvergenceWarning):
                MLPClassifier((2,), max_iter=2).fit(X, y)


class Noisy(ClassifierMixin, BaseEstimator):
    """Warns in the caller's name, and in `predict` at every call."""

    def fit(self, X, y):
        warnings.warn("look here", UserWarning, stacklevel=2)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        warnings.warn("asked", UserWarning, stacklevel=1)
        np.random.random()
        random.random()
        return np.zeros(len(X), int)


def test_a_warning_names_the_callers_line_and_ours_are_not_shown() -> None:
    X, y = data(200)
    with watched() as context, warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        Noisy().fit(X, y)
    (warning,) = shown
    assert warning.filename == __file__ and str(warning.message) == "look here"
    assert len(context.of(PredictionWindow)) == 1


def test_a_class_that_draws_when_asked_draws_nothing_of_the_users() -> None:
    X, y = data(200)
    drawn = []
    for watching in (False, True):
        np.random.seed(0)
        random.seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if watching:
                with watched():
                    Noisy().fit(X, y)
            else:
                Noisy().fit(X, y)
        drawn.append((np.random.random(), random.random()))
    assert drawn[0] == drawn[1]


def _methods() -> dict[tuple[type, str], Any]:
    waiting, found = [BaseEstimator, ClassifierMixin], {}
    while waiting:
        cls = waiting.pop()
        found.update({(cls, name): vars(cls).get(name) for name in (*METHODS, "__init_subclass__")})
        waiting += type.__subclasses__(cls)
    return found


def test_every_class_is_as_before() -> None:
    before = _methods()
    with watched():
        during = _methods()
        assert sum(during[key] is not before[key] for key in before) > 20

        class Mine(LogisticRegression):
            def fit(self, X, y=None):
                return super().fit(X, y)

        assert isinstance(vars(Mine)["fit"], WatchedMethod)
    after = _methods()
    assert all(after[key] is before[key] for key in before)
    assert inspect.isfunction(vars(Mine)["fit"])


def test_what_others_have_put_in_our_place_stays_and_passes() -> None:
    X, y = data(200)
    plain = vars(GaussianNB)["fit"]
    with watched():
        ours = vars(GaussianNB)["fit"]

        def theirs(self, *args, **kwargs):
            return ours(self, *args, **kwargs)

        GaussianNB.fit = theirs
    try:
        assert vars(GaussianNB)["fit"] is theirs
        assert (GaussianNB().fit(X, y).predict(X) == y).mean() > 0.7
    finally:
        GaussianNB.fit = plain


def test_methods_look_as_before() -> None:
    plain = inspect.signature(LogisticRegression().fit), inspect.signature(LogisticRegression.fit)
    network = MLPClassifier(solver="lbfgs")
    with watched():
        model = LogisticRegression()
        assert inspect.signature(model.fit) == plain[0]
        assert inspect.signature(LogisticRegression.fit) == plain[1]
        assert inspect.isfunction(LogisticRegression.fit) and inspect.ismethod(model.fit)
        assert has_fit_parameter(model, "sample_weight")
        assert model.fit.__name__ == "fit" and model.fit.__doc__ == LogisticRegression.fit.__doc__
        assert not hasattr(network, "partial_fit"), "not with this solver"
        assert hasattr(MLPClassifier(), "partial_fit")
        assert pickle.loads(pickle.dumps(model.fit)).__self__.get_params() == model.get_params()
        assert clone(model).get_params() == copy.deepcopy(model).get_params()


def test_a_class_of_the_cell_goes_to_other_processes_as_it_is() -> None:
    with watched():

        class Mine(ClassifierMixin, BaseEstimator):
            def fit(self, X, y):
                self.classes_ = np.unique(y)
                return self

            def predict(self, X):
                return np.zeros(len(X), int)

        Mine.__module__ = "__main__"  # as in a notebook: pickled by value
        taken = cloudpickle.dumps(Mine)
    script = (
        "import pickle, sys\n"
        "cls = pickle.loads(sys.stdin.buffer.read())\n"
        "assert cls().fit([[1], [2]], [0, 1]).predict([[1]]).tolist() == [0]\n"
        "assert type(vars(cls)['fit']).__name__ == 'function'\n"
        "assert not any(name.startswith('collapse_magic') for name in sys.modules)\n"
    )
    folder = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", script], input=taken, check=True, cwd=folder)


def test_a_search_of_such_a_class_in_workers() -> None:
    X, y = data(200)
    with watched() as context:

        class Mine(ClassifierMixin, BaseEstimator):
            def __init__(self, label=0):
                self.label = label

            def fit(self, X, y):
                self.classes_ = np.unique(y)
                return self

            def predict(self, X):
                return np.full(len(X), self.label)

        Mine.__module__ = "__main__"
        search = GridSearchCV(Mine(), {"label": [0, 1]}, cv=2, n_jobs=2).fit(X, y)
    assert context.of(FitEnded)[0].fits == 5
    assert search.best_params_["label"] in (0, 1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_threads_of_joblib_neither_wait_nor_make_runs(jobs: int) -> None:
    X, y = data(200)
    with watched(user_file="test_unchanged.py") as context, parallel_config("threading", n_jobs=2):
        BaggingClassifier(LogisticRegression(), n_estimators=4, n_jobs=jobs).fit(X, y)
        RandomForestClassifier(4, n_jobs=jobs).fit(X, y)
        cross_val_score(GaussianNB(), X, y, cv=3, n_jobs=jobs)
    sites = [ended.site for ended in context.of(FitEnded)]
    assert sites[:2] == ["BaggingClassifier", "RandomForestClassifier"]
    assert len(sites) == 2 + (3 if jobs == 1 else 0)


def test_fits_in_threads_of_the_users_own() -> None:
    X, y = data(200)
    models = [GaussianNB() for _ in range(4)]

    def work(model):
        model.fit(X, y)

    with watched(user_file="test_unchanged.py") as context:
        threads = [threading.Thread(target=work, args=(model,)) for model in models]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all((model.predict(X) == y).mean() > 0.7 for model in models)
    assert 1 <= len(context.of(FitEnded)) <= 4


def test_an_error_of_the_users_is_his() -> None:
    X, y = data(200)
    with watched() as context:
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            LogisticRegression().fit(X, y[:-1])
        with pytest.raises(ValueError, match="at least 2 classes"):
            LogisticRegression().fit(X, np.zeros(200))
        with pytest.raises(TypeError):
            LogisticRegression().fit()
        with pytest.raises(ValueError, match="contains NaN"):
            SVC().fit(np.where(X > 1, np.nan, X), y)
        LogisticRegression().fit(X, y)
    assert len(context.of(FitEnded)) == 1


def test_a_predict_that_fails_is_told_and_nothing_else() -> None:
    class Broken(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            raise RuntimeError("no such thing")

    X, y = data(200)
    with watched() as context:
        Broken().fit(X, y)
        LogisticRegression().fit(X, y)
    assert context.notes == ["no predictions of Broken: RuntimeError: no such thing"]
    assert len(context.of(FitEnded)) == 2


HELPERS = [
    name
    for name in vars(probe)
    if inspect.isfunction(vars(probe)[name]) and name not in ("watch_classes", "_short")
]


@pytest.mark.parametrize("helper", HELPERS)
def test_a_fault_of_ours_switches_the_probe_off_and_the_training_goes_on(
    helper: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args, **kwargs):
        raise RuntimeError("a fault of ours")

    X, y = data(300, rare=0.2)
    plain = LogisticRegression().fit(X, y).coef_
    before = _methods()
    context = Watched()
    watching = SklearnProbe(context)
    watching.attach()
    monkeypatch.setattr(probe, helper, fails)
    for _ in range(2):
        assert (LogisticRegression().fit(X, y).coef_ == plain).all()
        GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, cv=2).fit(X, y)
        loop = SGDClassifier()
        for _ in range(3):
            loop.partial_fit(X, y, classes=[0, 1])
    watching.flush()
    watching.detach()
    assert _methods() == before
    told = [note for note in context.notes if "switched off" in note]
    asked = [note for note in context.notes if "no predictions of" in note]
    assert len(told) == 1 or (not told and asked), context.notes


def test_a_context_that_fails_does_no_harm() -> None:
    X, y = data(200)
    for name in ("emit", "place", "namespace", "stop_reason"):
        context = Watched()
        watching = SklearnProbe(context)
        watching.attach()

        def fails(*args, **kwargs):
            raise RuntimeError("a fault")

        setattr(context, name, fails)
        assert LogisticRegression().fit(X, y).n_iter_[0] > 0
        watching.detach()


def test_a_run_that_is_to_stop_stops_after_the_fit() -> None:
    X, y = data(200)
    fitted = []
    with watched() as context:
        context.stop = "stopped at step 3"
        with pytest.raises(TrainingStopped, match="stopped at step 3"):
            for _ in range(3):
                model = GaussianNB()
                fitted.append(model)
                model.fit(X, y)
    assert len(fitted) == 1 and hasattr(fitted[0], "theta_")

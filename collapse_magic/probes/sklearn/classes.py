"""Which estimators train a classifier, what they are made of, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

Kind = Literal["classifier", "pipeline", "search"]

_KINDS: dict[tuple[str, str], Kind] = {
    ("sklearn.pipeline", "Pipeline"): "pipeline",
    ("sklearn.model_selection._search", "BaseSearchCV"): "search",
    ("sklearn.base", "ClassifierMixin"): "classifier",
}
# Classifiers around a network: the probe of the framework that trains it sees them.
_ELSEWHERE = frozenset({"skorch", "scikeras", "torch", "keras", "tensorflow", "tf_keras"})
_SCALERS = frozenset(
    {
        "MaxAbsScaler",
        "MinMaxScaler",
        "Normalizer",
        "PowerTransformer",
        "QuantileTransformer",
        "RobustScaler",
        "StandardScaler",
    }
)
# A baseline that is meant to know nothing.
_BASELINES = "sklearn.dummy"
# What `max_iter` bounds there is a search for the best weights; elsewhere (boosting) it says how
# large the model is to be.
_ITERATIVE = ("sklearn.linear_model", "sklearn.svm", "sklearn.neural_network")
# Their `predict` goes through the training data.
_LAZY = ("sklearn.neighbors", "sklearn.gaussian_process", "sklearn.semi_supervised")
# Deep enough for a search over a pipeline with a voting ensemble in it.
_DEPTH = 5
# A forest's trees are no parts of their own.
_MOST_PARTS = 32


def kind_of(cls: type) -> Kind | None:
    """What a class is to us; None where it trains no classifier, as far as the class tells."""
    for base in cls.__mro__:
        found = _KINDS.get((base.__module__, base.__name__))
        if found is not None:
            return found
    return None


def is_baseline(classifier: Any) -> bool:
    return type(classifier).__module__.startswith(_BASELINES)


def trains_elsewhere(estimator: Any) -> bool:
    """Whether a network of another framework does the work: its own probe sees it."""
    held = (type(value) for value in list(_state(estimator).values()))
    return any(
        base.__module__.partition(".")[0] in _ELSEWHERE
        for cls in (type(estimator), *held)
        for base in cls.__mro__
    )


def classifier_in(estimator: Any, depth: int = _DEPTH) -> Any | None:
    """The classifier that a pipeline or search ends in, itself where it is one; else None.

    Of a search that has been fitted it is the best one.
    """
    kind = kind_of(type(estimator))
    if kind == "classifier" or depth == 0:
        return estimator if kind == "classifier" else None
    if kind == "pipeline":
        return classifier_in(estimator.steps[-1][1], depth - 1)
    if kind == "search":
        state = _state(estimator)
        return classifier_in(state.get("best_estimator_", state.get("estimator")), depth - 1)
    return None


def parts(estimator: Any, depth: int = _DEPTH) -> Iterator[Any]:
    """An estimator and those that it holds: steps of a pipeline, members of an ensemble."""
    yield estimator
    if depth == 0:
        return
    for value in list(_state(estimator).values()):
        if is_estimator(value):
            yield from parts(value, depth - 1)
        elif isinstance(value, (list, tuple)):
            for item in value[:_MOST_PARTS]:
                members = item if isinstance(item, tuple) else (item,)
                for member in members:
                    if is_estimator(member):
                        yield from parts(member, depth - 1)


def is_estimator(value: Any) -> bool:
    return hasattr(type(value), "get_params") and hasattr(type(value), "fit")


def scalers(estimator: Any) -> tuple[str, ...]:
    """Class names of what brings the features to one scale, in order."""
    names = (type(part).__name__ for part in parts(estimator))
    return tuple(dict.fromkeys(name for name in names if name in _SCALERS))


def weighs_classes(estimator: Any) -> bool:
    """Whether some part was told to weigh its classes."""
    return any(
        _state(part).get("class_weight") is not None
        or _state(part).get("scale_pos_weight") not in (None, 1, 1.0)
        or _state(part).get("is_unbalance") is True
        for part in parts(estimator)
    )


def iterations(classifier: Any) -> int:
    """Rounds that the classifier's solver took; 0 where it has none or does not tell."""
    state = _state(classifier)
    found: Any = state.get("n_iter_", state.get("n_estimators_"))
    try:
        return int(max(found)) if hasattr(found, "__len__") else int(found or 0)
    except (TypeError, ValueError):  # one number per fold and penalty
        return int(getattr(found, "max", lambda: 0)())


def iteration_limit(classifier: Any) -> int:
    """Rounds after which the solver gives up, wherever it stands; 0 where there is no such limit.

    Without a tolerance the rounds are all meant to be gone through.
    """
    state = _state(classifier)
    limit = state.get("max_iter")
    searches = type(classifier).__module__.startswith(_ITERATIVE) and state.get("tol") is not None
    return limit if searches and isinstance(limit, int) and limit > 0 else 0


def losses(classifier: Any) -> list[float]:
    """Its own loss after each round so far, where it keeps a list of them."""
    state = _state(classifier)
    kept = state.get("loss_curve_")
    if kept is None and type(classifier).__module__ == "sklearn.ensemble._gb":
        kept = state.get("train_score_")
    return [float(value) for value in kept] if kept is not None else []


def loss_name(classifier: Any) -> str:
    """What it minimizes, by its own word for it; "fit" where it has none."""
    for name in ("loss", "criterion"):
        value = _state(classifier).get(name)
        if isinstance(value, str):
            return value
    name = type(classifier).__name__
    return "log_loss" if name.startswith(("LogisticRegression", "MLP", "HistGradient")) else "fit"


def is_lazy(estimator: Any) -> bool:
    return any(type(part).__module__.startswith(_LAZY) for part in parts(estimator))


def _state(estimator: Any) -> dict[str, Any]:
    return getattr(estimator, "__dict__", {})

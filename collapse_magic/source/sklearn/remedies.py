"""Remedies as scikit-learn's users would write them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...findings import Fix, Remedy
from ..cells import Spot
from ..flow import Flow
from ..orders import MIXED, mixed_before_cut
from ..patch import Patch, example, number
from ..spelling import respelled
from .place import Fit

# Classes that take `class_weight`.
_TAKES_WEIGHTS = frozenset(
    {
        "DecisionTreeClassifier",
        "ExtraTreeClassifier",
        "ExtraTreesClassifier",
        "HistGradientBoostingClassifier",
        "LGBMClassifier",
        "LinearSVC",
        "LogisticRegression",
        "LogisticRegressionCV",
        "NuSVC",
        "PassiveAggressiveClassifier",
        "Perceptron",
        "RandomForestClassifier",
        "RidgeClassifier",
        "RidgeClassifierCV",
        "SGDClassifier",
        "SVC",
    }
)
# Classes whose `fit` takes `sample_weight` instead, in every supported version.
_TAKES_SAMPLE_WEIGHTS = frozenset(
    {
        "AdaBoostClassifier",
        "BaggingClassifier",
        "BernoulliNB",
        "CategoricalNB",
        "ComplementNB",
        "GaussianNB",
        "GradientBoostingClassifier",
        "MultinomialNB",
        "XGBClassifier",
    }
)
# Settings that hold a classifier back, and from where on hardly anything is left of it; at a
# hundredth or a hundred times its default a linear model still learns what there is to learn.
_HOLDS_BACK: Mapping[str, Callable[[float], bool]] = {
    "C": lambda value: value < 1e-3,
    "alpha": lambda value: value > 1,
    "l2_regularization": lambda value: value > 1e3,
    "learning_rate_init": lambda value: not 1e-5 < value < 0.1,
    "max_iter": lambda value: value < 10,
    "min_samples_leaf": lambda value: value > 100,
    "min_samples_split": lambda value: value > 200,
    "min_impurity_decrease": lambda value: value > 0.1,
}
_COMPUTE = "from sklearn.utils.class_weight import compute_sample_weight"


@dataclass(frozen=True)
class Case:
    """One remedy at one fit."""

    flow: Flow
    fit: Fit
    remedy: Remedy


def balance_classes(case: Case) -> Fix | None:
    """`class_weight="balanced"` where the classifier is made, or weights for the samples."""
    fit, patch = case.fit, Patch(case.flow)
    if fit.classifier is None:
        return None
    if fit.kind in _TAKES_WEIGHTS:
        weights = '"balanced"' if fit.method != "partial_fit" else _measured(case)
        if weights is None:
            return None
        patch.set_argument(fit.classifier, "class_weight", weights)
        return patch.fix(case.remedy.title)
    labels = fit.argument("y", 1)
    if fit.kind not in _TAKES_SAMPLE_WEIGHTS or fit.method != "fit" or labels is None:
        return None
    weights = f'compute_sample_weight("balanced", {labels.text})'
    if not fit.alone:  # the name of the step decides what the argument is called
        line = f"sample_weight={weights}  # with the name of the step in front: STEP__sample_weight"
        return example(case.remedy.title, [], [_COMPUTE, line])
    patch.set_argument(fit.call, "sample_weight", weights)
    if "compute_sample_weight" not in case.flow.namespace:
        patch.add_import(fit.call, _COMPUTE)
    return patch.fix(case.remedy.title)


def _measured(case: Case) -> str | None:
    """A part of the data does not tell how frequent the classes are: weights by the numbers that
    were measured, by label."""
    weights = case.remedy.values.get("weights") or ()
    labels = case.remedy.values.get("labels") or [str(index) for index in range(len(weights))]
    if not weights or len(weights) != len(labels):
        return None
    pairs = (f"{_literal(str(n))}: {number(w)}" for n, w in zip(labels, weights, strict=True))
    return "{" + ", ".join(pairs) + "}"


def _literal(name: str) -> str:
    """A label as code, from what it is called: "2" of class 2, "'spam'"."""
    text = name.removeprefix("class ")
    try:
        ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return repr(text)
    return text


def scale_inputs(case: Case) -> Fix | None:
    """A `StandardScaler` in front of the classifier."""
    fit, patch = case.fit, Patch(case.flow)
    made = fit.classifier
    if fit.method == "partial_fit":
        return _scale_parts(case)
    if made is None:
        return None
    around = made.cell.parents.get(made.node)
    if isinstance(around, ast.Tuple):  # a named step of a pipeline
        steps = made.cell.parents.get(around)
        if not isinstance(steps, ast.List):
            return None
        texts = [made.cell.text(element) for element in steps.elts]
        texts.insert(steps.elts.index(around), '("scale", StandardScaler())')
        patch.replace(Spot(made.cell, steps), f"[{', '.join(texts)}]")
        imports = ["from sklearn.preprocessing import StandardScaler"]
    elif isinstance(around, ast.Call) and made.node in around.args[-1:] and _is_pipeline(around):
        texts = [made.cell.text(argument) for argument in around.args]
        texts.insert(-1, "StandardScaler()")
        texts += [made.cell.text(keyword) for keyword in around.keywords]
        func = made.cell.text(around.func)
        patch.replace(Spot(made.cell, around), f"{func}({', '.join(texts)})")
        imports = ["from sklearn.preprocessing import StandardScaler"]
    elif fit.alone:
        patch.replace(made, f"make_pipeline(StandardScaler(), {made.text})")
        imports = [
            "from sklearn.pipeline import make_pipeline",
            "from sklearn.preprocessing import StandardScaler",
        ]
    else:
        return None
    for line in imports:
        if line.rpartition(" ")[2] not in case.flow.namespace:
            patch.add_import(made, line)
    return patch.fix(case.remedy.title)


def _scale_parts(case: Case) -> Fix | None:
    """A pipeline has no `partial_fit`: the parts are scaled one by one, all in the same way."""
    fit, rows = case.fit, case.fit.argument("X", 0)
    if rows is None:
        return None
    line = fit.call.text
    return example(
        case.remedy.title,
        [line],
        [
            "scaler = StandardScaler().fit(X)  # the training data, once",
            line.replace(rows.text, f"scaler.transform({rows.text})", 1),
        ],
    )


def _is_pipeline(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func
    return (name if isinstance(name, str) else getattr(name, "id", "")) == "make_pipeline"


def count_labels(case: Case) -> Fix | None:
    """A word that is spelt as the data spell it; else how many labels there are of each class."""
    labels = case.fit.argument("y", 1)
    found = respelled(case.flow, labels, "labels") or mixed_before_cut(
        case.flow, case.fit.argument("X", 0), labels, MIXED
    )
    if found is not None or labels is None:
        return found
    return example(case.remedy.title, [], [f"print(np.unique({labels.text}, return_counts=True))"])


def loosen(case: Case) -> Fix | None:
    """The default of a setting that leaves the classifier no freedom; else the labels and inputs to
    look at."""
    made = case.fit.classifier
    patch = Patch(case.flow)
    if made is not None:
        assert isinstance(made.node, ast.Call)
        for keyword in made.node.keywords:
            limit = _HOLDS_BACK.get(keyword.arg or "")
            value = _number(case.flow, keyword.value)
            if limit is not None and value is not None and limit(value):
                patch.remove_element(Spot(made.cell, keyword.value))
    labels = case.fit.argument("y", 1)
    given = "y" if labels is None else labels.text
    return patch.fix("the usual strength of what holds it back") or example(
        case.remedy.title, [], [f"print(np.unique({given}, return_counts=True))"]
    )


def _number(flow: Flow, node: ast.expr) -> float | None:
    """The number that an argument is given, as it stands there or in a variable."""
    value: object = node.value if isinstance(node, ast.Constant) else None
    if isinstance(node, ast.Name):
        value = flow.namespace.get(node.id)
    return float(value) if isinstance(value, (int, float)) else None


REMEDIES: Mapping[str, Callable[[Case], Fix | None]] = {
    "weigh-classes": balance_classes,
    "scale-inputs": scale_inputs,
    "count-labels": count_labels,
    "check-one-batch": loosen,
}

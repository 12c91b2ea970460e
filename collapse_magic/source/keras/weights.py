"""weigh-classes: `class_weight` of a `fit`, weights of the samples in a tape."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ...findings import Fix
from ..callees import argument_of, given_at
from ..patch import Patch, example, number
from .case import Case
from .losses import TapeLoss
from .place import Fit

# A longer dictionary is no readable line of code; an example computes it instead.
_MOST_CLASSES = 24
_LOGITS_OP = "tf.nn.sigmoid_cross_entropy_with_logits"


def weigh_classes(case: Case) -> Fix | None:
    """The measured weights, where this style of training takes them."""
    weights = [float(w) for w in case.values.get("weights") or ()]
    if len(weights) < 2:
        return None
    if isinstance(case.place, Fit):
        return _in_fit(case, case.place, weights)
    return _in_tape(case, case.place.loss, weights)


def _in_fit(case: Case, fit: Fit, weights: Sequence[float]) -> Fix | None:
    too_many = len(weights) > _MOST_CLASSES
    unknown = given_at(case.flow, fit.spot, "class_weight") is None or _is_starred(fit)
    by_sample = argument_of(case.flow, fit.spot, "sample_weight")
    # Keras takes one of both, takes none with a generator, and one model with several outputs none
    if unknown or too_many or by_sample or _generates(case, fit):
        return _shown(case, fit, weights)
    patch = Patch(case.flow)
    position = 3 if fit.method == "train_on_batch" else None
    patch.set_argument(fit.spot, "class_weight", _dictionary(weights), position)
    return patch.fix(case.title)


def _dictionary(weights: Sequence[float]) -> str:
    return "{" + ", ".join(f"{i}: {number(w)}" for i, w in enumerate(weights)) + "}"


def _is_starred(fit: Fit) -> bool:
    return any(isinstance(one, ast.Starred) for one in fit.call.args)


def _generates(case: Case, fit: Fit) -> bool:
    """Whether the data come from a Python generator, which takes no class weights."""
    data = fit.argument("x")
    if data is None or fit.argument("y") is not None:
        return False
    if type(case.live(data)).__name__ == "generator":
        return True
    if not isinstance(data.node, ast.Call):
        return False
    function = case.flow.called_function(data)
    return function is not None and any(
        isinstance(node, (ast.Yield, ast.YieldFrom)) for node in function.cell.walk(function.node)
    )


def _shown(case: Case, fit: Fit, weights: Sequence[float]) -> Fix:
    """Weights by sample, from the labels; or by class, computed from them."""
    labels = fit.argument("y")
    name = "y" if labels is None else labels.text
    if len(weights) > _MOST_CLASSES:
        return example(
            case.title,
            [],
            [
                f"counts = np.bincount({name}, minlength={len(weights)})",
                "weights = counts.sum() / (len(counts) * counts.clip(min=1))",
                "class_weight=dict(enumerate(weights))  # in fit",
            ],
        )
    if fit.argument("sample_weight") or _generates(case, fit):
        listed = "[" + ", ".join(number(w) for w in weights) + "]"
        return example(
            case.title, [], [f"sample_weight = np.array({listed})[{name}]  # one per sample"]
        )
    return example(case.title, [], [f"class_weight={_dictionary(weights)}  # in fit"])


def _in_tape(case: Case, found: TapeLoss | None, weights: Sequence[float]) -> Fix | None:
    if found is None or found.loss.name is None:
        return None
    patch = Patch(case.flow)
    positive = case.values.get("pos_weight")
    if case.flow.names.keras(found.call.func) == _LOGITS_OP and positive is not None:
        func = found.loss.spot
        new = case.spell(patch, "tf.nn.weighted_cross_entropy_with_logits", func)
        patch.replace(func, new)
        patch.set_argument(found.spot, "pos_weight", number(positive))
        return patch.fix(case.title)
    if len(weights) > _MOST_CLASSES or not _repeatable(found.target.node):
        return None
    per_sample = _per_sample(case, patch, found, weights)
    if per_sample is None:
        return None
    takes_weights = found.loss.form == "object" or (
        found.loss.form == "own" and found.loss.name is not None
    )
    if not takes_weights or any(k.arg == "sample_weight" for k in found.call.keywords):
        lines = [f"weight = {per_sample}", "loss = tf.reduce_mean(weight * loss_per_sample)"]
        return example(case.title, [found.spot.text], lines)
    patch.set_argument(found.spot, "sample_weight", per_sample, 2)
    return patch.fix(case.title)


def _per_sample(case: Case, patch: Patch, found: TapeLoss, weights: Sequence[float]) -> str | None:
    """The weight of each sample's class as an expression of the labels."""
    target, spot = found.target.text, found.spot
    if found.loss.name == "BinaryCrossentropy":
        positive = case.values.get("pos_weight")
        if positive is None:
            return None
        where, equal = (case.spell(patch, f"tf.{name}", spot) for name in ("where", "equal"))
        return f"{where}({equal}({target}, 1), {number(positive)}, 1.0)"
    listed = "[" + ", ".join(number(w) for w in weights) + "]"
    gather = case.spell(patch, "tf.gather", spot)
    if found.loss.name == "CategoricalCrossentropy":
        argmax = case.spell(patch, "tf.argmax", spot)
        return f"{gather}({listed}, {argmax}({target}, axis=-1))"
    cast, kind = (case.spell(patch, f"tf.{name}", spot) for name in ("cast", "int32"))
    return f"{gather}({listed}, {cast}({target}, {kind}))"


def _repeatable(node: ast.AST) -> bool:
    """Whether an expression may be written twice: it calls nothing but casts and shapes."""
    harmless = {"cast", "reshape", "expand_dims", "squeeze", "astype", "one_hot"}
    return all(
        isinstance(part.func, ast.Attribute) and part.func.attr in harmless
        for part in ast.walk(node)
        if isinstance(part, ast.Call)
    )

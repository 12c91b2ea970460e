"""Whether inputs come in raw scales, and how much that magnifies the steps."""

from __future__ import annotations

from ..history import History
from ..records import InputFacts

# Steps along the widest and the narrowest feature then differ by the square of it, a million.
STD_RATIO = 1e3
# Standardised data and images in [0, 1] or [-3, 3] stay far below; pixels up to 255 do not.
LARGE = 20.0
# The 99th percentile of the absolute value of inputs that are standardised is 2.6, at most.
STANDARDISED = 3.0
# Optimizers whose steps grow in proportion to the gradient; those of the others do not.
PROPORTIONAL = ("SGD", "ASGD")


def raw_inputs(history: History, model: str | None) -> InputFacts | None:
    """The first inputs of a model that are raw; None where all are fine, or a layer scales them."""
    facts = history.model_facts(model)
    if facts is None or facts.normalizations:
        return None
    return next((one for one in history.inputs(facts.model) if _is_raw(one)), None)


def std_ratio(inputs: InputFacts) -> float:
    """Largest deviation of a feature over the smallest that is known not to be 0."""
    known = [value for value in inputs.feature_std if value > 0]
    return max(known) / min(known) if known and inputs.kind == "features" else 1.0


def inputs_are_alike(history: History, model: str | None) -> bool:
    """Whether all that a model is given is the same for every sample: zeros, mostly.

    What its layers make of that says nothing of them.
    """
    inputs = history.inputs(model)
    return bool(inputs) and all(_is_constant(one) for one in inputs)


def _is_constant(inputs: InputFacts) -> bool:
    if inputs.kind == "integers":
        return inputs.values > 1 and inputs.minimum == inputs.maximum
    return inputs.values > inputs.features and inputs.widest < 0


def magnification(history: History, model: str | None) -> float:
    """How many times larger raw inputs make each step than inputs of one scale would; else 1.

    The gradient at the first weights is proportional to the inputs, and what these make of the
    outputs goes into that at all the others.
    """
    inputs = raw_inputs(history, model)
    optimizers = history.optimizers(model)
    if inputs is None or not all(one.kind in PROPORTIONAL for one in optimizers):
        return 1.0
    return max(inputs.p99 / STANDARDISED, 1.0)


def _is_raw(inputs: InputFacts) -> bool:
    return inputs.kind != "integers" and (inputs.p99 > LARGE or std_ratio(inputs) > STD_RATIO)

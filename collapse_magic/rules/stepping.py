"""Which losses an optimizer or a model belongs to, and how large its gradients are."""

from __future__ import annotations

import math

from ..history import History
from . import base

# What anything that keeps the weights from following the labels leads to.
SYMPTOMS = (
    "learning-rate-too-high",
    "wrong-loss",
    "bad-initialization",
    "learning-rate-too-low",
    "dead-relu",
    "vanishing-gradients",
    "unscaled-inputs",
    "class-imbalance",
    *base.SYMPTOMS,
)


def site_of(history: History, models: tuple[str, ...] = ()) -> str | None:
    """The first loss of one of these models; without any such, the first loss that is trained."""
    trained = [site for site in history.sites() if history.loss_facts(site) is not None]
    for site in trained:
        facts = history.loss_facts(site)
        if facts is not None and facts.model in models:
            return site
    return trained[0] if trained else None


def has_stepped(history: History) -> bool:
    """Whether any optimizer has."""
    return bool(history.optimizers())


def gradient_norms(history: History, model: str) -> tuple[float, float]:
    """Norm of a model's whole gradient at the first look and at the last one; nan if unknown."""
    looks = history.layer_statistics(model)
    if not looks:
        return math.nan, math.nan
    norms = [
        math.sqrt(sum(norm * norm for norm in look.gradient_norm if not math.isnan(norm)))
        for look in (looks[0], looks[-1])
    ]
    return norms[0], norms[1]

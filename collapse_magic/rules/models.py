"""Which model a loss trains."""

from __future__ import annotations

from ..history import History
from ..records import LossFacts, ModelFacts


def model_behind(history: History, facts: LossFacts | None) -> ModelFacts | None:
    """That of the loss; where it has none, the parameters that an optimizer holds without a module,
    if there is nothing else."""
    if facts is not None and facts.model is not None:
        return history.model_facts(facts.model)
    models = history.models()
    return models[0] if len(models) == 1 and not models[0].kind else None

"""What a rule is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from ..findings import Diagnosis
from ..history import History

# What the predictions do, by the names of the rules: whatever keeps a model from learning shows so,
# and while it does, more training is no cure.
SYMPTOMS = (
    "undertrained",
    "single-class-predictions",
    "missing-class",
    "constant-output",
    "not-learning",
)


class Rule(Protocol):
    """One bad thing, named. Stateless: the engine keeps what was said and since when."""

    code: str  # "CM301"
    name: str  # "class-imbalance"
    says: str  # one line for `--rules`
    explains: tuple[str, ...]  # rules whose findings at the same site are a symptom of this one

    def missing(self, history: History) -> str | None:
        """Why the rule cannot run on this history ("no layer statistics"), or None if it can."""

    def check(self, history: History) -> Iterable[Diagnosis]:
        """What it sees now; nothing where all is well. At most one diagnosis per site."""


@runtime_checkable
class KnowsWhenOver(Protocol):
    """A rule whose silence may also mean that it is not sure: it says itself when it is over."""

    def is_over(self, history: History, diagnosis: Diagnosis) -> bool:
        """Whether what was diagnosed is gone, not merely unsure."""

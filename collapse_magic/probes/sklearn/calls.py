"""One call of `fit` or `partial_fit`, from its beginning to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .sample import Sample
from .search import Candidates


@dataclass(slots=True)
class Call:
    """What is known of a call when it begins.

    A call that is ``silent`` trains no classifier, or another probe sees it: it is there so that
    the calls that it makes are known to be its own.
    """

    silent: bool = True
    method: str = "fit"
    site: str = ""
    estimator: Any = None
    began: float = 0.0  # s, on the session's clock
    place: tuple[int, int] | None = None  # (cell, line)
    sample: Sample | None = None
    problem: str = ""  # why there is no sample, where it could not be read, or no answer
    weighted: bool = False  # the samples were given weights
    losses: int = 0  # values that the estimator's list of losses held before
    counted: bool = False  # of a `partial_fit`: its batch was looked at
    candidates: Candidates | None = None  # of a search: what its inner fits showed
    of: Call | None = field(default=None, repr=False)  # the search that this fit is a part of


def arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, Any, bool]:
    """(X, y, whether sample weights were given) of a call of `fit` or `partial_fit`."""
    X = args[0] if args else kwargs.get("X")
    y = args[1] if len(args) > 1 else kwargs.get("y")
    named = (value for name, value in kwargs.items() if name.endswith("sample_weight"))
    return X, y, any(value is not None for value in (*args[2:], *named))

"""A search over candidates: a sentence for each of them, made of its fits and of its score."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Lines that a reader takes in; of more candidates the best ones are named, and those that collapse.
_MOST_LINES = 6
_BEST = 3
_MOST_COLUMNS = 34  # of a candidate's parameters
# "Nearly all" predictions, as for a finished training.
_ONE_CLASS_SHARE = 0.995


@dataclass(frozen=True, slots=True)
class InnerFit:
    """One fit of one candidate: the class it mostly answers with, or "" where nobody looked."""

    top: str = ""
    share: float = math.nan  # of its predictions on its own training data
    label_share: float = math.nan  # of the most frequent label there

    @property
    def collapsed(self) -> bool:
        return self.share >= _ONE_CLASS_SHARE and self.label_share < _ONE_CLASS_SHARE


@dataclass(slots=True)
class Candidates:
    """The fits of a search in their order; a search fits candidate by candidate."""

    fits: list[InnerFit] = field(default_factory=list)


def fits_of(search: Any) -> int:
    """How often a finished search has fitted something."""
    state = vars(search)
    done = _count(state) * int(state.get("n_splits_", 0))
    return done + ("best_estimator_" in state)


def _count(state: Mapping[str, Any]) -> int:
    return len(state.get("cv_results_", {}).get("params", ()))


def sentences(search: Any, candidates: Candidates) -> list[str]:
    """One line a candidate, in the order of the search; of many those that matter."""
    state = vars(search)
    results = state.get("cv_results_", {})
    splits, count = int(state.get("n_splits_", 0)), _count(state)
    scores = _scores(results, state.get("refit"))
    if not count or len(scores) != count:
        return []
    seen = len(candidates.fits) >= count * splits
    fits = [candidates.fits[i * splits : (i + 1) * splits] if seen else [] for i in range(count)]
    by_score = sorted(range(count), key=lambda i: (math.isnan(scores[i]), -scores[i]))
    shown = list(range(count))
    if count > _MOST_LINES:
        collapsed = [i for i in by_score if any(fit.collapsed for fit in fits[i])]
        shown = sorted(dict.fromkeys([*by_score[:_BEST], *collapsed]))[:_MOST_LINES]
    lines = [_sentence(i, count, results["params"][i], scores[i], fits[i]) for i in shown]
    if len(shown) < count:
        lines.append(f"and {count - len(shown)} more candidates, all of them in cv_results_")
    if not seen:
        lines.append(
            "the candidates were fitted in other processes: their scores are seen, not their "
            "predictions"
        )
    return lines


def _sentence(
    index: int, count: int, params: Mapping[str, Any], score: float, fits: Sequence[InnerFit]
) -> str:
    words = ", ".join(f"{name.rpartition('__')[2]}={_word(v)}" for name, v in params.items())
    if len(words) > _MOST_COLUMNS:
        words = words[: _MOST_COLUMNS - 1] + "…"
    told = "failed" if math.isnan(score) else f"score {score:.3f}"
    line = f"candidate {index + 1} of {count}: {words or 'as it is'}: {told}"
    collapsed = [fit for fit in fits if fit.collapsed]
    if collapsed:
        top = Counter(fit.top for fit in collapsed).most_common(1)[0][0]
        line += f", {len(collapsed)} of {len(fits)} fits answer only {top}"
    return line


def _word(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _scores(results: Mapping[str, Any], refit: Any) -> list[float]:
    """Mean score of each candidate; of several metrics the one that decides."""
    names = [f"mean_test_{refit}", "mean_test_score"]
    names += [name for name in results if name.startswith("mean_test_")]
    found = next((results[name] for name in names if name in results), ())
    return [float(score) for score in found]

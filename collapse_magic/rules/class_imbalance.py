"""class-imbalance (CM301)

## What it checks
Whether the majority class drowns the minority: a rare class that the scores can tell apart is found
far less often than the frequent one.

## Why it matters
Every sample pulls equally, so the frequent class decides where the threshold comes to lie. Accuracy
looks fine (nine in ten are right for free) while the rare class, mostly the one that matters, is
missed.

## How it is measured
The most frequent label takes 80% or more, or is four times as frequent as a rarer class, on at
least 1,000 labels that hold 100 of the rare class (40 where the training has ended). In two windows
running its recall is below 80% and 15 points below the frequent class', in both together surely
(Wilson bound), while the scores rank better than chance (.6). An error where it is found in less
than 10% of the cases, else a warning. Silent as long as training still gets there: since the first
half of the run the recall has risen, and once more as much would do, or the loss falls quickly.
Where the run ends before it got there, a note says how far it came; likewise where the user's code
only ranks the scores (an area under a curve, a sort, the best hundred, a quantile) and compares
them with no threshold: an unbiased model may never be sure of a rare class, and yet order the
samples well. A model that one call has fitted (scikit-learn's `fit`) is judged by its answers on
its own training samples, from 200 of them with 20 of the rare class on.

## Known limits
A rare class that is also hard to tell apart looks the same; weights then trade its recall for false
alarms. Says nothing where the labels are balanced, however bad the recalls.

## Example
    criterion = nn.BCELoss()                # 900 samples of class 0, 100 of class 1

## Use instead
    criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0))

## Fix safety
Needs review: weights change what is trained for, towards equal recalls, and so the probabilities.

## References
King and Zeng, Logistic Regression in Rare Events Data (2001); the n / (K n_c) weights are
scikit-learn's `class_weight="balanced"`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..findings import Diagnosis, Evidence, Remedy, Severity
from ..history import History, WindowTotal
from ..statistics import number, percent, round_measured, wilson_bounds
from . import gates
from .base import SYMPTOMS
from .progress import recall_gets_there
from .wording import fitting, loss_change

# What counts as imbalanced, and on how many labels that is sure.
TOP_LABEL_SHARE = 0.8
LABEL_RATIO = 4.0
MIN_LABELS = 1000
# Two windows of 50 cases each: together they tell to one side with 90% certainty (1.28 standard
# errors) that a recall of .74 or less is below .8. More would be surer, but a short run of which
# one batch in sixteen is counted has no more.
WINDOWS = 2
MIN_RARE_LABELS = 50
# At the end no more will come. A class of which next to nothing is found is told by 20 cases: of 40
# with none found the recall is below .04 with that certainty, and a better one is not told.
MIN_RARE_AT_END = 20
ONE_SIDED = 1.28
# The training samples of a finished model are all there is, and not seen in passing: 20 cases of
# which 13 are found are enough to say so.
MIN_FITTED_RARE = 20
# Below .6 the scores hardly follow the inputs: then something else is wrong, or too.
MIN_RANK = 0.6
# A rare class that is found in four of five cases needs no warning; the gap keeps out tasks that
# are hard for both classes alike.
LAGGING_RECALL = 0.8
RECALL_GAP = 0.15
NEARLY_NEVER = 0.1
# From here on the counts no longer fit the first line of a card.
MANY_CASES = 10_000


class ClassImbalance:
    code = "CM301"
    name = "class-imbalance"
    says = "the majority class drowns the minority"
    explains: tuple[str, ...] = SYMPTOMS

    def missing(self, history: History) -> str | None:
        return gates.no_classification(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            counts, rare = labels_and_rare(history, site)
            if not rare:
                continue
            needed = samples_needed(history, counts, rare)
            look = gates.look(history, site, needed)
            if look is None or gates.sees_one_class_at_a_time(look.last):
                continue
            both = look.both
            lagging = [index for index in rare if lags(look, both, index)]
            # worse than the label shares: what is wrong is more than the place of the threshold
            knows_shares = not both.cross_entropy_over_entropy > gates.WORSE_THAN_PRIOR
            if lagging and knows_shares and both.rank >= _least_rank(history, look):
                worst = min(lagging, key=both.recall.__getitem__)
                early = not look.fitted and recall_gets_there(
                    history, look, worst, LAGGING_RECALL, needed
                )
                if not early or history.finished:
                    yield self._diagnosis(history, replace(look, last=both), counts, worst, early)

    def is_over(self, history: History, diagnosis: Diagnosis) -> bool:
        """Only a recall that is seen to be good ends it: few cases make the rule silent, too."""
        site = diagnosis.site or ""
        counts, rare = labels_and_rare(history, site)
        needed = samples_needed(history, counts, rare) if rare else 0
        look = gates.look(history, site, needed) if rare else None
        if look is None:
            return False
        recall = look.both.recall
        return min(recall[index] for index in rare) >= LAGGING_RECALL

    def _diagnosis(
        self, history: History, look: gates.Look, counts: Sequence[int], rare: int, early: bool
    ) -> Diagnosis:
        """``look.last`` stands for both windows here: told is what made it sure.

        ``early``: training ended while the recall was perhaps on its way; that is a note, no alarm.
        """
        site, last = look.site, look.last
        found, cases = last.window.correct[rare], last.window.labels[rare]
        severity: Severity = "error" if _upper(last, rare) < NEARLY_NEVER else "warning"
        if early or ranks_only(history, site):
            severity = "info"
        facts = history.loss_facts(site)
        weighted = facts is not None and facts.weighted
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity=severity,
            # with weights in place the recall may lag for another reason
            confidence="to check" if weighted or severity == "info" else "likely",
            message=f"{history.class_name(site, rare)} is found in {found:,} of {cases:,} cases"
            if cases < MANY_CASES
            else f"{history.class_name(site, rare)} is found in {percent(found / cases)} of cases",
            evidence=(
                _counts(history, look, counts, rare),
                _recalls(history, look, rare),
                *([] if look.fitted else [_pull(history, look)]),
            ),
            step=last.last_step,
            since_step=look.before.first_step,
            remedy=None if weighted else weights_remedy(history, site, counts, rare),
            target="loss",
            site=site,
        )


def ranks_only(history: History, site: str) -> bool:
    """Whether the user's code orders the samples by their scores, and has no threshold for them."""
    facts = history.loss_facts(site)
    ways = {reading.how for reading in history.readings(facts.model if facts else None)}
    return ways == {"ranking"}


def labels_and_rare(history: History, site: str) -> tuple[tuple[int, ...], list[int]]:
    """Labels of each class, over the whole run or of the model that is fitted; and the classes that
    are rare among them."""
    if history.fitted(site) is not None:
        counts = history.windows(site)[-1].labels
        return counts, _rare(counts, gates.MIN_FITTED_SAMPLES, MIN_FITTED_RARE)
    counts = history.label_counts(site)
    return counts, _rare(counts, MIN_LABELS, WINDOWS * _rare_cases(history))


def _rare_cases(history: History) -> int:
    """Of the rarest class, that one window needs."""
    return MIN_RARE_AT_END if history.finished else MIN_RARE_LABELS


def _rare(counts: Sequence[int], labels: int, rare: int) -> list[int]:
    """Classes that are rare beside the most frequent one, and were seen often enough to judge.

    ``labels`` and ``rare``: how many that takes, of all classes and of the rare one.
    """
    most = max(counts)
    if sum(counts) < labels:
        return []
    ratio = 1.0 if most >= TOP_LABEL_SHARE * sum(counts) else LABEL_RATIO
    return [
        index
        for index, count in enumerate(counts)
        if rare <= count < most and most >= ratio * count
    ]


def samples_needed(history: History, counts: Sequence[int], rare: Sequence[int]) -> int:
    """Samples of one window, so that it holds enough of the rarest class."""
    smallest = min(counts[index] for index in rare)
    share = smallest / sum(counts)
    return math.ceil(max(MIN_LABELS / WINDOWS, _rare_cases(history) / share))


def _least_rank(history: History, look: gates.Look) -> float:
    """The rank from which on the scores follow the inputs, and not only noise in them.

    A fitted model ranks its own training samples better than chance even where the labels do not
    depend on the p features: between a samples of one class and b others the squared distance of
    the means then is (1/a + 1/b) times a chi-squared of p degrees. Two deviations of that, and two
    standard errors of the rank (Mann-Whitney) above it.
    """
    facts = history.loss_facts(look.site)
    if not look.fitted or facts is None or len(facts.input_shape) != 2:
        return MIN_RANK
    labels = [count for count in look.last.window.labels if count]
    frequent = max(labels)
    unevenness = 1 / frequent + 1 / max(sum(labels) - frequent, 1)
    features = facts.input_shape[1]
    squared = (features + 2 * math.sqrt(2 * features)) * unevenness
    by_noise = 0.5 * (1 + math.erf(math.sqrt(squared) / 2))
    return max(MIN_RANK, min(by_noise + 2 * math.sqrt(unevenness / 12), 1.0))


def _upper(total: WindowTotal, index: int) -> float:
    return wilson_bounds(total.window.correct[index], total.window.labels[index], ONE_SIDED)[1]


def lags(look: gates.Look, both: WindowTotal, rare: int) -> bool:
    """Both windows show it, and together they are sure."""
    frequent = both.ttop_class
    if rare == frequent or not all(
        total.recall[rare] < min(LAGGING_RECALL, total.recall[frequent] - RECALL_GAP)
        for total in (look.before, look.last)
    ):
        return False
    found, labels = both.window.correct[frequent], both.window.labels[frequent]
    lower, _ = wilson_bounds(found, labels, ONE_SIDED)
    upper = _upper(both, rare)
    return upper < LAGGING_RECALL and lower - upper > RECALL_GAP


def _counts(history: History, look: gates.Look, counts: Sequence[int], rare: int) -> Evidence:
    last = look.last
    ratio = max(counts) / counts[rare]
    top = history.class_name(look.site, last.top_class)
    parts = [f"labels {number(ratio)} to 1", f"predictions {percent(last.top)} {top}"]
    values = {"label_ratio": ratio, "predicted_share": last.top, "label_share": last.ttop}
    change = loss_change(history, look.site)
    if change < -0.01:
        parts.append(f"loss fell {-100 * change:.0f}% anyway")
        values["loss_change"] = change
    return Evidence(fitting(parts), values)


def _recalls(history: History, look: gates.Look, rare: int) -> Evidence:
    last = look.last
    frequent = last.ttop_class
    few, many = last.recall[rare], last.recall[frequent]
    names = history.class_name(look.site, rare), history.class_name(look.site, frequent)
    return Evidence(
        f"recall {percent(few)} for {names[0]}, {percent(many)} for {names[1]}",
        {"recall": few, "recall_of_majority": many, "rank": last.rank},
    )


def _pull(history: History, look: gates.Look) -> Evidence:
    """At the start who pulls shows; where training has come to rest, both classes pull alike."""
    frequent = look.last.ttop_class
    name = history.class_name(look.site, frequent)
    now = look.last.pull[frequent]
    first = history.windows(look.site)[0]
    values = {"pull": now, "pull_at_first": first.pull[frequent]}
    if first.pull[frequent] > now:
        text = (
            f"{name} made {percent(first.pull[frequent], 0)} of the gradient at the logits at first"
        )
        return Evidence(fitting([text, f"{percent(now, 0)} now"]), values)
    return Evidence(f"{name} makes {percent(now, 0)} of the gradient at the logits", values)


def weights_remedy(history: History, site: str, counts: Sequence[int], rare: int) -> Remedy:
    facts = history.loss_facts(site)
    values: dict[str, object] = {
        "loss": facts.loss if facts else "",
        "task": facts.task if facts else "unknown",
        # a class without any label would weigh infinitely much: it keeps weight 1
        "weights": [
            round_measured(sum(counts) / (len(counts) * count), 2) if count else 1.0
            for count in counts
        ],
    }
    if len(counts) == 2:
        values["pos_weight"] = round_measured(counts[0] / counts[1], 2)
    if facts is not None and facts.class_names:
        values["labels"] = list(facts.class_names)
    name = history.class_name(site, rare)
    return Remedy("weigh-classes", f"weigh {name} by the measured ratio", values)

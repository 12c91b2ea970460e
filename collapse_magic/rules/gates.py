"""When a statistical diagnosis may be made: enough samples, seen twice, nothing on the move."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..history import History, WindowTotal
from ..records import LossFacts, PredictionWindow

# A healthy predictor of a 90% majority gives an all-same window of 256 samples once in 5e11, of 64
# once in a thousand; 512 leave room for samples that depend on each other. With many classes every
# class needs a few.
MIN_SAMPLES = 512
MIN_SAMPLES_PER_CLASS = 20
# Before 30 optimizer steps the predictions are mostly those of the initial weights.
MIN_STEPS = 30
# "Nearly all": one in 200 may differ.
ONE_CLASS_SHARE = 0.995
# Up to here a one-class answer says nothing for itself: it is not what the labels look like.
LABELS_NEARLY_ONE_CLASS = 0.9
# A rank of .5 is chance; a standard deviation of the logit margin of a thousandth is no answer to
# the input.
CHANCE_RANK = 0.55
CONSTANT_SPREAD = 1e-3
# Chance seldom ranks so well: eight standard errors above it at 512 samples.
FOLLOWING_RANK = 0.7
# From here on a frequent class may take all predictions of a model that is healthy but for that.
ONE_SIDED_LABELS = 0.8
# Not learning: within 3% of always answering with the label shares, after 200 steps, and no 1%
# better than the window before.
NOT_LEARNING = 0.97
NOT_LEARNING_STEPS = 200
BETTER_BY = 0.99
WORSE_THAN_PRIOR = 1.05
# On the way to it a window that holds some of the fall costs 1.06 to 1.08.
NEAR_THE_PRIOR = 1.1
# A tenth below the loss of a constant answer is past what chance or the label shares explain.
HAS_LEARNED = 0.9
# Rank gained from one window to the next that no longer is noise at 512 samples (standard error
# about .025).
RANK_GAINED = 0.05
# Data sorted by class, or the two halves of a GAN's step, are no view on all labels at once.
SINGLE_CLASS_BATCHES = 0.8
MIN_BATCH_SIZE = 8
CLASSIFICATION = ("binary", "multiclass")


# The answers of a finished model to 200 of its own training samples: a healthy predictor of a 90%
# majority gives the same one to all of them once in a billion.
MIN_FITTED_SAMPLES = 200


@dataclass(frozen=True, slots=True)
class Look:
    """Two windows running at one site: the one before and the last.

    A model that one call has fitted is finished: its one window stands for both.
    """

    site: str
    before: WindowTotal
    last: WindowTotal
    fitted: bool = False

    @property
    def both(self) -> WindowTotal:
        return self.last if self.fitted else self.before.with_next(self.last)


def needed_samples(classes: int) -> int:
    """Samples that one window needs for a statement about the whole."""
    return max(MIN_SAMPLES, MIN_SAMPLES_PER_CLASS * classes)


def classification_sites(history: History) -> tuple[str, ...]:
    """Sites whose labels name one class per sample, and are not a move in a game of two models."""
    return tuple(
        site
        for site in history.sites()
        if (facts := history.loss_facts(site)) is not None
        and facts.task in CLASSIFICATION
        and history.windows(site)
        and not _is_contested(history, facts)
    )


def _is_contested(history: History, facts: LossFacts) -> bool:
    """Whether another model is trained against this one: its answers at another site are to be one
    class only. Which class a GAN's discriminator says when it cannot tell is no collapse."""
    others = (history.loss_facts(site) for site in history.sites() if site != facts.site)
    return facts.model is not None and any(
        other is not None
        and other.model == facts.model
        and other.task in CLASSIFICATION
        and other.target_min == other.target_max
        and history.samples(other.site) >= MIN_SAMPLES
        for other in others
    )


def no_classification(history: History) -> str | None:
    """Why a rule about predictions cannot run, or None if it can."""
    if not history.sites():
        return "no loss was seen"
    if not classification_sites(history):
        return "no predictions of classes were seen"
    return None


def look(history: History, site: str, samples: int | None = None) -> Look | None:
    """The last two windows after any warm-up; None as long as it is too early to say."""
    facts = history.loss_facts(site)
    windows = history.windows(site)
    if facts is None or not windows:
        return None
    if history.fitted(site) is not None:
        total = WindowTotal.of(windows[-1:])
        enough = max(MIN_FITTED_SAMPLES, MIN_SAMPLES_PER_CLASS * total.classes)
        return Look(site, total, total, fitted=True) if total.samples >= enough else None
    since = history.settled_step(facts.model)
    needed = samples or needed_samples(len(windows[-1].labels))
    totals = history.two_totals(site, "train", needed, since=since)
    if totals is None or totals[1].last_step - since < MIN_STEPS:
        return None
    return Look(site, *totals)


def predicts_one_class(look: Look) -> bool:
    """Gate G: nearly one class, twice, while the labels are not or the outputs follow no input.

    That outputs follow no input is a word about learning: it takes the steps of Gate N.
    """
    by_labels = max(look.before.ttop, look.last.ttop) <= LABELS_NEARLY_ONE_CLASS
    return (
        (by_labels or look.fitted or look.last.last_step >= NOT_LEARNING_STEPS)
        and look.before.top_class == look.last.top_class
        and one_class(look.before)
        and one_class(look.last)
    )


def one_class(total: WindowTotal) -> bool:
    if total.top < ONE_CLASS_SHARE:
        return False
    if total.ttop <= LABELS_NEARLY_ONE_CLASS:
        return True
    several_labels = total.ttop < 1
    return several_labels and (total.rank < CHANCE_RANK or total.spread < CONSTANT_SPREAD)


def learns_nothing(history: History, look: Look) -> bool:
    """Gate N: after an epoch and 200 steps as good as the label shares, and not getting better."""
    if look.last.last_step < NOT_LEARNING_STEPS or history.epochs == 0:
        return False
    return look.last.cross_entropy_over_entropy >= NOT_LEARNING and not gets_better(history, look)


def gets_better(history: History, look: Look) -> bool:
    """Whether the last window beats everything before by 1%, or ranks clearly better than the one
    before.

    Against everything, since a training that jumps about beats the window before every other time.
    Where windows are short a slow learner on its way down to a constant answer gains less than 1%
    from one to the next: it counts, too, that both together beat everything from the first half.

    What ranks no better than chance and has come within 5% of a constant answer's loss, from within
    10% of it in the window before, has found the label shares and no more; what the windows before
    hold depends on which batches were counted. Nor is it more where all samples of a batch get the
    same answer, though that may follow the batch: a whole window of that is enough, since the one
    before may still hold the fall. A model that is fitted stays as it is.
    """
    if look.fitted or alike_in_batches(look.last):
        return False
    ranks_better = look.last.rank - look.before.rank > RANK_GAINED and look.last.rank > CHANCE_RANK
    if ranks_better:
        return True
    last, both = (total.cross_entropy_over_entropy for total in (look.last, look.both))
    arriving = look.before.cross_entropy_over_entropy <= NEAR_THE_PRIOR
    if arriving and look.both.rank <= CHANCE_RANK and NOT_LEARNING <= last <= WORSE_THAN_PRIOR:
        return False
    earlier = [
        (total.last_step, total.cross_entropy_over_entropy)
        for total in history.totals(look.site, "train", MIN_SAMPLES // 2)
        if total.last_step < look.last.first_step
    ]
    best = min([*(value for _, value in earlier), look.before.cross_entropy_over_entropy])
    if last < BETTER_BY * best:
        return True
    facts = history.loss_facts(look.site)
    start = history.settled_step(facts.model if facts else None)
    half = start + (look.last.last_step - start) // 2
    best_of_half = min((value for step, value in earlier if step <= half), default=math.nan)
    return NOT_LEARNING <= both < BETTER_BY * best_of_half


def only_threshold_is_off(history: History, look: Look) -> bool:
    """The scores tell the classes apart, twice, and beat a constant answer.

    Before Gate N's time that mostly comes right by itself; later only where the labels are
    one-sided: there it is what a frequent class does, and class-imbalance watches how it goes on.
    Where the scores are no probabilities nothing is known of a constant answer's loss.
    """
    early = look.last.last_step < NOT_LEARNING_STEPS or history.epochs == 0
    early = early and not look.fitted
    one_sided = min(look.before.ttop, look.last.ttop) >= ONE_SIDED_LABELS
    return (early or one_sided) and all(
        total.rank >= FOLLOWING_RANK and not total.cross_entropy_over_entropy >= NOT_LEARNING
        for total in (look.before, look.last)
    )


def worse_than_prior(look: Look) -> bool:
    """Worse than always answering with the label shares, twice."""
    return (
        min(look.before.cross_entropy_over_entropy, look.last.cross_entropy_over_entropy)
        > WORSE_THAN_PRIOR
    )


def answers_alike(look: Look) -> bool:
    """Whether all samples of a batch get the same answer, twice."""
    return alike_in_batches(look.before) and alike_in_batches(look.last)


def alike_in_batches(total: WindowTotal) -> bool:
    """Whether all samples of a batch get the same answer, while their labels differ.

    The bias of a model that ignores its inputs moves from step to step, most of all at a high
    learning rate: over a whole window its answers differ, and close to a tie so do the predicted
    classes. Within a batch nothing moves.
    """
    return total.spread_in_batch < CONSTANT_SPREAD and total.ttop < 1


def fails(history: History, look: Look | None) -> bool:
    """One class, one answer, nothing learned, or worse than a constant answer: what is wired
    wrongly shows."""
    return look is not None and (
        predicts_one_class(look)
        or answers_alike(look)
        or learns_nothing(history, look)
        or worse_than_prior(look)
    )


def has_learned(history: History, site: str) -> bool:
    """Whether the latest answers clearly beat a constant one: the model works as it is."""
    windows = history.windows(site)
    last = history.total(site, "train", MIN_SAMPLES) or (
        WindowTotal.of(windows) if windows else None
    )
    return last is not None and last.cross_entropy_over_entropy < HAS_LEARNED


def holds_one_class_each(window: PredictionWindow) -> bool:
    """Whether nearly every batch holds one class, whatever the reason."""
    return window.single_class_batches >= SINGLE_CLASS_BATCHES * window.batches


def one_class_by_chance(total: WindowTotal) -> float:
    """Share of batches of this size that would hold one class, were the samples drawn at random."""
    return math.fsum(share**total.batch_size for share in total.prior)


def sees_one_class_at_a_time(total: WindowTotal) -> bool:
    """Nearly every batch holds one class, though by chance it would hold several."""
    if total.batch_size < MIN_BATCH_SIZE:
        return False
    by_chance = one_class_by_chance(total)
    return holds_one_class_each(total.window) and by_chance < SINGLE_CLASS_BATCHES / 2

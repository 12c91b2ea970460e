"""How often to look, so that watching stays within its share of the training's time.

The probe's own time is measured where it is spent. Three things can be done less often: counting
the predictions of a batch (one in `Sampler.one_in`), taking full layer statistics (every
`layer_gap` steps) and, in the fastest loops, asking whether the loss is finite
(`Schedule.unchecked`). Calls in between are let pass by a `Countdown`, which is all that a call
costs then.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

# What a run may cost however short it is.
SHORT_RUN_SECONDS = 0.05
# Of the budget that the probe may spend; the rest is for the session's rules, cards and log.
_PROBE_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Start:
    """What may be done at first, when nothing is known yet of the time that a step takes.

    Numbers of batches hold for small ones; `Sampler.rather` says what is enough of larger ones.

    Attributes:
        seconds: spent on all there is to see, before anything has to be made up for.
        counted: so many batches are counted, whatever they take ...
        per_gap: ... then so many of every second, of every fourth and so on: what is found in a
            short run must not hang on how busy the machine is.
        essential: past `seconds` one batch in the so-many-th part of the steps made so far is
            counted: about so many of a run whenever it has become e (2.7) times as long. 0: past
            `seconds` there are pauses instead, and `counted` and `per_gap` hold as before.
        most_seconds: where all counting has taken this much, only as many are counted as of the
            longest runs.
    """

    seconds: float
    counted: int
    per_gap: int
    essential: int = 0
    most_seconds: float = math.inf


PATIENT = Start(0.1, 128, 64)
# Of the 50 ms the first 20 do for what there is to see of a model at first, and for 100 counted
# batches. Of small ones 110 of a run of 200 steps and 240 of 1,000 are counted in any case: to find
# one case in thirty missing takes as many. Where a batch is ten times as dear as usual, counting
# stops being generous at 100 ms.
SHORT = Start(
    seconds=0.4 * SHORT_RUN_SECONDS,
    counted=64,
    per_gap=64,
    essential=64,
    most_seconds=2 * SHORT_RUN_SECONDS,
)
# A batch of so many samples is a small one; of larger ones so many fewer are enough, but no less
# than a quarter, since what changes from step to step is seen in batches, not in samples. Of those
# that are counted in any case at first this many are left: two windows.
_SMALL_BATCH, _LEAST_PART, _LEAST_COUNTED = 32, 1 / 4, 48
# Of that what is aimed at: who sees a step in three of a slow training and every 128th of a fast
# one learns no more from twice as many, and what is not foreseen has room.
_AIMED_AT = 0.25
# However dear the calls in passing are, so much of the budget is left for what they are there for.
_LEAST_SHARE = 0.25
# How what is left is shared out.
_TRAINING_SHARE, _EVALUATION_SHARE, _LAYER_SHARE = 0.6, 0.15, 0.25
_BATCHES_PER_FLUSH = 64
FLUSH_SECONDS, _LATEST_FLUSH_SECONDS = 0.5, 1.5
_FLUSHES_IN_A_RUN = 20
# Of the budget: flushes; the rules and the log that follow each of them take twice as long. In the
# first seconds news matters more: five flushes are waited for in any case.
_FLUSH_SHARE, _LEAST_FLUSHES = 0.1, 5
_WORTH_A_FLUSH = 8  # counted batches
# Rules need samples: one batch in so many costs a third of a percent of the fastest usual loops, of
# which so few are counted from the 8,000th step on.
_MOST_ONE_IN = 128
_MOST_LAYER_GAP = 5000
# Rules compare three looks and more. Past the first steps, which have looks of their own, each look
# comes at the latest when the run is four times as long as at the one before, whatever they take:
# a run of 500 steps, which may take a second, has three of these.
_LATEST_LOOK = 3  # times the steps so far
_FIRST_STEPS = 30
# In these a model of many parameters takes most of what they may cost to be met; the batches of the
# first few of them are counted as in any other run, then one in so many.
_COUNTED_OF_MANY, _ONE_IN_OF_MANY = 8, 4
_MOST_QUICK = 2e-5  # seconds; what took longer was interrupted by something else
_MOST_UNUSUAL = 4  # times as long as usual; as above
_MOST_UNCHECKED = 3  # bits: at least every fourth loss is checked
# The training runs on with colder caches after work of ours: that costs so much of the time that
# the work took by itself; measured as the difference that it makes to watched steps ...
_AFTERMATH = 0.3
# ... but no longer than it takes to fill the caches anew, however long the work was: the two steps
# after 1 ms of work take as much longer as those after 10 ms.
_LONGEST_AFTERMATH = 5e-4
# The functions and hooks in the framework's place take so many times as long as a check does by
# itself, and the check in passing a little more; measured by leaving out one after the other.
_CALLS, _CHECK = 1.5, 1.5
# Without a counted batch, after something unusually dear: seconds, and backwards, since the next
# ones may be much slower than the last.
_LONGEST_PAUSE, _MOST_PAUSED = 2.0, 512
FULL_LOOKS_AT_FIRST = 3  # steps 1 to 3: structural mistakes are said by step 3
SEED = 0  # of what says which batches are counted: the same ones in every run of the same pace


class Countdown:
    """Calls that may pass before the next look; how many have passed is known all the same."""

    __slots__ = ("_total", "left")

    def __init__(self) -> None:
        self.left = 0
        self._total = 0

    @property
    def passed(self) -> int:
        return self._total - self.left

    def count(self, calls: int = 1) -> None:
        """Calls that were looked at."""
        self._total += calls

    def grant(self, calls: int) -> None:
        """Let so many more pass from now on."""
        self._total += calls - self.left
        self.left = calls


class Sampler:
    """Which calls of one kind to count. Gaps vary at random around their mean: a fixed gap could
    fall in step with alternating losses or with the order of the data. The generator is our own, so
    the user's random state is not touched.
    """

    def __init__(self, start: Start = PATIENT) -> None:
        self.one_in = 1
        self.call_seconds = 0.0  # of the run, per call, lately
        self._allowed = 1  # one in so many is what the budget allows ...
        self._at_least = 1  # ... and what is counted in any case
        self.thinned_at = start.counted  # so many were counted whatever they took
        self._start = start
        self._batch = 0  # samples of the largest one
        self._counted = 0
        self._counting_seconds = 0.0  # since the last `adapt`
        self._in_all = 0  # counted since the start
        self._usual = 0.0  # seconds that one takes, without those that something came in between of
        self._random = random.Random(SEED)  # noqa: S311 - for sampling
        self._mark: tuple[float, int] | None = None

    @property
    def seconds(self) -> float:
        """What counting has taken since the start, but for interruptions."""
        return self._usual * self._in_all

    def meet(self, samples: int) -> None:
        """A batch holds so many samples; the largest one counts, for the last one of an epoch is
        smaller."""
        if samples <= self._batch:
            return
        self._batch = samples
        if self._in_all < self._start.counted:
            least = min(self._start.counted, _LEAST_COUNTED)
            self.thinned_at = max(self.rather(self._start.counted), least)

    def rather(self, batches: int) -> int:
        """What so many small batches come to in batches like these."""
        if self._batch <= _SMALL_BATCH:
            return batches
        return math.ceil(batches * max(_SMALL_BATCH / self._batch, _LEAST_PART))

    def gap(self) -> int:
        """Calls to let pass before the next counted one."""
        if self.one_in == 1:
            return 0
        return int(self._random.random() * (2 * self.one_in - 1))  # `randrange`: ten times that

    def book(self, seconds: float) -> None:
        """One call was counted, in so many seconds."""
        self._counted += 1
        self._counting_seconds += seconds
        self._in_all += 1
        if self._in_all > 1:  # with the first of them the model is met, and much is imported
            usual = self._usual or seconds
            self._usual = usual + (min(seconds, _MOST_UNUSUAL * usual) - usual) / 8
        if self._in_all >= self.thinned_at:
            self.thinned_at += self.rather(self._start.per_gap)
            self._at_least *= 2
            self.thin_no_more()

    def thin(self, least: int) -> None:
        """Too much has been spent: count no more than one in `least`."""
        self.one_in = max(self.one_in, min(least, _MOST_ONE_IN))

    def thin_no_more(self) -> None:
        self.one_in = min(self._allowed, self._at_least)

    def adapt(self, now: float, calls: int, allowed: float, flush_seconds: float) -> bool:
        """Set `one_in` from what the last stretch of the run and of counting took.

        Only what grows with the counted calls is held against them: were other work counted in,
        fewer of them would make each seem dearer, and so on.

        Parameters: the training's clock without our own time (s), calls seen since the start, the
        share of the run's time that counting may take, and what a flush takes (s). Returns whether
        there was enough to judge by, and no more are counted than the budget allows.
        """
        mark = self._mark
        if mark is None or self._counted < 1 or calls - mark[1] < 8:
            if mark is None:
                self._begin_stretch(now, calls)
            return False
        self.call_seconds = max((now - mark[0]) / (calls - mark[1]), 1e-7)
        one = self._counting_seconds / self._counted + flush_seconds / _BATCHES_PER_FLUSH
        one *= 1 + _AFTERMATH
        self._begin_stretch(now, calls)
        wanted = one / (allowed * self.call_seconds) if allowed > 0 else _MOST_ONE_IN
        exact = math.ceil(max(wanted, 1.0))
        # One slow stretch (a busy machine) must not silence the counting: go stepwise.
        self._allowed = int(min(max(exact, self._allowed // 4), self._allowed * 8, _MOST_ONE_IN))
        self.thin_no_more()
        return self._at_least >= self._allowed

    def _begin_stretch(self, now: float, calls: int) -> None:
        self._mark = (now, calls)
        self._counted, self._counting_seconds = 0, 0.0


class Schedule:
    """Keeps the books: time spent, time trained, and from both how often to look."""

    def __init__(
        self, budget_percent: float, every: int | None = None, start: Start = PATIENT
    ) -> None:
        self._whole = max(budget_percent, 0.0) / 100
        self.budget = self._whole * _PROBE_SHARE
        self.every = every
        self.own_seconds = 0.0  # what our own code has cost so far
        self._booked = 0.0  # what it took by itself
        self.check_seconds = 2.5e-6  # to ask whether a loss is finite
        self.unchecked = 0  # bits of the countdown that must be 0 for a loss to be checked
        self.training, self.evaluation = Sampler(start), Sampler(start)
        self._start = start
        self.many_parameters = False  # the model that is trained has
        self._sparing = False  # fewer batches are counted, as it has
        self._flush_seconds = 0.0  # of the last flush
        self._began: float | None = None

    def flush_gap(self, now: float, batches: int) -> float:
        """Seconds between two flushes, where so many batches have been counted since the last.

        One takes as long as twenty counted batches: where these are few, it waits for some, but not
        for long. And the longer a run has lasted, the less is news every half second; what the last
        flush took is paid off first.
        """
        age = 0.0 if self._began is None else now - self._began
        paid = self._flush_seconds / (_FLUSH_SHARE * self.budget) if self.budget else math.inf
        waits = max(age / _FLUSHES_IN_A_RUN, min(paid, age / _LEAST_FLUSHES))
        gap = min(max(FLUSH_SECONDS, waits), _LATEST_FLUSH_SECONDS)
        enough = batches >= _WORTH_A_FLUSH or self.training.one_in == 1
        return gap if enough else _LATEST_FLUSH_SECONDS

    @property
    def quick_seconds(self) -> float:
        """What a step takes in which nothing is due, too short to be timed each time."""
        return self.check_seconds * (_CALLS + _CHECK / (self.unchecked + 1))

    def book(self, seconds: float) -> None:
        """Our own code ran for so long."""
        self._booked += seconds
        self.own_seconds += seconds + min(seconds * _AFTERMATH, _LONGEST_AFTERMATH)

    def book_check(self, seconds: float) -> None:
        self.check_seconds += (min(seconds, _MOST_QUICK) - self.check_seconds) / 8

    def book_flush(self, seconds: float) -> None:
        self._flush_seconds = seconds

    def begin(self, now: float) -> None:
        self._began = now

    def left_seconds(self, now: float) -> float:
        """What of the budget is left by now, below 0 where more was spent."""
        return self._allowed(now) - self.own_seconds

    def gap(self, sampler: Sampler, now: float, calls: int) -> int:
        """Calls to let pass before the next counted one, of so many (of this kind) so far."""
        start = self._start
        if self.many_parameters:
            at_first = _COUNTED_OF_MANY <= calls < _FIRST_STEPS
            if at_first:
                sampler.thin(_ONE_IN_OF_MANY)
            elif self._sparing:
                sampler.thin_no_more()
            self._sparing = at_first
        generous = calls < sampler.rather(start.essential) and sampler.seconds <= start.most_seconds
        if start.essential and not generous:
            spent = self.own_seconds + calls * self.quick_seconds
            if self._is_short(now) and sampler.seconds > start.most_seconds:
                sampler.thin(_MOST_ONE_IN)
            elif spent > max(start.seconds, self._allowed(now)):
                sampler.thin(calls // sampler.rather(start.essential))
        return sampler.gap()

    def _allowed(self, now: float) -> float:
        """What the budget allows to spend by now (s)."""
        return self.budget * (now - (now if self._began is None else self._began))

    def _is_short(self, now: float) -> bool:
        """Whether what is spent at the start does not fit into the run's budget yet."""
        return self._start.essential > 0 and self._allowed(now) < self._start.most_seconds

    def adapt(self, now: float, backwards: int, evaluations: int) -> int:
        """Set how often to count from here on; to be called at a flush.

        Parameters: the clock (s), and how many training and evaluation calls were seen since the
        start. Returns how many backwards to let pass in any case, because too much was spent.
        """
        training_clock = now - self._booked
        left = self._left()
        flush = self._flush_seconds
        self.evaluation.adapt(training_clock, evaluations, left * _EVALUATION_SHARE, flush)
        settled = self.training.adapt(training_clock, backwards, left * _TRAINING_SHARE, flush)
        step = self.training.call_seconds
        if step:
            self.unchecked = self._mask(step)
        over = self.own_seconds - self._start.seconds - self._allowed(now)
        if over <= 0 or self.budget <= 0 or not step:
            return 0
        if not settled or self._is_short(now):  # a short run would end with the pause
            return 0
        return int(min(over / (self.budget * step), _LONGEST_PAUSE / step, _MOST_PAUSED))

    def _left(self) -> float:
        """The share of the run's time that is left for looking, after the calls in passing."""
        step = self.training.call_seconds
        quick = self.quick_seconds / step if step else 0.0
        aim = self.budget * _AIMED_AT
        return max(aim - quick, aim * _LEAST_SHARE)

    def _mask(self, step_seconds: float) -> int:
        """Check every loss where the calls in passing fit the budget, else one in 2 or 4.

        They may take all of it: a NaN that is seen at once is found where it arose, later on only
        in the weights.
        """
        mask = 0
        check = self.check_seconds * _CHECK
        allowed = self.budget * step_seconds - self.check_seconds * _CALLS  # for the checks alone
        while mask < _MOST_UNCHECKED and check > allowed * (mask + 1):
            mask = 2 * mask + 1
        return mask

    def layer_gap(self, look_seconds: float, step_seconds: float, step: int) -> int:
        """Steps until the next full look at the layers after the one at `step`.

        Parameters: what a look and a step take (s), and the step.
        """
        if self.every is not None:
            return max(self.every, 1)
        most = min(_MOST_LAYER_GAP, max(_LATEST_LOOK * step, _FIRST_STEPS + 1 - step))
        allowed = self._left() * _LAYER_SHARE * max(step_seconds, 1e-7)
        if allowed <= 0:
            return most
        gap = math.ceil(look_seconds * (1 + _AFTERMATH) / allowed)
        return min(max(gap, 1), most)

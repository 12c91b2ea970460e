"""Watches scikit-learn: `fit` and `partial_fit` of whatever trains a classifier."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from types import FrameType
from typing import Any

import numpy as np

from ...records import FitEnded, ProbeNote, Record
from ..base import Probe, ProbeContext
from ..guard import Guard
from ..patching import Patches
from ..schedule import Countdown, Schedule
from .calls import Call, arguments
from .classes import (
    classifier_in,
    is_baseline,
    iteration_limit,
    iterations,
    kind_of,
    losses,
    trains_elsewhere,
)
from .hooks import Switch, watch_classes
from .looking import Array, Outputs, ask, indices
from .loops import Batches
from .observed import Sites, classes_of, facts, loss_values, model_name, one_label
from .sample import LEAST_ROWS, MOST_ROWS, take
from .search import Candidates, InnerFit, fits_of, sentences
from .windows import window

FLUSH_SECONDS = 0.5
# The first fit at a place gets a look whatever was spent before: a cell may compare many models.
# So much may the fits of a search take, too.
_FIRST_SECONDS, _INNER_SECONDS = 0.05, 0.05
# Rows of one fold that are asked about; there are many folds.
_INNER_ROWS = 512
_BATCH_ROWS = 4096
# Batches that are answered whatever it takes: to ask takes half as long as to learn them.
_FIRST_BATCHES = 64
# What sklearn trains for a purpose of its own: to choose features, to fill gaps.
_OWN_PURPOSE = ("sklearn.feature_selection", "sklearn.impute", "sklearn.inspection")
_LIBRARIES = ("sklearn.", "joblib.")

# Loops whose calls may pass; each holds on to its estimator.
_MOST_LOOPS = 64
_SILENT = Call()


class _Inside(threading.local):
    """The call that this thread is in, the innermost one that matters."""

    call: Call | None = None


class SklearnProbe(Probe):
    """Observes labels, predictions on training data, feature scales, losses and searches."""

    framework = "sklearn"

    def __init__(self, context: ProbeContext) -> None:
        super().__init__(context)
        self._patches = Patches()
        self._switch = Switch()
        self.steps = 0  # rounds of solvers, and calls of `partial_fit`
        self._plan = Schedule(context.config.budget, context.config.every)
        self._fresh()

    def _fresh(self) -> None:
        """Empty stores: nothing of the user's stays behind in the probe."""
        self.guard = Guard(self.context, self._plan, self._switch.off)
        self._inside = _Inside()
        self._sites = Sites()
        self._batches: dict[str, Batches] = {}
        self._told: dict[str, tuple[Any, ...]] = {}  # site -> what its facts were told of
        self._looked: set[str] = set()  # sites where predictions were asked for
        self._loops: dict[int, Any] = {}  # id -> estimator that `partial_fit` is called on
        self._random = np.random.default_rng(0)
        self._thread = threading.get_ident()
        self._passing = Countdown()  # of `partial_fit`
        self._flushed = self.context.clock()
        self._missed = 0  # fits that were not looked at, because watching had cost enough

    @classmethod
    def available(cls) -> bool:
        return hasattr(sys.modules.get("sklearn.base"), "ClassifierMixin")

    @property
    def idle(self) -> bool:  # type: ignore[override]
        return self.steps == 0

    @property
    def cost_seconds(self) -> float:
        return self._plan.own_seconds

    def _attach(self) -> None:
        self._switch = Switch()  # replacements that had to stay behind keep the old one, off
        self._switch.probe = self
        self._fresh()
        self.steps = 0
        self._plan.training.thinned_at = _FIRST_BATCHES
        self._plan.begin(self.context.clock())
        watch_classes(sys.modules["sklearn.base"], self._patches, self._switch)

    def _detach(self) -> None:
        with ExitStack() as duties:  # the last one first, each whatever became of another
            duties.callback(self._fresh)
            duties.callback(self._patches.restore)
            duties.callback(self._switch.off)

    def flush(self) -> None:
        self.guard.run(self._flush)
        if self._missed and not self.guard.broken:
            fits, self._missed = self._missed, 0
            self._emit(ProbeNote(f"{fits} fits went by without a look: the budget was spent"))

    def _emit(self, *records: Record) -> None:
        for record in records:
            self.context.emit(record)

    # -- calls ------------------------------------------------------------------------------------

    def wants(self, method: str) -> bool:
        """Whether a call that begins in this thread is anything to us: what a fit does by itself is
        not, but for the fits of a search."""
        outer = self._inside.call
        return outer is None or (outer.candidates is not None and method == "fit")

    def enter(
        self, method: str, estimator: Any, args: Any, kwargs: Mapping[str, Any], caller: FrameType
    ) -> Call | None:
        """A call begins; returns the one around it, for `leave`."""
        outer = self._inside.call
        if method == "partial_fit" and self._passing.left > 0 and id(estimator) in self._loops:
            self._passing.left -= 1
            self.steps += 1
            self._inside.call = _SILENT
            return outer
        call = self.guard.run(self._begin, method, estimator, args, kwargs, caller, outer)
        self._inside.call = call or _SILENT
        return outer

    def leave(self, outer: Call | None, finished: bool) -> str | None:
        """The call is over; returns a sentence where the cell is to be stopped."""
        call, self._inside.call = self._inside.call, outer
        if call is None or call.silent:
            return None
        self.guard.run(self._end, call, finished)
        return self.guard.run(self.context.stop_reason) if outer is None else None

    def _begin(
        self,
        method: str,
        estimator: Any,
        args: Any,
        kwargs: Mapping[str, Any],
        caller: FrameType,
        outer: Call | None,
    ) -> Call:
        kind = kind_of(type(estimator))
        classifier = None if kind is None else classifier_in(estimator)
        if classifier is None or is_baseline(classifier) or trains_elsewhere(classifier):
            return _SILENT
        place = self.context.place(caller)
        if outer is None and (_for_own_purpose(caller) or self._in_a_helper(place)):
            return _SILENT
        X, y, weighted = arguments(args, kwargs)
        call = Call(
            silent=False,
            method=method,
            estimator=estimator,
            began=self.context.clock(),
            place=place,
            weighted=weighted,
            losses=len(losses(classifier)) if _goes_on(classifier, method) else 0,
            candidates=Candidates() if kind == "search" and outer is None else None,
            of=outer,
        )
        call.site = self._sites.name(type(classifier).__name__, call)
        if method == "partial_fit":
            self._before_step(call, X, y)
        elif self._allowed_seconds(call) <= 0:
            self._missed += outer is None
        else:
            self._sample(call, X, y, MOST_ROWS if outer is None else _INNER_ROWS)
        return call

    def _sample(self, call: Call, X: Any, y: Any, most: int, least: int = LEAST_ROWS) -> None:
        """Rows to ask about. What cannot be read may be a mistake, which `fit` will name."""
        try:
            call.sample = take(X, y, most, self._random, least)
        except Exception as error:
            call.problem = _short(error)

    def _in_a_helper(self, place: tuple[int, int] | None) -> bool:
        """In a worker thread of joblib's: what it fits is a part of what another thread does."""
        return place is None and threading.get_ident() != self._thread

    def _end(self, call: Call, finished: bool) -> None:
        if call.of is not None:
            self._after_inner(call, finished)
        elif finished and not trains_elsewhere(classifier_in(call.estimator)):
            if call.method == "partial_fit":
                self._after_step(call)
            else:
                self._after_fit(call)

    def _allowed_seconds(self, call: Call) -> float:
        left = self._plan.left_seconds(self.context.clock())
        if call.of is not None:
            return left + _INNER_SECONDS
        return left if call.site in self._looked else max(left, _FIRST_SECONDS)

    # -- fits -------------------------------------------------------------------------------------

    def _after_fit(self, call: Call) -> None:
        classifier = classifier_in(call.estimator)
        rounds, limit = iterations(classifier), iteration_limit(classifier)
        first, self.steps = self.steps + 1, self.steps + max(rounds, 1)
        site, classes = call.site, classes_of(call.estimator)
        self._tell_facts(call, site, classes, first)
        values = loss_values(call, site, first, self.steps)
        if values is not None:
            self._emit(values)
        found = self._ask(call, classes)
        if found is not None:
            self._emit(window(site, *found, steps=(first, self.steps)))
        searched = call.candidates is not None
        self._emit(
            FitEnded(
                site=site,
                step=self.steps,
                fits=fits_of(call.estimator) if searched else 1,
                iterations=rounds,
                limit=limit,
                converged=not limit or rounds < limit,
            )
        )
        if call.candidates is not None:
            for text in sentences(call.estimator, call.candidates):
                self._emit(ProbeNote(text))

    def _tell_facts(self, call: Call, site: str, classes: Array | None, step: int) -> None:
        model = model_name(call.estimator, self.context.namespace())
        columns = () if call.sample is None else call.sample.shape[1:]
        about = (
            model,
            call.weighted,
            columns,
            None if classes is None else tuple(classes.tolist()),
        )
        if self._told.get(site) == about:
            return
        self._told[site] = about
        self._emit(*facts(call, site, model, step, classes))
        label = one_label(call.sample)
        if label is not None:
            self._emit(ProbeNote(f"{model} was given labels of one class only: {label}"))

    def _ask(self, call: Call, classes: Array | None) -> tuple[Outputs, Array] | None:
        """Answers on the sample, and the labels as indices; None where nobody is to be asked.

        What an estimator raises that cannot be asked is its own affair, no failure of ours.
        """
        sample = call.sample
        if sample is None:
            self._tell_problem(call)
        if sample is None or classes is None or sample.labels.ndim != 1:
            return None
        try:
            labels = indices(sample.labels, classes)
            batch = call.method == "partial_fit"  # how often these are asked is planned elsewhere
            allowed = math.inf if batch else self._allowed_seconds(call)
            if call.of is None:
                self._looked.add(call.site)
            outputs = ask(call.estimator, sample, classes, allowed, self.context.clock)
        except Exception as error:
            call.problem = _short(error)
            self._tell_problem(call)
            return None
        return None if outputs is None else (outputs, labels[: len(outputs.predicted)])

    def _tell_problem(self, call: Call) -> None:
        if call.problem:
            name = type(call.estimator).__name__
            self._emit(ProbeNote(f"no predictions of {name}: {call.problem}"))

    def _after_inner(self, call: Call, finished: bool) -> None:
        """One fit of a search: what the candidate answers, its training data asked."""
        assert call.of is not None and call.of.candidates is not None
        seen = InnerFit()
        classes = classes_of(call.estimator) if finished else None
        found = self._ask(call, classes)
        if found is not None and classes is not None:
            outputs, labels = found
            counts = np.bincount(outputs.predicted, minlength=len(classes))
            top = int(counts.argmax())
            seen = InnerFit(
                top=str(classes[top]),
                share=float(counts[top] / len(labels)),
                label_share=float(np.bincount(labels).max() / len(labels)),
            )
        call.of.candidates.fits.append(seen)

    # -- steps ------------------------------------------------------------------------------------

    def _before_step(self, call: Call, X: Any, y: Any) -> None:
        """The batch is answered by the model that stands, as yet unlearned."""
        countdown = self._passing
        countdown.count()
        classes = classes_of(call.estimator)
        site = call.site
        if classes is None or site not in self._told:  # the first call: nothing is known yet
            self._sample(call, X, y, _BATCH_ROWS, least=1)
            return
        began = self.context.clock()
        self._sample(call, X, y, _BATCH_ROWS, least=1)
        call.counted = True
        found = self._ask(call, classes)
        if found is not None:
            self._batches_of(site).add(self.steps + 1, *found)
        self._plan.training.book(self.context.clock() - began)
        countdown.grant(self._plan.training.gap())

    def _after_step(self, call: Call) -> None:
        self.steps += 1
        classifier, site = classifier_in(call.estimator), call.site
        if site not in self._told or call.counted:
            self._tell_facts(call, site, classes_of(call.estimator), self.steps)
        if len(self._loops) < _MOST_LOOPS:
            self._loops[id(call.estimator)] = call.estimator
        values = losses(classifier)[call.losses :]
        if values:
            self._batches_of(site).add_loss(self.steps, values[-1])
        now = self.context.clock()
        if self._batches_of(site).full or now - self._flushed >= FLUSH_SECONDS:
            self._flush()

    def _batches_of(self, site: str) -> Batches:
        return self._batches.setdefault(site, Batches(site))

    def _flush(self) -> None:
        began = self._flushed = self.context.clock()
        for batches in self._batches.values():
            self._emit(*batches.take(self._plan.training.one_in))
        now = self.context.clock()
        self._plan.book_flush(now - began)
        pause = self._plan.adapt(now, self._passing.passed, 0)
        if pause > self._passing.left:
            self._passing.grant(pause)


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _goes_on(classifier: Any, method: str) -> bool:
    """Whether the call goes on from what was learned before, and keeps the list of losses."""
    return method == "partial_fit" or bool(getattr(classifier, "warm_start", False))


def _for_own_purpose(caller: FrameType) -> bool:
    """Whether the library itself asked for this fit, to some other end than a classifier."""
    frame: FrameType | None = caller
    while frame is not None and _module(frame).startswith(_LIBRARIES):
        if _module(frame).startswith(_OWN_PURPOSE):
            return True
        frame = frame.f_back
    return False


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))

"""Epochs: whole passes over a DataLoader's data during which training was seen.

A pass is over when the loader has handed out its last batch. Most loops then ask for one more and
are told to stop; trainers that count the batches themselves never do. And where a batch is fetched
ahead, the last one is trained on after that. So a finished pass is told of when the next one
begins, or at the end of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...records import EpochEnded
from ..base import ProbeContext
from .counter import StepCounter

_MOST_OPEN = 64
_MAP_STYLE = 0  # of torch's _DatasetKind


@dataclass(slots=True)
class _Pass:
    """One iterator over a loader, and the counts when it began and when its batches were out."""

    data: tuple[Any, ...]  # tells data sets apart
    source: int  # id of the data set, which a later one may get again
    backwards: int
    ended: tuple[int, int] | None = None  # (backwards, steps)


class Epochs:
    """Counts passes per data set; several loaders in one cell make one count, the highest.

    Attributes
        told_elsewhere: another probe knows where the epochs of what is running end.
        sizes: id of the iterator -> batches it has, where known.
    """

    def __init__(self, context: ProbeContext, counter: StepCounter) -> None:
        self._context = context
        self._counter = counter
        self._open: dict[int, _Pass] = {}  # by id of the iterator
        self._passes: dict[tuple[Any, ...], int] = {}  # whole passes with training, by data set
        self._told = 0
        self.sizes: dict[int, int] = {}
        self.told_elsewhere = False

    def before_batch(self, iterator: Any) -> None:
        """A pass begins. Iterators that are dropped half-way never end theirs."""
        if self.told_elsewhere:
            return
        self.settle()
        while len(self._open) >= _MOST_OPEN:
            self._close(next(iter(self._open)))
        source = id(iterator._dataset)
        self._open[id(iterator)] = _Pass(
            self._data(iterator, source), source, self._counter.backwards
        )
        size = _size(iterator)
        if size is not None:
            self.sizes[id(iterator)] = size

    def after_last(self, iterator: Any) -> None:
        """The last batch is out, or the loader has said that there is none any more."""
        one = self._open.get(id(iterator))
        if one is not None:
            one.ended = (self._counter.backwards, self._counter.done)
            self.sizes.pop(id(iterator), None)

    def settle(self) -> None:
        """Tell of the passes that are over."""
        for key, one in list(self._open.items()):
            if one.ended is None:
                continue
            self._close(key)
            if one.ended[0] == one.backwards:  # evaluation
                continue
            if len(self._passes) >= _MOST_OPEN and one.data not in self._passes:
                self._passes.pop(next(iter(self._passes)))
            count = self._passes[one.data] = self._passes.get(one.data, 0) + 1
            if count > self._told:
                self._told = count
                # One batch at most was still to be trained on.
                step = min(self._counter.done, one.ended[1] + 1)
                self._context.emit(EpochEnded(count, max(step, 1)))

    def _close(self, key: int) -> None:
        self._open.pop(key, None)
        self.sizes.pop(key, None)

    def _data(self, iterator: Any, source: int) -> tuple[Any, ...]:
        """The same for a data set that is made anew for each epoch, but not for another one."""
        dataset = iterator._dataset
        if iterator._dataset_kind != _MAP_STYLE or not hasattr(type(dataset), "__len__"):
            return (source,)
        try:
            size = len(dataset)
        except Exception:  # it holds something that has no length
            size = -1
        data = (type(dataset).__qualname__, size)
        at_once = any(o.data == data and o.source != source for o in self._open.values())
        return (source,) if at_once else data


def _size(iterator: Any) -> int | None:
    """How many batches the pass has; None where that is not known before its end.

    Only torch's own samplers are asked: another one may draw its batches to count them, and so
    change the random state.
    """
    batches = iterator._index_sampler
    samplers = (batches, getattr(batches, "sampler", batches))
    if any(not type(s).__module__.startswith("torch.utils.data") for s in samplers):
        return None
    try:
        return len(batches)
    except (NotImplementedError, TypeError):
        return None

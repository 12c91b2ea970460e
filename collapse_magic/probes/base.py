"""The contract between the session and whatever observes a framework."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from types import FrameType
from typing import Any, Protocol

from ..config import WatchConfig
from ..records import LossRaised, Record


class TrainingStopped(Exception):  # noqa: N818 - the user asked for it
    """Ends the watched cell at a step boundary, because ``--stop-on`` asked for it."""


class ProbeContext(Protocol):
    """What a probe may ask of the session."""

    config: WatchConfig

    def emit(self, record: Record) -> None:
        """Hand on what was observed; never raises."""

    def clock(self) -> float:
        """Seconds on a monotonic clock (`time.perf_counter`; a fake one in tests)."""

    def place(self, frame: FrameType) -> tuple[int, int] | None:
        """(cell, line) of the innermost frame, from this one outwards, that runs a user's cell."""

    def namespace(self) -> Mapping[str, Any]:
        """The user's variables, to find models and optimizers by name."""

    def first_steps_seen(self) -> None:
        """The first steps are over, and all that was seen of them has been handed on; never
        raises."""

    def stop_reason(self) -> str | None:
        """A sentence where the cell is to be stopped at the next step boundary, else None."""


_attached: weakref.WeakSet[Probe] = weakref.WeakSet()


def attached_beside(probe: Probe) -> list[Probe]:
    """The other probes of the same run."""
    return [one for one in _attached if one is not probe and one.context is probe.context]


def _leave_the_run() -> None:
    """In a process that was forked off, a loader's worker say: it serves the run, it is not it."""
    for probe in list(_attached):
        try:
            probe.detach()
        except Exception:
            continue


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_the_run)


class Probe:
    """Observes one framework. `attach` and `detach` may be called twice and in any order.

    Subclasses write `_attach` and `_detach`; `_detach` restores every object it replaced, whatever
    happened before. `flush` emits what is still held back, and is called before `detach`.
    """

    framework = ""
    # Surely nothing has been trained so far: the framework is in sight as a tool, if at all.
    idle = False

    def __init__(self, context: ProbeContext) -> None:
        self.context = context
        self.attached = False

    @classmethod
    def available(cls) -> bool:
        """Whether the user has imported the framework; probes never import it for them."""
        raise NotImplementedError

    @property
    def cost_seconds(self) -> float:
        """Time spent in the probe so far (s)."""
        return 0.0

    @property
    def fixed_seconds(self) -> float:
        """What watching takes beside that in any case (s): it is cost, but looking less often saves
        nothing of it."""
        return 0.0

    def attach(self) -> None:
        if not self.attached:
            self.attached = True
            _attached.add(self)
            self._attach()

    def detach(self) -> None:
        if self.attached:
            self.attached = False
            _attached.discard(self)
            self._detach()

    def imported(self) -> None:
        """One more framework has been imported: take hold of what was not there before."""

    def stand_aside(self) -> None:
        """What comes until `come_back` is seen by another probe of this run."""

    def come_back(self, epochs: bool = True) -> None:
        """What comes from now on is this probe's again, its epochs only where these are wanted."""

    def flush(self) -> None: ...

    def explain(self, error: BaseException) -> LossRaised | None:  # noqa: ARG002
        """What the user's loss call was given, where `error` came out of one; else None.

        Reads the traceback's frames only, so it works for a loss that raised before any of our
        hooks ran.
        """
        return None

    def _attach(self) -> None: ...

    def _detach(self) -> None: ...

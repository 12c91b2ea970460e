"""Training while one function of the probe after another raises."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import pytest
from conftest import hooked
from guarantees.faults import Fault, code_of, functions
from probes.fakes import FakeContext

from collapse_magic.config import WatchConfig
from collapse_magic.probes import Probe
from collapse_magic.records import ProbeNote

Train = Callable[[], list[bytes]]  # whatever a user could look at

# What runs where a failure is being dealt with, or ends the watching itself; and the few lines that
# the guards themselves stand on: which step's code runs on this thread.
GUARDS = (
    "Guard.run",
    "Guard.fail",
    "Fit.release",
    "KerasProbe._off",
    "Probe.flush",
    "KerasProbe.passes",
    "Schedule.book",
    "Watched.put_back",
    "fit:like",
    "hooks:_is_ours",
    "hooks:_stop_if_asked",
    "stage:current",
    "stage:_stack",
    "LossCalls._mute",
    "TorchFit._turn",
    "JaxFit._told",
)
# What cannot be read of initial weights is unknown, and nothing worse.
MAY_FAIL = ("weights:_on_host", "weights:_sample")


def problems(train: Train, watch: type[Probe], places: set[str]) -> dict[str, str]:
    """What faults in these functions change for the user, by function: nothing, it should be."""
    plain = train()
    found = {where: _problem(where, train, plain, watch) for where in sorted(places)}
    return {where: said for where, said in found.items() if said}


def called_while(train: Train, watch: type[Probe], package: str = "probes.keras") -> set[str]:
    """The probe's functions that run between attaching and detaching."""
    seen: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            seen.add(frame.f_code)

    probe = _attached(watch, _looks_at_everything())
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        train()
        probe.flush()
    finally:
        sys.setprofile(before)
        probe.detach()
    ours = functions(package)
    return {
        where for where in ours if code_of(where) in seen and not where.endswith(GUARDS + MAY_FAIL)
    }


def _problem(where: str, train: Train, plain: list[bytes], watch: type[Probe]) -> str | None:
    before, context = hooked(), _looks_at_everything()
    probe = _attached(watch, context)
    with pytest.MonkeyPatch.context() as patch:
        fault = Fault(where, patch)
        try:
            same = train() == plain
            probe.flush()
        except Exception as error:
            return f"raised {error!r}"
        finally:
            patch.undo()
            probe.detach()
    now = hooked()
    left = [name for name, value in before.items() if now.get(name) is not value]
    notes = [note.text for note in context.of(ProbeNote)]
    told = all("injected" in note for note in notes) and len(notes) == min(fault.hits, 1)
    if same and told and not left:
        return None
    return f"same: {same}, left: {left}, hits: {fault.hits}, notes: {notes}"


def _attached(watch: type[Probe], context: FakeContext) -> Probe:
    probe = watch(context)
    probe.attach()
    return probe


def _looks_at_everything() -> FakeContext:
    return FakeContext(config=WatchConfig(budget=1e6, every=1))

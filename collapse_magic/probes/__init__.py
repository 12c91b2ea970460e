"""How training is observed: one probe per framework, found by what the user has imported."""

from __future__ import annotations

from .base import Probe, ProbeContext, TrainingStopped
from .keras import BackendProbe, KerasProbe
from .pytorch import TorchProbe
from .sklearn import SklearnProbe

__all__ = ["Probe", "ProbeContext", "TrainingStopped", "probes_for"]

_PROBES: tuple[type[Probe], ...] = (TorchProbe, KerasProbe, BackendProbe, SklearnProbe)


def probes_for(context: ProbeContext) -> list[Probe]:
    """A probe for each framework that is in `sys.modules`; none is imported for the user."""
    return [probe(context) for probe in _PROBES if probe.available()]

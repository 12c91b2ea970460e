"""The frameworks that can be watched, and which of them a run is made with."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from ..probes import Probe

FRAMEWORKS = ("torch", "keras", "tensorflow", "sklearn")


def in_use(probes: Iterable[Probe]) -> str:
    """Those in sight; one whose probe knows that it trains nothing is only a tool of the others."""
    at_work: set[str] = set()
    idle: set[str] = set()
    for probe in probes:
        (idle if probe.idle else at_work).update(probe.framework.split())
    in_sight = {name for name in FRAMEWORKS if name in sys.modules}
    told = (in_sight - idle) | (at_work & sys.modules.keys())
    names = [name for name in (*FRAMEWORKS, "jax") if name in told]
    return ", ".join(f"{n} {getattr(sys.modules[n], '__version__', '')}".strip() for n in names)

"""Which of the processes that train one model together this one is.

Everything is looked up in this process: asking the others would be a collective call, and one that
a single process makes by itself waits for ever.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What launchers set alike for all processes of one training, and for no other that runs beside it.
_SHARED = ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT")
_runs = 0  # distributed runs that this process has begun: every rank counts the same ones


@dataclass(frozen=True, slots=True)
class Rank:
    """One of ``world_size`` processes; those with the same ``group`` train together."""

    number: int
    world_size: int
    group: str

    @property
    def directory(self) -> str:
        """What its logs are called inside the run's directory."""
        return f"rank-{self.number}"

    def in_record(self) -> dict[str, Any]:
        """Its fields of `RunStarted`."""
        return {"rank": self.number, "world_size": self.world_size, "group": self.group}

    def own_path(self, path: str) -> str:
        """Rank 0 writes the file that was asked for, rank 1 FILE.rank-1.json ..."""
        if self.number == 0:
            return path
        file = Path(path)
        return str(file.with_name(f"{file.stem}.{self.directory}{file.suffix}"))

    @property
    def note(self) -> str:
        return (
            f"this is rank {self.number} of {self.world_size}: the numbers are those of its own "
            "samples (`collapse-tb LOGDIR --report text` puts all ranks together)"
        )


def begin_run() -> Rank | None:
    """The rank of the run that begins in this process; None where it trains alone."""
    global _runs
    found = _from_torch() or _from_environment()
    if found is None or found[1] < 2 or not 0 <= found[0] < found[1]:
        return None
    _runs += 1
    shared = "/".join(os.environ.get(name, "") for name in _SHARED)
    return Rank(*found, f"{shared}#{_runs}")


def _from_torch() -> tuple[int, int] | None:
    """(rank, world size) where the process group is there already; both are local look-ups."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed.get_rank(), distributed.get_world_size()


def _from_environment() -> tuple[int, int] | None:
    try:
        return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    except (KeyError, ValueError):
        return None

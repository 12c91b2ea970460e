"""What watching keeps in memory over a long run: a million tiny steps, watched and unwatched.

Each run is a process of its own; what counts is the highest resident memory of the watched one over
that of the other, the watching's own imports among it. The steps are as hard on a store as steps
come: a learning rate that changes at every step, a validation and a new pass over a DataLoader
every hundred steps, and log files that are written all the while.

Usage: python benchmarks/memory.py [STEPS]. Exits with 1 where the target is missed.
"""

from __future__ import annotations

import contextlib
import math
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

STEPS = 1_000_000
MOST_MB = 50.0
PASS_STEPS = 100
BATCH = 4
FIRST_PASSES = 10  # by then all is imported that a run needs


def resident_mb() -> tuple[float, float]:
    """(now, at most so far) of this process."""
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    highest_mb = highest / (2**20 if sys.platform == "darwin" else 2**10)
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return highest_mb, highest_mb
    return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20, highest_mb


def train(steps: int) -> float:
    """Resident memory after the first passes (MB)."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    x = torch.randn(PASS_STEPS * BATCH, 2)
    y = (x.sum(1, keepdim=True) > 0).float()
    model, criterion = nn.Linear(2, 1), nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    # A batch is a row of the data set: the DataLoader has nothing to put together.
    rows = TensorDataset(x.view(PASS_STEPS, BATCH, 2), y.view(PASS_STEPS, BATCH, 1))
    loader = DataLoader(rows, batch_size=None)
    at_first, step = 0.0, 0
    for turn in range(math.ceil(steps / PASS_STEPS)):
        for batch, labels in loader:
            step += 1
            optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / (steps + PASS_STEPS))
            optimizer.zero_grad()
            criterion(model(batch), labels).backward()
            optimizer.step()
        with torch.no_grad():
            criterion(model(x), y)
        if turn < FIRST_PASSES:
            at_first = resident_mb()[0]
    return at_first


@contextlib.contextmanager
def watched(folder: str) -> Iterator[None]:
    from collapse_magic import watch_training

    with watch_training("memory", logdir=folder, quiet=True):
        yield


def child(kind: str, steps: int) -> None:
    """Prints resident memory after the first passes, at the end, and at most (MB)."""
    with (
        tempfile.TemporaryDirectory() as folder,
        watched(folder) if kind == "watched" else contextlib.nullcontext(),
    ):
        at_first = train(steps)
        at_end = resident_mb()[0]
    print(at_first, at_end, resident_mb()[1])


def main(steps: int) -> int:
    figures = {}
    for kind in ("unwatched", "watched"):
        command = [sys.executable, __file__, kind, str(steps)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        figures[kind] = first, end, most = [float(word) for word in done.stdout.split()]
        print(
            f"{kind:>10}: {first:.1f} MB after {FIRST_PASSES * PASS_STEPS:,} steps, "
            f"{end:.1f} MB after {steps:,}, {most:.1f} MB at most",
            flush=True,
        )
    more = figures["watched"][2] - figures["unwatched"][2]
    print(f"watching took {more:.1f} MB more (target: at most {MOST_MB:.0f} MB)")
    return int(more > MOST_MB)


if __name__ == "__main__":
    if sys.argv[1:2] in (["watched"], ["unwatched"]):
        child(sys.argv[1], int(sys.argv[2]))
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else STEPS))

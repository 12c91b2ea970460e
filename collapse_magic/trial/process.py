"""Starts the process that runs a trial, and hands on what it tells."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO, Any

from .cells import TrialCell


class TrialFailedError(RuntimeError):
    """A trial that came to nothing; the message is one sentence for the user."""


@dataclass(frozen=True)
class Job:
    """What is to be run; the last cell of each side begins with the magic that watches it.

    Attributes:
        folder: where the kernels start.
        steps, seconds: the training ends after so many steps, or where that takes longer after so
            many seconds; with the fix after as many steps as without it.
    """

    before: Sequence[TrialCell]
    after: Sequence[TrialCell]
    folder: str
    steps: int
    seconds: float


@contextmanager
def running(job: Job) -> Iterator[Iterator[dict[str, Any]]]:
    """What the trial tells, event by event (see `worker`); leaving the block ends its kernels.

    Raises `TrialFailedError` while the events are read.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "collapse_magic.trial.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        cwd=job.folder,
        start_new_session=True,  # Ctrl-C is for us; we end it
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps(asdict(job)))
        process.stdin.close()
        yield _events(process.stdout)
    finally:
        process.terminate()
        process.stdout.close()
        process.wait()


def _events(stream: IO[str]) -> Iterator[dict[str, Any]]:
    for line in stream:
        event = json.loads(line)
        if event["kind"] == "failed":
            raise TrialFailedError(event["why"])
        yield event

"""Where a run goes while it is watched."""

from __future__ import annotations

from typing import Protocol

from ..records import Record
from ..report import Report


class Sink(Protocol):
    """Takes what happens in a run. No method raises; none blocks the training."""

    def record(self, record: Record) -> None:
        """One observation, in the order in which they were made."""

    def update(self, report: Report) -> None:
        """The report as it stands (`finished` is False): at most a few times a second."""

    def close(self, report: Report) -> None:
        """The final report; nothing comes after it."""

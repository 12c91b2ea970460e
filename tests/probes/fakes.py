"""A stand-in for the session: collects records, tells the time, knows the user's variables."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, TypeVar

from collapse_magic.config import WatchConfig
from collapse_magic.records import Record

R = TypeVar("R")


class FakeContext:
    """Frames whose file name ends in `user_file` count as the user's cell 7."""

    def __init__(
        self,
        namespace: Mapping[str, Any] | None = None,
        config: WatchConfig | None = None,
        user_file: str = "",
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.config = config or WatchConfig()
        self.records: list[Record] = []
        self.records_of_first_steps: tuple[Record, ...] | None = None  # None: not over yet
        self.user_file = user_file
        self.stop: str | None = None
        self._namespace = namespace or {}
        self._clock = clock

    def emit(self, record: Record) -> None:
        self.records.append(record)

    def clock(self) -> float:
        return self._clock()

    def place(self, frame: FrameType) -> tuple[int, int] | None:
        at: FrameType | None = frame
        while at is not None and self.user_file:
            if at.f_code.co_filename.endswith(self.user_file):
                return 7, at.f_lineno
            at = at.f_back
        return None

    def namespace(self) -> Mapping[str, Any]:
        return self._namespace

    def first_steps_seen(self) -> None:
        self.records_of_first_steps = tuple(self.records)

    def stop_reason(self) -> str | None:
        return self.stop

    def of(self, kind: type[R]) -> list[R]:
        """The collected records of one kind."""
        return [record for record in self.records if isinstance(record, kind)]

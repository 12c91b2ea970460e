"""How far the reading of large logs has come, on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

# Small logs are read at once: a line that flashes up says nothing.
SILENT_S = 0.5
EVERY_S = 0.1
BAR_COLUMNS = 30
MB = 1e6


class Progress:
    """One line on standard error, where that is a terminal; gone when all is read."""

    def __init__(
        self,
        total_bytes: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total_bytes
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._began = self._shown = clock()
        self._read = 0
        self._drawn = False

    def __call__(self, more_bytes: int) -> None:
        self._read += more_bytes
        now = self._clock()
        if now - self._began < SILENT_S or now - self._shown < EVERY_S:
            return
        if self._stream.isatty():
            self._shown, self._drawn = now, True
            self._stream.write(f"\r{self.line(now)}\x1b[K")
            self._stream.flush()

    def line(self, now: float) -> str:
        """``reading [######        ] 43%  430 of 1,000 MB, 12 s left``"""
        done = min(self._read / self._total, 1.0) if self._total else 1.0
        bar = "#" * round(BAR_COLUMNS * done)
        left = (now - self._began) * (1 - done) / done if done else 0.0
        return (
            f"reading [{bar:<{BAR_COLUMNS}}] {done:.0%}  {self._read / MB:,.0f} of "
            f"{self._total / MB:,.0f} MB, {left:,.0f} s left"
        )

    def close(self) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

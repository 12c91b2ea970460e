"""Chunks of an event file to rows, and rows to the plugin's binary reply (see docs/wire.md)."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt

VERSION = 1


class DamagedChunkError(ValueError):
    """A chunk that is not what was written; the message says in what."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one series, steps strictly increasing."""

    steps: npt.NDArray[np.float64]  # (rows,)
    wall_times: npt.NDArray[np.float64]  # (rows,), seconds since the epoch
    values: npt.NDArray[np.float32]  # (rows, columns)

    @classmethod
    def none(cls, columns: int) -> Rows:
        return cls(np.empty(0), np.empty(0), np.empty((0, columns), np.float32))

    @property
    def nbytes(self) -> int:
        return self.steps.nbytes + self.wall_times.nbytes + self.values.nbytes

    def after(self, step: float) -> Rows:
        """The rows with a larger step."""
        start = int(np.searchsorted(self.steps, step, side="right"))
        return Rows(self.steps[start:], self.wall_times[start:], self.values[start:])

    def sample(self, points: int) -> Rows:
        """At most so many rows, evenly spaced, the last one always among them."""
        count = len(self.steps)
        if count <= points:
            return self
        kept = np.linspace(count - 1, 0, points).round().astype(np.intp)[::-1]
        return Rows(self.steps[kept], self.wall_times[kept], self.values[kept])

    def between(self, first: int, end: int) -> Rows:
        """Only the columns from `first` to before `end`."""
        return Rows(self.steps, self.wall_times, self.values[:, first:end])

    def reply(self) -> bytes:
        """The rows as the `series` route sends them, little-endian."""
        count, columns = self.values.shape
        header = json.dumps(
            {
                "version": VERSION,
                "rows": count,
                "columns": columns,
                "first_step": int(self.steps[0]) if count else None,
                "last_step": int(self.steps[-1]) if count else None,
            }
        ).encode()
        header += b" " * (-(4 + len(header)) % 8)
        return b"".join(
            (
                struct.pack("<I", len(header)),
                header,
                self.steps.astype("<f8").tobytes(),
                self.wall_times.astype("<f8").tobytes(),
                self.values.astype("<f4").tobytes(),
            )
        )


def decode(matrix: npt.NDArray[Any], columns: int) -> Rows:
    """The rows of a chunk with so many value columns. Raises DamagedChunkError."""
    if matrix.ndim != 2 or matrix.dtype != np.float64 or matrix.shape[1] != columns + 2:
        raise DamagedChunkError("shape")
    if matrix[0, 0] != VERSION:
        raise DamagedChunkError("version")
    body = np.ascontiguousarray(matrix[1:], dtype="<f8")
    if matrix[0, 1] != google_crc32c.value(body.tobytes()):
        raise DamagedChunkError("checksum")
    with np.errstate(over="ignore"):  # a number beyond float32 is an infinity to every chart
        return Rows(body[:, 0].copy(), body[:, 1].copy(), body[:, 2:].astype(np.float32))


def joined(parts: Sequence[Rows]) -> Rows:
    """All rows in one, those left out whose step does not increase."""
    kept: list[Rows] = []
    for part in parts:
        rows = part.after(kept[-1].steps[-1]) if kept else part
        if len(rows.steps):
            kept.append(rows)
    if not kept:
        return parts[0]
    return Rows(
        np.concatenate([rows.steps for rows in kept]),
        np.concatenate([rows.wall_times for rows in kept]),
        np.concatenate([rows.values for rows in kept]),
    )

"""Event files read with TensorBoard's own reader, which is no code of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

KEEP_ALL = {"tensors": 0}


def accumulated(directory: str | Path | None) -> Any:
    assert directory is not None
    return EventAccumulator(str(directory), size_guidance=KEEP_ALL).Reload()


def rows_of(directory: str | Path | None, tag: str) -> list[tuple[float, ...]]:
    """All rows of a chunk tag: (step, wall time, values...)."""
    events = accumulated(directory)
    if tag not in events.Tags()["tensors"]:
        return []
    matrices = [tensor_util.make_ndarray(e.tensor_proto) for e in events.Tensors(tag)]
    return [tuple(row) for matrix in matrices for row in matrix[1:].tolist()]


def texts_of(directory: str | Path | None, tag: str) -> list[Any]:
    """All JSON snapshots under a tag, oldest first."""
    events = accumulated(directory)
    if tag not in events.Tags()["tensors"]:
        return []
    return [
        json.loads(tensor_util.make_ndarray(e.tensor_proto).item()) for e in events.Tensors(tag)
    ]

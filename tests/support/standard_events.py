"""Event files with exactly the summaries that a test wants, in the forms that libraries write."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Self

import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.util import tensor_util
from tensorboard_plugin_collapse.log_files import masked_crc

STARTED = 1_760_000_000.0


def framed(data: bytes) -> bytes:
    """A record of the TFRecord format."""
    length = struct.pack("<Q", len(data))
    return b"".join(
        (length, struct.pack("<I", masked_crc(length)), data, struct.pack("<I", masked_crc(data)))
    )


class EventWriter:
    """One event file; every event is a tenth of a second later than the one before."""

    def __init__(self, folder: Path, name: str = "events.out.tfevents.1") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / name
        self._file = self.path.open("ab")
        self._now = STARTED
        self.raw(event_pb2.Event(wall_time=STARTED, file_version="brain.Event:2"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def flush(self) -> None:
        self._file.flush()

    def raw(self, event: Any) -> None:
        self._file.write(framed(event.SerializeToString()))

    def value(self, step: int, value: Any) -> None:
        self._now += 0.1
        event = event_pb2.Event(wall_time=self._now, step=step)
        event.summary.value.append(value)
        self.raw(event)

    def scalar(self, tag: str, step: int, number: float) -> None:
        self.value(step, summary_pb2.Summary.Value(tag=tag, simple_value=number))

    def tensor(self, tag: str, step: int, array: Any, plugin: str, content: bytes = b"") -> None:
        tensor = tensor_util.make_tensor_proto(np.asarray(array, np.float32))
        value = summary_pb2.Summary.Value(tag=tag, tensor=tensor)
        value.metadata.plugin_data.plugin_name = plugin
        value.metadata.plugin_data.content = content
        self.value(step, value)

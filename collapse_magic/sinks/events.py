"""Event files as TensorBoard reads them: framed protobuf records, appended without a buffer."""

from __future__ import annotations

import os
import re
import socket
import struct
import sys
import time
import warnings
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PLUGIN_NAME = "collapse"
CHUNK_VERSION = 1
CRC_MASK_DELTA = 0xA282EAD8  # of the TFRecord format


class EventEncoder:
    """Builds events as bytes. ``about`` is the tag's metadata (JSON), given on its first event."""

    def __init__(self) -> None:
        # The messages alone: `tensorboard.compat.tf` would import TensorFlow where it is installed.
        from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2

        self._event: Any = event_pb2.Event
        self._summary: Any = summary_pb2
        self._tensor: Any = tensor_pb2.TensorProto
        self._types: Any = types_pb2
        self.crc32c = _crc32c()

    def file_version(self) -> bytes:
        """The event that has to come first in a file."""
        data: bytes = self._event(
            wall_time=time.time(), file_version="brain.Event:2"
        ).SerializeToString()
        return data

    def chunk(
        self,
        tag: str,
        step: int,
        wall_time: float,
        rows: Sequence[Sequence[float]],
        about: str | None = None,
    ) -> bytes:
        """An event with rows of ``[step, wall time (s), values...]`` as a checksummed matrix."""
        columns = len(rows[0])
        body = _little_endian(value for row in rows for value in row)
        header = _little_endian([CHUNK_VERSION, self.crc32c(body), *[0.0] * (columns - 2)])
        tensor = self._tensor(dtype=self._types.DT_DOUBLE, tensor_content=header + body)
        for size in (len(rows) + 1, columns):
            tensor.tensor_shape.dim.add(size=size)
        return self._serialized(tag, step, wall_time, tensor, about)

    def text(
        self, tag: str, step: int, wall_time: float, text: str, about: str | None = None
    ) -> bytes:
        """An event with one string."""
        # Lone surrogates can stand in a user's code; they have no UTF-8.
        content = text.encode("utf-8", errors="replace")
        tensor = self._tensor(dtype=self._types.DT_STRING, string_val=[content])
        tensor.tensor_shape.SetInParent()
        return self._serialized(tag, step, wall_time, tensor, about)

    def _serialized(
        self, tag: str, step: int, wall_time: float, tensor: Any, about: str | None
    ) -> bytes:
        value = self._summary.Summary.Value(tag=tag, tensor=tensor)
        if about is not None:
            value.metadata.plugin_data.plugin_name = PLUGIN_NAME
            value.metadata.plugin_data.content = about.encode("utf-8", errors="replace")
            value.metadata.data_class = self._summary.DATA_CLASS_TENSOR
        summary = self._summary.Summary(value=[value])
        data: bytes = self._event(
            wall_time=wall_time, step=step, summary=summary
        ).SerializeToString()
        return data


class EventFile:
    """One event file in a run's directory. Raises OSError where it cannot be made or written."""

    def __init__(self, directory: Path, encoder: EventEncoder) -> None:
        self._crc32c = encoder.crc32c
        host = re.sub(r"[^A-Za-z0-9_.-]", "_", socket.gethostname()) or "host"
        name = f"events.out.tfevents.{int(time.time())}.{host}.{os.getpid()}.{PLUGIN_NAME}"
        self.path = directory / name
        # A plain descriptor: a forked process would flush a buffered file a second time.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._descriptor: int | None = os.open(self.path, flags, 0o666)
        self.write([encoder.file_version()])

    def write(self, events: Sequence[bytes]) -> None:
        """Appends the events in one go.

        After a failure the file is closed: what follows half a record could not be read any more.
        """
        if self._descriptor is None:
            return
        rest = memoryview(b"".join(self._framed(event) for event in events))
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _framed(self, data: bytes) -> bytes:
        length = struct.pack("<Q", len(data))
        return b"".join(
            (length, self._masked_crc(length), data, self._masked_crc(data)),
        )

    def _masked_crc(self, data: bytes) -> bytes:
        crc = self._crc32c(data)
        masked = ((crc >> 15 | crc << 17) + CRC_MASK_DELTA) & 0xFFFFFFFF
        return struct.pack("<I", masked)


def _little_endian(values: Any) -> bytes:
    numbers = array("d", values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _crc32c() -> Callable[[bytes], int]:
    with warnings.catch_warnings():
        # Without its C part the library says that it is slow; a user can do nothing about it.
        warnings.simplefilter("ignore", RuntimeWarning)
        import google_crc32c

    value: Callable[[bytes], int] = google_crc32c.value
    return value

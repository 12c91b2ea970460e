"""Event files read without TensorBoard, one record after the other."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c

CRC_MASK_DELTA = 0xA282EAD8  # of the TFRecord format
_HEADER = struct.Struct("<QI")  # length, its checksum
_CRC = struct.Struct("<I")


class DamagedRecordError(ValueError):
    """A record that is not what was written; reading may go on where `lost` is False."""

    def __init__(self, sentence: str, *, lost: bool) -> None:
        super().__init__(sentence)
        self.lost = lost


def event_files(logdir: Path) -> Iterator[tuple[str, Path]]:
    """(run, event file) below the directory, as TensorBoard names the runs, in order."""
    for folder, folders, files in os.walk(logdir):
        folders.sort()
        run = Path(folder).relative_to(logdir).as_posix()
        for name in sorted(files):
            if "tfevents" in name:
                yield run, Path(folder) / name


def records(file: BinaryIO) -> Iterator[bytes | DamagedRecordError]:
    """The records from where the file stands; it is left behind the last whole one.

    The end of a file that is being written is half a record: that is no damage. After a record
    whose length is damaged nothing more is found: the length says where the next one begins.
    """
    while True:
        start = file.tell()
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            break
        length, crc = _HEADER.unpack(header)
        if masked_crc(header[:8]) != crc:
            yield DamagedRecordError(f"damaged from byte {start:,} on", lost=True)
            return
        data, tail = file.read(length), file.read(_CRC.size)
        if len(tail) < _CRC.size:
            break
        if masked_crc(data) != _CRC.unpack(tail)[0]:
            yield DamagedRecordError(f"the record at byte {start:,} is damaged", lost=False)
        else:
            yield data
    file.seek(start)


def masked_crc(data: bytes) -> int:
    """CRC-32C as the TFRecord format stores it."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + CRC_MASK_DELTA) & 0xFFFFFFFF

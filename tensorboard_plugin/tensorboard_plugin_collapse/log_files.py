"""Event files read without TensorBoard, one record after the other."""

from __future__ import annotations

import os
import posixpath
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import google_crc32c

CRC_MASK_DELTA = 0xA282EAD8  # of the TFRecord format
# Large reads are few: remote file systems answer each one, and Python pays for each one.
BLOCK_BYTES = 1 << 22
# No summary is that large; a length that says so is not worth the memory.
LARGEST_RECORD = 256 << 20
_END_OF_FILES = 1 << 62  # no system can go there
_HEADER = struct.Struct("<QI")  # length, its checksum
_CRC = struct.Struct("<I")
_FRAME = _HEADER.size + _CRC.size

# A local path, or the name of a file that TensorBoard reaches in another way ("memory://logs").
Place = Path | str


class Readable(Protocol):
    """What is asked of an open file."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, /) -> Any: ...
    def tell(self) -> int: ...


class Skimmer(Protocol):
    """Takes records that it knows by their bytes, before anybody else reads them."""

    def skim(self, block: bytes, at: int, /) -> int:
        """Where the first record begins that it leaves, of those from ``at`` on."""


class _Nothing:
    def skim(self, _block: bytes, at: int, /) -> int:
        return at


class DamagedRecordError(ValueError):
    """A record that is not what was written; reading may go on where `lost` is False."""

    def __init__(self, sentence: str, *, lost: bool) -> None:
        super().__init__(sentence)
        self.lost = lost


def place(logdir: str) -> Place:
    """A log directory as the user gives it."""
    return logdir if "://" in logdir else Path(logdir).expanduser()


def event_files(logdir: Place) -> Iterator[tuple[str, Place]]:
    """(run, event file) below the directory, as TensorBoard names the runs, in order."""
    if isinstance(logdir, str):
        yield from _remote_event_files(logdir)
        return
    for folder, folders, files in os.walk(logdir):
        folders.sort()
        run = Path(folder).relative_to(logdir).as_posix()
        for name in sorted(files):
            if "tfevents" in name:
                yield run, Path(folder) / name


def _remote_event_files(logdir: str) -> Iterator[tuple[str, str]]:
    root = logdir.rstrip("/")
    found = [
        (folder[len(root) :].strip("/") or ".", name, f"{folder.rstrip('/')}/{name}")
        for folder, _, files in _gfile().walk(root)
        for name in files
        if "tfevents" in name
    ]
    for run, _, path in sorted(found):
        yield run, path


def is_directory(logdir: Place) -> bool:
    """Raises ValueError, ImportError or OSError where such a place cannot be asked."""
    return logdir.is_dir() if isinstance(logdir, Path) else bool(_gfile().isdir(logdir))


def name_of(path: Place) -> str:
    return path.name if isinstance(path, Path) else posixpath.basename(path)


def size_of(path: Place) -> int:
    """In bytes; 0 where it cannot be asked."""
    try:
        return path.stat().st_size if isinstance(path, Path) else int(_gfile().stat(path).length)
    except Exception:  # each file system has errors of its own
        return 0


def open_log(path: Place) -> BinaryIO | RemoteFile:
    """To be closed by `with`. Raises OSError."""
    return path.open("rb", buffering=0) if isinstance(path, Path) else RemoteFile(path)


class RemoteFile:
    """A file as TensorBoard's own layer reads it: in parts, each at an offset."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._system = _gfile().get_filesystem(path)
        self._at = 0

    def __enter__(self) -> RemoteFile:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def read(self, size: int, /) -> bytes:
        token = {"opaque_offset": self._at, "byte_offset": self._at}
        try:
            data, _ = self._system.read(self._path, True, size, token)
        except Exception as error:  # each file system has errors of its own
            raise OSError(0, str(error) or type(error).__name__) from error
        self._at += len(data)
        return bytes(data)

    def seek(self, offset: int, /) -> None:
        self._at = offset

    def tell(self) -> int:
        return self._at


def _gfile() -> Any:
    # Not `tensorboard.compat.tf`: that would import all of TensorFlow where there is one.
    from tensorboard.compat.tensorflow_stub.io import gfile

    return gfile


def records(file: Readable, skimmer: Skimmer | None = None) -> Iterator[bytes | DamagedRecordError]:
    """The records from where the file stands, without those that the skimmer takes; it is left
    behind the last whole one.

    The end of a file that is being written is half a record: that is no damage. After a record
    whose length is damaged nothing more is found: the length says where the next one begins.
    """
    begin, block, at = file.tell(), b"", 0  # the block's place in the file, and ours in the block
    skim = (skimmer or _Nothing()).skim
    header, stored, crc_of = _HEADER.unpack_from, _CRC.unpack_from, google_crc32c.value
    needed = _HEADER.size
    while True:
        # Nearly all records go through here; small ones come by the million.
        size = len(block)
        while (at := skim(block, at)) + _HEADER.size <= size:
            end = at + _FRAME + header(block, at)[0]
            if end > size:
                break
            data = block[at + _HEADER.size : end - _CRC.size]
            crc = crc_of(data)
            if ((crc >> 15 | crc << 17) + CRC_MASK_DELTA) & 0xFFFFFFFF != stored(block, end - 4)[0]:
                break
            at = end
            yield data
        if size - at >= _HEADER.size:
            start, (length, crc) = begin + at, header(block, at)
            whole = _FRAME + length
            if masked_crc(block[at : at + 8]) != crc:
                yield DamagedRecordError(f"damaged from byte {start:,} on", lost=True)
                break
            if size - at >= whole:
                at += whole
                yield DamagedRecordError(f"the record at byte {start:,} is damaged", lost=False)
                continue
            if length > LARGEST_RECORD:
                sentence = f"the record at byte {start:,} is too large and left out"
                yield DamagedRecordError(sentence, lost=False)
                if start + whole >= _END_OF_FILES:
                    break
                begin, block, at = start + whole, b"", 0
                file.seek(begin)
                continue
            needed = whole
        more = file.read(max(BLOCK_BYTES, needed - (size - at)))
        if not more:
            break
        begin, block, at, needed = begin + at, block[at:] + more, 0, _HEADER.size
    file.seek(begin + at)


def masked_crc(data: bytes) -> int:
    """CRC-32C as the TFRecord format stores it."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + CRC_MASK_DELTA) & 0xFFFFFFFF

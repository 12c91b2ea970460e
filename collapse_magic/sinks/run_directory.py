"""A directory of its own for every watched run, whatever the run is called."""

from __future__ import annotations

import re
from pathlib import Path

# File systems allow 255 bytes in a name; a number still has to fit behind it.
LONGEST_NAME_BYTES = 120
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff\\/:*?"<>|]+')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)  # on Windows


def safe_name(name: str) -> str:
    """The name as one component of a path, on every system; "run" where nothing is left of it."""
    name = _UNSAFE.sub("-", name)
    name = name.encode()[:LONGEST_NAME_BYTES].decode(errors="ignore")
    # Leading dots hide, leading dashes look like flags, trailing dots vanish on Windows.
    name = name.strip(". \t-") or "run"
    return f"_{name}" if _RESERVED.match(name) else name


def create(logdir: Path, name: str, part: str = "") -> Path:
    """Makes and returns LOGDIR/NAME, or NAME-2, NAME-3 ... where that is taken.

    Making the directory is what claims the name, so two processes never share one: TensorBoard
    loses data where two writers share a run. With ``part`` it is LOGDIR/NAME/PART, and NAME is
    shared by those who claim other parts of it. Raises OSError where it cannot be made.
    """
    logdir.mkdir(parents=True, exist_ok=True)
    name = safe_name(name)
    number = 1
    while True:
        directory = logdir / (name if number == 1 else f"{name}-{number}")
        try:
            if part:
                directory.mkdir(exist_ok=True)
                if any(path.is_file() for path in directory.iterdir()):
                    raise FileExistsError  # a run without parts
                directory /= part
            directory.mkdir()
        except FileExistsError:
            number += 1
        else:
            return directory

"""From the user's history to the cells of a trial: the same code, watched in one place only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

WATCH = "%%watch_training"
_WATCHED = re.compile(r"^%%watch_training(?:[ \t]+(?P<line>.*))?$")
_CELL_MAGIC = re.compile(r"^%%\w+")
# What opens TensorBoard, answers for a run, or would try again within the trial.
_LEFT_OUT = re.compile(r"^[ \t]*%(?=(?:watch_training|collapse_tb|tensorboard)\b)", re.MULTILINE)


class MissingCellsError(ValueError):
    """The history does not hold what has to run; the message is one sentence for the user."""


@dataclass(frozen=True)
class TrialCell:
    """A cell that a trial runs."""

    number: int  # as the user knows it: its execution count
    source: str


def cells_to_run(
    history: Mapping[int, str], watched: int, changes: Mapping[int, str], watch: str
) -> list[TrialCell]:
    """The cells from the first one to the watched one, this one under the magic `watch`.

    Parameters: the sources by execution count, the watched cell's count, the changed sources by
    count, and the whole line of the magic. Raises `MissingCellsError`.
    """
    missing = [number for number in range(1, watched + 1) if number not in history]
    if missing:
        raise MissingCellsError(
            f"cell [{missing[0]}] is no longer in IPython's history: "
            "run the notebook from its top, and try again"
        )
    sources = {**history, **changes}
    before = [TrialCell(number, unwatched(sources[number])) for number in range(1, watched)]
    body = unwatched(sources[watched])
    return [*before, TrialCell(watched, f"{watch}\n{body}")]


def unwatched(source: str) -> str:
    """The cell without our magic and without what would open a tab; other lines stay in place."""
    lines = source.split("\n")
    for number, line in enumerate(lines):
        if _WATCHED.match(line.rstrip()):
            del lines[number]
            break
        if line.strip() and not _CELL_MAGIC.match(line):
            break
    return _LEFT_OUT.sub(_commented, "\n".join(lines))


def options_of(source: str) -> str:
    """What stands behind the magic of a watched cell; empty where it has none."""
    for line in source.split("\n"):
        found = _WATCHED.match(line.rstrip())
        if found:
            return (found["line"] or "").strip()
    return ""


def _commented(found: re.Match[str]) -> str:
    return found[0].replace("%", "pass  # %")

"""Several changed versions of one cell as one, where they change different lines of it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Change(NamedTuple):
    """Lines `start` to `end` of the original give way to others."""

    start: int
    end: int
    lines: tuple[str, ...]


def merged(
    original: Mapping[int, str], versions: Sequence[Mapping[int, str]]
) -> tuple[dict[int, str], list[int]]:
    """The cells with as many of the versions as go together, and which of these were left out.

    Cells are keyed by execution count. A version whose changes meet those of an earlier one is left
    out as a whole: half a cure may be worse than none.
    """
    changes: dict[int, list[Change]] = {}
    left_out: list[int] = []
    for number, version in enumerate(versions):
        own = {cell: _changes(original[cell], source) for cell, source in version.items()}
        if any(_meet(mine, changes.get(cell, [])) for cell, mine in own.items()):
            left_out.append(number)
            continue
        for cell, mine in own.items():
            known = changes.setdefault(cell, [])
            known += [change for change in mine if change not in known]
    return {cell: _applied(original[cell], made) for cell, made in changes.items()}, left_out


def _changes(original: str, source: str) -> list[Change]:
    before, after = original.split("\n"), source.split("\n")
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return [
        Change(start, end, tuple(after[begin:stop]))
        for tag, start, end, begin, stop in matcher.get_opcodes()
        if tag != "equal"
    ]


def _meet(mine: Sequence[Change], theirs: Sequence[Change]) -> bool:
    """Whether two of them replace the same lines; the same change twice is one."""
    return any(
        a != b and a.start < max(b.end, b.start + 1) and b.start < max(a.end, a.start + 1)
        for a in mine
        for b in theirs
        if a.start < a.end or b.start < b.end  # both only add: one stands below the other
    )


def _applied(original: str, changes: Sequence[Change]) -> str:
    lines = original.split("\n")
    # From the end, so that the numbers above stay right; of two additions the earlier comes first.
    order = sorted(enumerate(changes), key=lambda each: (each[1].start, each[1].end, each[0]))
    for _, change in reversed(order):
        lines[change.start : change.end] = change.lines
    return "\n".join(lines)

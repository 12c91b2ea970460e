"""Long changed lines, cut so that the change itself stays in sight."""

from __future__ import annotations

from collections.abc import Sequence

from .card import DiffLine
from .words import ELLIPSIS, cut_code

# Of what stands before the change, enough to see where it is.
CONTEXT = 24


def fit_changes(lines: Sequence[DiffLine], width: int) -> list[DiffLine]:
    """Lines of at most `width` columns; a removed and an added line that belong together are cut
    alike."""
    partners = _partners(lines)
    fitted = []
    for n, line in enumerate(lines):
        code = line.code.expandtabs(4)
        other = lines[partners[n]].code.expandtabs(4) if n in partners else None
        if other is not None and max(len(code), len(other)) > width:
            start = max(_common(code, other) - CONTEXT, 0)
            code = ELLIPSIS + code[start + 1 :] if start > 1 else code
        fitted.append(DiffLine(line.sign, cut_code(code, width) if line.sign else line.code))
    return fitted


def _partners(lines: Sequence[DiffLine]) -> dict[int, int]:
    """Which added line takes the place of which removed one: in a block of both, by position."""
    partners: dict[int, int] = {}
    start = 0
    while start < len(lines):
        removed = _run(lines, start, "-")
        added = _run(lines, start + removed, "+")
        for n in range(min(removed, added)):
            partners[start + n] = start + removed + n
            partners[start + removed + n] = start + n
        start += max(removed + added, 1)
    return partners


def _run(lines: Sequence[DiffLine], start: int, sign: str) -> int:
    end = start
    while end < len(lines) and lines[end].sign == sign:
        end += 1
    return end - start


def _common(one: str, other: str) -> int:
    """Length of the beginning that both share."""
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length

"""Numbers, names and durations as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

WIDTH = 79  # columns of everything that is printed
ELLIPSIS = "…"


def cut(text: str, width: int) -> str:
    """`text` on one line of at most `width` columns, an ellipsis where something was left out."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: max(width - 1, 0)].rstrip() + ELLIPSIS


def cut_code(text: str, width: int) -> str:
    """Like `cut`, but spaces inside the line stay as they are."""
    text = text.rstrip().expandtabs(4)
    return text if len(text) <= width else text[: max(width - 1, 0)] + ELLIPSIS


def fill(parts: Iterable[str], width: int, separator: str = "; ") -> list[str]:
    """`parts` packed into lines of at most `width` columns; a part that is too long is wrapped."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(separator) + len(part) <= width:
            lines[-1] += separator + part
        else:
            lines += wrap(part, width)
    return lines


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns; a word that is too long is cut."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(cut(word, width))
    return lines


def count(number: int, singular: str, plural: str | None = None) -> str:
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def duration(seconds: float) -> str:
    """``0.8s``, ``42s``, ``1m 42s``, ``2h 05m``."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def percent(share: float) -> str:
    """A share as a percentage, with a decimal where it decides (99.4%, 0.8%)."""
    if math.isnan(share):
        return "-"
    value = 100.0 * share
    if value in (0.0, 100.0) or 10.0 <= value <= 90.0:
        return f"{value:.0f}%"
    text = f"{value:.1f}%"
    if text == "100.0%":
        return ">99.9%"
    return "<0.1%" if text == "0.0%" else text.replace(".0%", "%")


def top_classes(
    names: Sequence[str], shares: Sequence[float], most: int = 3, width: int = 20
) -> tuple[list[tuple[str, float]], int]:
    """The classes with the largest shares, largest first, and how many more there are."""
    order = sorted(range(len(shares)), key=lambda k: (-shares[k], k))
    shown = [(cut(names[k], width), shares[k]) for k in order[:most]]
    return shown, max(len(shares) - most, 0)

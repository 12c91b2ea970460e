"""What became of a fix that was tried: two runs side by side, as text and as HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from .html import BARS, CALM, LINE, MONO, SOFT, boxed
from .words import WIDTH, cut, cut_code, percent, wrap

_HEADS = ("", "as it is", "with the fix", "")
_WIDTHS = (31, 11, 14)  # "CM101 single-class-predictions" is the longest name


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; shares and recalls are in 0..1."""

    name: str
    before: str
    after: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TrialCard:
    """The parts of the card, as plain strings that still have to be fitted or escaped."""

    title: str
    verdict: str
    cured: bool
    rows: tuple[Row, ...]
    foot: tuple[str, ...]


def number(value: float, share: bool) -> str:
    if math.isnan(value):
        return "-"
    return percent(value) if share else f"{value:.2f}"


def render_text(card: TrialCard) -> str:
    lines = [cut(card.title, WIDTH)]
    lines += [_columns(_HEADS), *(_columns(_cells(row)) for row in card.rows)]
    lines += wrap(card.verdict, WIDTH)
    for text in card.foot:
        lines += wrap(text, WIDTH)
    return "\n".join(lines)


def render_html(card: TrialCard) -> str:
    cell = "padding:0 1.2em 0 0;text-align:left;background:none;border:none"
    head = "".join(f'<th scope="col" style="{cell};color:{SOFT}">{escape(h)}</th>' for h in _HEADS)
    body = "".join(
        f'<tr style="background:none"><th scope="row" style="{cell};font-weight:400">'
        f"{escape(row.name)}</th>"
        + "".join(f'<td style="{cell};{MONO}">{escape(t)}</td>' for t in _cells(row)[1:])
        + "</tr>"
        for row in card.rows
    )
    mark = "✓" if card.cured else "▲"
    colour = CALM if card.cured else BARS["warning"]
    rows = [
        f"<div><strong>{escape(card.title)}</strong></div>",
        f'<table style="border-collapse:collapse;margin:.3em 0;border-top:1px solid {LINE}">'
        f'<thead><tr style="background:none">{head}</tr></thead><tbody>{body}</tbody></table>',
        f'<div><span style="color:{colour};font-weight:700">{mark}</span> '
        f"<strong>{escape(card.verdict)}</strong></div>",
        *(f'<div style="color:{SOFT}">{escape(text)}</div>' for text in card.foot),
    ]
    return boxed("".join(rows), colour)


def _cells(row: Row) -> tuple[str, ...]:
    return row.name, row.before, row.after, row.detail


def _columns(cells: Sequence[str]) -> str:
    *columns, detail = cells
    places = zip(columns, _WIDTHS, strict=True)
    fitted = [cut(text, width - 1).ljust(width) for text, width in places]
    return cut_code("".join(fitted) + detail, WIDTH)

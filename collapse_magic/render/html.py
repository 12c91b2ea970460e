"""Cards and summaries as HTML that stands alone.

Inline styles only, no script and no frame, so that a saved notebook shows the same in JupyterLab,
VS Code, Colab and on a code host. Colours are JupyterLab's variables with fallbacks that read on
white; where a host defines the variables, dark mode follows. Severity is a word and a mark, never
colour alone.
"""

from __future__ import annotations

import base64
from html import escape

from ..findings import Finding, Severity
from ..report import Report
from .card import MOST_OPEN_CARDS, Card, causes, make_card, more_cards, open_findings
from .changes import fit_changes
from .figure import draw
from .summary import counts, nothing_seen, predictions, saved, summary_lines, title
from .summary import next_step as next_line
from .text import status
from .words import cut, cut_code

MARKS: dict[Severity, str] = {"error": "✖", "warning": "▲", "info": "●"}
# Fallbacks hold a contrast of 4.5 to 1 on white; JupyterLab's own values hold it in its dark theme.
TEXT = "var(--jp-content-font-color1, inherit)"
SOFT = "var(--jp-content-font-color2, inherit)"
SURFACE = "var(--jp-layout-color1, transparent)"
LINE = "var(--jp-border-color2, #8886)"
BARS: dict[Severity, str] = {
    "error": "var(--jp-error-color1, #c62828)",
    "warning": "var(--jp-warn-color1, #b35c00)",
    "info": "var(--jp-info-color1, #1565c0)",
}
CALM = "var(--jp-success-color1, #2e7d32)"
MONO = "font-family:var(--jp-code-font-family, ui-monospace, Menlo, Consolas, monospace)"
SANS = "font-family:var(--jp-ui-font-family, system-ui, sans-serif)"
# All of a long line stays in sight, and JupyterLab does not break it in the midst of a word.
WRAPPED = "white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere"
MOST_DIFF_LINES = 12
WIDEST_CODE = 160


def render_report(report: Report, watched: bool = True) -> str:
    """Summary, figure and the card of every cause, for the display of a `Report`; as
    `text.render_report`."""
    cards = [render_card(finding, report, watched) for finding in causes(report)]
    return "".join([render_summary(report, watched), _figure(report), *cards])


def render_page(report: Report) -> str:
    """A whole document, for `--export PATH.html`."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(report.run)}</title></head>"
        '<body style="max-width:60em;margin:2em auto;padding:0 1em">'
        f"{render_report(report)}</body></html>"
    )


def render_summary(report: Report, watched: bool = True) -> str:
    if nothing_seen(report):
        lines = summary_lines(report, watched)
        return boxed("".join(f"<div>{escape(text)}</div>" for text in lines), LINE)
    severities = [f.severity for f in report.findings if f.resolved_step is None]
    worst = next((s for s in BARS if s in severities), None)
    head, _, details = title(report, watched).partition(f"run '{report.run}'")
    rows = [
        f"<div><strong>{escape(head.strip())}</strong> run "
        f"<strong>{escape(report.run)}</strong>{escape(details)}</div>",
        f"<div>{_mark(worst)} {escape(counts(report))}</div>",
    ]
    if severities:
        rows += [
            f'<div style="white-space:pre-wrap">{escape(t)}</div>' for t in predictions(report)
        ]
    if next_line(report):
        rows.append(f'<div style="font-weight:600">{escape(next_line(report))}</div>')
    rows += [f'<div style="color:{SOFT}">{escape(note)}</div>' for note in report.notes]
    style = f"color:{SOFT};{MONO};white-space:pre-wrap"
    rows += [f'<div style="{style}">{escape(line)}</div>' for line in saved(report)]
    rows.append(_rules(report))
    return boxed("".join(rows), BARS[worst] if worst else CALM)


def render_board(report: Report) -> str:
    """As `text.render_board`."""
    notes = [] if report.finished else [render_line(note) for note in report.notes]
    if not report.findings:
        return "" if report.finished else "".join([render_line(status(report)), *notes])
    shown = open_findings(report)
    parts = [render_card(finding, report) for finding in shown[:MOST_OPEN_CARDS]]
    if len(shown) > MOST_OPEN_CARDS:
        parts.append(f"<div>{escape(more_cards(len(shown) - MOST_OPEN_CARDS))}</div>")
    parts += [render_card(f, report) for f in causes(report) if f.resolved_step is not None]
    return "".join([*parts, *notes])


def render_line(text: str) -> str:
    return f'<div style="{SANS};font-size:85%;color:{SOFT}">{escape(text)}</div>'


def render_card(finding: Finding, report: Report, watched: bool = True) -> str:
    card = make_card(finding, report)
    if card.resolved is not None:
        return boxed(
            f'<div style="color:{SOFT}">✓ resolved at step {card.resolved:,}: '
            f"{escape(card.head)}</div>",
            LINE,
        )
    return boxed(
        "".join(
            [_head(card), _place(card), _evidence(card), _fix(card), _foot(card) if watched else ""]
        ),
        BARS[card.severity],
    )


def _head(card: Card) -> str:
    return (
        f"<div>{_mark(card.severity)} <strong>{card.severity}[{escape(card.code)}] "
        f"{escape(card.rule)}</strong>: {escape(card.message)}</div>"
    )


def _place(card: Card) -> str:
    where = f"<strong>{escape(card.place)}</strong>&ensp;" if card.place else ""
    row = f'<div style="color:{SOFT}">{where}{escape(card.when)}</div>'
    if card.line is None:
        return row
    return row + _code([f"{card.line} │ {card.source}"])


def _evidence(card: Card) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in card.evidence)
    explains = f"<div>explains: {escape(', '.join(card.explains))}</div>" if card.explains else ""
    return (
        f'<ul style="margin:.2em 0 .2em 1.2em;padding:0">{items}</ul>' if items else ""
    ) + explains


def _fix(card: Card) -> str:
    if not card.fix:
        return ""
    lines = [
        f"{line.sign} {line.code}" if line.sign else f"in {line.code}:"
        for line in fit_changes(card.diff, WIDEST_CODE)
    ]
    hidden = len(lines) - MOST_DIFF_LINES
    if hidden > 0:
        lines = [*lines[:MOST_DIFF_LINES], f"{hidden} more lines: %watch_training --fix"]
    return (
        f'<details open style="margin:.2em 0"><summary style="cursor:pointer">'
        f"<strong>fix</strong>: "
        f"{escape(card.fix)} <em>({escape(card.confidence)})</em></summary>{_code(lines)}</details>"
    )


def _code(lines: list[str]) -> str:
    if not lines:
        return ""
    rows = "".join(
        f'<span style="display:block;{_tint(line)}">'
        f"{escape(cut_code(line, WIDEST_CODE + 2))}\n</span>"
        for line in lines
    )
    # `pre` stays code where a viewer strips styles, as JupyterLab does until a notebook is trusted.
    return (
        f'<pre style="{MONO};font-size:var(--jp-code-font-size, 90%);line-height:1.4;color:inherit;'
        f'background:none;{WRAPPED};margin:.2em 0;padding:.2em .5em;border:1px solid {LINE}">'
        f"{rows}</pre>"
    )


def _tint(line: str) -> str:
    """A see-through colour: the sign carries the meaning, the tint helps the eye."""
    return {"+": "background:#2e7d3226", "-": "background:#c6282826"}.get(line[:1], "")


def _foot(card: Card) -> str:
    return (
        f'<div style="color:{SOFT};font-size:85%">mute: <code>{escape(card.mute)}</code>'
        f"&emsp;more: <code>{escape(card.more)}</code></div>"
    )


def _mark(worst: Severity | None) -> str:
    if worst is None:
        return f'<span style="color:{CALM};font-weight:700">✓</span>'
    return f'<span style="color:{BARS[worst]};font-weight:700">{MARKS[worst]}</span>'


def _rules(report: Report) -> str:
    """Which rules looked and found nothing, and which could not look: folded away."""
    if not report.clear and not report.skipped:
        return ""
    clear = escape(", ".join(report.clear)) or "none"
    skipped = "".join(
        f"<div>skipped: {escape(rule)} ({escape(cut(reason, 120))})</div>"
        for rule, reason in report.skipped.items()
    )
    return (
        f'<details style="color:{SOFT};font-size:85%"><summary style="cursor:pointer">'
        f"rules that ran</summary><div>clear: {clear}</div>{skipped}</details>"
    )


def _figure(report: Report) -> str:
    png = draw(report.trace) if report.trace is not None else None
    if png is None:
        return ""
    data = base64.b64encode(png).decode("ascii")
    alt = escape(f"predicted shares and gradient flow of run {report.run}")
    return f'<img alt="{alt}" style="max-width:100%" src="data:image/png;base64,{data}">'


def boxed(content: str, bar: str) -> str:
    return (
        f'<div style="{SANS};color:{TEXT};background:{SURFACE};border:1px solid {LINE};'
        f"border-left:4px solid {bar};padding:.4em .8em;margin:.3em 0;line-height:1.45;"
        f'max-width:60em">{content}</div>'
    )

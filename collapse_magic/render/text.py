"""Cards and summaries as plain text: at most 79 columns, at most 12 lines a card."""

from __future__ import annotations

from ..findings import Finding
from ..report import Report
from .card import MOST_OPEN_CARDS, Card, causes, make_card, more_cards, open_findings
from .changes import fit_changes
from .summary import summary_lines
from .words import WIDTH, cut, cut_code, fill, wrap

MOST_LINES = 12
MOST_EVIDENCE_LINES = 3


def render_report(report: Report, watched: bool = True) -> str:
    """The summary, and below it the card of every cause.

    A log that nobody ``watched`` has no cost, and no notebook whose commands would help.
    """
    shown = causes(report)[:MOST_OPEN_CARDS]
    return "\n\n".join(
        [render_summary(report, watched), *(render_card(each, report, watched) for each in shown)]
    )


def render_summary(report: Report, watched: bool = True) -> str:
    return "\n".join(line for text in summary_lines(report, watched) for line in _hanging(text))


def render_board(report: Report) -> str:
    """What stands in the notebook while the cell runs: a line, or the open cards, and the notes.

    At the end only the cards are left of it: the summary says the rest.
    """
    notes = [] if report.finished else [cut(note, WIDTH) for note in report.notes]
    if not report.findings:
        return "" if report.finished else "\n".join([status(report), *notes])
    shown = open_findings(report)
    blocks = [render_card(finding, report) for finding in shown[:MOST_OPEN_CARDS]]
    blocks += [more_cards(len(shown) - MOST_OPEN_CARDS)] if len(shown) > MOST_OPEN_CARDS else []
    blocks += [resolved(f, report) for f in causes(report) if f.resolved_step is not None]
    return "\n\n".join([*blocks, *notes])


def status(report: Report) -> str:
    if report.steps == 0:
        return "watch_training  watching"
    return cut_code(
        f"watch_training  run '{report.run}'  step {report.steps:,}, {report.verdict}", WIDTH
    )


def resolved(finding: Finding, report: Report) -> str:
    card = make_card(finding, report)
    return cut(f"resolved at step {card.resolved:,}: {card.head}", WIDTH)


def render_card(finding: Finding, report: Report, watched: bool = True) -> str:
    """At most 12 lines of 79 columns; line 1 stands alone."""
    card = make_card(finding, report)
    if card.resolved is not None:
        return resolved(finding, report)
    explains = [cut("explains: " + ", ".join(card.explains), WIDTH)] if card.explains else []
    head = _head(card)
    # A cure in sight is worth more than the third line of evidence.
    wanted = 1 + min(len(card.diff), 4) if card.fix else 0
    room = MOST_LINES - len(head) - len(explains) - 1 - wanted
    top = [*head, *_evidence(card, max(1, min(room, MOST_EVIDENCE_LINES))), *explains]
    foot = [cut_code(f"mute: {card.mute}     more: {card.more}", WIDTH)] if watched else []
    return "\n".join([*top, *_fix(card, MOST_LINES - len(top) - len(foot)), *foot])


def _head(card: Card) -> list[str]:
    """What, where and when, and the line of code."""
    head = wrap(card.head, WIDTH)
    if len(head) > 2:
        head = [head[0], cut(" ".join(head[1:]), WIDTH)]
    where = "    ".join(filter(None, (card.place, card.when)))
    lines = [*head, cut_code(f" --> {where}", WIDTH)]
    if card.line is not None:
        lines.append(cut_code(f"{card.line} | {card.source}", WIDTH))
    return lines


def _evidence(card: Card, most: int) -> list[str]:
    lines = fill(card.evidence, WIDTH - 10)
    if len(lines) > most:
        lines = [*lines[: most - 1], cut(lines[most - 1], WIDTH - 20) + "; and more"]
    return [("evidence: " if n == 0 else " " * 10) + text for n, text in enumerate(lines)]


def _fix(card: Card, room: int) -> list[str]:
    if not card.fix:
        return []
    note = f"({card.confidence})"
    lines = [f"fix: {cut(card.fix, WIDTH - 7 - len(note)):<{WIDTH - 7 - len(note)}}  {note}"]
    diff = [
        f"  {line.sign} {line.code}" if line.sign else cut(f"  in {line.code}:", WIDTH)
        for line in fit_changes(card.diff, WIDTH - 4)
    ]
    if len(diff) > room - 1:
        hidden = len(diff) - (room - 2)
        diff = [*diff[: room - 2], f"  {hidden} more lines: %watch_training --fix"]
    return lines + diff


def _hanging(text: str) -> list[str]:
    """One line of the summary, wrapped with an indent where it is too long."""
    if len(text) <= WIDTH:
        return [text]
    first, *rest = wrap(text, WIDTH - 2)
    return [first, *(f"  {line}" for line in rest)]


def indented(source: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in source.splitlines())

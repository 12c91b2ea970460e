"""The runs of a directory as one page that stands alone: no script, nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Protocol

from collapse_magic.render.html import render_report
from collapse_magic.report import Report

from .run_summary import open_ones, verdict, worst

# Nothing in a log can make a browser run or fetch anything, whatever its names are.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 64em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: GrayText; padding: .3em 0; }
th, td { text-align: left; vertical-align: top; padding: .35em .8em .35em 0;
  border-bottom: 1px solid #8886; overflow-wrap: anywhere; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
section { margin-top: 2em; }
h2 { font-size: 1.1em; overflow-wrap: anywhere; }
a { color: inherit; }
"""
MARKS = {"error": "✖ error", "warning": "▲ warning", "info": "● note", "ok": "✓ ok"}
WAITING = "… waiting"
UNREADABLE = "✖ damaged"
LONGEST_NAME = 200


class Shown(Protocol):
    """What is asked of a run."""

    @property
    def name(self) -> str: ...
    @property
    def report(self) -> dict[str, object] | None: ...
    @property
    def damaged(self) -> list[str]: ...
    @property
    def derived(self) -> bool: ...
    @property
    def ours(self) -> bool: ...


def render_page(logdir: str, runs: Sequence[Shown]) -> str:
    """A whole document: the runs in a table, and below it what each came to."""
    rows = "".join(_row(number, run) for number, run in enumerate(runs, 1))
    table = (
        f"<table><caption>{len(runs):,} runs in {escape(logdir)}</caption><thead><tr>"
        '<th scope="col">run</th><th scope="col">state</th><th scope="col">steps</th>'
        f'<th scope="col">verdict</th></tr></thead><tbody>{rows}</tbody></table>'
    )
    sections = "".join(_section(number, run) for number, run in enumerate(runs, 1))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Collapse report: {escape(logdir)}</title><style>{STYLE}</style></head>"
        f"<body><h1>Collapse report</h1>{table}{sections}</body></html>"
    )


def _row(number: int, run: Shown) -> str:
    report = run.report
    steps = ""
    if report is not None:
        mark, said = MARKS.get(worst(open_ones(report)), ""), verdict(report)
        steps = _count(report.get("steps"))
    elif run.ours:
        mark, said = WAITING, "no report yet"
    else:
        mark, said = UNREADABLE, "nothing of a training could be read"
    return (
        f'<tr><th scope="row"><a href="#run-{number}">{escape(_short(run.name))}</a></th>'
        f'<td>{mark}</td><td class="number">{steps}</td><td>{escape(said)}</td></tr>'
    )


def _count(steps: object) -> str:
    return f"{steps:,}" if isinstance(steps, int) else ""


def _section(number: int, run: Shown) -> str:
    damage = "".join(f"<p>{escape(sentence)}</p>" for sentence in run.damaged)
    if run.report is None and not run.ours:
        body = ""
    elif run.report is None:
        body = "<p>no report yet (the run is live, or was ended from outside)</p>"
    else:
        try:
            # without the words on how to open the log: this is it, perhaps on another machine
            report = Report.from_dict({**run.report, "logdir": None})
            body = render_report(report, watched=not run.derived)
        except Exception as error:  # a log may hold anything
            body = f"<p>its report cannot be shown ({escape(repr(error))})</p>"
    return f'<section id="run-{number}"><h2>{escape(_short(run.name))}</h2>{damage}{body}</section>'


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"

"""Writes a report to the file that ``--export`` names."""

from __future__ import annotations

from pathlib import Path

from ..render.html import render_page
from ..report import Report


def export(report: Report, path: str) -> str:
    """Returns a sentence where the file could not be written, else nothing."""
    file = Path(path).expanduser()
    if file.suffix == ".html":
        text = render_page(report)
    elif file.suffix == ".txt":
        text = f"{report}\n"
    else:
        text = report.to_json() + "\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return f"the report was not exported to {path}: {reason} (it is in last_report())"
    return ""

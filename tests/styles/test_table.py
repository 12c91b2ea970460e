"""The table in the docs is what the styles' runs give."""

from __future__ import annotations

from pathlib import Path

from . import STYLES
from .table import table
from .watching import observed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "styles.md"


def test_the_table_is_what_was_observed() -> None:
    given = table([(style, observed(name)) for name, style in STYLES.items()])
    assert PAGE.read_text("utf-8") == given, "run `python -m tests.styles`"

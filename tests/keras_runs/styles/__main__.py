"""Writes the table of styles anew: ``python -m tests.keras_runs.styles``."""

from __future__ import annotations

from . import STYLES
from .table import PAGE, table
from .watching import observed

if __name__ == "__main__":
    PAGE.write_text(table([(style, observed(name)) for name, style in STYLES.items()]), "utf-8")

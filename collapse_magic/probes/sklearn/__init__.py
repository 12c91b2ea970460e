"""The scikit-learn probe."""

from __future__ import annotations

from .probe import SklearnProbe

__all__ = ["SklearnProbe"]

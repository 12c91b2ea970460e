"""scikit-learn's estimators in the cells: where they are made and fitted, and their fixes."""

from __future__ import annotations

from .place import Fit, place
from .remedies import REMEDIES, Case

__all__ = ["REMEDIES", "Case", "Fit", "place"]

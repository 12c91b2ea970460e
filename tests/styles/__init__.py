"""Every style in which people train with PyTorch, run for real, watched and unwatched."""

from __future__ import annotations

from importlib import import_module

from .account import ASPECTS, STYLES, Account, Style

__all__ = ["ASPECTS", "STYLES", "Account", "Style"]

# Importing registers the styles, in the order of the table.
for _name in (
    "loops",
    "losses",
    "optimizing",
    "precision",
    "gradients",
    "copies",
    "loading",
    "evaluating",
    "compiling",
    "trainers",
):
    import_module(f".{_name}", __name__)

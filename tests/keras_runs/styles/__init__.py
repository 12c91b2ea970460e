"""Every style in which people train with Keras on TensorFlow, run for real, watched and not."""

from __future__ import annotations

from importlib import import_module

from .account import STYLES, Account, Style

__all__ = ["STYLES", "Account", "Style"]

# Importing registers the styles, in the order of the table.
for _name in ("models", "losses", "data", "execution", "tapes"):
    import_module(f".{_name}", __name__)

"""Keras on a backend other than TensorFlow: Python runs every step of `fit`, or compiles it."""

from __future__ import annotations

from .probe import BackendProbe

__all__ = ["BackendProbe"]

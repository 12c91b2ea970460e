"""The probe for Keras 3 and TensorFlow."""

from __future__ import annotations

from .probe import KerasProbe

__all__ = ["KerasProbe"]

"""The probes for Keras 3, on TensorFlow and on its other backends."""

from __future__ import annotations

from .backends import BackendProbe
from .probe import KerasProbe

__all__ = ["BackendProbe", "KerasProbe"]

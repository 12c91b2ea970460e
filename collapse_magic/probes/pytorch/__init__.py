"""The PyTorch probe."""

from __future__ import annotations

from .probe import TorchProbe

__all__ = ["TorchProbe"]

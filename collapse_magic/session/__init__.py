"""One watched run: the place that knows all parts and wires them."""

from __future__ import annotations

from .watch_session import WatchSession

__all__ = ["WatchSession"]

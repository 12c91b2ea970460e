"""Watches a training cell and says why a classifier predicts one class, with code that cures it.

Nothing heavy is imported until it is needed: no framework, no IPython, no plotting.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .findings import Finding
    from .magic import load_ipython_extension, unload_ipython_extension
    from .report import Report
    from .watching import last_report, watch_training

__all__ = [
    "Finding",
    "Report",
    "last_report",
    "load_ipython_extension",
    "unload_ipython_extension",
    "watch_training",
]

_HOME = {
    "Finding": ".findings",
    "Report": ".report",
    "last_report": ".watching",
    "load_ipython_extension": ".magic",
    "unload_ipython_extension": ".magic",
    "watch_training": ".watching",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Tells when a framework is imported: the watched cell may be the one that imports it."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from types import ModuleType
from typing import Any


class LateImport(MetaPathFinder):
    """A finder in front of all others that only watches; it finds nothing itself.

    ``found`` is called after one of ``names`` was imported for the first time, on the importing
    thread.
    """

    def __init__(self, names: Sequence[str], found: Callable[[], None]) -> None:
        self._names = frozenset(names)
        self._found = found
        self._busy = False

    def install(self) -> None:
        if self not in sys.meta_path and not self._names <= sys.modules.keys():
            sys.meta_path.insert(0, self)

    def remove(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self,
        fullname: str,
        path: Any,  # noqa: ARG002 (the protocol's)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if self._busy or fullname not in self._names:
            return None
        self._busy = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._busy = False
        if spec is None or spec.loader is None:
            return None
        spec.loader = _Telling(spec.loader, self._found)
        return spec


class _Telling(Loader):
    """The module's own loader, which afterwards says that the module is there."""

    def __init__(self, loader: Any, found: Callable[[], None]) -> None:
        self._loader = loader
        self._found = found

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        # Nothing of ours stays on the module, and its loader finds itself as it expects to.
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        try:
            self._found()
        except Exception:
            return

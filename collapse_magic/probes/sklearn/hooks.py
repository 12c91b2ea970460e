"""What stands in the classes' place of `fit` and `partial_fit` while a cell is watched.

Each replacement refers to a switch, never to the probe, so that one that has to stay behind is a
plain pass-through. The original is called exactly once; its result or exception is handed on.
"""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Iterator
from types import MethodType
from typing import TYPE_CHECKING, Any

from ..base import TrainingStopped
from ..patching import Patches
from .classes import kind_of

if TYPE_CHECKING:
    from .probe import SklearnProbe

METHODS = ("fit", "partial_fit")
# `warnings.warn(stacklevel=2)` does not count frames of such a file: a warning names the line that
# it would name without us.
_PASSED_OVER = f"{__file__} (importlib._bootstrap)"


class Switch:
    """The probe while it watches, None before and after."""

    __slots__ = ("probe",)

    def __init__(self) -> None:
        self.probe: SklearnProbe | None = None

    def off(self) -> None:
        self.probe = None


class WatchedMethod:
    """A method of a class, which tells of its calls.

    The class itself still hands out the original, and where it is pickled by value (a class of the
    user's own cell, on its way to a worker) the original goes along.
    """

    def __init__(self, original: Any, name: str, switch: Switch) -> None:
        functools.update_wrapper(self, original)
        self._original = original
        self._name = name
        self._switch = switch

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        bound = self._original.__get__(instance, owner)  # says where the method is not available
        return bound if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        return operator.getitem, ((self._original,), 0)

    def __call__(self, estimator: Any, /, *args: Any, **kwargs: Any) -> Any:
        original = self._original.__get__(estimator, type(estimator))
        probe = self._switch.probe
        if probe is None or not probe.wants(self._name):
            return original(*args, **kwargs)
        outer = probe.enter(self._name, estimator, args, kwargs, sys._getframe(1))
        finished = False
        try:
            result = original(*args, **kwargs)
            finished = True
        finally:
            reason = probe.leave(outer, finished)
        if reason is not None:
            raise TrainingStopped(reason)
        return result


def _not_for_warnings(function: Any) -> None:
    function.__code__ = function.__code__.replace(co_filename=_PASSED_OVER)


_not_for_warnings(WatchedMethod.__call__)


def watch_classes(base: Any, patches: Patches, switch: Switch) -> None:
    """Replaces the methods of all classes that train classifiers, and of those that are yet to
    come: defined by the user's cell, or imported there.

    Parameters: ``base`` is the module `sklearn.base`.
    """
    for cls in dict.fromkeys([*_below(base.ClassifierMixin), *_below(base.BaseEstimator)]):
        watch_class(cls, patches, switch)
    for root in (base.BaseEstimator, base.ClassifierMixin):
        patches.replace(
            root,
            "__init_subclass__",
            functools.partial(_telling_of_classes, root=root, patches=patches, switch=switch),
        )


def watch_class(cls: type, patches: Patches, switch: Switch) -> None:
    """Replaces the methods where the class has them from: its own, or those of a base."""
    if kind_of(cls) is None:
        return
    for name in METHODS:
        owner = next((base for base in cls.__mro__ if name in vars(base)), None)
        own = None if owner is None else vars(owner)[name]
        if owner is None or isinstance(own, WatchedMethod) or not hasattr(own, "__get__"):
            continue
        if not getattr(own, "__isabstractmethod__", False):
            patches.replace(owner, name, functools.partial(_watched, own, name, switch))


def _watched(original: Any, name: str, switch: Switch, _bound: Any) -> WatchedMethod:
    return WatchedMethod(original, name, switch)


def _telling_of_classes(_bound: Any, root: Any, patches: Patches, switch: Switch) -> Any:
    """`__init_subclass__` of a root class: as before, and then the new class is looked at."""

    own = vars(root).get("__init_subclass__")  # None where the root inherits it

    def __init_subclass__(cls: Any, /, **kwargs: Any) -> None:  # noqa: N807 (it is one)
        if own is None:
            super(root, cls).__init_subclass__(**kwargs)
        else:
            own.__func__(cls, **kwargs)
        probe = switch.probe
        if probe is not None:
            probe.guard.run(watch_class, cls, patches, switch)

    return classmethod(__init_subclass__)


def _below(root: type) -> Iterator[type]:
    """A class and all that derive from it."""
    waiting, seen = [root], {root}
    while waiting:
        cls = waiting.pop()
        yield cls
        below: list[type] = type.__subclasses__(cls)
        for derived in below:
            if derived not in seen:
                seen.add(derived)
                waiting.append(derived)

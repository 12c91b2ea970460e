"""Rules that other installed packages add, by the entry point group `collapse_magic.rules`.

An entry point names a rule (an object as `base.Rule` describes it) or a class that makes one.
Packages are asked once, when the first run is prepared. What cannot be loaded is told in one
sentence, and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from .base import Rule

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "collapse_magic.rules"
_TEXTS = ("code", "name", "says")
_METHODS = ("missing", "check")


class Added(NamedTuple):
    """What was found: rules, in the order of their names, and what is wrong with the others."""

    rules: tuple[Rule, ...] = ()
    problems: tuple[str, ...] = ()


@cache
def added_rules() -> Added:
    """The rules of other packages."""
    from importlib.metadata import entry_points

    from . import RULES

    try:
        found = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    except Exception as error:  # a broken package elsewhere must not disturb the training
        return Added(problems=(f"rules of other packages were not loaded: {_words(error)}",))
    taken = {text for rule in RULES for text in (rule.name, rule.code.lower())}
    return _load(found, taken)


def _load(points: Iterable[EntryPoint], taken: set[str]) -> Added:
    rules: list[Rule] = []
    problems: list[str] = []
    for point in points:
        try:
            rule = point.load()
            rule = rule() if isinstance(rule, type) else rule
            if lacking := ", ".join(_lacking(rule)):
                raise TypeError(f"it lacks {lacking}")
            own = {rule.name, rule.code.lower()}
            if clash := ", ".join(sorted(own & taken)):
                raise ValueError(f"there is a rule {clash} already")
        except Exception as error:  # foreign code: it may raise whatever it likes
            problems.append(
                f"the rule {point.name!r} ({point.value}) was not loaded: {_words(error)}"
            )
            continue
        taken |= own
        rules.append(rule)
    return Added(tuple(rules), tuple(problems))


def _lacking(rule: Any) -> Iterator[str]:
    """What makes it no rule."""
    for name in _TEXTS:
        value = getattr(rule, name, None)
        if not (isinstance(value, str) and value):
            yield name
    if not isinstance(getattr(rule, "explains", None), tuple):
        yield "explains"
    for name in _METHODS:
        if not callable(getattr(rule, name, None)):
            yield f"{name}()"


def _words(error: Exception) -> str:
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
